//! What checking found: every problem at once, with file, line, column, excerpt and hint.

use std::fmt;

use serde::Serialize;

use super::source::Place;
use crate::model::code::Code;

/// One problem. As JSON it is what `--json` prints.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    pub file: Option<String>,
    /// Counted from 1.
    pub line: Option<usize>,
    /// Counted from 1, in characters.
    pub column: Option<usize>,
    /// A stable code: `spojka explain <code>` tells more.
    pub code: &'static str,
    pub message: String,
    pub hint: Option<String>,
    /// The line, with secrets covered.
    pub excerpt: Option<String>,
    /// How many characters of the line it is about.
    #[serde(skip)]
    length: usize,
}

/// All that is wrong with a config. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    pub problems: Vec<Problem>,
}

impl std::error::Error for Report {}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error[{}]: {}", self.code, self.message)?;
        if let (Some(file), Some(line), Some(column)) = (&self.file, self.line, self.column) {
            writeln!(f, "  at {file}:{line}:{column}")?;
            self.fmt_excerpt(f, line, column)?;
        }
        match &self.hint {
            Some(hint) => writeln!(f, "  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl Problem {
    fn fmt_excerpt(&self, f: &mut fmt::Formatter<'_>, line: usize, column: usize) -> fmt::Result {
        let Some(excerpt) = self.excerpt.as_ref().filter(|excerpt| !excerpt.trim().is_empty()) else { return Ok(()) };
        let number = line.to_string();
        let room = (excerpt.chars().count() + 1).saturating_sub(column).max(1);
        writeln!(f, "    {number} | {}", excerpt.trim_end())?;
        let gutter = " ".repeat(number.len());
        writeln!(f, "    {gutter} | {}{}", " ".repeat(column - 1), "^".repeat(self.length.min(room)))
    }
}

/// Collects problems while checking.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    found: Vec<(Problem, Option<Place>)>,
    secret: Vec<Place>,
}

/// A problem just added, for its hint.
pub(crate) struct Added<'a>(&'a mut Problem);

impl Added<'_> {
    /// What to do about it.
    pub(crate) fn hint(self, hint: impl Into<String>) {
        self.0.hint = Some(hint.into());
    }
}

impl Problems {
    /// Adds a problem at a place.
    pub(crate) fn add(&mut self, place: &Place, code: Code, message: impl Into<String>) -> Added<'_> {
        let problem = Problem {
            file: Some(place.file.path.clone()),
            line: Some(place.line),
            column: Some(place.column),
            code: code.as_str(),
            message: message.into(),
            hint: None,
            excerpt: None,
            length: place.length,
        };
        self.push(problem, Some(place.clone()))
    }

    /// Adds a problem that stands nowhere in particular.
    pub(crate) fn add_global(&mut self, code: Code, message: impl Into<String>) -> Added<'_> {
        let problem = Problem {
            file: None,
            line: None,
            column: None,
            code: code.as_str(),
            message: message.into(),
            hint: None,
            excerpt: None,
            length: 1,
        };
        self.push(problem, None)
    }

    fn push(&mut self, problem: Problem, place: Option<Place>) -> Added<'_> {
        self.found.push((problem, place));
        let (problem, _) = self.found.last_mut().expect("just pushed");
        Added(problem)
    }

    /// The problem added last, for its hint.
    pub(crate) fn last(&mut self) -> Option<Added<'_>> {
        self.found.last_mut().map(|(problem, _)| Added(problem))
    }

    /// Covers a place in every excerpt: a secret stands there.
    pub(crate) fn cover(&mut self, place: &Place) {
        self.secret.push(place.clone());
    }

    /// How many were found so far: whoever compares two counts knows whether anything was wrong in between.
    pub(crate) fn count(&self) -> usize {
        self.found.len()
    }

    /// All of it, sorted; nothing when nothing was found.
    pub(crate) fn into_report(self) -> Option<Report> {
        let Self { found, secret } = self;
        let mut problems: Vec<Problem> = found
            .into_iter()
            .map(|(problem, place)| Problem { excerpt: place.map(|place| excerpt(&place, &secret)), ..problem })
            .collect();
        problems.sort();
        problems.dedup();
        (!problems.is_empty()).then_some(Report { problems })
    }
}

/// The line of a place, with what is secret covered.
fn excerpt(place: &Place, secret: &[Place]) -> String {
    let on_line = |other: &&Place| other.line == place.line && std::sync::Arc::ptr_eq(&other.file, &place.file);
    let mut line: Vec<char> = place.file.line(place.line).chars().map(|c| if c == '\t' { ' ' } else { c }).collect();
    for other in secret.iter().filter(on_line) {
        for covered in line.iter_mut().skip(other.column - 1).take(other.length) {
            *covered = '*';
        }
    }
    line.into_iter().collect()
}
