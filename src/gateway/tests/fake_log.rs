//! A log that only takes records, and does it as a test wants.

use std::sync::Mutex;

use futures_util::future::BoxFuture;
use tokio::sync::{Semaphore, watch};

use super::*;
use crate::{
    log::{
        Bound, Consumer, Fencing, LogError, LogResult, LogStore, Offsets, Position, Pressure, Reader, Table, TopicInfo,
        TopicSpec, TrimRule,
    },
    topics::record::Append,
};

/// What happens to an append.
#[derive(Clone)]
pub(super) enum Mode {
    Takes,
    Fails(LogError),
    /// Fails for this topic, and takes what belongs to others.
    FailsFor(&'static str),
    /// Never answers.
    Hangs,
    /// Answers when the test lets it.
    Waits,
}

pub(super) struct FakeLog {
    mode: Mutex<Mode>,
    appended: watch::Sender<Vec<Append>>,
    release: Semaphore,
    queued_bytes: Mutex<usize>,
}

impl Default for FakeLog {
    fn default() -> Self {
        Self {
            mode: Mutex::new(Mode::Takes),
            appended: watch::Sender::new(Vec::new()),
            release: Semaphore::new(0),
            queued_bytes: Mutex::new(0),
        }
    }
}

impl FakeLog {
    pub(super) fn set(&self, mode: Mode) {
        *self.mode.lock().expect("a lock") = mode;
    }

    /// Of 100 bytes, so many are queued.
    pub(super) fn set_queued(&self, bytes: usize) {
        *self.queued_bytes.lock().expect("a lock") = bytes;
    }

    /// Lets one waiting append go on.
    pub(super) fn release(&self) {
        self.release.add_permits(1);
    }

    /// Returns when so many records have been handed over, durable or not.
    pub(super) async fn handed_over(&self, count: usize) {
        self.appended.subscribe().wait_for(|appended| appended.len() >= count).await.expect("the log lives");
    }

    pub(super) fn records(&self) -> Vec<Record> {
        let record = |(offset, append): (usize, &Append)| Record {
            topic: append.topic.as_str().into(),
            partition: 0,
            offset: offset as u64,
            key: append.key.clone(),
            headers: append.headers.clone(),
            value: append.value.clone(),
            timestamp: append.timestamp,
        };
        self.appended.borrow().iter().enumerate().map(record).collect()
    }
}

fn unused<T>() -> BoxFuture<'static, LogResult<T>>
where
    T: Send + 'static,
{
    Box::pin(async { Err(LogError::Broken("the gateway only appends".to_owned())) })
}

impl LogStore for FakeLog {
    fn append(&self, records: Vec<Append>) -> BoxFuture<'_, LogResult<Vec<Position>>> {
        Box::pin(async move {
            let mode = self.mode.lock().expect("a lock").clone();
            match mode {
                Mode::Fails(error) => return Err(error),
                Mode::FailsFor(topic) if records.iter().any(|record| record.topic == topic) => {
                    return Err(LogError::Unavailable("this topic has no leader".to_owned()));
                }
                _ => {}
            }
            self.appended.send_modify(|appended| appended.extend(records));
            match mode {
                Mode::Hangs => std::future::pending().await,
                Mode::Waits => self.release.acquire().await.expect("open").forget(),
                Mode::Takes | Mode::Fails(_) | Mode::FailsFor(_) => {}
            }
            Ok(vec![Position { partition: 0, offset: 0 }])
        })
    }

    fn is_exclusive(&self) -> bool {
        true
    }

    fn pressure(&self) -> Pressure {
        Pressure { queued_bytes: *self.queued_bytes.lock().expect("a lock"), limit_bytes: 100 }
    }

    fn create_topics<'a>(&'a self, _specs: &'a [TopicSpec]) -> BoxFuture<'a, LogResult<()>> {
        unused()
    }

    fn describe<'a>(&'a self, _topic: &'a str) -> BoxFuture<'a, LogResult<TopicInfo>> {
        unused()
    }

    fn consumer<'a>(&'a self, _group: &'a str, _topics: &'a [String]) -> BoxFuture<'a, LogResult<Box<dyn Consumer>>> {
        unused()
    }

    fn read<'a>(
        &'a self,
        _topic: &'a str,
        _partition: u32,
        _from: Bound,
        _to: Bound,
    ) -> BoxFuture<'a, LogResult<Box<dyn Reader>>> {
        unused()
    }

    fn table<'a>(&'a self, _topic: &'a str, _fencing: Fencing) -> BoxFuture<'a, LogResult<Arc<dyn Table>>> {
        unused()
    }

    fn offsets<'a>(&'a self, _group: &'a str) -> BoxFuture<'a, LogResult<Offsets>> {
        unused()
    }

    fn trim<'a>(&'a self, _topic: &'a str, _rule: &'a TrimRule, _now: Timestamp) -> BoxFuture<'a, LogResult<u64>> {
        unused()
    }

    fn close(&self, _deadline: Duration) -> BoxFuture<'_, LogResult<()>> {
        unused()
    }
}
