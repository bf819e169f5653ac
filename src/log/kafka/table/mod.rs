//! A compacted topic materialized into a local file, from acknowledged records only.
//!
//! The file is believed when it belongs to this cluster and topic, its offset is within the topic, its last record still
//! stands in the topic as it was, and it is younger than half of `delete.retention.ms` (older ones may have missed
//! deletions). Otherwise it is rebuilt.

mod book;
mod file;
mod sorter;

use std::{
    collections::HashMap,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    thread,
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::{Notify, oneshot};

use self::{
    book::{Book, Entry, Turn},
    file::{File, Identity, Mark, State},
};
use super::{
    Parts,
    reader::{KafkaReader, Range},
};
use crate::{
    log::{Fencing, LogError, LogResult, Reader as _, Table},
    model::time::Timestamp,
    topics::record::Append,
};

/// A first reading of more records than this is sorted before it is written: keys are digests, and each would land on another
/// page of the file.
const WORTH_SORTING: u64 = 50_000;
/// Records of one write of such a reading.
const BATCH: usize = 5_000;

/// A table of one topic.
pub(super) struct KafkaTable {
    parts: Arc<Parts>,
    topic: String,
    book: Mutex<Book>,
    /// Something was applied, or a write ended.
    moved: Notify,
    /// Held by the one that reads what others wrote.
    catching_up: tokio::sync::Mutex<()>,
}

/// The tables that are open: one per topic, however often it is asked for.
#[derive(Default)]
pub(super) struct OpenTables(Mutex<HashMap<(String, bool), Place>>);

type Place = Arc<tokio::sync::Mutex<Weak<KafkaTable>>>;

impl OpenTables {
    pub(super) async fn get(&self, parts: &Arc<Parts>, topic: &str, fencing: Fencing) -> LogResult<Arc<KafkaTable>> {
        let place = {
            let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(places.entry((topic.to_owned(), fencing == Fencing::Epochs)).or_default())
        };
        let mut place = place.lock().await;
        let table = match place.upgrade() {
            Some(table) => table,
            None => Arc::new(KafkaTable::open(parts, topic, fencing).await?),
        };
        *place = Arc::downgrade(&table);
        drop(place);
        table.read_others().await?;
        Ok(table)
    }
}

impl KafkaTable {
    async fn open(parts: &Arc<Parts>, topic: &str, fencing: Fencing) -> LogResult<Self> {
        if parts.lookup.topic(topic).await?.is_none() {
            return Err(LogError::NoSuchTopic(topic.to_owned()));
        }
        let config = parts.admin.config(topic).await?;
        if !config.compacted {
            return Err(LogError::Broken(format!("`{topic}` is no table: it is not compacted")));
        }
        let cluster = parts.lookup.cluster_id().await?;
        let identity = Identity { cluster, topic: topic.to_owned(), fenced: fencing == Fencing::Epochs };
        let directory = &parts.configs.settings().state_dir;
        let (mut file, state) = File::open(directory, &file_name(topic, fencing), &identity)?;
        let state = match state {
            // One that stands at the beginning may hold part of a first reading that never ended.
            Some(state) if state.next > 0 && is_current(parts, topic, &state, config.delete_retention).await? => state,
            found => {
                tracing::info!(topic, found = found.is_some(), "a table is built from its topic");
                file.renew()?
            }
        };
        let book = Mutex::new(Book::new(file, state, fencing)?);
        let (parts, moved) = (Arc::clone(parts), Notify::new());
        Ok(Self { parts, topic: topic.to_owned(), book, moved, catching_up: tokio::sync::Mutex::default() })
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read_others(&self) -> LogResult<()> {
        let _alone = self.catching_up.lock().await;
        // In this order: own writes move on while the brokers are asked.
        let from = self.book().next();
        let (_, end) = self.parts.lookup.watermarks(&self.topic, 0).await?;
        if from > end {
            return Err(LogError::Broken(format!("`{}` was deleted and made again while it was in use", self.topic)));
        }
        if from < end {
            let range = Range { topic: self.topic.clone(), partition: 0, from, to: end };
            let reader = KafkaReader::open(&self.parts, range)?;
            if end - from >= WORTH_SORTING && self.book().is_blank() {
                self.build(reader, end).await?;
            } else {
                self.read_on(reader).await?;
            }
        }
        self.book().read(Vec::new(), end, self.parts.clock.now())?;
        self.moved.notify_waiters();
        Ok(())
    }

    async fn read_on(&self, mut reader: KafkaReader) -> LogResult<()> {
        loop {
            let records = reader.next().await?;
            if records.is_empty() {
                return Ok(());
            }
            let entries = records.into_iter().map(Entry::read).collect();
            self.book().read(entries, reader.position(), self.parts.clock.now())?;
            self.moved.notify_waiters();
        }
    }

    /// Reads a long topic from its beginning: what it holds is sorted, then written in one go.
    async fn build(&self, mut reader: KafkaReader, end: u64) -> LogResult<()> {
        let mut draft = self.book().draft()?;
        loop {
            let records = reader.next().await?;
            if records.is_empty() {
                break;
            }
            let entries: Vec<_> = records.into_iter().map(Entry::read).collect();
            self.book().note(&mut draft, &entries)?;
            tokio::task::yield_now().await;
        }
        let (mut merge, beside) = draft.close()?;
        loop {
            let batch = merge.batch(BATCH)?;
            if batch.is_empty() {
                break;
            }
            self.book().fill(&batch)?;
            // There are other tasks.
            tokio::task::yield_now().await;
        }
        let path = self.book().file().path();
        let on_disk = on_disk(path).await;
        on_disk.map_err(|error| LogError::Broken(format!("a table's file: {error}")))?;
        self.book().adopt(beside, end, self.parts.clock.now())
    }

    async fn write_all(&self, records: Vec<Append>) -> LogResult<()> {
        if records.is_empty() {
            return Ok(());
        }
        if let Some(stray) =
            records.iter().find(|record| record.topic != self.topic || record.partition.unwrap_or(0) != 0)
        {
            return Err(LogError::Broken(format!(
                "a record of `{}` is not for the table `{}`",
                stray.topic, self.topic
            )));
        }
        self.parts.limits.admit(&self.parts.admin, &records).await?;
        let (receipt, under_way) = {
            let mut book = self.book();
            let receipt = self.parts.producer.enqueue(&records)?;
            (receipt, UnderWay { table: self, turn: book.begin() })
        };
        let positions = receipt.positions().await?;
        let last = positions.iter().map(|position| position.offset).max().unwrap_or(0);
        let entries = records.into_iter().zip(positions).map(|(record, at)| Entry::written(record, at.offset));
        self.book().acknowledged(entries, self.parts.clock.now())?;
        self.shown(last, under_way).await
    }

    /// Waits until reads show the record at `offset`, which was acknowledged.
    async fn shown(&self, offset: u64, under_way: UnderWay<'_>) -> LogResult<()> {
        let turn = under_way.turn;
        drop(under_way);
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            {
                let book = self.book();
                if book.next() > offset {
                    return Ok(());
                }
                if !book.waits_behind_others(turn) {
                    break;
                }
            }
            moved.await;
        }
        // What stands before it was written by somebody else, or by a write that failed and was there all the same.
        self.read_others().await
    }
}

/// Whether a file that was found can be gone on with.
async fn is_current(parts: &Arc<Parts>, topic: &str, state: &State, delete_retention: Duration) -> LogResult<bool> {
    let age = parts.clock.now().duration_since(state.fresh).unsigned_abs();
    let (low, end) = parts.lookup.watermarks(topic, 0).await?;
    if age > delete_retention / 2 || state.next < low || state.next > end {
        return Ok(false);
    }
    match &state.last {
        Some(mark) => still_stands(parts, topic, mark).await,
        None => Ok(state.next == 0),
    }
}

async fn still_stands(parts: &Arc<Parts>, topic: &str, mark: &Mark) -> LogResult<bool> {
    let range = Range { topic: topic.to_owned(), partition: 0, from: mark.offset, to: mark.offset + 1 };
    let found = KafkaReader::open(parts, range)?.next().await?;
    Ok(found.first().is_some_and(|record| {
        let found = Mark { offset: record.offset, time: record.timestamp, key: record.key.clone() };
        found.offset == mark.offset && found.key == mark.key && same_millisecond(found.time, mark.time)
    }))
}

/// Waits until all of a file is on the disk. A thread does: it may take seconds.
async fn on_disk(path: PathBuf) -> io::Result<()> {
    let (done, synced) = oneshot::channel();
    let sync = move || std::fs::File::open(path)?.sync_all();
    thread::Builder::new().name("table sync".to_owned()).spawn(move || done.send(sync()))?;
    synced.await.map_err(io::Error::other)?
}

/// Topics have no other signs than letters, digits, `.`, `_` and `-` in their names.
fn file_name(topic: &str, fencing: Fencing) -> String {
    match fencing {
        Fencing::None => topic.to_owned(),
        Fencing::Epochs => format!("{topic}.fenced"),
    }
}

/// Kafka keeps milliseconds.
fn same_millisecond(left: Timestamp, right: Timestamp) -> bool {
    left.as_millisecond() == right.as_millisecond()
}

impl Table for KafkaTable {
    fn get(&self, key: &str) -> LogResult<Option<Bytes>> {
        self.book().file().get(key.as_bytes())
    }

    fn scan(&self, prefix: &str, after: Option<&str>, limit: usize) -> LogResult<Vec<(String, Bytes)>> {
        self.book().file().scan(prefix, after, limit)
    }

    fn write(&self, records: Vec<Append>) -> BoxFuture<'_, LogResult<()>> {
        Box::pin(self.write_all(records))
    }

    fn catch_up(&self) -> BoxFuture<'_, LogResult<()>> {
        Box::pin(self.read_others())
    }

    fn ignored(&self) -> Vec<String> {
        self.book().ignored().iter().map(|key| String::from_utf8_lossy(key).into_owned()).collect()
    }
}

/// A write waits for its acknowledgement, until this is dropped.
struct UnderWay<'a> {
    table: &'a KafkaTable,
    turn: Turn,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.table.book().end(self.turn);
        self.table.moved.notify_waiters();
    }
}
