//! What waits in the spool, counted in memory: who has something waiting, how much it is, whether there is room.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

use crate::{
    log::embedded::Unread,
    model::time::Timestamp,
    telemetry::Metrics,
    topics::record::{Append, Record, RecordHeaders},
};

/// What a record weighs besides its key, headers and value.
const AROUND_RECORD: u64 = 64;

/// What waits for the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Remains {
    pub records: u64,
    pub bytes: u64,
    /// When the one that waits longest arrived.
    pub oldest: Option<Timestamp>,
}

pub(super) struct Book {
    max_bytes: u64,
    state: Mutex<State>,
    metrics: Arc<Metrics>,
}

struct State {
    bytes: u64,
    queues: BTreeMap<String, Queue>,
}

/// What waits of one topic.
struct Queue {
    records: u64,
    bytes: u64,
    oldest: Option<Timestamp>,
    filled: Arc<Notify>,
}

impl Book {
    /// Begins with what the file holds; it names all topics there are.
    pub(super) fn open(max_bytes: u64, unread: &[Unread], metrics: Arc<Metrics>) -> Self {
        let queue = |unread: &Unread| {
            let bytes = unread.bytes + unread.records * AROUND_RECORD;
            Queue { records: unread.records, bytes, oldest: unread.oldest, filled: Arc::default() }
        };
        let queues: BTreeMap<_, _> = unread.iter().map(|unread| (unread.topic.clone(), queue(unread))).collect();
        let bytes = queues.values().map(|queue| queue.bytes).sum();
        Self { max_bytes, state: Mutex::new(State { bytes, queues }), metrics }
    }

    pub(super) fn topics(&self) -> Vec<String> {
        self.state().queues.keys().cloned().collect()
    }

    pub(super) fn holds(&self, topic: &str) -> bool {
        self.state().queues.get(topic).is_some_and(|queue| queue.records > 0)
    }

    /// Returns when something of a topic waits.
    pub(super) async fn filled(&self, topic: &str) {
        loop {
            let filled = {
                let state = self.state();
                let Some(queue) = state.queues.get(topic) else { break };
                if queue.records > 0 {
                    return;
                }
                Arc::clone(&queue.filled)
            };
            filled.notified().await;
        }
        // A topic that the spool does not know never gets anything.
        std::future::pending::<()>().await;
    }

    /// Counts a record in before it is written, if there is room. From here on its topic counts as held.
    pub(super) fn admit(&self, record: &Append) -> bool {
        let size = size(&record.key, &record.headers, record.value.as_deref());
        let mut state = self.state();
        if state.bytes + size > self.max_bytes {
            return false;
        }
        let was_empty = state.queues.values().all(|queue| queue.records == 0);
        let Some(queue) = state.queues.get_mut(&record.topic) else { return false };
        queue.records += 1;
        queue.bytes += size;
        queue.oldest.get_or_insert(record.timestamp);
        queue.filled.notify_one();
        state.bytes += size;
        drop(state);
        if was_empty {
            tracing::warn!(topic = record.topic, "webhooks go to the spool until the log takes them");
        }
        true
    }

    /// A record that was counted in did not get there.
    pub(super) fn withdraw(&self, record: &Append) {
        let size = size(&record.key, &record.headers, record.value.as_deref());
        self.state().take(&record.topic, 1, size, None);
    }

    /// These are in the log and will not be drained again. `next`: when the one behind them arrived, if it is known.
    pub(super) fn drained(&self, topic: &str, records: &[Record], next: Option<Timestamp>) {
        let bytes = records.iter().map(|record| size(&record.key, &record.headers, record.value.as_deref())).sum();
        let next = next.or(records.last().map(|record| record.timestamp));
        let mut state = self.state();
        state.take(topic, records.len() as u64, bytes, next);
        let is_empty = state.queues.values().all(|queue| queue.records == 0);
        drop(state);
        if is_empty {
            tracing::info!("the spool is drained");
        }
    }

    pub(super) fn remains(&self) -> Remains {
        let state = self.state();
        let queues = state.queues.values();
        Remains {
            records: queues.clone().map(|queue| queue.records).sum(),
            bytes: state.bytes,
            oldest: queues.filter_map(|queue| queue.oldest).min(),
        }
    }

    /// There is room for a record of a usual size.
    pub(super) fn has_room(&self) -> bool {
        const USUAL: u64 = 16 << 10;
        self.state().bytes + USUAL <= self.max_bytes
    }

    /// Tells the metrics.
    pub(super) fn tell(&self, now: Timestamp) {
        let Remains { records, bytes, oldest } = self.remains();
        let age = oldest.and_then(|oldest| Duration::try_from(now.duration_since(oldest)).ok());
        self.metrics.set_spool(records, bytes, age.unwrap_or_default());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, topic: &str, records: u64, bytes: u64, next: Option<Timestamp>) {
        let Some(queue) = self.queues.get_mut(topic) else { return };
        let bytes = bytes.min(queue.bytes);
        queue.records = queue.records.saturating_sub(records);
        queue.bytes -= bytes;
        queue.oldest = next.or(queue.oldest);
        self.bytes -= bytes;
        if queue.records == 0 {
            // What the file counts differs by a little from what we count.
            self.bytes -= std::mem::take(&mut queue.bytes);
            queue.oldest = None;
        }
    }
}

fn size(key: &[u8], headers: &RecordHeaders, value: Option<&[u8]>) -> u64 {
    let headers: usize = headers.0.iter().map(|(name, value)| name.len() + value.len()).sum();
    (key.len() + headers + value.map_or(0, <[u8]>::len)) as u64 + AROUND_RECORD
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const TOPIC: &str = "webhooks.shop";

    fn book(max_bytes: u64) -> Book {
        let unread = Unread { topic: TOPIC.to_owned(), records: 0, bytes: 0, oldest: None };
        Book::open(max_bytes, &[unread], Arc::new(Metrics::new()))
    }

    fn append(second: i64) -> Append {
        Append {
            topic: TOPIC.to_owned(),
            partition: None,
            key: Bytes::new(),
            headers: RecordHeaders::default(),
            value: Some(Bytes::from_static(&[0; 36])),
            timestamp: at(second),
        }
    }

    fn record(second: i64) -> Record {
        let Append { key, headers, value, timestamp, .. } = append(second);
        Record { topic: TOPIC.into(), partition: 0, offset: 0, key, headers, value, timestamp }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn there_is_room_for_so_much_and_again_when_something_is_drained() {
        let book = book(250);
        assert!(book.admit(&append(1)) && book.admit(&append(2)) && !book.admit(&append(3)));
        assert_eq!(book.remains(), Remains { records: 2, bytes: 200, oldest: Some(at(1)) });
        book.drained(TOPIC, &[record(1)], Some(at(2)));
        assert_eq!(book.remains(), Remains { records: 1, bytes: 100, oldest: Some(at(2)) });
        assert!(book.holds(TOPIC) && book.admit(&append(3)));
        book.drained(TOPIC, &[record(2), record(3)], None);
        assert_eq!(book.remains(), Remains::default());
        assert!(!book.holds(TOPIC));
    }

    #[test]
    fn what_did_not_get_there_is_not_counted() {
        let book = book(100);
        assert!(book.admit(&append(1)) && !book.admit(&append(2)));
        book.withdraw(&append(1));
        assert_eq!(book.remains(), Remains::default());
        assert!(book.admit(&append(2)));
    }

    #[test]
    fn what_the_file_holds_counts_and_differences_do_not_stay() {
        let unread = Unread { topic: TOPIC.to_owned(), records: 2, bytes: 90, oldest: Some(at(1)) };
        let book = Book::open(1000, &[unread], Arc::new(Metrics::new()));
        assert!(book.holds(TOPIC));
        assert_eq!(book.remains().bytes, 90 + 2 * AROUND_RECORD);
        book.drained(TOPIC, &[record(1), record(2)], None);
        assert_eq!(book.remains(), Remains::default());
    }

    #[test]
    fn a_topic_that_the_spool_does_not_know_is_not_taken() {
        let book = book(1000);
        assert!(!book.admit(&Append { topic: "other".to_owned(), ..append(1) }));
    }
}
