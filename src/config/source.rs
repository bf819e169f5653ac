//! A config file's text, and places in it.

use std::sync::Arc;

/// One file as it was read.
#[derive(Debug)]
pub(crate) struct SourceFile {
    /// Relative to the config's directory.
    pub path: String,
    /// Without the byte order mark that some editors put in front.
    pub text: String,
    /// Where each line begins, in bytes.
    lines: Vec<usize>,
}

impl SourceFile {
    pub(crate) fn new(path: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        let text: String = text.into();
        let text = text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned);
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Arc::new(Self { path: path.into(), text, lines })
    }

    /// A line's text, counted from 1.
    pub(crate) fn line(&self, number: usize) -> &str {
        self.text_from(number).lines().next().unwrap_or("")
    }

    /// The text from the beginning of a line on.
    fn text_from(&self, number: usize) -> &str {
        let start = self.lines.get(number.saturating_sub(1)).copied().unwrap_or(self.text.len());
        self.text.get(start..).unwrap_or("")
    }
}

/// A place in a file: where something begins, and how much of its line it takes.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub file: Arc<SourceFile>,
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// In characters, at least 1.
    pub length: usize,
}

impl Place {
    /// The beginning of a file.
    pub(crate) fn start(file: &Arc<SourceFile>) -> Self {
        Self { file: Arc::clone(file), line: 1, column: 1, length: 1 }
    }

    /// Whether it begins where the other does.
    pub(crate) fn starts_with(&self, other: &Self) -> bool {
        (self.line, self.column) == (other.line, other.column) && Arc::ptr_eq(&self.file, &other.file)
    }

    /// The same place, taking `length` characters.
    #[must_use]
    pub(crate) fn taking(&self, length: usize) -> Self {
        Self { length: length.max(1), ..self.clone() }
    }
}

/// How a text stands in its file, so that a character of it can be found again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    Plain,
    Quoted,
    /// After `|` or `>`; its place is that of the text, on the next line.
    Block,
}

/// Finds where the character at byte `offset` of a scalar stands. Where YAML rewrote the text beyond folding (escapes), the
/// scalar's own place is the best there is.
pub(crate) fn find(place: &Place, written: Written, text: &str, offset: usize, length: usize) -> Place {
    let before = text.char_indices().take_while(|(at, _)| *at < offset).map(|(_, c)| c);
    let mut reader = Walk::new(place, written);
    for c in before {
        if reader.pass(c).is_none() {
            return place.clone();
        }
    }
    let next = text.get(offset..).and_then(|rest| rest.chars().next());
    if next.is_some_and(|c| !c.is_whitespace()) {
        reader.skip_whitespace();
    }
    Place { file: Arc::clone(&place.file), line: reader.line, column: reader.column, length: length.max(1) }
}

/// Walks over the written form.
struct Walk<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    line: usize,
    column: usize,
    quote: Option<char>,
}

impl<'a> Walk<'a> {
    fn new(place: &'a Place, written: Written) -> Self {
        let rest = place.file.text_from(place.line).chars().peekable();
        let mut this = Self { rest, line: place.line, column: 1, quote: None };
        while this.column < place.column && this.step().is_some() {}
        if written == Written::Quoted {
            this.quote = this.step();
        }
        this
    }

    fn step(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        if c == '\n' {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
        Some(c)
    }

    fn skip_whitespace(&mut self) {
        while self.rest.peek().is_some_and(|c| c.is_whitespace()) {
            self.step();
        }
    }

    /// Passes the written form of one character of the text.
    fn pass(&mut self, c: char) -> Option<()> {
        if self.rest.peek() == Some(&c) {
            self.step();
            // A quote inside single quotes is written twice.
            if Some(c) == self.quote && self.rest.peek() == Some(&c) {
                self.step();
            }
            return Some(());
        }
        if !self.rest.peek()?.is_whitespace() {
            return None;
        }
        // Folded: a break with its indentation stands for a space, or for nothing.
        self.skip_whitespace();
        if c.is_whitespace() { Some(()) } else { (self.step()? == c).then_some(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, line: usize, column: usize, written: Written, scalar: &str, needle: &str) -> (usize, usize) {
        let place = Place { file: SourceFile::new("a.yaml", text), line, column, length: 1 };
        let found = find(&place, written, scalar, scalar.find(needle).expect("needle"), 1);
        (found.line, found.column)
    }

    #[test]
    fn plain_quoted_and_folded_texts_are_found_again() {
        assert_eq!(found("a: žluť x.y", 1, 4, Written::Plain, "žluť x.y", "y"), (1, 11));
        assert_eq!(found("a: 'it''s x'", 1, 4, Written::Quoted, "it's x", "x"), (1, 11));
        assert_eq!(found("a: one\n   two x", 1, 4, Written::Plain, "one two x", "x"), (2, 8));
        assert_eq!(found("a: |\n  one\n  two x\n", 2, 3, Written::Block, "one\ntwo x\n", "x"), (3, 7));
    }

    #[test]
    fn what_yaml_rewrote_is_found_at_its_beginning() {
        assert_eq!(found("a: \"\\u0041 x\"", 1, 4, Written::Quoted, "A x", "x"), (1, 4));
    }
}
