//! What a backtest answers: what was asked, how far it is, and what it found. Samples carry content; nothing of it is stored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    model::{connection::ConnectionName, id::FlowSetHash, time::Timestamp},
    topics::replay::{AsOf, State},
};

/// What is compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Request {
    /// Events whose webhooks arrived then or later.
    pub since: Option<Timestamp>,
    /// Events whose webhooks arrived before.
    pub until: Option<Timestamp>,
    /// Where events came from, by its first name.
    pub connection: Option<ConnectionName>,
    pub event_type: Option<String>,
    pub flow: Option<String>,
    /// Samples of each kind for each step.
    pub samples: usize,
    /// The other side: the flows in force now, or those of then.
    pub against: AsOf,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            since: None,
            until: None,
            connection: None,
            event_type: None,
            flow: None,
            samples: 3,
            against: AsOf::Present,
        }
    }
}

/// One backtest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Backtest {
    pub id: String,
    pub state: State,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    pub request: Request,
    /// The flows in force now; nothing where there are none.
    pub present: Option<FlowSetHash>,
    pub proposed: FlowSetHash,
    pub read: Read,
    pub took_ms: u64,
    /// Empty while it runs.
    pub found: Findings,
}

/// How far it has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    pub records: u64,
    /// Records of the topics that are read, as far as they are known yet.
    pub of: u64,
    /// Events that both sides judged.
    pub events: u64,
    /// Records that were left out, by reason.
    pub left_out: BTreeMap<String, u64>,
    /// When the first and the last judged event arrived.
    pub first: Option<Timestamp>,
    pub last: Option<Timestamp>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Findings {
    pub steps: Vec<StepRow>,
    pub failures: Vec<FailureRow>,
    pub skipped: Vec<SkipRow>,
    pub depends: Vec<DependRow>,
    pub calls: Vec<CallsRow>,
}

impl Findings {
    /// Whether both sides do the same.
    pub fn differs(&self) -> bool {
        self.steps.iter().any(|step| step.counts.differ()) || self.failures.iter().any(|row| row.of.differs())
    }
}

/// A number on both sides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    pub present: u64,
    pub proposed: u64,
}

impl Pair {
    pub fn differs(self) -> bool {
        self.present != self.proposed
    }

    pub(super) fn add(&mut self, other: Self) {
        self.present += other.present;
        self.proposed += other.proposed;
    }
}

/// What became of a step's actions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub same: u64,
    pub new: u64,
    pub gone: u64,
    pub changed: u64,
    /// Those of the new ones whose flow claims an earlier start: a replay, or the same fact told again, does them at once.
    pub due: u64,
}

impl Counts {
    pub fn differ(self) -> bool {
        self.new + self.gone + self.changed > 0
    }
}

/// A step, and what became of its actions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRow {
    pub flow: String,
    pub step: String,
    pub connection: ConnectionName,
    pub operation: String,
    pub counts: Counts,
    /// How many of the changed ones differ in a parameter, by its name.
    pub parameters: BTreeMap<String, u64>,
    pub samples: Vec<Sample>,
}

/// How an action differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    New,
    Gone,
    Changed,
}

impl Difference {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Gone => "gone",
            Self::Changed => "changed",
        }
    }
}

/// One action that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    pub kind: Difference,
    pub event: String,
    pub event_type: String,
    pub subject: String,
    pub arrived: Timestamp,
    pub action: String,
    pub changes: Vec<Change>,
}

/// A parameter on both sides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    pub parameter: String,
    pub from: Option<Value>,
    pub to: Option<Value>,
}

/// Something that a flow cannot do: the event would be a dead letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureRow {
    pub flow: String,
    pub step: Option<String>,
    pub field: Option<String>,
    pub code: String,
    pub message: String,
    pub of: Pair,
    /// The id of one event that shows it.
    pub event: String,
}

/// Something that a flow did not do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkipRow {
    pub flow: String,
    pub step: Option<String>,
    pub why: String,
    pub of: Pair,
}

/// A later step whose actions cannot be told: nothing is recorded of the step that it waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DependRow {
    pub flow: String,
    pub step: String,
    /// The step that it would depend on.
    pub on: String,
    pub of: Pair,
}

/// What it all costs at a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallsRow {
    pub connection: ConnectionName,
    pub actions: Pair,
    /// As the catalogue counts them.
    pub calls: Pair,
    /// Those of the proposed ones that an earlier start claims.
    pub due: u64,
    pub quotas: Vec<QuotaRow>,
}

/// A limit by the hour, the day or the month, and what of it would be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaRow {
    pub limit: String,
    pub window: String,
    /// Requests that cost nothing.
    pub free: u64,
    /// Requests are refused from here on, if at all.
    pub cap: Option<u64>,
    /// Calls by window.
    pub windows: BTreeMap<String, Pair>,
    pub cost: Option<Cost>,
    /// Windows in which the proposed flows need more than `cap`; without one: more than costs nothing.
    pub exceeded: Vec<String>,
}

impl QuotaRow {
    /// The window that needs most.
    pub fn peak(&self) -> u64 {
        self.windows.values().map(|pair| pair.proposed).max().unwrap_or(0)
    }
}

/// What calls cost over all windows: decimal numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    pub present: String,
    pub proposed: String,
    pub currency: String,
    pub vat: String,
}
