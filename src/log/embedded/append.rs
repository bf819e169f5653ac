//! Appending: a record is checked and encoded by whoever appends it, and gets its offset from the writer.

use std::sync::Arc;

use bytes::Bytes;
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, params};
use tokio::sync::oneshot;

use super::{
    catalog::{Catalog, PartitionRow, Topic},
    headers,
    queue::{Job, Work},
    schema::record_id,
    tails::{Tail, Tails},
};
use crate::{
    log::{
        LogError, LogResult, Position,
        fencing::{Fence, epoch_of},
        partitioner::partition_of,
    },
    topics::record::Append,
};

/// What a record weighs in the queue besides its bytes: its row, its page's share, its allocations.
const RECORD_OVERHEAD: usize = 128;

/// A record that is ready to be written.
struct Prepared {
    topic: Arc<Topic>,
    partition: u32,
    key: Bytes,
    headers: Vec<u8>,
    value: Option<Bytes>,
    timestamp: i64,
    epoch: u64,
}

struct AppendRecords {
    records: Vec<Prepared>,
    positions: Vec<Position>,
    answer: oneshot::Sender<LogResult<Vec<Position>>>,
}

/// Checks the records and makes a job of them.
pub(super) fn prepare(
    catalog: &Catalog,
    max_message_bytes: usize,
    records: Vec<Append>,
) -> LogResult<(Job, oneshot::Receiver<LogResult<Vec<Position>>>)> {
    let (answer, answered) = oneshot::channel();
    let mut prepared: Vec<Prepared> = Vec::with_capacity(records.len());
    let mut bytes = 0;
    for record in records {
        let topic = match prepared.last() {
            Some(last) if *last.topic.name == *record.topic => Arc::clone(&last.topic),
            _ => catalog.find(&record.topic)?,
        };
        let record = prepare_one(topic, record)?;
        let size = record.size();
        if size > max_message_bytes {
            return Err(LogError::TooLarge { topic: record.topic.name.to_string() });
        }
        bytes += size + RECORD_OVERHEAD;
        prepared.push(record);
    }
    let positions = Vec::with_capacity(prepared.len());
    let work = Box::new(AppendRecords { records: prepared, positions, answer });
    Ok((Job { bytes, work }, answered))
}

fn prepare_one(topic: Arc<Topic>, record: Append) -> LogResult<Prepared> {
    let partition = match record.partition {
        Some(number) => number,
        None if record.key.is_empty() => topic.next_turn(),
        None => partition_of(&record.key, topic.width()),
    };
    topic.partition(partition)?;
    Ok(Prepared {
        partition,
        epoch: if topic.compacted { epoch_of(&record.headers) } else { 0 },
        headers: headers::encode(&record.headers),
        topic,
        key: record.key,
        value: record.value,
        timestamp: record.timestamp.as_millisecond(),
    })
}

impl Prepared {
    fn size(&self) -> usize {
        self.key.len() + self.headers.len() + self.value.as_ref().map_or(0, Bytes::len)
    }

    fn write(&self, statements: &mut Statements<'_>, tails: &mut Tails) -> rusqlite::Result<Position> {
        let row = self.topic.partitions[usize::try_from(self.partition).expect("32 bits fit")].row;
        let tail = tails.change(&self.topic, self.partition);
        let offset = tail.next;
        tail.next += 1;
        tail.peak = if offset == 0 { self.timestamp } else { tail.peak.max(self.timestamp) };
        let position = Position { partition: self.partition, offset };
        let id = record_id(row, offset);
        if self.topic.compacted && !self.index(statements, row, id, tail)? {
            return Ok(position);
        }
        let (behind, before) = (tail.peak - self.timestamp, tail.bytes.cast_signed());
        tail.bytes += self.value.as_ref().map_or(0, Bytes::len) as u64;
        let (headers, value) = (&self.headers, self.value.as_deref());
        statements.insert.execute(params![id, self.timestamp, behind, before, &*self.key, headers, value])?;
        Ok(position)
    }

    /// Puts the record in the place of its key's older one. Answers whether it is to be kept itself.
    fn index(
        &self,
        statements: &Statements<'_>,
        row: PartitionRow,
        id: i64,
        tail: &mut Tail,
    ) -> rusqlite::Result<bool> {
        let mut fence = Fence::at(tail.epoch);
        if !fence.admits(&self.key, self.epoch) {
            // Kept also if it is a deletion: an unfenced table has to know.
            tail.has_ignored = true;
            statements.compact(Index::Ignored, row, &self.key, Some(id))?;
            return Ok(true);
        }
        tail.epoch = fence.epoch();
        let is_kept = self.value.is_some();
        statements.compact(Index::Latest, row, &self.key, is_kept.then_some(id))?;
        if tail.has_ignored {
            statements.compact(Index::Ignored, row, &self.key, None)?;
            tail.has_ignored = statements.any_ignored(row)?;
        }
        Ok(is_kept)
    }
}

impl Work for AppendRecords {
    fn apply(&mut self, transaction: &Connection, tails: &mut Tails) -> rusqlite::Result<()> {
        let mut statements = Statements::new(transaction)?;
        for record in &self.records {
            self.positions.push(record.write(&mut statements, tails)?);
        }
        Ok(())
    }

    fn answer(self: Box<Self>, result: LogResult<()>) {
        // Whoever appended may have gone.
        let Self { positions, answer, .. } = *self;
        let _heard = answer.send(result.map(|()| positions));
    }
}

/// Which index of a compacted topic.
#[derive(Clone, Copy)]
enum Index {
    Latest,
    Ignored,
}

struct Statements<'c> {
    connection: &'c Connection,
    insert: CachedStatement<'c>,
}

impl<'c> Statements<'c> {
    fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        let insert = connection.prepare_cached(
            "INSERT INTO records (id, timestamp, behind, before, key, headers, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        Ok(Self { connection, insert })
    }

    /// Makes `id` the one record of its key, or leaves the key with none: the record before it is deleted.
    fn compact(&self, index: Index, row: PartitionRow, key: &[u8], id: Option<i64>) -> rusqlite::Result<()> {
        let (find, put, forget) = match index {
            Index::Latest => (
                "SELECT record FROM latest WHERE partition = ?1 AND key = ?2",
                "INSERT OR REPLACE INTO latest (partition, key, record) VALUES (?1, ?2, ?3)",
                "DELETE FROM latest WHERE partition = ?1 AND key = ?2",
            ),
            Index::Ignored => (
                "SELECT record FROM ignored WHERE partition = ?1 AND key = ?2",
                "INSERT OR REPLACE INTO ignored (partition, key, record) VALUES (?1, ?2, ?3)",
                "DELETE FROM ignored WHERE partition = ?1 AND key = ?2",
            ),
        };
        let connection = self.connection;
        let older: Option<i64> =
            connection.prepare_cached(find)?.query_row(params![row, key], |row| row.get(0)).optional()?;
        if let Some(older) = older {
            connection.prepare_cached("DELETE FROM records WHERE id = ?1")?.execute([older])?;
        }
        match id {
            Some(id) => connection.prepare_cached(put)?.execute(params![row, key, id])?,
            None if older.is_some() => connection.prepare_cached(forget)?.execute(params![row, key])?,
            None => 0,
        };
        Ok(())
    }

    fn any_ignored(&self, row: PartitionRow) -> rusqlite::Result<bool> {
        let mut statement =
            self.connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM ignored WHERE partition = ?1)")?;
        statement.query_row([row], |row| row.get(0))
    }
}
