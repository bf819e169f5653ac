//! The topics that exist, in memory: where their partitions end and who waits for more.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock, Weak,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

use tokio::sync::Notify;

use crate::log::{LogError, LogResult};

/// A row of the table `partitions`.
pub(super) type PartitionRow = u32;

#[derive(Debug)]
pub(super) struct Partition {
    pub(super) row: PartitionRow,
    end: AtomicU64,
}

impl Partition {
    pub(super) fn new(row: PartitionRow, end: u64) -> Self {
        Self { row, end: AtomicU64::new(end) }
    }

    /// The offset that comes next, behind everything durable.
    pub(super) fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    pub(super) fn set_end(&self, end: u64) {
        self.end.store(end, Ordering::Release);
    }
}

#[derive(Debug)]
pub(super) struct Topic {
    pub(super) id: i64,
    pub(super) name: Arc<str>,
    pub(super) compacted: bool,
    pub(super) partitions: Vec<Partition>,
    watchers: Mutex<Vec<Weak<Notify>>>,
    turn: AtomicU32,
}

impl Topic {
    pub(super) fn new(id: i64, name: &str, compacted: bool, partitions: Vec<Partition>) -> Self {
        let (watchers, turn) = (Mutex::default(), AtomicU32::new(0));
        Self { id, name: name.into(), compacted, partitions, watchers, turn }
    }

    pub(super) fn width(&self) -> u32 {
        u32::try_from(self.partitions.len()).expect("made from a number of 32 bits")
    }

    pub(super) fn partition(&self, number: u32) -> LogResult<&Partition> {
        let found = usize::try_from(number).ok().and_then(|number| self.partitions.get(number));
        found.ok_or_else(|| LogError::Broken(format!("the topic `{}` has no partition {number}", self.name)))
    }

    /// The next partition for a record without a key: each in turn.
    pub(super) fn next_turn(&self) -> u32 {
        self.turn.fetch_add(1, Ordering::Relaxed) % self.width()
    }

    /// From now on, `watcher` hears when records were added.
    pub(super) fn watch(&self, watcher: &Arc<Notify>) {
        let mut watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        watchers.retain(|watcher| watcher.strong_count() > 0);
        watchers.push(Arc::downgrade(watcher));
    }

    pub(super) fn wake(&self) {
        let watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        for watcher in watchers.iter().filter_map(Weak::upgrade) {
            watcher.notify_one();
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Catalog(RwLock<HashMap<Arc<str>, Arc<Topic>>>);

impl Catalog {
    pub(super) fn find(&self, name: &str) -> LogResult<Arc<Topic>> {
        let topics = self.0.read().unwrap_or_else(PoisonError::into_inner);
        topics.get(name).cloned().ok_or_else(|| LogError::NoSuchTopic(name.to_owned()))
    }

    pub(super) fn add(&self, topic: Arc<Topic>) {
        let mut topics = self.0.write().unwrap_or_else(PoisonError::into_inner);
        topics.insert(Arc::clone(&topic.name), topic);
    }

    pub(super) fn all(&self) -> Vec<Arc<Topic>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub(super) fn wake_all(&self) {
        let topics = self.0.read().unwrap_or_else(PoisonError::into_inner);
        topics.values().for_each(|topic| topic.wake());
    }
}
