//! Threads that judge: each takes batches of records, judges every event by both sides, and counts what it finds.
//!
//! They let whoever serves live traffic on the same machine go first.

use std::{cell::OnceCell, sync::Arc};

use tokio::sync::{mpsc, oneshot};

use super::{
    sides::{Recorded, Side},
    tally::{Scale, Tally},
};
use crate::{
    log::{LogError, LogResult},
    topics::{event::Event, record::Record},
};

/// Batches that wait for a thread.
const WAITING: usize = 4;
/// How much less of a processor they get than others who want it: half of the way to nothing.
const NICE: i32 = 10;

/// What every event is judged by.
pub(super) struct Judge {
    pub present: Side,
    pub proposed: Side,
    pub recorded: Recorded,
    pub scale: Scale,
}

impl Judge {
    fn record(&self, record: &Record, tally: &mut Tally) -> LogResult<()> {
        let Ok(event) = Event::from_record(record) else {
            tally.unreadable += 1;
            return Ok(());
        };
        let facts = OnceCell::new();
        let present = self.present.judge(&event, &facts, &self.recorded)?;
        let proposed = self.proposed.judge(&event, &facts, &self.recorded)?;
        tally.add(&event, &present, &proposed, &self.scale);
        Ok(())
    }

    fn all(&self, batches: &mut mpsc::Receiver<Vec<Record>>) -> LogResult<Tally> {
        let mut tally = Tally::default();
        while let Some(batch) = batches.blocking_recv() {
            for record in &batch {
                self.record(record, &mut tally)?;
            }
        }
        Ok(tally)
    }
}

/// The threads.
pub(super) struct Bench {
    judge: Arc<Judge>,
    threads: Vec<Thread>,
    next: usize,
}

struct Thread {
    batches: mpsc::Sender<Vec<Record>>,
    tally: oneshot::Receiver<LogResult<Tally>>,
}

impl Bench {
    /// One thread for each processor.
    pub fn start(judge: Judge) -> LogResult<Self> {
        let judge = Arc::new(judge);
        let count = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = (0..count).map(|number| start(Arc::clone(&judge), number)).collect::<LogResult<_>>()?;
        Ok(Self { judge, threads, next: 0 })
    }

    /// Gives a batch to the next thread, once it has room. Answers whether they go on: one that failed takes no more.
    pub async fn take(&mut self, batch: Vec<Record>) -> bool {
        self.next = (self.next + 1) % self.threads.len();
        let Some(thread) = self.threads.get(self.next) else { return false };
        thread.batches.send(batch).await.is_ok()
    }

    /// What they counted, all together.
    pub async fn end(self) -> LogResult<(Tally, Arc<Judge>)> {
        let mut all = Tally::default();
        let mut tallies = Vec::new();
        for Thread { batches, tally } in self.threads {
            drop(batches);
            tallies.push(tally);
        }
        for tally in tallies {
            let tally = tally.await.map_err(|_| LogError::Broken("a thread that judges events died".to_owned()))??;
            all.merge(tally, self.judge.scale.samples);
        }
        Ok((all, self.judge))
    }
}

fn start(judge: Arc<Judge>, number: usize) -> LogResult<Thread> {
    let (batches, mut waiting) = mpsc::channel(WAITING);
    let (answer, tally) = oneshot::channel();
    let work = move || {
        if let Err(error) = rustix::process::nice(NICE) {
            tracing::debug!(error = %error, "a thread that judges events has the priority of all others");
        }
        // Whoever asked may have gone.
        let _heard = answer.send(judge.all(&mut waiting));
    };
    let spawned = std::thread::Builder::new().name(format!("backtest-{number}")).spawn(work);
    spawned.map_err(|error| LogError::Unavailable(format!("no thread to judge events: {error}")))?;
    Ok(Thread { batches, tally })
}
