//! How far normalizer and router are behind: what stands in their topics and is not settled. A lane tells its own lag.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::roles::Ground;
use crate::{
    log::{Log, LogResult, TopicPartition},
    model::time::Clock,
    telemetry::Metrics,
};

/// How often. Each topic takes the brokers some questions.
const EVERY: Duration = Duration::from_secs(30);

/// The task.
pub(super) struct LagWatch {
    log: Log,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    readers: Vec<Reader>,
}

/// A role of this process, with the topics that it reads.
pub(super) struct Reader {
    pub role: &'static str,
    pub group: String,
    pub topics: Vec<String>,
}

impl LagWatch {
    pub fn new(ground: &Ground, readers: Vec<Reader>) -> Self {
        let (log, clock, metrics) = (Arc::clone(&ground.log), Arc::clone(&ground.clock), Arc::clone(&ground.metrics));
        Self { log, clock, metrics, readers }
    }

    pub async fn run(self, stop: CancellationToken) -> LogResult<()> {
        loop {
            for reader in &self.readers {
                if let Err(error) = self.look(reader).await {
                    tracing::debug!(role = reader.role, error = %error, "the lag is not known");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = self.clock.sleep(EVERY) => {}
            }
        }
    }

    async fn look(&self, reader: &Reader) -> LogResult<()> {
        let stored = self.log.offsets(&reader.group).await?;
        for topic in &reader.topics {
            let partitions = self.log.describe(topic).await?.partitions;
            let mut lag = 0;
            for (partition, (first, end)) in (0..).zip(partitions) {
                let at = TopicPartition { topic: topic.as_str().into(), partition };
                let next = stored.get(&at).copied().unwrap_or(first).max(first);
                lag += end.saturating_sub(next);
            }
            self.metrics.set_lag(reader.role, topic, lag);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        log::{
            TopicSpec,
            embedded::{EmbeddedLog, EmbeddedOptions},
        },
        model::time::{ManualClock, Timestamp},
        topics::record::{Append, RecordHeaders},
    };

    #[tokio::test]
    async fn what_a_role_has_not_settled_is_its_lag() {
        let folder = tempfile::tempdir().expect("a folder");
        let log: Log =
            Arc::new(EmbeddedLog::open(&folder.path().join("log.db"), EmbeddedOptions::default()).expect("a log"));
        let spec = TopicSpec { name: "t".to_owned(), partitions: 2, compacted: false };
        log.create_topics(&[spec]).await.expect("a topic");
        let record = |partition| Append {
            topic: "t".to_owned(),
            partition: Some(partition),
            key: "k".into(),
            headers: RecordHeaders::default(),
            value: Some("v".into()),
            timestamp: Timestamp::UNIX_EPOCH,
        };
        log.append(vec![record(0), record(0), record(1)]).await.expect("appended");
        let metrics = Arc::new(Metrics::new());
        let reader = Reader { role: "router", group: "g".to_owned(), topics: vec!["t".to_owned()] };
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
        let watch = LagWatch { log: Arc::clone(&log), clock, metrics: Arc::clone(&metrics), readers: Vec::new() };
        let told =
            |lag: u32| metrics.text().contains(&format!("spojka_lag_records{{role=\"router\",topic=\"t\"}} {lag}\n"));
        watch.look(&reader).await.expect("known");
        assert!(told(3));

        let mut member = log.consumer("g", &["t".to_owned()]).await.expect("a member");
        member.next().await.expect("its partitions");
        member.store(&TopicPartition { topic: "t".into(), partition: 0 }, 2);
        member.leave().await.expect("left");
        watch.look(&reader).await.expect("known");
        assert!(told(1));
    }
}
