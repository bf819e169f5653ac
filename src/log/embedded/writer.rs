//! The one thread that writes: takes everything queued, one transaction, one fsync, then answers all.

use std::{
    path::Path,
    sync::Arc,
    thread::{Builder, JoinHandle},
};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::watch;

use super::{
    queue::{Job, Queue},
    tails::Tails,
};
use crate::log::{LogError, LogResult};

/// About so many bytes go into the WAL before they are carried over into the file.
const CHECKPOINT_BYTES: usize = 16 << 20;

pub(super) struct Writer {
    connection: Connection,
    tails: Tails,
    /// Written since the last checkpoint, by a guess that is rather too high: one page more for each job.
    in_wal: usize,
}

impl Writer {
    pub(super) fn new(connection: Connection, tails: Tails) -> Self {
        Self { connection, tails, in_wal: 0 }
    }

    /// Starts the thread. `ended` becomes true when it has written all there was and stopped.
    pub(super) fn start(self, queue: Arc<Queue>, ended: watch::Sender<bool>, path: &Path) -> LogResult<JoinHandle<()>> {
        Builder::new()
            .name("log-writer".to_owned())
            .spawn(move || {
                // Also when this thread panics: nobody may wait for a writer that is gone.
                let _end = End(Arc::clone(&queue), ended);
                self.run(&queue);
            })
            .map_err(|error| LogError::Unavailable(format!("no thread for `{}`: {error}", path.display())))
    }

    fn run(mut self, queue: &Queue) {
        let mut batch = Vec::new();
        while queue.take(&mut batch) {
            let bytes = batch.iter().map(|job| job.bytes).sum();
            let result = self.write(&mut batch);
            queue.settle(bytes);
            self.in_wal += bytes + batch.len() * 4096;
            batch.drain(..).for_each(|job| job.work.answer(result.clone()));
            self.checkpoint_when_due();
        }
        self.checkpoint("TRUNCATE");
    }

    fn write(&mut self, batch: &mut [Job]) -> LogResult<()> {
        match self.transact(batch) {
            Ok(()) => {
                self.tails.publish();
                Ok(())
            }
            Err(error) => {
                self.tails.restore();
                Err(report(error))
            }
        }
    }

    fn transact(&mut self, batch: &mut [Job]) -> rusqlite::Result<()> {
        if !self.connection.is_autocommit() {
            // A transaction that failed could not even be rolled back then; the disk may have room again now.
            self.connection.execute_batch("ROLLBACK")?;
        }
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for job in batch {
            job.work.apply(&transaction, &mut self.tails)?;
        }
        self.tails.save(&transaction)?;
        transaction.commit()
    }

    fn checkpoint_when_due(&mut self) {
        if self.in_wal >= CHECKPOINT_BYTES {
            self.in_wal = 0;
            self.checkpoint("PASSIVE");
        }
    }

    /// Carries the WAL over into the file. Where that fails, nothing is lost: the WAL stays, and the next one tries again.
    fn checkpoint(&self, mode: &str) {
        let done = self.connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()));
        if let Err(error) = done {
            tracing::warn!(%error, "the log's write-ahead file could not be carried over");
        }
    }
}

/// Says that the thread has ended, however it did.
struct End(Arc<Queue>, watch::Sender<bool>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.close(true);
        self.1.send_replace(true);
    }
}

fn report(error: rusqlite::Error) -> LogError {
    let error = LogError::from(error);
    tracing::error!(%error, "the log could not be written");
    error
}
