//! What checking found: every problem at once, with file, line, column, excerpt and hint.

use std::fmt;

use serde::Serialize;

use super::{excerpt, source::Place};
use crate::model::code::Code;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The config cannot be used.
    Error,
    /// It can, but its owner probably means something else.
    Warning,
}

/// One problem. As JSON it is what `--json` prints.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    pub file: Option<String>,
    /// Counted from 1.
    pub line: Option<usize>,
    /// Counted from 1, in characters.
    pub column: Option<usize>,
    /// Where it ends in its line: the column behind it.
    pub end_column: Option<usize>,
    pub severity: Severity,
    /// A stable code: `spojka explain <code>` tells more.
    pub code: &'static str,
    pub message: String,
    pub hint: Option<String>,
    /// The line, with secrets covered.
    pub excerpt: Option<String>,
}

/// All that checking found in a config that cannot be used: at least one error.
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
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        writeln!(f, "{severity}[{}]: {}", self.code, self.message)?;
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
        let length = self.end_column.unwrap_or(0).saturating_sub(column).max(1);
        writeln!(f, "    {number} | {}", excerpt.trim_end())?;
        let gutter = " ".repeat(number.len());
        writeln!(f, "    {gutter} | {}{}", " ".repeat(column - 1), "^".repeat(length))
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
    /// Adds an error at a place.
    pub(crate) fn add(&mut self, place: &Place, code: Code, message: impl Into<String>) -> Added<'_> {
        self.add_at(Some(place), Severity::Error, code, message.into())
    }

    /// Adds a warning at a place.
    pub(crate) fn warn(&mut self, place: &Place, code: Code, message: impl Into<String>) -> Added<'_> {
        self.add_at(Some(place), Severity::Warning, code, message.into())
    }

    /// Adds an error that stands nowhere in particular.
    pub(crate) fn add_global(&mut self, code: Code, message: impl Into<String>) -> Added<'_> {
        self.add_at(None, Severity::Error, code, message.into())
    }

    fn add_at(&mut self, place: Option<&Place>, severity: Severity, code: Code, message: String) -> Added<'_> {
        let problem = Problem {
            file: place.map(|place| place.file.path.clone()),
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            end_column: None,
            severity,
            code: code.as_str(),
            message,
            hint: None,
            excerpt: None,
        };
        self.found.push((problem, place.cloned()));
        let (problem, _) = self.found.last_mut().expect("just pushed");
        Added(problem)
    }

    /// Takes warnings back that were added since a count of all problems and whose codes the owner declares to be meant.
    pub(crate) fn forgive(&mut self, since: usize, meant: &[Code]) {
        let mut index = 0;
        self.found.retain(|(problem, _)| {
            index += 1;
            let is_meant = meant.iter().any(|code| code.as_str() == problem.code);
            index <= since || problem.severity == Severity::Error || !is_meant
        });
    }

    /// How many problems were found so far, warnings too.
    pub(crate) fn all(&self) -> usize {
        self.found.len()
    }

    /// The problem added last, for its hint.
    pub(crate) fn last(&mut self) -> Option<Added<'_>> {
        self.found.last_mut().map(|(problem, _)| Added(problem))
    }

    /// Covers a place in every excerpt: a secret stands there.
    pub(crate) fn cover(&mut self, place: &Place) {
        self.secret.push(place.clone());
    }

    /// Whether a secret was found at a place before.
    pub(crate) fn is_covered(&self, place: &Place) -> bool {
        self.secret.iter().any(|other| other.starts_with(place))
    }

    /// How many errors were found so far: whoever compares two counts knows whether anything was wrong in between.
    pub(crate) fn count(&self) -> usize {
        self.found.iter().filter(|(problem, _)| problem.severity == Severity::Error).count()
    }

    /// All of it, sorted, when there is an error among it.
    pub(crate) fn into_report(self) -> Option<Report> {
        self.judge().err()
    }

    /// The warnings where there is no error; else all of it. Sorted.
    pub(crate) fn judge(self) -> Result<Vec<Problem>, Report> {
        let Self { found, secret } = self;
        let mut problems: Vec<Problem> = found
            .into_iter()
            .map(|(problem, place)| match place {
                Some(place) => excerpt::add(problem, &place, &secret),
                None => problem,
            })
            .collect();
        problems.sort();
        problems.dedup();
        let wrong = problems.iter().any(|problem| problem.severity == Severity::Error);
        if wrong { Err(Report { problems }) } else { Ok(problems) }
    }
}
