//! Carries one connection's webhooks from the spool into the log, in order: append, then move the spool's offset.

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::{GROUP, SpoolParts, book::Book};
use crate::{
    log::{Consumer, Log, LogError, LogResult, Signal, TopicPartition, TrimRule},
    telemetry::killpoint,
    topics::record::{Append, Record},
};

/// How long to wait behind a failure.
const RETRY: Duration = Duration::from_secs(1);
/// So many webhooks are appended at once. After a failure it is one: each try that times out may land all the same, and then
/// lands again.
const AT_ONCE: usize = 200;
/// The spool's disk gets its room back at least behind so many.
const TRIM_EVERY: u64 = 5_000;

/// What drains one topic.
pub(super) struct Drain {
    pub(super) topic: String,
    pub(super) spool: Log,
    pub(super) book: Arc<Book>,
    pub(super) turns: Arc<Semaphore>,
    pub(super) append_timeout: Duration,
    pub(super) parts: SpoolParts,
}

/// How it goes.
struct Going {
    /// How many may be appended at once.
    at_once: usize,
    untrimmed: u64,
    failing: bool,
}

impl Drain {
    /// Drains whenever there is something. Told to stop, it goes on until nothing is left or the log fails.
    pub(super) async fn follow(self, stop: CancellationToken) {
        let mut going = Going { at_once: AT_ONCE, untrimmed: 0, failing: false };
        loop {
            tokio::select! {
                biased;
                () = self.book.filled(&self.topic) => {}
                () = stop.cancelled() => return,
            }
            let turn = self.turns.acquire().await;
            let passed = self.pass(&mut going).await;
            drop(turn);
            let Err(error) = passed else { continue };
            self.complain(&mut going, &error);
            if stop.is_cancelled() {
                return;
            }
            tokio::select! {
                () = self.parts.clock.sleep(RETRY) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Reads from where the group stands until nothing waits any more.
    async fn pass(&self, going: &mut Going) -> LogResult<()> {
        let mut consumer = self.spool.consumer(GROUP, std::slice::from_ref(&self.topic)).await?;
        while self.book.holds(&self.topic) {
            let signal = tokio::select! {
                signal = consumer.next() => signal?,
                // Counted, but not written: somebody else's turn.
                () = self.parts.clock.sleep(RETRY) => return Ok(()),
            };
            if let Signal::Records(records) = signal {
                self.carry(consumer.as_mut(), &records, going).await?;
            }
        }
        self.trim(going).await;
        consumer.leave().await
    }

    async fn carry(&self, consumer: &mut dyn Consumer, records: &[Record], going: &mut Going) -> LogResult<()> {
        let mut rest = records;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(going.at_once.min(rest.len()));
            self.append(now).await?;
            killpoint::reached("spool-drained");
            commit(consumer, now).await?;
            self.book.drained(&self.topic, now, later.first().map(|record| record.timestamp));
            self.rejoice(going);
            going.untrimmed += now.len() as u64;
            if going.untrimmed >= TRIM_EVERY {
                self.trim(going).await;
            }
            rest = later;
        }
        Ok(())
    }

    async fn append(&self, records: &[Record]) -> LogResult<()> {
        let appends = records.iter().map(|record| again(record, &self.topic)).collect();
        let appended = tokio::select! {
            appended = self.parts.log.append(appends) => appended.map(drop),
            () = self.parts.clock.sleep(self.append_timeout) => {
                Err(LogError::Unavailable("the log did not answer in time".to_owned()))
            }
        };
        if appended.is_err() {
            self.parts.metrics.log_error("drain");
        }
        self.parts.health.heard(&appended);
        appended
    }

    fn complain(&self, going: &mut Going, error: &LogError) {
        going.at_once = 1;
        if !std::mem::replace(&mut going.failing, true) {
            tracing::warn!(topic = self.topic, error = %error, "the spool cannot be drained; it goes on trying");
        }
    }

    fn rejoice(&self, going: &mut Going) {
        going.at_once = AT_ONCE;
        if std::mem::replace(&mut going.failing, false) {
            tracing::info!(topic = self.topic, "the spool is being drained");
        }
    }

    /// Gives the disk its room back. Where that fails, the next time does it.
    async fn trim(&self, going: &mut Going) {
        let drained = TrimRule {
            keep_for: Some(Duration::ZERO),
            keep_bytes: Some(0),
            readers: vec![GROUP.to_owned()],
            ..TrimRule::default()
        };
        match self.spool.trim(&self.topic, &drained, self.parts.clock.now()).await {
            Ok(_) => going.untrimmed = 0,
            Err(error) => tracing::warn!(topic = self.topic, error = %error, "the spool was not trimmed"),
        }
    }
}

/// The record as it was to be appended: with its id, its headers and its time.
fn again(record: &Record, topic: &str) -> Append {
    Append {
        topic: topic.to_owned(),
        partition: None,
        key: record.key.clone(),
        headers: record.headers.clone(),
        value: record.value.clone(),
        timestamp: record.timestamp,
    }
}

async fn commit(consumer: &mut dyn Consumer, records: &[Record]) -> LogResult<()> {
    if let Some(last) = records.last() {
        let partition = TopicPartition { topic: Arc::clone(&last.topic), partition: last.partition };
        consumer.store(&partition, last.offset + 1);
    }
    consumer.commit().await
}
