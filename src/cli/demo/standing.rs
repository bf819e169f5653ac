//! How far a demo has come, by what stands in its log.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::{
    log::{Bound, Fencing, LogResult, TopicPartition},
    runtime::operator::Operator,
    topics::{
        event::Entity,
        memory::{self, ActionState},
        record::ID,
    },
};

/// Facts and actions, each counted once: every snapshot tells all it proves again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    pub events: usize,
    pub actions: usize,
    /// Actions that came to a good end.
    pub done: usize,
    /// Actions that came to any end.
    pub settled: usize,
}

pub(super) async fn look(operator: &Operator) -> anyhow::Result<Standing> {
    let mut standing = Standing { events: distinct(operator, events(operator), "ce_id").await?, ..Standing::default() };
    standing.actions = distinct(operator, actions(operator), ID).await?;
    for connection in &operator.connections {
        let table = operator.log.table(&operator.names.memory(connection), Fencing::Epochs).await?;
        for (_, bytes) in table.scan("a/", None, usize::MAX)? {
            if let ActionState::Settled(outcome) = memory::read(&bytes)? {
                standing.settled += 1;
                standing.done += usize::from(!outcome.end.failed());
            }
        }
    }
    Ok(standing)
}

/// Whether nothing moves any more: all is read and every action is settled.
///
/// Settling writes replies and step events before the outcome, and roles write before they commit. So it looks at the
/// actions, then at the readers in the order of the data, and at the actions again: whatever came up in between shows.
pub(super) async fn is_at_rest(operator: &Operator) -> anyhow::Result<bool> {
    let before = look(operator).await?;
    if before.settled < before.actions {
        return Ok(false);
    }
    let webhooks = operator.connections.iter().map(|connection| operator.names.webhooks(connection)).collect();
    let all_read =
        is_read(operator, "normalizer", webhooks).await? && is_read(operator, "router", events(operator)).await?;
    Ok(all_read && look(operator).await? == before)
}

fn events(operator: &Operator) -> Vec<String> {
    Entity::ALL.iter().map(|entity| operator.names.events(*entity)).collect()
}

fn actions(operator: &Operator) -> Vec<String> {
    operator.connections.iter().map(|connection| operator.names.actions(connection)).collect()
}

/// Whether a role has committed up to the ends of its topics.
async fn is_read(operator: &Operator, role: &str, topics: Vec<String>) -> LogResult<bool> {
    let offsets = operator.log.offsets(&operator.names.group(role)).await?;
    for topic in topics {
        for (partition, (first, next)) in (0..).zip(operator.log.describe(&topic).await?.partitions) {
            let read = offsets.get(&TopicPartition { topic: topic.as_str().into(), partition }).copied();
            if read.unwrap_or(first) < next {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// How many different ids the records of some topics carry.
async fn distinct(operator: &Operator, topics: Vec<String>, header: &str) -> LogResult<usize> {
    let mut ids: BTreeSet<Bytes> = BTreeSet::new();
    for topic in topics {
        for partition in (0..).take(operator.log.describe(&topic).await?.partitions.len()) {
            let mut reader = operator.log.read(&topic, partition, Bound::Edge, Bound::Edge).await?;
            loop {
                let records = reader.next().await?;
                if records.is_empty() {
                    break;
                }
                ids.extend(records.iter().filter_map(|record| record.headers.get(header).cloned()));
            }
        }
    }
    Ok(ids.len())
}
