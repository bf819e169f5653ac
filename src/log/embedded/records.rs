//! Reading rows of the table `records`: ranges, and where a time begins.

use std::sync::Arc;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{
    catalog::{PartitionRow, Topic},
    headers,
    schema::{offset_of, record_id},
};
use crate::{
    log::{LogError, LogResult},
    model::time::Timestamp,
    topics::record::Record,
};

/// A part of one partition.
#[derive(Clone)]
pub(super) struct Range {
    pub(super) topic: Arc<Topic>,
    pub(super) partition: u32,
    pub(super) row: PartitionRow,
    pub(super) from: u64,
    /// Not included.
    pub(super) until: u64,
}

/// How much one read may bring.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    pub(super) records: usize,
    pub(super) bytes: usize,
}

impl Limit {
    pub(super) const READ: Self = Self { records: 1000, bytes: 1 << 20 };

    pub(super) fn is_used_up(self) -> bool {
        self.records == 0 || self.bytes == 0
    }
}

/// Reads the beginning of a range: at least one record if there is one. Answers where to go on.
pub(super) fn read(
    connection: &Connection,
    range: &Range,
    limit: &mut Limit,
    into: &mut Vec<Record>,
) -> LogResult<u64> {
    let mut statement = connection.prepare_cached(
        "SELECT id, timestamp, key, headers, value FROM records WHERE id >= ?1 AND id < ?2 ORDER BY id",
    )?;
    let mut rows = statement.query([record_id(range.row, range.from), record_id(range.row, range.until)])?;
    while let Some(row) = rows.next()? {
        let record = record(row, &range.topic.name, range.partition)?;
        let next = record.offset + 1;
        limit.records -= 1;
        limit.bytes = limit.bytes.saturating_sub(record.key.len() + record.bytes().len());
        into.push(record);
        if limit.is_used_up() {
            return Ok(next);
        }
    }
    Ok(range.until)
}

fn record(row: &Row<'_>, topic: &Arc<str>, partition: u32) -> LogResult<Record> {
    let value = row.get_ref(4)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
    Ok(Record {
        topic: Arc::clone(topic),
        partition,
        offset: offset_of(row.get(0)?),
        key: blob(row, 2)?,
        headers: headers::decode(blob(row, 3)?)?,
        value: value.map(Bytes::copy_from_slice),
        timestamp: time(row.get(1)?)?,
    })
}

fn blob(row: &Row<'_>, column: usize) -> LogResult<Bytes> {
    let bytes = row.get_ref(column)?.as_blob().map_err(rusqlite::Error::from)?;
    Ok(Bytes::copy_from_slice(bytes))
}

fn time(milliseconds: i64) -> LogResult<Timestamp> {
    Timestamp::from_millisecond(milliseconds)
        .map_err(|_| LogError::Broken("a record's time is out of range".to_owned()))
}

/// The first offset kept of a partition whose end is `end`.
pub(super) fn first(connection: &Connection, row: PartitionRow, end: u64) -> LogResult<u64> {
    let mut statement =
        connection.prepare_cached("SELECT id FROM records WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT 1")?;
    let id = statement.query_row([record_id(row, 0), record_id(row, end)], |row| row.get(0)).optional()?;
    Ok(id.map_or(end, offset_of))
}

/// The first record kept with this timestamp (milliseconds) or a later one, or `end`.
pub(super) fn first_since(connection: &Connection, row: PartitionRow, end: u64, since: i64) -> LogResult<u64> {
    let from = first_peak(connection, row, end, since)?;
    // The record that made the peak may have been trimmed; then the first that is itself late enough stands further on.
    let mut statement = connection
        .prepare_cached("SELECT id FROM records WHERE id >= ?1 AND id < ?2 AND timestamp >= ?3 ORDER BY id LIMIT 1")?;
    let bounds = params![record_id(row, from), record_id(row, end), since];
    let id = statement.query_row(bounds, |row| row.get(0)).optional()?;
    Ok(id.map_or(end, offset_of))
}

/// The first record kept at which the greatest timestamp so far is `since` or later, or `end`. That number only grows from
/// record to record, so the place is found by halving.
pub(super) fn first_peak(connection: &Connection, row: PartitionRow, end: u64, since: i64) -> LogResult<u64> {
    let mut statement = connection
        .prepare_cached("SELECT id, timestamp + behind FROM records WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT 1")?;
    let mut probe = |from: u64| {
        let bounds = [record_id(row, from), record_id(row, end)];
        statement.query_row(bounds, |row| Ok((offset_of(row.get(0)?), row.get::<_, i64>(1)?))).optional()
    };
    let (mut low, mut high) = (first(connection, row, end)?, end);
    while low < high {
        let middle = low + (high - low) / 2;
        match probe(middle)? {
            Some((offset, peak)) if peak < since => low = offset + 1,
            _ => high = middle,
        }
    }
    // Of a compacted topic, `low` may be an offset that is gone; the next one kept is meant.
    Ok(probe(low)?.map_or(end, |(offset, _)| offset))
}
