//! What a person tells the owner of a lane. It travels on the lane's bulk topic, because only the owner may act on it, and
//! nobody else knows which process that is.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{
    Unreadable,
    record::{Append, KEY_ID, PLAIN, Record, RecordHeaders},
};
use crate::model::time::Timestamp;

/// The key and the header of such a record.
const CONTROL: &str = "control";

/// What the owner is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// Send nothing until `Resume`.
    Pause,
    /// Close the circuit, whatever opened it.
    Resume,
}

impl Control {
    /// The record for `actions.<connection>.bulk`.
    pub fn to_append(self, topic: String, at: Timestamp) -> Append {
        Append {
            topic,
            partition: Some(0),
            key: Bytes::from_static(CONTROL.as_bytes()),
            headers: RecordHeaders::default().with(CONTROL, "1").with(KEY_ID, PLAIN),
            value: Some(Bytes::from(serde_json::to_vec(&self).expect("a control is plain data"))),
            timestamp: at,
        }
    }

    /// Reads a record, if it is one of these.
    ///
    /// # Errors
    /// [`Unreadable`] when it is one that this version does not know.
    pub fn from_record(record: &Record) -> Result<Option<Self>, Unreadable> {
        if record.headers.text(CONTROL).is_none() {
            return Ok(None);
        }
        serde_json::from_slice(record.bytes()).map(Some).map_err(|error| Unreadable::new("actions", error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn it_is_read_as_it_was_written() {
        let append = Control::Resume.to_append("t".to_owned(), Timestamp::UNIX_EPOCH);
        let record = Record {
            topic: Arc::from("t"),
            partition: 0,
            offset: 0,
            key: append.key,
            headers: append.headers,
            value: append.value,
            timestamp: append.timestamp,
        };
        assert_eq!(Control::from_record(&record).expect("readable"), Some(Control::Resume));
        let plain = Record { headers: RecordHeaders::default(), ..record.clone() };
        assert_eq!(Control::from_record(&plain).expect("readable"), None);
        let newer = Record { value: Some(Bytes::from_static(b"\"dance\"")), ..record };
        assert!(Control::from_record(&newer).is_err());
    }
}
