//! The topic `replays`: each replay with what was asked for, how far it has come, and what it has counted.
//!
//! | key | value |
//! |---|---|
//! | `run/<replay>` | a [`Replay`]: written by whoever runs it, behind the appends that it covers |
//! | `stop/<replay>` | somebody wants it to stop; whoever runs it sees that when it writes next |

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{
    Unreadable,
    record::{Append, KEY_ID, PLAIN, RecordHeaders},
};
use crate::model::{connection::ConnectionName, time::Timestamp};

/// Keys of all replays begin so.
pub const RUNS: &str = "run/";

/// The key of a replay.
pub fn run_key(id: &str) -> String {
    format!("{RUNS}{id}")
}

/// The key of the wish that it stops.
pub fn stop_key(id: &str) -> String {
    format!("stop/{id}")
}

/// One replay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    /// Its name: `r-…`. What it repeats carries it as its run.
    pub id: String,
    pub request: Request,
    pub state: State,
    /// It only counts: nothing is appended, and nothing of it is kept.
    #[serde(default)]
    pub dry: bool,
    pub begun: Timestamp,
    /// When this was written.
    pub at: Timestamp,
    /// The process that runs it, for people.
    pub runner: String,
    #[serde(default)]
    pub cursor: Cursor,
    #[serde(default)]
    pub counts: Counts,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How a replay stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Running,
    /// Somebody stopped it, or its process ended: it can be resumed.
    Stopped,
    /// The log failed: it can be resumed.
    Failed,
    Done,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Done => "done",
        }
    }
}

/// What is to be replayed, and how.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Request {
    pub begin: Begin,
    /// Webhooks that arrived then or later, and what came of them.
    pub since: Option<Timestamp>,
    /// Webhooks that arrived before.
    pub until: Option<Timestamp>,
    /// Where webhooks and events came from; for actions: where they are done. By its first name.
    pub connection: Option<ConnectionName>,
    /// An id as `trace` shows it, or the vendor's id or number.
    pub entity: Option<String>,
    pub event_type: Option<String>,
    pub flow: Option<String>,
    pub mode: Mode,
    pub as_of: AsOf,
    /// The rows of this import, and nothing else.
    pub import: Option<String>,
    pub effect: Effect,
    /// Actions appended a second, at the most.
    pub per_second: u32,
}

/// Which topics are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Begin {
    #[default]
    Webhooks,
    Events,
    Actions,
}

/// Which actions are done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Those that nobody knows.
    #[default]
    Missing,
    /// Those that died.
    Failed,
    /// All, again.
    All,
}

/// By which flows facts are judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AsOf {
    /// Those in force when the fact became true.
    #[default]
    Recorded,
    /// Those in force now, as if they had been in force then.
    Present,
}

/// What becomes of the chosen actions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    #[default]
    Fire,
    /// The vendor holds it already: into the ledger, and no call.
    Adopt,
    /// Only what must be read first: so that what is counted is all there is.
    Fetch,
}

/// How far a replay has come. Topics are read one after the other, in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The topic that is being read; empty at the beginning.
    pub topic: String,
    /// The next offset of each of its partitions, where any of it was read.
    pub offsets: Vec<Option<u64>>,
}

/// What was read, and what of it is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Records read, chosen or not.
    pub records: u64,
    /// Records of webhooks that were meant: a webhook with each of its replies.
    pub webhooks: u64,
    /// Facts that were judged.
    pub facts: u64,
    pub actions: Tally,
    pub fetches: Tally,
    /// What the chosen ones would do, or do: by flow and operation.
    pub chosen: BTreeMap<String, u64>,
    /// What flows did not do, by flow and reason: too old, before the flow, its condition.
    pub skipped: BTreeMap<String, BTreeMap<String, u64>>,
    /// What cannot go on, by code: it is a dead letter, or would be one.
    pub unusable: BTreeMap<String, u64>,
    /// Rows of imports, which a replay leaves alone.
    pub imported: u64,
    /// Fetches that are missing and were left alone, because a flow, a type or an entity was named: what they would give
    /// rise to is not known.
    pub unread: u64,
    /// Records appended to lanes.
    pub appended: u64,
}

/// Actions, each counted once, by what is known of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// Nobody knows them.
    pub new: u64,
    /// They wait, are on their way, or are being carried out.
    pub waiting: u64,
    /// The vendor did them, or held all of it.
    pub done: u64,
    /// Something newer was written before.
    pub superseded: u64,
    /// They are dead letters, or were.
    pub failed: u64,
    /// Those of them that the mode chooses.
    pub chosen: u64,
}

impl Replay {
    /// The record for `replays`.
    pub fn to_append(&self, topic: String) -> Append {
        put(topic, run_key(&self.id), self, self.at)
    }

    /// Reads a record of `replays`.
    ///
    /// # Errors
    /// [`Unreadable`] when the value is no replay.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Unreadable> {
        serde_json::from_slice(bytes).map_err(|error| Unreadable::new("replays", error.to_string()))
    }
}

/// The wish that a replay stops.
pub fn stop(topic: String, id: &str, at: Timestamp) -> Append {
    put(topic, stop_key(id), &at, at)
}

/// Forgets a key.
pub fn forget(topic: String, key: String, at: Timestamp) -> Append {
    Append {
        topic,
        partition: Some(0),
        key: Bytes::from(key),
        headers: RecordHeaders::default(),
        value: None,
        timestamp: at,
    }
}

fn put<T: Serialize>(topic: String, key: String, value: &T, timestamp: Timestamp) -> Append {
    Append {
        topic,
        partition: Some(0),
        key: Bytes::from(key),
        headers: RecordHeaders::default().with(KEY_ID, PLAIN),
        value: Some(Bytes::from(serde_json::to_vec(value).expect("a replay is plain data"))),
        timestamp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_was_written() {
        let at: Timestamp = "2025-10-09T08:53:20Z".parse().expect("a time");
        let replay = Replay {
            id: "r-1".to_owned(),
            request: Request { mode: Mode::Failed, since: Some(at), per_second: 7, ..Request::default() },
            state: State::Stopped,
            dry: false,
            begun: at,
            at,
            runner: "host/1".to_owned(),
            cursor: Cursor { topic: "webhooks.shop".to_owned(), offsets: vec![Some(1), None] },
            counts: Counts { webhooks: 3, chosen: [("f: crm.x".to_owned(), 2)].into(), ..Counts::default() },
            error: None,
        };
        let append = replay.to_append("replays".to_owned());
        assert_eq!(append.key, "run/r-1");
        assert_eq!(Replay::from_bytes(&append.value.expect("a value")).expect("readable"), replay);
        assert!(Replay::from_bytes(b"{}").is_err());
    }
}
