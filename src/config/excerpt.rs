//! The line that a problem stands in, as it may be shown: without secrets.

use std::sync::Arc;

use super::{report::Problem, source::Place};

/// Puts the line of a problem's place beside it, with what is secret covered.
pub(super) fn add(problem: Problem, place: &Place, secret: &[Place]) -> Problem {
    let mut line: Vec<char> = place.file.line(place.line).chars().map(|c| if c == '\t' { ' ' } else { c }).collect();
    let on_line = |other: &&Place| other.line == place.line && Arc::ptr_eq(&other.file, &place.file);
    for other in secret.iter().filter(on_line) {
        cover(&mut line, other.column - 1, other.length);
    }
    if let Some(value) = named_as_secret(&line) {
        cover(&mut line, value, usize::MAX);
    }
    let room = (line.len() + 1).saturating_sub(place.column).max(1);
    let end_column = Some(place.column + place.length.min(room));
    Problem { excerpt: Some(line.into_iter().collect()), end_column, ..problem }
}

fn cover(line: &mut [char], from: usize, length: usize) {
    for covered in line.iter_mut().skip(from).take(length) {
        *covered = '*';
    }
}

/// Words by which people call what must not be seen.
const NAMES: [&str; 6] = ["password", "passwd", "secret", "token", "api_key", "apikey"];

/// Where a value begins that is called a secret and is no reference. What stands in a broken line was read by nobody, so its
/// key is all there is to go by.
fn named_as_secret(line: &[char]) -> Option<usize> {
    let text: String = line.iter().collect::<String>().to_ascii_lowercase();
    let after_name = NAMES.iter().filter_map(|name| text.find(name).map(|at| at + name.len())).min()?;
    let rest = text.get(after_name..)?;
    let colon = rest.find(':')?;
    let value = rest.get(colon + 1..)?;
    let blank = value.len() - value.trim_start_matches([' ', '"', '\'']).len();
    let value = value.get(blank..)?;
    let harmless = ["env:", "file:", "${", "[", "{", "|", ">", "&", "*"];
    if value.is_empty() || harmless.iter().any(|start| value.starts_with(start)) {
        return None;
    }
    text.get(..after_name + colon + 1 + blank).map(|before| before.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(line: &str) -> String {
        let mut line: Vec<char> = line.chars().collect();
        if let Some(at) = named_as_secret(&line) {
            cover(&mut line, at, usize::MAX);
        }
        line.into_iter().collect()
    }

    #[test]
    fn what_is_called_a_secret_is_covered_and_references_are_not() {
        assert_eq!(masked("  api_key: hunter2: x"), "  api_key: **********");
        assert_eq!(masked("  ž: { Password: \"a b\" }"), "  ž: { Password: \"******");
        for plain in ["token: env:X", "url_token: [env:A, env:B]", "token:", "list: Tokens of love", "secret"] {
            assert_eq!(masked(plain), plain);
        }
    }
}
