//! From a file's bytes to its text. Everything but UTF-8 is refused by name: a wrong guess would turn `ő` into something else.

use std::sync::Arc;

use super::{
    report::Problems,
    source::{Place, SourceFile},
};
use crate::model::code;

/// The file, unless its bytes are no UTF-8.
pub(super) fn read(name: &str, bytes: Vec<u8>, problems: &mut Problems) -> Option<Arc<SourceFile>> {
    if is_utf_16(&bytes) {
        let place = Place::start(&SourceFile::new(name, ""));
        problems.add(&place, code::UNREADABLE_FILE, "the file is UTF-16 text").hint("save it as UTF-8");
        return None;
    }
    let error = match String::from_utf8(bytes) {
        Ok(text) => return Some(SourceFile::new(name, text)),
        Err(error) => error,
    };
    let before = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or(&[]);
    let before = String::from_utf8_lossy(before).into_owned();
    let (line, column) = end_of(&before);
    let file = SourceFile::new(name, String::from_utf8_lossy(error.as_bytes()));
    problems
        .add(&Place { file, line, column, length: 1 }, code::UNREADABLE_FILE, "from here on the file is no UTF-8 text")
        .hint("save it as UTF-8: it may be in Windows-1250 or another encoding of one region");
    None
}

fn is_utf_16(bytes: &[u8]) -> bool {
    let marked = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    marked || bytes.iter().take(8).any(|byte| *byte == 0)
}

/// The line and the column behind a text, counted from 1.
fn end_of(text: &str) -> (usize, usize) {
    let last = text.rsplit('\n').next().unwrap_or("");
    (text.matches('\n').count() + 1, last.chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report_of(bytes: &[u8]) -> String {
        let mut problems = Problems::default();
        assert!(read("a.yaml", bytes.to_vec(), &mut problems).is_none());
        problems.into_report().expect("a problem").to_string()
    }

    #[test]
    fn utf_8_is_read_with_and_without_a_mark() {
        for bytes in [&b"a: \xc5\x91"[..], b"\xef\xbb\xbfa: \xc5\x91"] {
            let file = read("a.yaml", bytes.to_vec(), &mut Problems::default()).expect("a file");
            assert_eq!(file.text, "a: ő");
        }
    }

    #[test]
    fn other_encodings_are_told_where_they_begin() {
        assert!(report_of(b"\xff\xfea\0").contains("UTF-16"));
        assert!(report_of(b"a\0:\0 \0").contains("UTF-16"));
        assert!(report_of(b"a: 1\nb: \xf5x\n").contains("a.yaml:2:4"));
    }
}
