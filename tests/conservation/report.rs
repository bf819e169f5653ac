//! What came out: counts by kind, and each violation with the id that it is about.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use serde::Serialize;

/// What may be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wrong {
    /// It was acknowledged, or asked for, and is nowhere.
    Lost,
    /// A vendor did it more often than it was asked for.
    Repeated,
    /// A vendor did it, or a topic holds it, and nothing asked for it.
    Unasked,
    /// The topics contradict themselves.
    Disordered,
    /// It still waits, where everything should have come to its end.
    Unfinished,
}

impl Wrong {
    fn as_str(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Repeated => "repeated",
            Self::Unasked => "unasked",
            Self::Disordered => "disordered",
            Self::Unfinished => "unfinished",
        }
    }
}

/// Something that must not be.
#[derive(Clone, Debug, Serialize)]
pub struct Violation {
    pub wrong: Wrong,
    pub connection: String,
    /// What it is about: an id of ours, a sender's mark, a vendor's object.
    pub id: String,
    pub text: String,
}

/// What came out.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// By what is counted, then by what became of it.
    counts: BTreeMap<&'static str, BTreeMap<String, usize>>,
    violations: Vec<Violation>,
}

impl Report {
    pub fn count(&mut self, what: &'static str, became: impl Into<String>) {
        *self.counts.entry(what).or_default().entry(became.into()).or_default() += 1;
    }

    pub fn violate(&mut self, wrong: Wrong, connection: &dyn ToString, id: &dyn ToString, text: impl Into<String>) {
        let (connection, id) = (connection.to_string(), id.to_string());
        self.violations.push(Violation { wrong, connection, id, text: text.into() });
    }

    pub fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }

    pub fn print(&self, out: &mut impl Write, json: bool, show: usize) -> io::Result<()> {
        if json {
            serde_json::to_writer(&mut *out, self)?;
            return writeln!(out);
        }
        for (what, rows) in &self.counts {
            for (became, count) in rows {
                writeln!(out, "{what:<10} {became:<34} {count:>9}")?;
            }
        }
        for violation in self.violations.iter().take(show) {
            let Violation { wrong, connection, id, text } = violation;
            writeln!(out, "{}: {connection} {id}: {text}", wrong.as_str())?;
        }
        match self.violations.len() {
            0 => writeln!(out, "everything is accounted for"),
            count => writeln!(out, "{count} violations, {} of them above", count.min(show)),
        }
    }
}
