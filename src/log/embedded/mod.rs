//! The embedded log: one SQLite file, for one process, with no server to install.
//!
//! One thread writes: everything that is queued goes into one transaction with one fsync, and is answered behind it. Tasks
//! never touch the file, except that a table's look-up, which takes microseconds, is made where it is asked for.
//!
//! What it must not do: give an offset twice, answer an append before its fsync, wait by looking again and again.
//!
//! Timestamps are kept to the millisecond, as Kafka keeps them. The record of a deletion in a compacted topic is not kept.

use std::{
    fmt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::sync::{oneshot, watch};

use self::{
    catalog::Catalog,
    consumer::EmbeddedConsumer,
    error::closed,
    groups::Groups,
    lock::FileLock,
    pool::ReadPool,
    queue::{Job, Queue},
    reader::RangeReader,
    table::{EmbeddedTable, TableReads},
    writer::Writer,
};
use super::{
    Bound, Consumer, Fencing, LogError, LogResult, LogStore, Offsets, Position, Pressure, Reader, Table, TopicInfo,
    TopicSpec, TrimRule,
};
use crate::{
    model::time::{Clock, SystemClock, Timestamp},
    topics::record::Append,
};

mod append;
mod catalog;
mod consumer;
mod create;
mod error;
mod groups;
mod headers;
mod lock;
mod offsets;
mod pool;
mod queue;
mod reader;
mod records;
mod schema;
mod table;
mod tails;
mod trim;
mod unread;
mod writer;

pub use unread::Unread;

/// How an embedded log is opened.
#[derive(Clone)]
pub struct EmbeddedOptions {
    /// The largest record: key, headers and value together.
    pub max_message_bytes: usize,
    /// What may wait for the disk before appends are refused.
    pub queue_bytes: usize,
    /// How large the file may grow. Appends are refused beyond it, as on a full disk.
    pub max_file_bytes: Option<u64>,
    pub reader_threads: usize,
    pub clock: Arc<dyn Clock>,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            max_message_bytes: 4 << 20,
            queue_bytes: 64 << 20,
            max_file_bytes: None,
            reader_threads: 2,
            clock: Arc::new(SystemClock),
        }
    }
}

/// A log in one file.
pub struct EmbeddedLog(Arc<Shared>);

/// What the log and all that was opened on it have in common.
struct Shared {
    catalog: Arc<Catalog>,
    groups: Arc<Groups>,
    queue: Arc<Queue>,
    pool: ReadPool,
    tables: TableReads,
    options: EmbeddedOptions,
    ended: watch::Receiver<bool>,
    writer: Mutex<Option<JoinHandle<()>>>,
    lock: Mutex<Option<FileLock>>,
}

impl EmbeddedLog {
    /// Opens the file, and makes it if it does not exist; its folder must. [`LogError::Broken`] when another process has it
    /// open, or when it is no log of ours.
    pub fn open(path: &Path, options: EmbeddedOptions) -> LogResult<Self> {
        let lock = FileLock::acquire(path)?;
        let connection = schema::open(path, &options)?;
        let (catalog, tails) = schema::load(&connection)?;
        let pool = ReadPool::start(path, options.reader_threads)?;
        let tables = TableReads::open(path)?;
        let queue = Arc::new(Queue::new(options.queue_bytes));
        let (ending, ended) = watch::channel(false);
        let writer = Writer::new(connection, tails).start(Arc::clone(&queue), ending, path)?;
        Ok(Self(Arc::new(Shared {
            catalog: Arc::new(catalog),
            groups: Arc::default(),
            queue,
            pool,
            tables,
            options,
            ended,
            writer: Mutex::new(Some(writer)),
            lock: Mutex::new(Some(lock)),
        })))
    }
}

impl EmbeddedLog {
    /// What a group has still to read of each topic that is not compacted.
    ///
    /// # Errors
    /// As any read of the file.
    pub async fn unread(&self, group: &str) -> LogResult<Vec<Unread>> {
        unread::unread(&self.0, group).await
    }
}

impl Shared {
    /// Queues a job and waits until its transaction is durable.
    async fn submit<T>(&self, job: Job, answered: oneshot::Receiver<LogResult<T>>) -> LogResult<T> {
        self.queue.push(job)?;
        answered.await.map_err(|_| closed())?
    }

    fn check_open(&self) -> LogResult<()> {
        if self.queue.is_closed() { Err(closed()) } else { Ok(()) }
    }

    async fn append(&self, records: Vec<Append>) -> LogResult<Vec<Position>> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let (job, answered) = append::prepare(&self.catalog, self.options.max_message_bytes, records)?;
        self.submit(job, answered).await
    }

    async fn describe(&self, topic: &str) -> LogResult<TopicInfo> {
        let topic = self.catalog.find(topic)?;
        let described = Arc::clone(&topic);
        let partitions = self.pool.read(move |connection| {
            let bounds = described.partitions.iter().map(|partition| {
                let end = partition.end();
                Ok((records::first(connection, partition.row, end)?, end))
            });
            bounds.collect::<LogResult<Vec<_>>>()
        });
        Ok(TopicInfo {
            name: topic.name.to_string(),
            compacted: topic.compacted,
            max_message_bytes: self.options.max_message_bytes,
            min_insync_replicas: None,
            replicas: None,
            partitions: partitions.await?,
        })
    }

    async fn close(&self, deadline: Duration) -> LogResult<()> {
        self.queue.close(false);
        self.catalog.wake_all();
        let mut ended = self.ended.clone();
        tokio::select! {
            // The thread also says so when it panics; a sender that is gone has ended, too.
            _ = ended.wait_for(|ended| *ended) => {}
            () = self.options.clock.sleep(deadline) => {
                let left = self.queue.pressure().queued_bytes;
                return Err(LogError::Unavailable(format!("{left} bytes were not written in time")));
            }
        }
        self.stop();
        Ok(())
    }

    /// Joins the threads, closes the file and gives up the lock, in this order.
    fn stop(&self) {
        self.queue.close(true);
        self.pool.close();
        self.tables.close();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if writer.is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the thread that writes the log panicked");
        }
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Drop for Shared {
    /// Without [`LogStore::close`]: what is queued is given up, as in a crash.
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for EmbeddedLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedLog").field("pressure", &self.pressure()).finish_non_exhaustive()
    }
}

impl LogStore for EmbeddedLog {
    fn create_topics<'a>(&'a self, specs: &'a [TopicSpec]) -> BoxFuture<'a, LogResult<()>> {
        Box::pin(async {
            let (job, answered) = create::job(specs, &self.0.catalog)?;
            self.0.submit(job, answered).await
        })
    }

    fn describe<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, LogResult<TopicInfo>> {
        Box::pin(self.0.describe(topic))
    }

    fn append(&self, records: Vec<Append>) -> BoxFuture<'_, LogResult<Vec<Position>>> {
        Box::pin(self.0.append(records))
    }

    /// The lock on the file: a process that had it open is dead, or has closed it.
    fn is_exclusive(&self) -> bool {
        true
    }

    fn pressure(&self) -> Pressure {
        self.0.queue.pressure()
    }

    fn consumer<'a>(&'a self, group: &'a str, topics: &'a [String]) -> BoxFuture<'a, LogResult<Box<dyn Consumer>>> {
        Box::pin(async {
            let consumer = EmbeddedConsumer::join(Arc::clone(&self.0), group, topics)?;
            Ok(Box::new(consumer) as Box<dyn Consumer>)
        })
    }

    fn read<'a>(
        &'a self,
        topic: &'a str,
        partition: u32,
        from: Bound,
        to: Bound,
    ) -> BoxFuture<'a, LogResult<Box<dyn Reader>>> {
        Box::pin(async move {
            let reader = RangeReader::open(Arc::clone(&self.0), topic, partition, from, to).await?;
            Ok(Box::new(reader) as Box<dyn Reader>)
        })
    }

    fn table<'a>(&'a self, topic: &'a str, fencing: Fencing) -> BoxFuture<'a, LogResult<Arc<dyn Table>>> {
        Box::pin(async move {
            let table = EmbeddedTable::open(Arc::clone(&self.0), topic, fencing).await?;
            Ok(Arc::new(table) as Arc<dyn Table>)
        })
    }

    fn offsets<'a>(&'a self, group: &'a str) -> BoxFuture<'a, LogResult<Offsets>> {
        Box::pin(async move {
            let group = group.to_owned();
            self.0.pool.read(move |connection| offsets::all(connection, &group)).await
        })
    }

    fn ends<'a>(&'a self, topics: &'a [String]) -> BoxFuture<'a, LogResult<Vec<u64>>> {
        Box::pin(async move {
            self.0.check_open()?;
            topics.iter().map(|topic| Ok(self.0.catalog.find(topic)?.partition(0)?.end())).collect()
        })
    }

    fn trim<'a>(&'a self, topic: &'a str, rule: &'a TrimRule, now: Timestamp) -> BoxFuture<'a, LogResult<u64>> {
        Box::pin(trim::trim(&self.0, topic, rule, now))
    }

    fn close(&self, deadline: Duration) -> BoxFuture<'_, LogResult<()>> {
        Box::pin(self.0.close(deadline))
    }
}
