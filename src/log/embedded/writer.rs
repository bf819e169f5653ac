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

/// So many pages (4 MiB) may stand in the write-ahead file before they are carried over. Nothing is written in the meantime:
/// with 4096 pages that pause doubled the slowest hundredth of appends (64 in flight: 7 ms became 14 ms) and gained no more
/// throughput than the measurements scatter.
const CHECKPOINT_PAGES: i64 = 1024;
/// Where readers kept that file from starting afresh for so long, the writer waits for them.
const RESTART_PAGES: i64 = 16 * CHECKPOINT_PAGES;

pub(super) struct Writer {
    connection: Connection,
    tails: Tails,
    /// The last transaction failed.
    failing: bool,
}

impl Writer {
    pub(super) fn new(connection: Connection, tails: Tails) -> Self {
        Self { connection, tails, failing: false }
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
            batch.drain(..).for_each(|job| job.work.answer(result.clone()));
            self.checkpoint_when_due();
        }
        self.checkpoint("PRAGMA wal_checkpoint(TRUNCATE)");
    }

    fn write(&mut self, batch: &mut [Job]) -> LogResult<()> {
        match self.transact(batch) {
            Ok(()) => {
                self.tails.publish();
                self.report(None);
                Ok(())
            }
            Err(error) => {
                self.tails.restore();
                let error = LogError::from(error);
                self.report(Some(&error));
                Err(error)
            }
        }
    }

    /// Says when it begins to fail and when it works again. In between, whoever appends hears of each failure.
    fn report(&mut self, error: Option<&LogError>) {
        match error {
            Some(error) if !self.failing => tracing::error!(%error, "the log cannot be written"),
            None if self.failing => tracing::info!("the log can be written again"),
            _ => {}
        }
        self.failing = error.is_some();
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

    /// After the answers: nobody waits for it but the next transaction.
    fn checkpoint_when_due(&self) {
        let Some(wal) = self.checkpoint("PRAGMA wal_checkpoint(NOOP)") else { return };
        if wal.pages >= RESTART_PAGES {
            self.checkpoint("PRAGMA wal_checkpoint(RESTART)");
        } else if wal.pages - wal.carried >= CHECKPOINT_PAGES {
            self.checkpoint("PRAGMA wal_checkpoint(PASSIVE)");
        }
    }

    /// Carries the write-ahead file over into the file. Where that fails, nothing is lost: it stays, and the next
    /// checkpoint tries again.
    fn checkpoint(&self, sql: &str) -> Option<Wal> {
        let done = self.connection.prepare_cached(sql).and_then(|mut statement| {
            statement.query_row([], |row| Ok(Wal { pages: row.get(1)?, carried: row.get(2)? }))
        });
        done.inspect_err(|error| tracing::warn!(%error, "the log's write-ahead file could not be carried over")).ok()
    }
}

/// The write-ahead file: its pages, and how many of them are in the file already.
struct Wal {
    pages: i64,
    carried: i64,
}

/// Says that the thread has ended, however it did.
struct End(Arc<Queue>, watch::Sender<bool>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.close(true);
        self.1.send_replace(true);
    }
}
