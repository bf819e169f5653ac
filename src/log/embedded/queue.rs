//! The queue in front of the writer, bounded by bytes: what does not fit is refused at once.

use std::{
    collections::VecDeque,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use rusqlite::Connection;

use super::{error::closed, tails::Tails};
use crate::log::{LogError, LogResult, Pressure};

/// One transaction takes at most so much, so that nobody waits behind a mountain.
const BATCH_BYTES: usize = 8 << 20;
const BATCH_JOBS: usize = 4096;

/// Something to do in the writer's next transaction.
pub(super) trait Work: Send {
    /// Does it. An error fails the whole transaction, so it is for what concerns all: a full disk, damage.
    fn apply(&mut self, transaction: &Connection, tails: &mut Tails) -> rusqlite::Result<()>;

    /// Tells whoever waits what became of the transaction.
    fn answer(self: Box<Self>, result: LogResult<()>);
}

pub(super) struct Job {
    /// What it weighs in the queue.
    pub(super) bytes: usize,
    pub(super) work: Box<dyn Work>,
}

pub(super) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    limit: usize,
    queued: AtomicUsize,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl Queue {
    pub(super) fn new(limit: usize) -> Self {
        Self { state: Mutex::default(), filled: Condvar::new(), limit, queued: AtomicUsize::new(0) }
    }

    /// Puts a job behind the others. A single one that is larger than the queue goes through an empty one.
    pub(super) fn push(&self, job: Job) -> LogResult<()> {
        let mut state = self.state();
        if state.closed {
            return Err(closed());
        }
        let queued = self.queued.load(Ordering::Relaxed);
        if queued > 0 && queued + job.bytes > self.limit {
            return Err(LogError::Unavailable(format!("{queued} bytes wait for the disk already")));
        }
        self.queued.fetch_add(job.bytes, Ordering::Relaxed);
        state.jobs.push_back(job);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// Waits for jobs and takes as many as one transaction may hold. None left and closed: `false`.
    pub(super) fn take(&self, batch: &mut Vec<Job>) -> bool {
        let mut state = self.state();
        while state.jobs.is_empty() && !state.closed {
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let mut bytes = 0;
        while let Some(job) = state.jobs.front() {
            if !batch.is_empty() && (bytes + job.bytes > BATCH_BYTES || batch.len() >= BATCH_JOBS) {
                break;
            }
            bytes += job.bytes;
            batch.extend(state.jobs.pop_front());
        }
        !batch.is_empty()
    }

    /// These bytes are no longer queued.
    pub(super) fn settle(&self, bytes: usize) {
        self.queued.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Takes no more jobs. Those queued are still done, unless `abandon`: then whoever waits for them hears that they
    /// were not.
    pub(super) fn close(&self, abandon: bool) {
        let mut state = self.state();
        state.closed = true;
        let abandoned = if abandon { std::mem::take(&mut state.jobs) } else { VecDeque::new() };
        drop(state);
        self.filled.notify_all();
        for job in abandoned {
            self.settle(job.bytes);
            job.work.answer(Err(closed()));
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state().closed
    }

    pub(super) fn pressure(&self) -> Pressure {
        Pressure { queued_bytes: self.queued.load(Ordering::Relaxed), limit_bytes: self.limit }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
