//! Where the topics of all lanes end: one question for all of them, every second, beside everything else. A lane reads its
//! bulk topic by it; of the live one it says how far the lane is behind.

use std::{collections::BTreeMap, time::Duration};

use tokio::{sync::watch, task::JoinSet};

use super::context::Shared;
use crate::{
    log::{LogError, LogResult, TopicPartition},
    telemetry::Metrics,
};

/// Whose lag it is.
pub(super) const ROLE: &str = "dispatcher";

/// Between two questions.
pub(super) const EVERY: Duration = Duration::from_secs(1);

/// Who wants to know, and what was asked.
#[derive(Default)]
pub(super) struct Ends {
    lanes: BTreeMap<TopicPartition, LaneEnds>,
    asked: JoinSet<(Vec<TopicPartition>, LogResult<Vec<u64>>)>,
}

struct LaneEnds {
    bulk: String,
    bulk_end: watch::Sender<u64>,
    /// How far the lane has settled its live topic.
    settled: watch::Receiver<Option<u64>>,
}

impl Ends {
    /// A lane has begun. Asks at once.
    pub fn add(
        &mut self,
        shared: &Shared,
        lane: TopicPartition,
        bulk: String,
        settled: watch::Receiver<Option<u64>>,
    ) -> watch::Receiver<u64> {
        let (bulk_end, known) = watch::channel(0);
        self.lanes.insert(lane, LaneEnds { bulk, bulk_end, settled });
        self.ask(shared);
        known
    }

    pub fn remove(&mut self, shared: &Shared, lane: &TopicPartition) {
        if let Some(ends) = self.lanes.remove(lane) {
            shared.metrics.forget_lag(ROLE, &lane.topic);
            shared.metrics.forget_lag(ROLE, &ends.bulk);
        }
    }

    /// Asks for all, unless many questions are open already: the log is slow then, and asking more makes it no faster.
    pub fn ask(&mut self, shared: &Shared) {
        if self.lanes.is_empty() || self.asked.len() > 1 {
            return;
        }
        let lanes: Vec<_> = self.lanes.keys().cloned().collect();
        let topics: Vec<_> =
            self.lanes.iter().flat_map(|(lane, ends)| [lane.topic.to_string(), ends.bulk.clone()]).collect();
        let log = std::sync::Arc::clone(&shared.log);
        self.asked.spawn(async move {
            let ends = log.ends(&topics).await;
            (lanes, ends)
        });
    }

    /// The next answer. Never ends when nothing was asked.
    pub async fn answered(&mut self, metrics: &Metrics) -> LogResult<()> {
        let Some(answer) = self.asked.join_next().await else { return std::future::pending().await };
        let (lanes, ends) = answer.map_err(|error| LogError::Broken(format!("asking for ends died: {error}")))?;
        match ends {
            Ok(ends) => self.tell(metrics, &lanes, &ends),
            Err(error) => tracing::warn!(error = %error, "the log does not tell where the lanes' topics end"),
        }
        Ok(())
    }

    fn tell(&self, metrics: &Metrics, lanes: &[TopicPartition], ends: &[u64]) {
        for (lane, ends) in lanes.iter().zip(ends.chunks_exact(2)) {
            if let (Some(known), [live_end, bulk_end]) = (self.lanes.get(lane), ends) {
                // A lane that has settled nothing has read nothing: there is nothing, or it has only just begun.
                let settled = known.settled.borrow().unwrap_or(*live_end);
                metrics.set_lag(ROLE, &lane.topic, live_end.saturating_sub(settled));
                known.bulk_end.send_if_modified(|known| std::mem::replace(known, *bulk_end) != *bulk_end);
            }
        }
    }
}
