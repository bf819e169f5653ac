//! What goes out: planning requests and reading replies, one small step at a time.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::Value;

use super::{Operation, Session};
use crate::{
    model::{code::Code, http::Request, time::Timestamp},
    topics::{action::Parameters, occasion::Occasions},
};

/// An action as the connector sees it.
#[derive(Clone, Copy, Debug)]
pub struct Work<'a> {
    pub operation: &'static Operation,
    pub parameters: &'a Parameters,
    /// Which of them count for creating or for updating only. Registers are those of all but the former.
    pub only: &'a Occasions,
    /// The registers that are still to be written: others hold the same or something newer already.
    pub registers: &'a BTreeSet<String>,
    /// The vendor's id of the object, where an earlier action found or made it.
    pub vendor_id: Option<&'a str>,
    /// For folded registers: all contributions, this one included, by id.
    pub contributions: &'a BTreeMap<String, Value>,
    /// An earlier try may have done it: whoever is `checked` looks first.
    pub maybe_done: bool,
    /// Unique and the same at every try: for vendors that take an idempotency key, and as a mark to find ourselves by.
    pub reference: &'a str,
    /// The day and time, for what the vendor wants dated. Decisions must not depend on it.
    pub now: Timestamp,
    pub session: Option<&'a Session>,
}

impl Work<'_> {
    /// A text parameter; empty when it is not given.
    pub fn text(&self, name: &str) -> &str {
        self.parameters.get(name).and_then(Value::as_str).unwrap_or("")
    }

    /// Whether a register is still to be written.
    pub fn writes(&self, register: &str) -> bool {
        self.registers.contains(register)
    }
}

/// How far an action has come between its requests: the connector's own, kept by the engine. Null at the beginning.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress(pub Value);

impl Progress {
    /// The step's name, where progress is kept as `{"step": …}`; empty at the beginning.
    pub fn step(&self) -> &str {
        self.0.get("step").and_then(Value::as_str).unwrap_or("")
    }

    /// A text kept under a name.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or("")
    }
}

/// What to do next.
#[derive(Clone, Debug)]
pub enum Plan {
    Send(Request),
    /// It is as wanted already.
    Done(Done),
    /// It cannot be done: a text for people, without content.
    Refused(String),
}

/// What a reply means. Transport errors never reach the connector: the engine knows what they mean.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Done(Done),
    /// One more request.
    Next(Progress),
    /// Later again, from the beginning.
    Retry {
        code: Code,
        effect: Effect,
        after: Option<Duration>,
    },
    /// The object is not there yet.
    NotThere,
    /// Never: a text for people with the vendor's code, without content.
    Refused(String),
    /// The vendor rejects our credentials.
    Unauthorized,
    /// The vendor no longer knows the id that we remembered: forget it, and look the object up once.
    Forgotten,
}

/// Whether a failed request may have done something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    None,
    Possible,
}

/// The good end of an action.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done {
    /// By the names of the operation's `results`.
    pub result: BTreeMap<String, String>,
    /// The vendor's id of the object, for the ledger.
    pub vendor_id: Option<String>,
    /// Things the owner should know, in short and without content: counted and logged.
    pub warnings: Vec<&'static str>,
    /// Registers that were to be written and were not, because the object was made and they are for updating only. The ledger
    /// learns nothing about them.
    pub unwritten: BTreeSet<String>,
}

/// A poll that an account wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poll {
    pub name: &'static str,
    pub every: Duration,
}

/// What the reply to a poll's request gave.
#[derive(Clone, Debug, PartialEq)]
pub enum PollRead {
    Rows {
        rows: Vec<PolledRow>,
        /// Where to go on; recorded after the rows.
        cursor: Value,
        /// There are more rows: go on at once.
        more: bool,
    },
    /// By the retry schedule again.
    Failed(Code),
    Unauthorized,
}

/// A row that a poll found. It becomes a webhook; the same row in the same state is the same webhook.
#[derive(Clone, Debug, PartialEq)]
pub struct PolledRow {
    /// The vendor's id of the object.
    pub row: String,
    /// What tells this state from others: the change time with a hash of the content.
    pub state: String,
    pub version: Option<crate::model::time::Version>,
    pub body: bytes::Bytes,
    /// The row is all there is to know.
    pub complete: bool,
}
