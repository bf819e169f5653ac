//! A compacted topic by key. The index is part of the file and written with the record, so a read always sees everything
//! that is durable, and opening a table reads nothing.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    Shared, append,
    catalog::{PartitionRow, Topic},
    error::closed,
    schema,
};
use crate::{
    log::{Fencing, LogError, LogResult, Table},
    topics::record::Append,
};

/// The connection that tables read through, on the thread of whoever asks: a look-up takes microseconds.
pub(super) struct TableReads(Mutex<Option<Connection>>);

impl TableReads {
    pub(super) fn open(path: &Path) -> LogResult<Self> {
        Ok(Self(Mutex::new(Some(schema::open_reader(path)?))))
    }

    pub(super) fn close(&self) {
        drop(self.lock().take());
    }

    fn read<T>(&self, read: impl FnOnce(&Connection) -> LogResult<T>) -> LogResult<T> {
        read(self.lock().as_ref().ok_or_else(closed)?)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Connection>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct EmbeddedTable {
    shared: Arc<Shared>,
    topic: Arc<Topic>,
    row: PartitionRow,
    fencing: Fencing,
    ignored: Mutex<Vec<String>>,
}

impl EmbeddedTable {
    pub(super) async fn open(shared: Arc<Shared>, topic: &str, fencing: Fencing) -> LogResult<Self> {
        let topic = shared.catalog.find(topic)?;
        if !topic.compacted {
            return Err(LogError::Broken(format!("the topic `{}` is not compacted, so it is no table", topic.name)));
        }
        let row = topic.partition(0)?.row;
        let table = Self { shared, topic, row, fencing, ignored: Mutex::default() };
        table.read_ignored().await?;
        Ok(table)
    }

    async fn read_ignored(&self) -> LogResult<()> {
        self.shared.check_open()?;
        if self.fencing == Fencing::None {
            return Ok(());
        }
        let row = self.row;
        let keys = self.shared.pool.read(move |connection| ignored_keys(connection, row)).await?;
        *self.ignored.lock().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    async fn append(&self, records: Vec<Append>) -> LogResult<()> {
        if records.iter().any(|record| *record.topic != *self.topic.name) {
            return Err(LogError::Broken(format!("a record of another topic than the table's, `{}`", self.topic.name)));
        }
        if records.is_empty() {
            return Ok(());
        }
        let (job, answered) = append::prepare(&self.shared.catalog, self.shared.options.max_message_bytes, records)?;
        self.shared.submit(job, answered).await?;
        let has_ignored = !self.ignored.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        if has_ignored { self.read_ignored().await } else { Ok(()) }
    }
}

impl Table for EmbeddedTable {
    fn get(&self, key: &str) -> LogResult<Option<Bytes>> {
        let sql = match self.fencing {
            Fencing::Epochs => VALUE_FENCED,
            Fencing::None => VALUE_ANY,
        };
        self.shared.tables.read(|connection| value(connection, sql, self.row, key))
    }

    fn scan(&self, prefix: &str, after: Option<&str>, limit: usize) -> LogResult<Vec<(String, Bytes)>> {
        let sql = match self.fencing {
            Fencing::Epochs => SCAN_FENCED,
            Fencing::None => SCAN_ANY,
        };
        self.shared.tables.read(|connection| scan(connection, sql, self.row, prefix, after, limit))
    }

    fn write(&self, records: Vec<Append>) -> BoxFuture<'_, LogResult<()>> {
        Box::pin(self.append(records))
    }

    fn catch_up(&self) -> BoxFuture<'_, LogResult<()>> {
        Box::pin(self.read_ignored())
    }

    fn ignored(&self) -> Vec<String> {
        self.ignored.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

const VALUE_FENCED: &str = "SELECT records.value FROM latest JOIN records ON records.id = latest.record
    WHERE latest.partition = ?1 AND latest.key = ?2";

/// An ignored record always stands behind the latest one of its key.
const VALUE_ANY: &str = "SELECT records.value FROM (
        SELECT record FROM latest WHERE partition = ?1 AND key = ?2
        UNION ALL SELECT record FROM ignored WHERE partition = ?1 AND key = ?2
    ) AS kept JOIN records ON records.id = kept.record ORDER BY records.id DESC LIMIT 1";

const SCAN_FENCED: &str = "SELECT latest.key, records.value FROM latest JOIN records ON records.id = latest.record
    WHERE latest.partition = ?1 AND latest.key >= ?2 AND latest.key < ?3 ORDER BY latest.key LIMIT ?4";

const SCAN_ANY: &str = "SELECT kept.key, records.value FROM (
        SELECT key, record FROM latest WHERE partition = ?1 AND key >= ?2 AND key < ?3
            AND key NOT IN (SELECT key FROM ignored WHERE partition = ?1)
        UNION ALL SELECT key, record FROM ignored WHERE partition = ?1 AND key >= ?2 AND key < ?3
    ) AS kept JOIN records ON records.id = kept.record
    WHERE records.value IS NOT NULL ORDER BY kept.key LIMIT ?4";

fn value(connection: &Connection, sql: &str, row: PartitionRow, key: &str) -> LogResult<Option<Bytes>> {
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_row(params![row, key.as_bytes()], |row| {
        Ok(row.get_ref(0)?.as_blob_or_null()?.map(Bytes::copy_from_slice))
    });
    Ok(found.optional()?.flatten())
}

fn scan(
    connection: &Connection,
    sql: &str,
    row: PartitionRow,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> LogResult<Vec<(String, Bytes)>> {
    let mut statement = connection.prepare_cached(sql)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![row, first_key(prefix, after), key_behind(prefix), limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let key = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
        let value = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        // All our keys are text. A stranger's that is not has no place in an answer of texts.
        if let Ok(key) = std::str::from_utf8(key) {
            found.push((key.to_owned(), Bytes::copy_from_slice(value)));
        }
    }
    Ok(found)
}

/// The least key that begins with the prefix and comes after `after`.
fn first_key(prefix: &str, after: Option<&str>) -> Vec<u8> {
    let behind = after.map(|after| [after.as_bytes(), &[0]].concat()).unwrap_or_default();
    behind.max(prefix.as_bytes().to_vec())
}

/// The least key behind all that begin with the prefix. Text never holds the byte 255.
fn key_behind(prefix: &str) -> Vec<u8> {
    let mut end = prefix.as_bytes().to_vec();
    match end.last_mut() {
        Some(last) => *last += 1,
        None => end.push(0xff),
    }
    end
}

fn ignored_keys(connection: &Connection, row: PartitionRow) -> LogResult<Vec<String>> {
    let mut statement = connection.prepare_cached("SELECT key FROM ignored WHERE partition = ?1 ORDER BY key")?;
    let mut rows = statement.query([row])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        let key = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
        keys.extend(std::str::from_utf8(key).map(str::to_owned));
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_bounds_of_a_scan_hold_what_the_prefix_and_the_start_say(
            key in "[a-c\u{7f}-\u{101}]{0,4}", prefix in "[a-c\u{7f}-\u{101}]{0,2}", after in prop::option::of("[a-c]{0,3}")
        ) {
            let within = key.as_bytes() >= &*first_key(&prefix, after.as_deref()) && key.as_bytes() < &*key_behind(&prefix);
            let meant = key.starts_with(&prefix) && after.is_none_or(|after| key > after);
            prop_assert_eq!(within, meant);
        }
    }
}
