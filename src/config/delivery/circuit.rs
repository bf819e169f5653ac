//! When a target counts as failing as a whole, and how it is probed.

use std::time::Duration;

use crate::{
    config::{fields::Fields, report::Problems},
    model::code,
};

/// The circuit over a whole connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Circuit {
    /// So many failures in a row open it.
    pub failures: u32,
    /// The first pause before a probe; each next one is twice as long.
    pub first: Duration,
    /// The longest pause.
    pub cap: Duration,
}

impl Default for Circuit {
    fn default() -> Self {
        Self { failures: 5, first: Duration::from_secs(5), cap: Duration::from_mins(5) }
    }
}

impl Circuit {
    pub(super) fn read(fields: &mut Fields<'_>, problems: &mut Problems) -> Self {
        let default = Self::default();
        let Some(mut fields) = fields.fields("circuit", problems) else { return default };
        let at = fields.node("cap").or(fields.node("first"));
        let circuit = Self {
            failures: fields.count("failures", default.failures, 1_000, problems),
            first: fields.duration("first", default.first, problems),
            cap: fields.duration("cap", default.cap, problems),
        };
        if let Some(node) = at.filter(|_| circuit.cap < circuit.first) {
            problems.add(
                &node.place,
                code::WRONG_KIND,
                "`cap` is the longest pause and cannot be shorter than `first`",
            );
        }
        fields.finish(problems);
        circuit
    }
}
