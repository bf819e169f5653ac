//! Trims topics: what is older than the retention, and what all its readers have settled.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::roles::Ground;
use crate::{
    config::Config,
    log::{Log, LogResult, TopicSpec, TrimRule},
    model::time::Clock,
};

/// How often.
const EVERY: Duration = Duration::from_hours(1);

/// The task.
pub(super) struct Trimmer {
    log: Log,
    clock: Arc<dyn Clock>,
    topics: Vec<(String, TrimRule)>,
}

impl Trimmer {
    pub fn new(config: &Config, ground: &Ground, specs: Vec<TopicSpec>) -> Self {
        let prefix = &config.installation.prefix;
        let rule = |name: &str| {
            let kind = name.strip_prefix(prefix.as_str()).unwrap_or(name);
            let reader = match kind.split_once('.').map(|(kind, _)| kind) {
                Some("webhooks") => "normalizer",
                Some("events") => "router",
                // A lane's owner trims its bulk topic: it alone knows what it has read.
                Some("actions") if !is_bulk(kind) => "dispatcher",
                _ => return None,
            };
            let readers = vec![ground.names.group(reader)];
            Some(TrimRule { keep_for: Some(config.keeping.retention), readers, ..TrimRule::default() })
        };
        let topics = specs.into_iter().filter(|spec| !spec.compacted);
        let topics = topics.filter_map(|spec| rule(&spec.name).map(|rule| (spec.name, rule))).collect();
        Self { log: Arc::clone(&ground.log), clock: Arc::clone(&ground.clock), topics }
    }

    pub async fn run(self, stop: CancellationToken) -> LogResult<()> {
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = self.clock.sleep(EVERY) => self.trim().await,
            }
        }
    }

    async fn trim(&self) {
        for (topic, rule) in &self.topics {
            match self.log.trim(topic, rule, self.clock.now()).await {
                Ok(0) => {}
                Ok(records) => tracing::info!(topic, records, "topic trimmed"),
                Err(error) => tracing::warn!(topic, error = %error, "topic not trimmed"),
            }
        }
    }
}

/// Whether a topic, without its prefix, is a lane's second one.
fn is_bulk(kind: &str) -> bool {
    kind.rsplit_once('.').is_some_and(|(_, last)| last == "bulk") && kind.matches('.').count() == 2
}
