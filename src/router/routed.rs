//! What comes of an event: actions, and why some were not made.

use super::flow::{Flow, Step};
use crate::{
    expr::{Facts, Failed, Miss},
    model::code::Code,
    topics::action::Action,
};

/// What comes of an event.
#[derive(Debug, Default)]
pub struct Routed {
    pub actions: Vec<Action>,
    /// What an interested flow did not do, for counting and for `trace`.
    pub skipped: Vec<Skip>,
    /// What could not be done: the event becomes a dead letter.
    pub failed: Vec<Failure>,
    /// What is done although something is wrong with it, because the owner said so.
    pub warned: Vec<Failure>,
    /// Values without a row in a table, whatever became of them.
    pub missed: Vec<Missed>,
}

/// Something that a flow did not do, and that is in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    pub flow: String,
    /// `None`: the whole flow.
    pub step: Option<String>,
    pub why: Why,
}

/// A value without a row in a table, and where it was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    pub flow: String,
    pub step: Option<String>,
    /// The parameter, or `when`.
    pub field: String,
    pub miss: Miss,
}

/// Why a flow did not do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// Its condition said no.
    Condition,
    /// The fact became true before the flow was in force.
    BeforeFlow,
    /// The fact became true before the flow's `start`.
    BeforeStart,
    /// The fact was older than `remember` when it arrived.
    TooOld,
    /// It needs the result of a step that was not done.
    WaitsInVain,
    /// A table has no row for a value, and says that this is then left out.
    NoRow,
    /// An earlier step was adopted, and this one needs what the vendor would have returned.
    Adopted,
}

impl Why {
    pub const ALL: [Self; 7] = [
        Self::Condition,
        Self::BeforeFlow,
        Self::BeforeStart,
        Self::TooOld,
        Self::WaitsInVain,
        Self::NoRow,
        Self::Adopted,
    ];

    /// For people.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Condition => "its condition says no",
            Self::BeforeFlow => "true before the flow was in force",
            Self::BeforeStart => "true before its `start`",
            Self::TooOld => "too old when it arrived",
            Self::WaitsInVain => "it needs a step that was not done",
            Self::NoRow => "a table has no row, and leaves it out",
            Self::Adopted => "it needs a step that was adopted",
        }
    }

    /// For labels of metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Condition => "condition",
            Self::BeforeFlow => "before-flow",
            Self::BeforeStart => "before-start",
            Self::TooOld => "too-old",
            Self::WaitsInVain => "waits-in-vain",
            Self::NoRow => "no-row",
            Self::Adopted => "adopted",
        }
    }
}

/// Something that a flow could not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub code: Code,
    /// Empty where no flow is known.
    pub flow: String,
    pub step: Option<String>,
    /// The parameter, or `when`.
    pub field: Option<String>,
    /// What went wrong, without any value but one that had no row in a table, and what a check before writing compares:
    /// amounts and company ids.
    pub message: String,
}

impl Failure {
    pub(super) fn of(code: Code, flow: &str, step: Option<&str>, message: String) -> Self {
        Self { code, flow: flow.to_owned(), step: step.map(str::to_owned), field: None, message }
    }
}

/// How far something has come of an event.
pub(super) struct Mark {
    actions: usize,
    skipped: usize,
    failed: usize,
    warned: usize,
    missed: usize,
}

impl Routed {
    pub(super) fn mark(&self) -> Mark {
        Mark {
            actions: self.actions.len(),
            skipped: self.skipped.len(),
            failed: self.failed.len(),
            warned: self.warned.len(),
            missed: self.missed.len(),
        }
    }

    pub(super) fn failed_since(&self, mark: &Mark) -> bool {
        self.failed.len() > mark.failed
    }

    /// Forgets what came after.
    pub(super) fn back_to(&mut self, mark: &Mark) {
        self.actions.truncate(mark.actions);
        self.skipped.truncate(mark.skipped);
        self.failed.truncate(mark.failed);
        self.warned.truncate(mark.warned);
        self.missed.truncate(mark.missed);
    }

    pub(super) fn skip(&mut self, flow: &Flow, step: Option<&Step>, why: Why) {
        let step = step.map(|step| step.name.clone());
        self.skipped.push(Skip { flow: flow.name.clone(), step, why });
    }

    pub(super) fn warn(&mut self, flow: &Flow, step: &Step, field: &str, code: Code, message: String) {
        let field = Some(field.to_owned());
        self.warned.push(Failure { field, ..Failure::of(code, &flow.name, Some(&step.name), message) });
    }

    pub(super) fn fail(&mut self, flow: &Flow, step: Option<&Step>, field: Option<&str>, code: Code, message: String) {
        let step = step.map(|step| step.name.as_str());
        let field = field.map(str::to_owned);
        self.failed.push(Failure { field, ..Failure::of(code, &flow.name, step, message) });
    }

    /// An expression gave nothing: left out, or failed.
    pub(super) fn stop(&mut self, flow: &Flow, step: Option<&Step>, field: &str, failed: &Failed) {
        if failed.skips() {
            self.skip(flow, step, Why::NoRow);
        } else {
            self.fail(flow, step, Some(field), failed.code(), failed.to_string());
        }
    }

    /// Notes what had no row while a field was evaluated.
    pub(super) fn note(&mut self, flow: &Flow, step: Option<&Step>, field: &str, facts: &Facts) {
        let missed = |miss| Missed {
            flow: flow.name.clone(),
            step: step.map(|step| step.name.clone()),
            field: field.to_owned(),
            miss,
        };
        self.missed.extend(facts.take_misses().into_iter().map(missed));
    }
}
