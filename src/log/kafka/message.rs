//! librdkafka's messages as records.

use std::sync::Arc;

use bytes::Bytes;
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};

use super::lookup::{number, unsigned};
use crate::{
    model::time::Timestamp,
    topics::record::{Record, RecordHeaders},
};

/// Topic names as they stand in records: few, and shared.
#[derive(Default)]
pub(super) struct TopicNames(Vec<Arc<str>>);

impl TopicNames {
    pub(super) fn get(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.iter().find(|known| known.as_ref() == name) {
            return Arc::clone(known);
        }
        let new: Arc<str> = name.into();
        self.0.push(Arc::clone(&new));
        new
    }
}

/// The message as a record. Its bytes are copied into one piece that key, value and headers share.
pub(super) fn record(message: &BorrowedMessage<'_>, topics: &mut TopicNames) -> Record {
    let key = message.key().unwrap_or_default();
    let value = message.payload();
    let native_headers = message.headers();
    let header_bytes: usize =
        native_headers.map_or(0, |all| all.iter().map(|header| header.value.map_or(0, <[u8]>::len)).sum());
    let mut all = Vec::with_capacity(key.len() + value.map_or(0, <[u8]>::len) + header_bytes);
    all.extend_from_slice(key);
    all.extend_from_slice(value.unwrap_or_default());
    for header in native_headers.iter().flat_map(|all| all.iter()) {
        all.extend_from_slice(header.value.unwrap_or_default());
    }
    let mut rest = Bytes::from(all);
    Record {
        topic: topics.get(message.topic()),
        partition: number(message.partition()),
        offset: unsigned(message.offset()),
        key: rest.split_to(key.len()),
        value: value.map(|value| rest.split_to(value.len())),
        headers: RecordHeaders(native_headers.map_or_else(Vec::new, |all| {
            all.iter()
                .map(|header| (header.key.to_owned(), rest.split_to(header.value.map_or(0, <[u8]>::len))))
                .collect()
        })),
        timestamp: timestamp(message),
    }
}

fn timestamp(message: &BorrowedMessage<'_>) -> Timestamp {
    let millis = message.timestamp().to_millis().unwrap_or(0);
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH)
}
