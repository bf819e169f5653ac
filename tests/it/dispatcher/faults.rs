//! A log that does what the one behind it does, tells what was written, and can be cut off in the middle of a write, as a
//! process that dies is; or be away for a while.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use spojka::{
    log::{
        Bound, Consumer, Fencing, Log, LogError, LogResult, LogStore, Offsets, Position, Pressure, Reader, Signal,
        Table, TopicInfo, TopicPartition, TopicSpec, TrimRule,
    },
    model::time::Timestamp,
    topics::record::Append,
};

use super::wire::{Bell, ring};

/// Which records of a write still get through; `None`: this write is let through whole.
pub(super) type Cut = Box<dyn FnMut(&[Append]) -> Option<usize> + Send>;

/// The switches.
pub(super) struct Faults {
    bell: Bell,
    cut: Mutex<Option<Cut>>,
    is_cut: AtomicBool,
    /// So many writes fail before one goes through.
    away: Mutex<u32>,
    /// What commits answer.
    commits: Mutex<Option<LogError>>,
    /// Topics of which nothing is heard any more.
    silent: Mutex<Vec<String>>,
    /// What was written, as `topic key`, one list a write.
    written: Mutex<Vec<Vec<String>>>,
    pub(super) exclusive: AtomicBool,
}

impl Faults {
    pub(super) fn new(bell: Bell) -> Self {
        Self {
            bell,
            cut: Mutex::default(),
            is_cut: AtomicBool::new(false),
            away: Mutex::default(),
            commits: Mutex::default(),
            silent: Mutex::default(),
            written: Mutex::default(),
            exclusive: AtomicBool::new(true),
        }
    }

    /// From the write on that `cut` chooses, no write comes to its end.
    pub(super) fn cut(&self, cut: impl FnMut(&[Append]) -> Option<usize> + Send + 'static) {
        *self.cut.lock().unwrap() = Some(Box::new(cut));
    }

    pub(super) fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::SeqCst)
    }

    pub(super) fn mend(&self) {
        *self.cut.lock().unwrap() = None;
        self.is_cut.store(false, Ordering::SeqCst);
    }

    pub(super) fn be_away_for(&self, writes: u32) {
        *self.away.lock().unwrap() = writes;
    }

    /// How many writes are still to fail.
    pub(super) fn away_for(&self) -> u32 {
        *self.away.lock().unwrap()
    }

    pub(super) fn answer_commits(&self, error: Option<LogError>) {
        *self.commits.lock().unwrap() = error;
    }

    /// No write to this topic and no read of it comes to an end from now on.
    pub(super) fn silence(&self, topic: String) {
        self.silent.lock().unwrap().push(topic);
    }

    async fn wait_if_silent(&self, topic: &str) {
        let silent = self.silent.lock().unwrap().iter().any(|silent| silent == topic);
        if silent {
            ring(&self.bell);
            std::future::pending::<()>().await;
        }
    }

    pub(super) fn written(&self) -> Vec<Vec<String>> {
        self.written.lock().unwrap().clone()
    }

    /// What of these records may go through, and whether the writer dies then.
    fn admit(&self, records: &[Append]) -> LogResult<(usize, bool)> {
        if self.is_cut() {
            return Ok((0, true));
        }
        {
            let mut away = self.away.lock().unwrap();
            if *away > 0 {
                *away -= 1;
                ring(&self.bell);
                return Err(LogError::Unavailable("a test took it away".to_owned()));
            }
        }
        let cut = self.cut.lock().unwrap().as_mut().and_then(|cut| cut(records));
        Ok((cut.unwrap_or(records.len()), cut.is_some()))
    }

    fn note(&self, records: &[Append]) {
        let name = |record: &Append| format!("{} {}", record.topic, String::from_utf8_lossy(&record.key));
        self.written.lock().unwrap().push(records.iter().map(name).collect());
        ring(&self.bell);
    }

    async fn through<T, Fut>(&self, mut records: Vec<Append>, write: impl FnOnce(Vec<Append>) -> Fut) -> LogResult<T>
    where
        Fut: Future<Output = LogResult<T>>,
    {
        for record in &records {
            self.wait_if_silent(&record.topic).await;
        }
        let (count, dies) = self.admit(&records)?;
        records.truncate(count);
        let noted = records.clone();
        let written = write(records).await;
        if dies {
            self.is_cut.store(true, Ordering::SeqCst);
        }
        self.note(&noted);
        if dies { std::future::pending().await } else { written }
    }
}

/// The log.
pub(super) struct FaultyLog {
    pub(super) inner: Log,
    pub(super) faults: Arc<Faults>,
}

impl LogStore for FaultyLog {
    fn create_topics<'a>(&'a self, specs: &'a [TopicSpec]) -> BoxFuture<'a, LogResult<()>> {
        self.inner.create_topics(specs)
    }

    fn describe<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, LogResult<TopicInfo>> {
        self.inner.describe(topic)
    }

    fn append(&self, records: Vec<Append>) -> BoxFuture<'_, LogResult<Vec<Position>>> {
        Box::pin(self.faults.through(records, |records| self.inner.append(records)))
    }

    fn is_exclusive(&self) -> bool {
        self.faults.exclusive.load(Ordering::SeqCst)
    }

    fn pressure(&self) -> Pressure {
        self.inner.pressure()
    }

    fn consumer<'a>(&'a self, group: &'a str, topics: &'a [String]) -> BoxFuture<'a, LogResult<Box<dyn Consumer>>> {
        Box::pin(async move {
            let inner = self.inner.consumer(group, topics).await?;
            Ok(Box::new(FaultyConsumer { inner, faults: Arc::clone(&self.faults) }) as Box<dyn Consumer>)
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
            self.faults.wait_if_silent(topic).await;
            self.inner.read(topic, partition, from, to).await
        })
    }

    fn table<'a>(&'a self, topic: &'a str, fencing: Fencing) -> BoxFuture<'a, LogResult<Arc<dyn Table>>> {
        Box::pin(async move {
            let inner = self.inner.table(topic, fencing).await?;
            Ok(Arc::new(FaultyTable { inner, faults: Arc::clone(&self.faults) }) as Arc<dyn Table>)
        })
    }

    fn offsets<'a>(&'a self, group: &'a str) -> BoxFuture<'a, LogResult<Offsets>> {
        self.inner.offsets(group)
    }

    fn ends<'a>(&'a self, topics: &'a [String]) -> BoxFuture<'a, LogResult<Vec<u64>>> {
        self.inner.ends(topics)
    }

    fn trim<'a>(&'a self, topic: &'a str, rule: &'a TrimRule, now: Timestamp) -> BoxFuture<'a, LogResult<u64>> {
        self.inner.trim(topic, rule, now)
    }

    fn close(&self, deadline: Duration) -> BoxFuture<'_, LogResult<()>> {
        self.inner.close(deadline)
    }
}

struct FaultyTable {
    inner: Arc<dyn Table>,
    faults: Arc<Faults>,
}

impl Table for FaultyTable {
    fn get(&self, key: &str) -> LogResult<Option<Bytes>> {
        self.inner.get(key)
    }

    fn scan(&self, prefix: &str, after: Option<&str>, limit: usize) -> LogResult<Vec<(String, Bytes)>> {
        self.inner.scan(prefix, after, limit)
    }

    fn write(&self, records: Vec<Append>) -> BoxFuture<'_, LogResult<()>> {
        Box::pin(self.faults.through(records, |records| self.inner.write(records)))
    }

    fn catch_up(&self) -> BoxFuture<'_, LogResult<()>> {
        self.inner.catch_up()
    }

    fn ignored(&self) -> Vec<String> {
        self.inner.ignored()
    }
}

struct FaultyConsumer {
    inner: Box<dyn Consumer>,
    faults: Arc<Faults>,
}

impl Consumer for FaultyConsumer {
    fn next(&mut self) -> BoxFuture<'_, LogResult<Signal>> {
        self.inner.next()
    }

    fn store(&mut self, partition: &TopicPartition, next: u64) {
        self.inner.store(partition, next);
    }

    fn commit(&mut self) -> BoxFuture<'_, LogResult<()>> {
        Box::pin(async move {
            let refused = self.faults.commits.lock().unwrap().clone();
            let committed = match refused {
                Some(error) => Err(error),
                None => self.inner.commit().await,
            };
            ring(&self.faults.bell);
            committed
        })
    }

    fn released(&mut self) -> BoxFuture<'_, LogResult<()>> {
        self.inner.released()
    }

    fn pause(&mut self, partitions: &[TopicPartition]) -> LogResult<()> {
        self.inner.pause(partitions)
    }

    fn resume(&mut self, partitions: &[TopicPartition]) -> LogResult<()> {
        self.inner.resume(partitions)
    }

    fn leave(self: Box<Self>) -> BoxFuture<'static, LogResult<()>> {
        self.inner.leave()
    }
}
