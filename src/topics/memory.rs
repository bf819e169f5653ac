//! Memory: all that a lane's owner must remember, one key at a time.
//!
//! | key | value |
//! |---|---|
//! | `claim` | who owns the lane, at which epoch |
//! | `a/<action>` | the action's intent, then its outcome |
//! | `p/<key>` | a conflict key whose actions wait: how many, until when |
//! | `h/<action>` | the action is held for a person |
//! | `y/<flow>/<step>/<action>` | a person approved the action, of a step that holds its first ones |
//! | `o/<key>/<sequence>` | the id of an action that waits, at its place among its equals |
//! | `w/<action>` | the action itself, whole; the three are deleted after its outcome |
//! | `l/<object>` | the vendor's id of an object |
//! | `r/<object>/<register>` | what was last written to a register |
//! | `f/<object>/<register>/<contribution>` | one contribution to a folded register |
//! | `c/<poll>` | a poll's cursor |
//! | `s/<poll>/<row>` | the state in which a poll last saw a row |
//! | `session` | a login that must outlive the process |
//! | `bulk` | how far the lane's bulk topic is settled or parked, and heard |
//! | `halt` | why the lane stands still until a person or a changed secret closes its circuit |
//! | `q/<limit>/<window>` | how much of a quota is reserved |
//! | `handover` | what the last owner had sent of its short limits when it gave the lane back |
//!
//! Objects are keyed hashes; values other than waiting actions hold ids, hashes, amounts and times only.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    action::{Action, Source},
    record::{Append, EPOCH, KEY_ID, PLAIN, RecordHeaders},
};
use crate::model::{
    code::Code,
    hash::ContentHash,
    id::{ActionId, KeyHash, WebhookId},
    time::Timestamp,
};

/// Keys of memory.
pub mod key {
    use super::{ActionId, KeyHash};

    pub const CLAIM: &str = "claim";
    /// All waiting actions.
    pub const WAITING: &str = "w/";
    /// All conflict keys whose actions wait.
    pub const PARKED: &str = "p/";
    /// All actions that are held for a person.
    pub const HELD: &str = "h/";

    pub fn action(id: &ActionId) -> String {
        format!("a/{id}")
    }

    pub fn waiting(id: &ActionId) -> String {
        format!("w/{id}")
    }

    pub fn held(id: &ActionId) -> String {
        format!("h/{id}")
    }

    /// All approvals of a flow's step, by the first names of both.
    pub fn approvals(of: &str) -> String {
        format!("y/{of}/")
    }

    pub fn approval(of: &str, id: &ActionId) -> String {
        format!("y/{of}/{id}")
    }

    pub fn parked(conflict: &KeyHash) -> String {
        format!("p/{conflict}")
    }

    /// All waiting actions of a conflict key, in order.
    pub fn places(conflict: &KeyHash) -> String {
        format!("o/{conflict}/")
    }

    pub fn place(conflict: &KeyHash, sequence: u64) -> String {
        format!("o/{conflict}/{sequence:016x}")
    }

    pub fn link(object: &KeyHash) -> String {
        format!("l/{object}")
    }

    /// All registers of an object.
    pub fn registers(object: &KeyHash) -> String {
        format!("r/{object}/")
    }

    pub fn register(object: &KeyHash, register: &str) -> String {
        format!("r/{object}/{register}")
    }

    pub fn contributions(object: &KeyHash, register: &str) -> String {
        format!("f/{object}/{register}/")
    }

    pub fn contribution(object: &KeyHash, register: &str, id: &str) -> String {
        format!("f/{object}/{register}/{id}")
    }

    /// A login that must outlive the process.
    pub const SESSION: &str = "session";

    /// How far the bulk topic was read.
    pub const BULK: &str = "bulk";

    /// Why the lane stands still.
    pub const HALT: &str = "halt";

    /// What the last owner had sent when it gave the lane back.
    pub const HANDOVER: &str = "handover";

    /// All windows of a quota.
    pub fn quotas(limit: &str) -> String {
        format!("q/{limit}/")
    }

    pub fn quota(limit: &str, window: &str) -> String {
        format!("q/{limit}/{window}")
    }

    pub fn seen(poll: &str, row: &str) -> String {
        format!("s/{poll}/{row}")
    }

    pub fn cursor(poll: &str) -> String {
        format!("c/{poll}")
    }
}

/// An action that is held for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub at: Timestamp,
}

/// A person has approved an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    pub at: Timestamp,
}

/// Who owns the lane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    pub epoch: u64,
    /// The owner's process, for people.
    pub owner: String,
    pub at: Timestamp,
    /// The owner gave the lane back with nothing in flight.
    pub released: bool,
}

/// Why the lane stands still until a person or a changed secret closes its circuit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halt {
    pub code: Code,
    pub at: Timestamp,
    /// The credentials that were rejected; nothing where a person paused the lane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<KeyHash>,
}

/// How much of one window of a quota may have been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserved {
    pub calls: u64,
}

/// What an owner had sent of its short limits when it gave the lane back, so that its successor need not fear the worst.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// The owner's: that of any other owner says nothing.
    pub epoch: u64,
    /// By the limits' names.
    pub taken: BTreeMap<String, u64>,
}

/// What is known of an action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionState {
    /// It was begun: from here on the vendor may have acted.
    Begun { at: Timestamp, attempt: u32, progress: Value },
    /// It came to its end.
    Settled(Outcome),
}

/// The end of an action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub end: End,
    pub at: Timestamp,
    pub attempts: u32,
    /// Which of the action's retries ended so.
    #[serde(default)]
    pub retry: u32,
    /// What the operation returned, by its documented names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub result: BTreeMap<String, String>,
    /// Whose wish it was that ended so: a state that comes back has the same id, and another webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookId>,
}

impl Outcome {
    /// Whether it settles this action too: not when it died, was left out or is held, and a person has asked for it again
    /// since.
    pub fn settles(&self, action: &Action) -> bool {
        !(self.end.failed() || self.end == End::Held) || action.retry <= self.retry
    }
}

/// How an action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The vendor did it.
    Done,
    /// The target already holds all of it.
    Unchanged,
    /// Something newer was written before.
    Superseded,
    /// The target was said to hold it already: the ledger learnt of it, and nothing was sent.
    Adopted,
    /// It was optional, and a quota was used up: nothing was sent.
    Dropped(Code),
    /// It is a dead letter.
    Dead(Code),
    /// It waits until a person has agreed: a record in `dead` keeps its bytes.
    Held,
    /// A person said no: nothing was sent, and nothing will be.
    Refused,
}

impl End {
    /// Whether the target does not hold what the action wanted, although nobody said no.
    pub fn failed(self) -> bool {
        matches!(self, Self::Dropped(_) | Self::Dead(_))
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Unchanged => "unchanged",
            Self::Superseded => "superseded",
            Self::Adopted => "adopted",
            Self::Dropped(_) => "dropped",
            Self::Dead(_) => "dead",
            Self::Held => "held",
            Self::Refused => "refused",
        }
    }

    /// What that means, for people.
    pub fn in_words(self) -> String {
        match self {
            Self::Done => "done".to_owned(),
            Self::Unchanged => "unchanged: the target holds all of it already; nothing was sent".to_owned(),
            Self::Superseded => "superseded: something newer was written before; nothing was sent".to_owned(),
            Self::Adopted => "adopted: the target was said to hold it; nothing was sent".to_owned(),
            Self::Dropped(code) => format!("dropped: {code}; nothing was sent"),
            Self::Dead(code) => format!("dead: {code}"),
            Self::Held => "held: nothing is sent before a person has agreed (`spojka approve list`)".to_owned(),
            Self::Refused => "refused: a person said no; nothing was sent".to_owned(),
        }
    }
}

/// A conflict key whose actions wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// When the first of them is tried.
    pub due: Timestamp,
    /// When that was decided: it waits for as long as lies between the two, whatever the time of day is now.
    #[serde(default)]
    pub parked: Timestamp,
    /// Since when the first of them has waited.
    pub since: Timestamp,
    /// How many wait, as of the last time that one began to: what was settled since is still counted.
    pub count: u32,
    /// How many of them came on the live topic.
    pub live: u32,
}

/// An action that waits for its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    pub action: Action,
    pub due: Timestamp,
    /// When it was parked: it waits for as long as lay between the two, whatever the time of day is now.
    #[serde(default)]
    pub parked: Timestamp,
    /// Its place among its equals: the order of arrival at the lane, over both its topics.
    pub sequence: u64,
    pub attempts: u32,
    /// When it first failed, for people.
    pub since: Timestamp,
    /// How long it had been failing when it was parked, not counted while its lane stood still.
    #[serde(default)]
    pub age: Duration,
    #[serde(default)]
    pub clocks: Clocks,
    pub code: Code,
    /// The vendor may have acted already.
    pub maybe_done: bool,
    #[serde(default)]
    pub progress: Value,
    /// It came on the lane's bulk topic, and stays on its budget.
    #[serde(default)]
    pub bulk: bool,
}

/// The clocks of the owner that parked an action. They mean nothing to another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clocks {
    pub epoch: u64,
    /// How long the lane had worked.
    pub worked: Duration,
    /// When the action's last try ended, on the lane's timeline.
    pub ended: Option<Timestamp>,
}

/// How far the lane's owner has come in its bulk topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkPosition {
    /// Everything before this offset is settled or parked.
    pub next: u64,
    /// Everything that a person told the lane before this offset was heard. It may lie ahead: whoever tells a lane to
    /// stop or go on does not wait behind a replay.
    pub heard: u64,
}

/// What was last written to a register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterEntry {
    pub hash: ContentHash,
    pub source: Source,
    pub action: ActionId,
    /// A success settles it for good, even where the vendor has lost the object since.
    #[serde(default)]
    pub once: bool,
    /// What the operation returned: an action that finds everything written already returns the same.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub result: BTreeMap<String, String>,
}

/// The vendor's id of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    pub vendor_id: String,
    pub action: ActionId,
}

/// One contribution to a folded register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contribution {
    pub value: Value,
    pub source: Source,
    pub action: ActionId,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub result: BTreeMap<String, String>,
}

/// A record of memory, under the writer's epoch.
pub fn put<T: Serialize>(topic: &str, key: &str, value: &T, epoch: u64, at: Timestamp) -> Append {
    let bytes = serde_json::to_vec(value).expect("memory is plain data");
    record(topic, key, Some(Bytes::from(bytes)), epoch, at)
}

/// A record of memory whose value is written already.
pub fn put_bytes(topic: &str, key: &str, value: Bytes, epoch: u64, at: Timestamp) -> Append {
    record(topic, key, Some(value), epoch, at)
}

/// Forgets a key.
pub fn forget(topic: &str, key: &str, epoch: u64, at: Timestamp) -> Append {
    record(topic, key, None, epoch, at)
}

fn record(topic: &str, key: &str, value: Option<Bytes>, epoch: u64, at: Timestamp) -> Append {
    Append {
        topic: topic.to_owned(),
        partition: Some(0),
        key: Bytes::from(key.to_owned()),
        headers: RecordHeaders::default().with(EPOCH, epoch.to_string()).with(KEY_ID, PLAIN),
        value,
        timestamp: at,
    }
}

/// Reads a value of memory.
///
/// # Errors
/// [`super::Unreadable`] when the bytes are not what the key promises.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, super::Unreadable> {
    serde_json::from_slice(bytes)
        .map_err(|error| super::Unreadable::new("memory", format!("column {}: {:?}", error.column(), error.classify())))
}
