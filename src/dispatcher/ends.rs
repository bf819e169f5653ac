//! Where the bulk topics of all lanes end: one question for all of them, every second, beside everything else.

use std::{collections::BTreeMap, time::Duration};

use tokio::{sync::watch, task::JoinSet};

use super::context::Shared;
use crate::log::{LogError, LogResult, TopicPartition};

/// Between two questions.
pub(super) const EVERY: Duration = Duration::from_secs(1);

/// Who wants to know, and what was asked.
#[derive(Default)]
pub(super) struct Ends {
    lanes: BTreeMap<TopicPartition, (String, watch::Sender<u64>)>,
    asked: JoinSet<(Vec<TopicPartition>, LogResult<Vec<u64>>)>,
}

impl Ends {
    /// A lane has begun. Asks at once.
    pub fn add(&mut self, shared: &Shared, lane: TopicPartition, bulk: String) -> watch::Receiver<u64> {
        let (end, known) = watch::channel(0);
        self.lanes.insert(lane, (bulk, end));
        self.ask(shared);
        known
    }

    pub fn remove(&mut self, lane: &TopicPartition) {
        self.lanes.remove(lane);
    }

    /// Asks for all, unless many questions are open already: the log is slow then, and asking more makes it no faster.
    pub fn ask(&mut self, shared: &Shared) {
        if self.lanes.is_empty() || self.asked.len() > 1 {
            return;
        }
        let (lanes, topics): (Vec<_>, Vec<_>) =
            self.lanes.iter().map(|(lane, (topic, _))| (lane.clone(), topic.clone())).unzip();
        let log = std::sync::Arc::clone(&shared.log);
        self.asked.spawn(async move {
            let ends = log.ends(&topics).await;
            (lanes, ends)
        });
    }

    /// The next answer. Never ends when nothing was asked.
    pub async fn answered(&mut self) -> LogResult<()> {
        let Some(answer) = self.asked.join_next().await else { return std::future::pending().await };
        let (lanes, ends) = answer.map_err(|error| LogError::Broken(format!("asking for ends died: {error}")))?;
        match ends {
            Ok(ends) => self.tell(&lanes, &ends),
            Err(error) => tracing::warn!(error = %error, "the log does not tell where the bulk topics end"),
        }
        Ok(())
    }

    fn tell(&self, lanes: &[TopicPartition], ends: &[u64]) {
        for (lane, end) in lanes.iter().zip(ends) {
            if let Some((_, known)) = self.lanes.get(lane) {
                known.send_if_modified(|known| std::mem::replace(known, *end) != *end);
            }
        }
    }
}
