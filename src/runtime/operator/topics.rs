//! The topics as they stand.

use serde::{Deserialize, Serialize};

use super::{Operator, OperatorError};
use crate::{log::TopicSpec, topics::event::Entity};

/// Partitions of a topic that many may read.
const SPREAD: u32 = 3;

/// One topic, for people.
#[derive(Debug, Serialize, Deserialize)]
pub struct TopicRow {
    pub name: String,
    pub compacted: bool,
    pub partitions: usize,
    /// Offsets between the first record kept and the end; a compacted topic may hold fewer records.
    pub records: u64,
    pub max_message_bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_insync_replicas: Option<u32>,
}

impl Operator {
    /// All topics that this installation needs.
    pub fn specs(&self) -> Vec<TopicSpec> {
        let spec = |name, partitions, compacted| TopicSpec { name, partitions, compacted };
        let per_connection = self.connections.iter().flat_map(|connection| {
            [
                spec(self.names.webhooks(connection), SPREAD, false),
                spec(self.names.actions(connection), 1, false),
                spec(self.names.bulk(connection), 1, false),
                spec(self.names.memory(connection), 1, true),
            ]
        });
        let events = Entity::ALL.iter().map(|entity| spec(self.names.events(*entity), SPREAD, false));
        let shared = [self.names.dead(), self.names.flows(), self.names.replays()].map(|name| spec(name, 1, true));
        per_connection.chain(events).chain(shared).collect()
    }

    /// Every topic as it stands.
    pub async fn topics(&self) -> Result<Vec<TopicRow>, OperatorError> {
        let mut rows = Vec::new();
        for spec in self.specs() {
            let info = self.log.describe(&spec.name).await?;
            rows.push(TopicRow {
                compacted: info.compacted,
                partitions: info.partitions.len(),
                records: info.partitions.iter().map(|(first, next)| next - first).sum(),
                max_message_bytes: info.max_message_bytes,
                min_insync_replicas: info.min_insync_replicas,
                name: info.name,
            });
        }
        Ok(rows)
    }
}
