//! What comes in: accepting a request, and what a stored webhook proves.

use std::time::Duration;

use crate::{
    model::{
        code::Code,
        hash::ContentHash,
        http::{Reply, Request},
        time::{Since, Version},
    },
    topics::{action::Parameters, body::Body, event::EventType},
};

/// What the gateway does with a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Accept {
    /// Counted with its reason and answered without details.
    Refuse(Refusal),
    /// Answered and counted, not stored: pings, challenges, HEAD.
    Answer { reply: Reply, code: Code },
    /// Stored, then answered.
    Store {
        /// The vendor's documented id of this delivery, where repeats carry the same one.
        delivery: Option<String>,
        /// What it is kept in order with: the vendor's object, else anything that spreads.
        key: String,
        /// The event that the URL named.
        event: Option<String>,
        /// The query to keep: without tokens.
        query: Vec<(String, String)>,
        answer: Reply,
    },
}

/// A request that is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    pub code: Code,
}

impl Accept {
    pub fn refuse(status: u16, code: Code) -> Self {
        Self::Refuse(Refusal { status, code })
    }
}

/// What a webhook, with all its replies so far, amounts to.
#[derive(Clone, Debug, PartialEq)]
pub enum Normalized {
    /// Facts that it proves, and what must still be fetched (a webhook may tell of several things).
    Proves { facts: Vec<Fact>, fetches: Vec<Fetch> },
    /// It proves nothing, and that is in order.
    Nothing(Code),
    /// It cannot go on: a dead letter.
    Invalid {
        code: Code,
        /// For people; no content.
        message: String,
    },
}

impl Normalized {
    pub fn facts(facts: Vec<Fact>) -> Self {
        Self::Proves { facts, fetches: Vec::new() }
    }

    pub fn fetch(fetch: Fetch) -> Self {
        Self::Proves { facts: Vec::new(), fetches: vec![fetch] }
    }

    pub fn invalid(code: Code, message: impl Into<String>) -> Self {
        Self::Invalid { code, message: message.into() }
    }
}

/// One fact.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    pub event_type: &'static EventType,
    /// The vendor's id of the entity; for a follow-up document's sale, the root's.
    pub entity_id: String,
    /// What counts it, for a type that is counted: the vendor's id of the payment, the refund, the voucher.
    pub counted: Option<String>,
    /// The version of the snapshot that proves it.
    pub version: Version,
    /// The hash of the snapshot's content, for a type that is a state.
    pub content: ContentHash,
    pub since: Since,
    /// The entity's id is personal (an e-mail): people see a keyed hash instead.
    pub personal_id: bool,
    pub body: Body,
}

/// Something that must be read from the vendor first.
#[derive(Clone, Debug, PartialEq)]
pub struct Fetch {
    /// What for: names the reply, and with the webhook gives the fetch its id.
    pub purpose: String,
    /// An operation of the catalogue, of kind fetch.
    pub operation: &'static str,
    pub parameters: Parameters,
    /// Not before this long after the newest part of the webhook was read.
    pub delay: Duration,
}

/// A field of an account's events whose values the vendor can list, such as a shop's own statuses.
#[derive(Clone, Debug)]
pub struct Listed {
    /// As expressions name it: `order.source_status`.
    pub field: &'static str,
    /// Asks for the values.
    pub request: Request,
}
