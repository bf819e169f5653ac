//! How large a record each topic takes. Brokers judge batches as they come, compressed; whoever hands us a record should hear
//! the same answer whatever else is in its batch and however well it compresses. So records are judged here, by their bytes.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use super::admin::Admin;
use crate::{
    log::{LogError, LogResult},
    topics::record::Append,
};

/// What Kafka's format (version 2) puts around one record and around its batch, at most and for each header.
const AROUND_RECORD: usize = 96;
const AROUND_HEADER: usize = 10;

/// What is known of topics' limits. What a topic takes is asked when it is first written to.
#[derive(Default)]
pub(super) struct Limits(RwLock<HashMap<String, usize>>);

/// A topic of which we do not know that it takes its records, and what we know of it.
struct Doubt<'a> {
    topic: &'a str,
    limit: Option<usize>,
}

impl Limits {
    pub(super) fn learn(&self, topic: &str, limit: usize) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(topic.to_owned(), limit);
    }

    /// Refuses records that are too large for their topic, and topics that do not exist. Waits only for what is not known.
    pub(super) async fn admit(&self, admin: &Admin, records: &[Append]) -> LogResult<()> {
        while let Some(doubt) = self.doubt(records) {
            let now = admin.config(doubt.topic).await?.max_message_bytes;
            // The limit may have been raised since we asked last.
            if doubt.limit.is_some_and(|known| now <= known) {
                return Err(LogError::TooLarge { topic: doubt.topic.to_owned() });
            }
            self.learn(doubt.topic, now);
        }
        Ok(())
    }

    fn doubt<'a>(&self, records: &'a [Append]) -> Option<Doubt<'a>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut last: Option<(&str, usize)> = None;
        for record in records {
            let topic = record.topic.as_str();
            let limit = match last {
                Some((same, limit)) if same == topic => limit,
                _ => match known.get(topic) {
                    Some(limit) => *limit,
                    None => return Some(Doubt { topic, limit: None }),
                },
            };
            if size(record) + AROUND_RECORD + AROUND_HEADER * record.headers.0.len() > limit {
                return Some(Doubt { topic, limit: Some(limit) });
            }
            last = Some((topic, limit));
        }
        None
    }
}

/// A record's own bytes.
pub(super) fn size(record: &Append) -> usize {
    let headers: usize = record.headers.0.iter().map(|(name, value)| name.len() + value.len()).sum();
    record.key.len() + record.value.as_ref().map_or(0, bytes::Bytes::len) + headers
}
