//! A record as the log keeps it, and the headers that all topics share.

use std::fmt;

use bytes::Bytes;

use crate::model::time::Timestamp;

/// Header: the id of what the record holds.
pub const ID: &str = "id";
/// Header: which key encrypts the value. [`PLAIN`] means none.
pub const KEY_ID: &str = "key_id";
/// The key id of a value that is not encrypted.
pub const PLAIN: &str = "plain";
/// Header: W3C trace context.
pub const TRACEPARENT: &str = "traceparent";
/// Header: the epoch of the lane's owner that wrote a record of memory, in decimal.
pub const EPOCH: &str = "epoch";

/// Headers of a record, in order.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RecordHeaders(pub Vec<(String, Bytes)>);

impl RecordHeaders {
    pub fn get(&self, name: &str) -> Option<&Bytes> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Bytes>) -> Self {
        self.0.push((name.to_owned(), value.into()));
        self
    }
}

impl fmt::Debug for RecordHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// A record on its way into the log.
#[derive(Clone, PartialEq, Eq)]
pub struct Append {
    pub topic: String,
    /// `None`: chosen by the key's hash (murmur2, as Kafka's own clients do), or any without a key.
    pub partition: Option<u32>,
    pub key: Bytes,
    pub headers: RecordHeaders,
    /// `None` deletes the key from a compacted topic.
    pub value: Option<Bytes>,
    pub timestamp: Timestamp,
}

impl fmt::Debug for Append {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Append({}, {} bytes)", self.topic, self.value.as_ref().map_or(0, Bytes::len))
    }
}

/// A record as it stands in the log.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    pub topic: std::sync::Arc<str>,
    pub partition: u32,
    pub offset: u64,
    pub key: Bytes,
    pub headers: RecordHeaders,
    pub value: Option<Bytes>,
    pub timestamp: Timestamp,
}

impl Record {
    /// The value, or nothing for a deletion.
    pub fn bytes(&self) -> &[u8] {
        self.value.as_deref().unwrap_or_default()
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({}[{}]@{}, {} bytes)", self.topic, self.partition, self.offset, self.bytes().len())
    }
}
