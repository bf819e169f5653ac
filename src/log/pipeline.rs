//! The one loop that consumes, handles, produces and commits: normalizer and router are handlers in it.
//!
//! Outputs are durable before the offset behind them is stored. After a crash some records are handled again; everything
//! downstream takes the same record twice.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::{Consumer, Log, LogError, LogResult, Offsets, Signal, TopicPartition};
use crate::{
    model::time::Clock,
    telemetry::{bug, killpoint},
    topics::record::{Append, Record},
};

/// What a role does with a record.
pub trait Handler: Send {
    /// Makes ready for records, reading what else they need.
    fn prepare<'a>(&'a mut self, records: &'a [Record]) -> BoxFuture<'a, LogResult<()>>;

    /// What one record gives. A record that cannot be handled gives a dead letter.
    fn handle(&mut self, record: &Record) -> Vec<Append>;
}

/// How the loop works.
#[derive(Clone)]
pub struct Pipeline {
    pub log: Log,
    pub clock: Arc<dyn Clock>,
    pub group: String,
    pub topics: Vec<String>,
    /// The longest that a handled record's offset stays uncommitted.
    pub commit_every: Duration,
}

impl Pipeline {
    /// Runs until `stop`.
    ///
    /// # Errors
    /// A log that is broken; what is merely unavailable is waited for.
    pub async fn run(&self, handler: &mut dyn Handler, stop: CancellationToken) -> LogResult<()> {
        let mut consumer = self.log.consumer(&self.group, &self.topics).await?;
        let end = self.follow(consumer.as_mut(), handler, &stop).await;
        consumer.leave().await?;
        end
    }

    async fn follow(
        &self,
        consumer: &mut dyn Consumer,
        handler: &mut dyn Handler,
        stop: &CancellationToken,
    ) -> LogResult<()> {
        let mut uncommitted = false;
        let mut timer = self.clock.sleep(self.commit_every);
        loop {
            let signal = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = &mut timer => {
                    timer = self.clock.sleep(self.commit_every);
                    if std::mem::take(&mut uncommitted) {
                        commit(consumer).await;
                    }
                    continue;
                }
                signal = consumer.next() => signal?,
            };
            match signal {
                Signal::Records(records) => {
                    self.handle(&records, handler, stop).await?;
                    for (partition, next) in ends(&records) {
                        consumer.store(&partition, next);
                    }
                    uncommitted = true;
                }
                Signal::Revoked(_) => consumer.released().await?,
                Signal::Assigned(_) | Signal::Lost(_) => {}
            }
        }
    }

    async fn handle(&self, records: &[Record], handler: &mut dyn Handler, stop: &CancellationToken) -> LogResult<()> {
        while let Err(error) = handler.prepare(records).await {
            self.pause(error, stop).await?;
        }
        let outputs: Vec<_> = records.iter().flat_map(|record| handler.handle(record)).collect();
        if outputs.is_empty() || bug::strikes("outputs-unwritten") {
            return Ok(());
        }
        while let Err(error) = self.log.append(outputs.clone()).await {
            self.pause(error, stop).await?;
        }
        killpoint::reached("outputs-written");
        Ok(())
    }

    /// Waits before it is done again, while the log is unavailable. A stop meanwhile leaves the records for the next start.
    async fn pause(&self, error: LogError, stop: &CancellationToken) -> LogResult<()> {
        let LogError::Unavailable(why) = error else { return Err(error) };
        tracing::warn!(group = self.group, error = why, "log unavailable");
        tokio::select! {
            () = self.clock.sleep(Duration::from_secs(1)) => Ok(()),
            () = stop.cancelled() => Err(LogError::Unavailable(why)),
        }
    }
}

/// A commit that fails is made good by the next one; a member that was thrown out hears so by a signal.
async fn commit(consumer: &mut dyn Consumer) {
    if let Err(error) = consumer.commit().await {
        tracing::warn!(error = %error, "commit failed");
    }
}

/// The offset behind the last record of each partition.
fn ends(records: &[Record]) -> Offsets {
    let mut ends = Offsets::new();
    for record in records {
        let partition = TopicPartition { topic: Arc::clone(&record.topic), partition: record.partition };
        ends.insert(partition, record.offset + 1);
    }
    ends
}
