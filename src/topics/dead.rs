//! Dead letters: records that cannot go on by themselves, with the reason and the way back.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{
    Names, Unreadable,
    action::Action,
    event::{Event, Origin, OriginKind},
    hold::{Answer, Hold, Rule},
    record::{Append, ID, KEY_ID, PLAIN, Record, RecordHeaders},
    travel,
    webhook::Webhook,
};
use crate::model::{
    code::{self, Code},
    connection::ConnectionName,
    id::{DeadId, WebhookId},
    time::Timestamp,
};

/// What the id of a letter ends with while it is sent on its way again.
pub const ASIDE: &str = "+retry";

/// What died.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Webhook,
    Event,
    Action,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Event => "event",
            Self::Action => "action",
        }
    }
}

/// A record that cannot go on by itself.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct DeadLetter {
    pub id: DeadId,
    pub kind: Kind,
    pub code: Code,
    /// What happened, for people: no secrets, nothing personal, no bodies. The one value of content it may tell is one that
    /// a lookup had no row for.
    pub message: String,
    pub connection: Option<ConnectionName>,
    /// Flow and step, or the fetch's purpose.
    pub what: Option<String>,
    /// The webhook it all began with, where known.
    pub webhook: Option<WebhookId>,
    pub at: Timestamp,
    pub attempts: u32,
    /// The last request in short: method and redacted URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// The last answer in short: status and the vendor's error code, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Where the record goes when it is retried.
    pub topic: String,
    #[serde(with = "super::base64")]
    pub key: Bytes,
    pub headers: Vec<(String, HeaderBytes)>,
    /// The original bytes.
    #[serde(with = "super::base64")]
    pub value: Bytes,
}

/// A header's bytes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HeaderBytes(#[serde(with = "super::base64")] pub Bytes);

impl std::fmt::Debug for DeadLetter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DeadLetter({} {} {})", self.id, self.kind.as_str(), self.code)
    }
}

impl DeadLetter {
    /// The record for `dead`.
    pub fn to_append(&self, topic: String) -> Append {
        Append {
            topic,
            partition: None,
            key: Bytes::from(self.id.to_string()),
            headers: RecordHeaders::default().with(ID, self.id.to_string()).with(KEY_ID, PLAIN),
            value: Some(Bytes::from(serde_json::to_vec(self).expect("a dead letter is plain data"))),
            timestamp: self.at,
        }
    }

    /// Removes a dead letter: it was retried or discarded.
    pub fn removal(id: &DeadId, topic: String, at: Timestamp) -> Append {
        Append {
            topic,
            partition: None,
            key: Bytes::from(id.to_string()),
            headers: RecordHeaders::default(),
            value: None,
            timestamp: at,
        }
    }

    /// Reads a record of `dead`.
    ///
    /// # Errors
    /// [`Unreadable`] when the value is no dead letter.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Unreadable> {
        serde_json::from_slice(bytes)
            .map_err(|error| Unreadable::new("dead", format!("column {}: {:?}", error.column(), error.classify())))
    }

    /// The record on its way again, behind live traffic: it and all that comes of it travel on the bulk topics. An action
    /// says that it was asked for once more, or its owner would take it for settled; a webhook goes without its replies, so
    /// that they are fetched afresh.
    ///
    /// # Errors
    /// [`Unreadable`] when the original is not what it says it is: it can only be discarded.
    pub fn revival(&self, names: &Names) -> Result<Append, Unreadable> {
        let record = self.record();
        match self.kind {
            Kind::Action => {
                let mut action = Action::from_record(&record)?;
                action.retry += 1;
                let action = travel::action(action.clone(), &again(&action.origin))?;
                Ok(action.to_append(names.bulk(&action.connection)))
            }
            Kind::Webhook => {
                let mut webhook = Webhook::from_record(&record)?;
                webhook.origin = again(&webhook.origin);
                if !webhook.replies.is_empty() {
                    webhook.replies.clear();
                    webhook.origin.run = format!("{}+retry", webhook.origin.run);
                }
                Ok(webhook.to_append(self.topic.clone()))
            }
            Kind::Event => match Event::from_record(&record) {
                Ok(event) => Ok(travel::event(event.clone(), &again(&event.origin))?.to_append(self.topic.clone())),
                // A newer version may have written it, and runs by now.
                Err(_) => Ok(Append {
                    topic: self.topic.clone(),
                    partition: None,
                    key: record.key,
                    headers: record.headers,
                    value: record.value,
                    timestamp: self.at,
                }),
            },
        }
    }

    /// Whether it is no dead letter at all, but an action that waits until a person has agreed.
    pub fn is_held(&self) -> bool {
        self.code == code::HELD
    }

    /// The action that it keeps.
    ///
    /// # Errors
    /// [`Unreadable`] when it keeps none, or one of a newer version.
    pub fn action(&self) -> Result<Action, Unreadable> {
        Action::from_record(&self.record())
    }

    /// A held action on its way again, on the topic that it came on: a person's answer is no repair. It says what the
    /// person said, and that it was asked for once more, or its owner would take it for settled.
    ///
    /// # Errors
    /// [`Unreadable`] when the original is no action.
    pub fn answered(&self, answer: Answer, names: &Names) -> Result<Append, Unreadable> {
        let mut action = self.action()?;
        action.retry += 1;
        let rule = action.hold.map_or(Rule::Always, |hold| hold.rule);
        action.hold = Some(Hold { rule, answer: Some(answer) });
        Ok(action.to_append(names.lane(&action.connection, &action.origin)))
    }

    fn record(&self) -> Record {
        Record {
            topic: self.topic.as_str().into(),
            partition: 0,
            offset: 0,
            key: self.key.clone(),
            headers: RecordHeaders(self.headers.iter().map(|(name, value)| (name.clone(), value.0.clone())).collect()),
            value: Some(self.value.clone()),
            timestamp: self.at,
        }
    }

    /// Keeps a record's key, headers and value.
    pub fn original(record: &Record) -> (Bytes, Vec<(String, HeaderBytes)>, Bytes) {
        let headers = record.headers.0.iter().map(|(name, value)| (name.clone(), HeaderBytes(value.clone()))).collect();
        (record.key.clone(), headers, record.value.clone().unwrap_or_default())
    }
}

/// The origin of what was live before; an import's and a replay's stay what they are. The run is part of the ids of fetches.
fn again(origin: &Origin) -> Origin {
    let kind = if origin.kind == OriginKind::Live { OriginKind::Replay } else { origin.kind };
    Origin { retried: true, ..Origin::of_run(kind, &origin.run) }
}
