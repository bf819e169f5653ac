//! What a group has still to read: counted in the file, without reading the records' values.

use std::sync::Arc;

use rusqlite::Connection;

use super::{
    Shared,
    catalog::Topic,
    offsets,
    schema::{record_id, unsigned},
};
use crate::{log::LogResult, model::time::Timestamp};

/// What a group has still to read of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    pub topic: String,
    pub records: u64,
    /// Keys, headers and values.
    pub bytes: u64,
    pub oldest: Option<Timestamp>,
}

pub(super) async fn unread(shared: &Shared, group: &str) -> LogResult<Vec<Unread>> {
    let (topics, group) = (shared.catalog.all(), group.to_owned());
    let look = move |connection: &Connection| {
        let topics = topics.iter().filter(|topic| !topic.compacted);
        topics.map(|topic| of_topic(connection, &group, topic)).collect::<LogResult<Vec<_>>>()
    };
    shared.pool.read(look).await
}

fn of_topic(connection: &Connection, group: &str, topic: &Arc<Topic>) -> LogResult<Unread> {
    // SQLite knows a value's length without reading it.
    let mut statement = connection.prepare_cached(
        "SELECT count(*), coalesce(sum(length(key) + length(headers) + coalesce(length(value), 0)), 0), min(timestamp)
         FROM records WHERE id >= ?1 AND id < ?2",
    )?;
    let mut unread = Unread { topic: topic.name.to_string(), records: 0, bytes: 0, oldest: None };
    for (number, partition) in (0..).zip(&topic.partitions) {
        let from = offsets::stored(connection, group, topic.id, number)?.unwrap_or(0);
        let bounds = [record_id(partition.row, from), record_id(partition.row, partition.end())];
        let (records, bytes, oldest) = statement
            .query_row(bounds, |row| Ok((unsigned(row, 0)?, unsigned(row, 1)?, row.get::<_, Option<i64>>(2)?)))?;
        unread.records += records;
        unread.bytes += bytes;
        let oldest = oldest.and_then(|millis| Timestamp::from_millisecond(millis).ok());
        unread.oldest = unread.oldest.into_iter().chain(oldest).min();
    }
    Ok(unread)
}
