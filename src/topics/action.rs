//! Actions: one operation to be performed on one connection, fully mapped.

use std::{borrow::Cow, collections::BTreeMap};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Unreadable,
    event::Origin,
    hold::{Hold, Verdict},
    occasion::Occasions,
    record::{Append, ID, KEY_ID, PLAIN, Record, RecordHeaders, TRACEPARENT},
    webhook::Webhook,
};
use crate::model::{
    connection::ConnectionName,
    id::{ActionId, EventId, FlowSetHash, KeyHash, WebhookId},
    time::{Timestamp, Version},
};

/// An action's parameters, by their documented names.
pub type Parameters = Map<String, Value>;

/// One operation to be performed.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Action {
    pub id: ActionId,
    pub connection: ConnectionName,
    pub operation: String,
    pub parameters: Parameters,
    /// The parameters that count for creating or for updating only.
    #[serde(default, skip_serializing_if = "Occasions::is_empty")]
    pub only: Occasions,
    /// What it waits in line with; also the key of its ledger.
    pub conflict: KeyHash,
    pub purpose: Purpose,
    pub source: Source,
    /// Not to be tried before this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// How often a person has asked for it again after it died.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retry: u32,
    /// It may be left out when a quota is used up.
    #[serde(default, skip_serializing_if = "is_false")]
    pub optional: bool,
    /// The vendor holds it already: it goes into the ledger, and no call is made.
    #[serde(default, skip_serializing_if = "is_false")]
    pub adopt: bool,
    /// It is not done before a person has agreed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    #[serde(default)]
    pub origin: Origin,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

impl std::fmt::Debug for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Action({} {}.{})", self.id, self.connection, self.operation)
    }
}

/// What an action is for.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A step of a flow.
    Step {
        flow: String,
        step: String,
        event: EventId,
        /// The flows that made it. Records from before flow sets were named here have none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        flow_set: Option<FlowSetHash>,
        /// Present when later steps wait for this one's result.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        continuation: Option<Box<Continuation>>,
    },
    /// A fetch: the reply goes back to `webhooks`, behind the webhook that asked for it.
    Fetch { purpose: String, webhook: Box<Webhook> },
    /// A list for `import`: its rows become webhooks with the action's origin. Its outcome's result tells how many `rows`.
    List {
        /// One of the connector's lists.
        list: String,
        since: Timestamp,
        /// Where to begin, if not at `since`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cursor: Option<Value>,
        /// Rows that changed later are left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
}

/// Whose state an action carries: what the ledger compares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    pub entity: KeyHash,
    pub version: Version,
    pub arrived: Timestamp,
    pub webhook: WebhookId,
}

/// What a flow needs to go on after a step, so that the router needs no memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Continuation {
    pub flow_set: FlowSetHash,
    pub event: StoredEvent,
    /// Results of the steps done so far, by the steps' names.
    #[serde(default)]
    pub results: BTreeMap<String, BTreeMap<String, String>>,
}

/// An event's record inside another record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredEvent {
    pub key: String,
    /// Headers, all of them text.
    pub headers: Vec<(String, String)>,
    pub value: Value,
}

impl Continuation {
    /// As the event of a finished step carries it ([`super::body::v1::Step::continuation`]).
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("a continuation is plain data")
    }

    /// Reads what an event of a finished step carries.
    ///
    /// # Errors
    /// [`Unreadable`] when the text is no continuation.
    pub fn from_text(text: &str) -> Result<Self, Unreadable> {
        serde_json::from_str(text).map_err(|error| {
            Unreadable::new("events", format!("continuation: column {}: {:?}", error.column(), error.classify()))
        })
    }
}

impl StoredEvent {
    /// Keeps an event inside another record.
    pub fn of(event: &super::event::Event) -> Self {
        let append = event.to_append(String::new());
        let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
        Self {
            key: text(&append.key),
            headers: append.headers.0.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
            value: event.body.to_json(),
        }
    }

    /// The event again.
    ///
    /// # Errors
    /// [`Unreadable`] as [`super::event::Event::from_record`].
    pub fn event(&self) -> Result<super::event::Event, Unreadable> {
        super::event::Event::from_record(&Record {
            topic: "".into(),
            partition: 0,
            offset: 0,
            key: Bytes::from(self.key.clone()),
            headers: RecordHeaders(
                self.headers.iter().map(|(name, value)| (name.clone(), Bytes::from(value.clone()))).collect(),
            ),
            value: Some(Bytes::from(self.value.to_string())),
            timestamp: Timestamp::UNIX_EPOCH,
        })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Action {
    /// The record for `actions.<connection>`.
    pub fn to_append(&self, topic: String) -> Append {
        let mut headers = RecordHeaders::default().with(ID, self.id.to_string()).with(KEY_ID, PLAIN);
        if let Some(traceparent) = &self.traceparent {
            headers = headers.with(TRACEPARENT, traceparent.clone());
        }
        Append {
            topic,
            partition: Some(0),
            key: Bytes::from(self.conflict.to_string()),
            headers,
            value: Some(Bytes::from(serde_json::to_vec(self).expect("an action is plain data"))),
            timestamp: self.source.arrived,
        }
    }

    /// Reads a record of `actions.<connection>`.
    ///
    /// # Errors
    /// [`Unreadable`] when the value is no action.
    pub fn from_record(record: &Record) -> Result<Self, Unreadable> {
        serde_json::from_slice(record.bytes()).map_err(|error| {
            Unreadable::new(
                "actions",
                format!("line {} column {}: {:?}", error.line(), error.column(), error.classify()),
            )
        })
    }

    /// The parameters that state what the target shall hold: all but those for creating only.
    pub fn standing(&self) -> Cow<'_, Parameters> {
        self.only.standing(&self.parameters)
    }

    /// What a person has said about it, where somebody was asked.
    pub fn verdict(&self) -> Option<Verdict> {
        self.hold.as_ref()?.verdict()
    }

    /// The flow and step that asked for it, where one did.
    pub fn step(&self) -> Option<(&str, &str)> {
        match &self.purpose {
            Purpose::Step { flow, step, .. } => Some((flow, step)),
            Purpose::Fetch { .. } | Purpose::List { .. } => None,
        }
    }
}
