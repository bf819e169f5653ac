//! The log behind one small interface: append durably, consume in a group, read a range, tables, trim.
//!
//! Two implementations, held to one contract suite (`tests/it/log_contract.rs`): Kafka ([`kafka`]) and an embedded one
//! ([`embedded`]). No id in Spojka contains an offset, so a config moves from one to the other by naming the brokers.

pub mod embedded;
pub mod fencing;
pub mod health;
pub mod kafka;
pub mod partitioner;
pub mod pipeline;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::{
    model::time::Timestamp,
    topics::record::{Append, Record},
};

/// One log, shared by all roles of a process.
pub type Log = Arc<dyn LogStore>;

/// What comes of a call.
pub type LogResult<T> = Result<T, LogError>;

/// A log: Kafka, or a file.
pub trait LogStore: Send + Sync + 'static {
    /// Makes the topics that do not exist. What exists is left as it is; one that is compacted where it must not be, or has
    /// fewer partitions than it must have, is [`LogError::Broken`].
    fn create_topics<'a>(&'a self, specs: &'a [TopicSpec]) -> BoxFuture<'a, LogResult<()>>;

    fn describe<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, LogResult<TopicInfo>>;

    /// Writes records and returns when all of them are durable. Records for one partition keep their order, within the call
    /// and against calls whose futures were polled to their end before. After an error, any of the records may be there.
    fn append(&self, records: Vec<Append>) -> BoxFuture<'_, LogResult<Vec<Position>>>;

    /// Whether this process is provably the only one that can write: a predecessor is then dead, and nobody waits for it.
    fn is_exclusive(&self) -> bool;

    /// How full the queue in front of the disk or the brokers is.
    fn pressure(&self) -> Pressure;

    /// Joins a group as one member that reads `topics`. Reading begins at the stored offsets, or at the first record kept.
    fn consumer<'a>(&'a self, group: &'a str, topics: &'a [String]) -> BoxFuture<'a, LogResult<Box<dyn Consumer>>>;

    /// Reads one partition from a bound (included) to a bound (not included), outside any group.
    fn read<'a>(
        &'a self,
        topic: &'a str,
        partition: u32,
        from: Bound,
        to: Bound,
    ) -> BoxFuture<'a, LogResult<Box<dyn Reader>>>;

    /// Opens a compacted topic's partition 0 as a table, read up to its end as of now.
    fn table<'a>(&'a self, topic: &'a str, fencing: Fencing) -> BoxFuture<'a, LogResult<Arc<dyn Table>>>;

    /// The offsets stored for a group.
    fn offsets<'a>(&'a self, group: &'a str) -> BoxFuture<'a, LogResult<Offsets>>;

    /// The offset that comes next in partition 0 of each of these topics, all in one question: cheap enough to be asked
    /// every second for hundreds of topics.
    fn ends<'a>(&'a self, topics: &'a [String]) -> BoxFuture<'a, LogResult<Vec<u64>>> {
        Box::pin(async move {
            let mut ends = Vec::with_capacity(topics.len());
            for topic in topics {
                ends.push(self.describe(topic).await?.partitions.first().map_or(0, |(_, end)| *end));
            }
            Ok(ends)
        })
    }

    /// Deletes the oldest records of a topic by the rule. Answers how many went.
    fn trim<'a>(&'a self, topic: &'a str, rule: &'a TrimRule, now: Timestamp) -> BoxFuture<'a, LogResult<u64>>;

    /// Waits until everything queued is durable, at most `deadline`, and stops. No call may follow.
    fn close(&self, deadline: Duration) -> BoxFuture<'_, LogResult<()>>;
}

/// A member of a group.
pub trait Consumer: Send {
    /// The next thing that happens. Dropping the future loses nothing. Keep calling: whoever does not poll is thrown out of
    /// its group.
    fn next(&mut self) -> BoxFuture<'_, LogResult<Signal>>;

    /// Marks a partition as settled up to, and not including, `next`. Nothing is written yet; a partition that is no longer
    /// this member's is ignored.
    fn store(&mut self, partition: &TopicPartition, next: u64);

    /// Writes what was stored. Success proves that this member still belongs to its group, also when nothing new was stored
    /// (then the last offsets are written again). [`LogError::Lost`] says that it does not.
    fn commit(&mut self) -> BoxFuture<'_, LogResult<()>>;

    /// Gives up the partitions that [`Signal::Revoked`] named, after committing what was stored.
    fn released(&mut self) -> BoxFuture<'_, LogResult<()>>;

    /// No records of these until [`Consumer::resume`].
    fn pause(&mut self, partitions: &[TopicPartition]) -> LogResult<()>;

    fn resume(&mut self, partitions: &[TopicPartition]) -> LogResult<()>;

    /// Leaves the group, after committing what was stored.
    fn leave(self: Box<Self>) -> BoxFuture<'static, LogResult<()>>;
}

/// A read of a range.
pub trait Reader: Send {
    /// The next records, in order; empty at the end.
    fn next(&mut self) -> BoxFuture<'_, LogResult<Vec<Record>>>;
}

/// A compacted topic read by key. Reads are local and quick; writes are durable when they return.
pub trait Table: Send + Sync + 'static {
    fn get(&self, key: &str) -> LogResult<Option<Bytes>>;

    /// Keys that begin with `prefix` and come after `after`, in the order of their bytes, at most `limit`.
    fn scan(&self, prefix: &str, after: Option<&str>, limit: usize) -> LogResult<Vec<(String, Bytes)>>;

    /// Appends records of this topic, durably and in order, and shows them to reads when it returns. After an error any of
    /// them may be there, and reads may not show them until [`Table::catch_up`].
    fn write(&self, records: Vec<Append>) -> BoxFuture<'_, LogResult<()>>;

    /// Reads what others wrote, up to the end as of now. For a fenced table: also what was ignored (see [`Fencing`]).
    fn catch_up(&self) -> BoxFuture<'_, LogResult<()>>;

    /// Keys for which a record was ignored because its epoch was lower than a claim before it. Whoever owns the table writes
    /// their values again, so that compaction keeps the right ones.
    fn ignored(&self) -> Vec<String>;
}

/// Whether a table's records carry epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fencing {
    None,
    /// A record under the key [`crate::topics::memory::key::CLAIM`] raises the epoch to that of its header; records with a
    /// lower one that stand behind it are ignored.
    Epochs,
}

/// What may be deleted: all that one of the bounds says, but nothing that a group has still to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrimRule {
    /// Older than this.
    pub keep_for: Option<Duration>,
    /// Beyond this many bytes of values, the oldest first.
    pub keep_bytes: Option<u64>,
    /// The groups that read the topic.
    pub readers: Vec<String>,
    /// Where a reader of partition 0 stands that is in no group: what it has still to read is kept.
    pub position: Option<u64>,
}

/// A topic that must exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    pub name: String,
    pub partitions: u32,
    /// Only the latest record of each key is kept; read as a [`Table`].
    pub compacted: bool,
}

/// What the log says of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicInfo {
    pub name: String,
    pub compacted: bool,
    /// The largest record that it takes, in bytes.
    pub max_message_bytes: usize,
    /// How many replicas must have a record before it counts, where the log has replicas.
    pub min_insync_replicas: Option<u32>,
    pub replicas: Option<u32>,
    /// For each partition: the first offset kept, and the one that comes next.
    pub partitions: Vec<(u64, u64)>,
}

/// Where a record came to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub partition: u32,
    pub offset: u64,
}

/// One partition of one topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    pub topic: std::sync::Arc<str>,
    pub partition: u32,
}

/// Why the log did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// Not now: brokers away, not enough replicas, queue full, disk full. Nothing is known to be lost; the records of a
    /// failed append may or may not be there.
    #[error("the log is unavailable: {0}")]
    Unavailable(String),
    /// The record is larger than its topic takes.
    #[error("the record is larger than the topic `{topic}` takes")]
    TooLarge { topic: String },
    #[error("the topic `{0}` does not exist")]
    NoSuchTopic(String),
    /// Another member owns the partition now: whatever was read may no longer be committed.
    #[error("the partition belongs to another member of the group now")]
    Lost,
    /// The log's own files or answers make no sense.
    #[error("the log is damaged or misconfigured: {0}")]
    Broken(String),
}

/// What a member of a group hears.
#[derive(Debug)]
pub enum Signal {
    /// These partitions are now this member's. Records of them follow.
    Assigned(Vec<TopicPartition>),
    /// These will belong to somebody else as soon as [`Consumer::released`] is called: finish or drop what was read of them,
    /// store what is settled, then call it. Signals and records of other partitions go on meanwhile.
    Revoked(Vec<TopicPartition>),
    /// These belong to somebody else already: drop what was read of them, commit nothing.
    Lost(Vec<TopicPartition>),
    /// Records, in order within each partition. Never empty.
    Records(Vec<Record>),
}

/// Where to begin or end a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The first record kept, or (as an end) the end as it stood when the read began.
    Edge,
    Offset(u64),
    /// The first record with this timestamp or a later one.
    Time(Timestamp),
}

/// How full the log's own queue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pressure {
    pub queued_bytes: usize,
    pub limit_bytes: usize,
}

impl Pressure {
    /// So full that whoever can refuse work should.
    pub fn is_high(self) -> bool {
        self.queued_bytes > self.limit_bytes / 2
    }
}

/// The next offset to read of each partition that is stored for a group.
pub type Offsets = BTreeMap<TopicPartition, u64>;
