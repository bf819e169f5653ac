//! The topic `flows`: every checked flow set as its files, which one was in force since when, and the starts that flows claim.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{
    Unreadable,
    record::{Append, KEY_ID, PLAIN, RecordHeaders},
};
use crate::model::{id::FlowSetHash, time::Timestamp};

/// Keys of all flow sets begin so.
pub const SETS: &str = "set/";
/// Keys of all activations begin so; what follows sorts by time.
pub const ACTIVATIONS: &str = "active/";

/// Keys of all starts that flows claim begin so; what follows is a flow's first name.
pub const STARTS: &str = "start/";

/// The key of a flow set.
pub fn set_key(hash: &FlowSetHash) -> String {
    format!("{SETS}{hash}")
}

/// A checked flow set: the files it was read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowSet {
    pub hash: FlowSetHash,
    /// Paths relative to the config's directory, with their texts, sorted.
    pub files: Vec<(String, String)>,
}

/// A flow set comes into force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activation {
    pub hash: FlowSetHash,
    pub since: Timestamp,
}

/// The start that a flow claims.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowStart {
    /// By its first name.
    pub flow: String,
    /// `None`: it no longer claims any, and somebody has accepted that.
    pub start: Option<Timestamp>,
}

impl FlowStart {
    pub fn to_append(&self, topic: String, at: Timestamp) -> Append {
        put(topic, format!("{STARTS}{}", self.flow), self, at)
    }
}

impl FlowSet {
    pub fn to_append(&self, topic: String, at: Timestamp) -> Append {
        put(topic, set_key(&self.hash), self, at)
    }
}

impl Activation {
    pub fn to_append(&self, topic: String) -> Append {
        // Fixed width, so that keys sort by time.
        let key = format!("{ACTIVATIONS}{:020}", self.since.as_microsecond());
        put(topic, key, self, self.since)
    }
}

fn put<T: Serialize>(topic: String, key: String, value: &T, timestamp: Timestamp) -> Append {
    Append {
        topic,
        partition: Some(0),
        key: Bytes::from(key),
        headers: RecordHeaders::default().with(KEY_ID, PLAIN),
        value: Some(Bytes::from(serde_json::to_vec(value).expect("flows are plain data"))),
        timestamp,
    }
}

/// Reads a value of `flows`.
///
/// # Errors
/// [`Unreadable`] when the bytes are not what the key promises.
pub fn read<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(bytes).map_err(|error| Unreadable::new("flows", error.to_string()))
}
