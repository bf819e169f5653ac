//! Webhooks that never came: rows that a poll found, and of which no webhook has told.
//!
//! It only counts. The row itself becomes a webhook like any other, and its facts fall together with those of a webhook that
//! comes after all.

use std::{collections::HashMap, time::Duration};

use super::context::LaneContext;
use crate::{
    connectors::contract::PolledRow,
    log::{Bound, LogResult},
    model::{
        id::KeyHash,
        time::{Timestamp, version_of},
    },
    topics::{
        event::OriginKind,
        record::Record,
        webhook::{Arrival, Webhook},
    },
};

/// A webhook is looked for no further back: what changed before, nobody misses.
const FARTHEST: Duration = Duration::from_hours(48);
/// The vendor's clock and ours may be so far apart.
const APART: Duration = Duration::from_mins(1);

/// Counts the rows of which no webhook has told since they changed, where the vendor sends webhooks about such rows.
pub(super) async fn count(context: &LaneContext, poll: &str, rows: &[PolledRow], now: Timestamp) -> LogResult<u64> {
    let (connector, name) = (&context.connection.connector, &context.connection.name);
    let mut untold: HashMap<KeyHash, Timestamp> = HashMap::new();
    for row in rows {
        if let Some(key) = connector.pushed_key(poll, &row.row) {
            untold.insert(context.shared.ids.partition(name, &key), told_since(row, now));
        }
    }
    let Some(earliest) = untold.values().min().copied() else { return Ok(0) };
    let (log, topic) = (&context.shared.log, context.shared.names.webhooks(name));
    for (partition, _) in (0..).zip(log.describe(&topic).await?.partitions) {
        let mut reader = log.read(&topic, partition, Bound::Time(earliest), Bound::Edge).await?;
        loop {
            let records = reader.next().await?;
            if records.is_empty() {
                break;
            }
            for record in &records {
                strike(&mut untold, record);
            }
        }
    }
    Ok(untold.len() as u64)
}

/// A webhook about the row's state came then or later. Without a time of change, any of the last days may be the one.
fn told_since(row: &PolledRow, now: Timestamp) -> Timestamp {
    let farthest = now - FARTHEST;
    let changed = row.version.and_then(|version| Timestamp::from_microsecond(version).ok());
    let changed = changed.filter(|changed| version_of(*changed) <= version_of(now)).unwrap_or(farthest);
    changed.checked_sub(APART).unwrap_or(farthest).max(farthest)
}

fn strike(untold: &mut HashMap<KeyHash, Timestamp>, record: &Record) {
    let Ok(webhook) = Webhook::from_record(record) else { return };
    let pushed = matches!(webhook.arrival, Arrival::Pushed { .. }) && webhook.origin.kind != OriginKind::Import;
    if pushed && untold.get(&webhook.key).is_some_and(|since| webhook.arrived >= *since) {
        untold.remove(&webhook.key);
    }
}
