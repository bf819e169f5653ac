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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A job that keeps what it was told.
    struct Told(Arc<Mutex<Vec<LogResult<()>>>>);

    impl Work for Told {
        fn apply(&mut self, _: &Connection, _: &mut Tails) -> rusqlite::Result<()> {
            Ok(())
        }

        fn answer(self: Box<Self>, result: LogResult<()>) {
            self.0.lock().unwrap().push(result);
        }
    }

    fn job(bytes: usize, told: &Arc<Mutex<Vec<LogResult<()>>>>) -> Job {
        Job { bytes, work: Box::new(Told(Arc::clone(told))) }
    }

    #[test]
    fn what_does_not_fit_is_refused_at_once_and_fits_when_there_is_room() {
        let (queue, told) = (Queue::new(100), Arc::default());
        queue.push(job(60, &told)).unwrap();
        assert!(queue.pressure().is_high());
        assert!(matches!(queue.push(job(41, &told)), Err(LogError::Unavailable(_))));
        queue.push(job(40, &told)).unwrap();
        assert!(queue.take(&mut Vec::new()));
        assert!(queue.push(job(1, &told)).is_err(), "what is being written still counts");
        queue.settle(100);
        queue.push(job(1, &told)).unwrap();
        assert_eq!(queue.pressure(), Pressure { queued_bytes: 1, limit_bytes: 100 });
    }

    #[test]
    fn one_that_is_larger_than_the_queue_goes_alone() {
        let (queue, told) = (Queue::new(100), Arc::default());
        queue.push(job(101, &told)).unwrap();
        assert!(queue.push(job(1, &told)).is_err());
    }

    #[test]
    fn a_transaction_holds_no_more_than_it_may() {
        let (queue, told) = (Queue::new(usize::MAX), Arc::default());
        for bytes in [1, BATCH_BYTES - 1, 1, BATCH_BYTES + 1, 1] {
            queue.push(job(bytes, &told)).unwrap();
        }
        let mut sizes = Vec::new();
        for _ in 0..4 {
            let mut batch = Vec::new();
            queue.take(&mut batch);
            sizes.push(batch.len());
        }
        assert_eq!(sizes, [2, 1, 1, 1]);
    }

    #[test]
    fn closed_means_that_the_rest_is_done_or_answered() {
        let (queue, told) = (Queue::new(100), Arc::default());
        queue.push(job(1, &told)).unwrap();
        queue.close(false);
        assert!(queue.push(job(1, &told)).is_err());
        let mut batch = Vec::new();
        assert!(queue.take(&mut batch), "what was queued is still there");
        assert!(!queue.take(&mut Vec::new()), "nothing will follow");

        let queue = Queue::new(100);
        queue.push(job(1, &told)).unwrap();
        queue.close(true);
        assert!(!queue.take(&mut Vec::new()));
        assert_eq!(*told.lock().unwrap(), [Err(closed())]);
        assert_eq!(queue.pressure().queued_bytes, 0);
    }
}
