//! Deleting the oldest records: what may go is judged on a reader's thread; the writer deletes it in small portions, between
//! which appends go on, and then gives room back to the disk.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, params};
use tokio::sync::oneshot;

use super::{
    Shared,
    catalog::{PartitionRow, Topic},
    offsets,
    queue::{Job, Work},
    records,
    schema::{offset_of, record_id, unsigned},
    tails::Tails,
};
use crate::{
    log::{LogError, LogResult, TrimRule},
    model::time::Timestamp,
};

/// One portion: so much is deleted in one of the writer's transactions.
const PORTION_RECORDS: u32 = 512;
const PORTION_BYTES: u64 = 4 << 20;
const PORTION_PAGES: u32 = 512;
/// So many free pages are kept for what is appended next, and an eighth of the file: only more is given back.
const SPARE_PAGES: u32 = 256;

pub(super) async fn trim(shared: &Shared, topic: &str, rule: &TrimRule, now: Timestamp) -> LogResult<u64> {
    let topic = shared.catalog.find(topic)?;
    if topic.compacted {
        return Err(LogError::Broken(format!("the topic `{}` is compacted: it is not trimmed", topic.name)));
    }
    let (judged, rule) = (Arc::clone(&topic), rule.clone());
    let cuts = shared.pool.read(move |connection| cuts(connection, &judged, &rule, now)).await?;
    let mut removed = 0;
    for (partition, cut) in topic.partitions.iter().zip(cuts) {
        loop {
            let (job, answered) = delete_job(partition.row, cut);
            let deleted = shared.submit(job, answered).await?;
            removed += deleted.count;
            if !deleted.more {
                break;
            }
        }
    }
    if removed > 0 {
        give_back(shared).await?;
    }
    Ok(removed)
}

async fn give_back(shared: &Shared) -> LogResult<()> {
    loop {
        let (answer, answered) = oneshot::channel();
        let work = Box::new(GiveBack { more: false, answer });
        if !shared.submit(Job { bytes: 0, work }, answered).await? {
            return Ok(());
        }
    }
}

/// For each partition: everything before this offset may go.
fn cuts(connection: &Connection, topic: &Topic, rule: &TrimRule, now: Timestamp) -> LogResult<Vec<u64>> {
    let _snapshot = connection.unchecked_transaction()?;
    let ends = topic.partitions.iter().map(|partition| End::read(connection, partition.row));
    let ends = ends.collect::<LogResult<Vec<_>>>()?;
    let mut cuts = vec![0; ends.len()];
    if let Some(keep_for) = rule.keep_for {
        let oldest = now.checked_sub(keep_for).map_or(i64::MIN, Timestamp::as_millisecond);
        for (cut, end) in cuts.iter_mut().zip(&ends) {
            *cut = records::first_since(connection, end.row, end.next, oldest)?;
        }
    }
    if let Some(keep_bytes) = rule.keep_bytes {
        for (cut, by_size) in cuts.iter_mut().zip(cuts_by_size(connection, &ends, keep_bytes)?) {
            *cut = by_size.max(*cut);
        }
    }
    for group in &rule.readers {
        for (cut, number) in cuts.iter_mut().zip(0..) {
            let read = offsets::stored(connection, group, topic.id, number)?.unwrap_or(0);
            *cut = read.min(*cut);
        }
    }
    if let (Some(position), Some(cut)) = (rule.position, cuts.first_mut()) {
        *cut = position.min(*cut);
    }
    Ok(cuts)
}

/// Finds the greatest moment from which on there is still too much, drops what is before it in all partitions, and of that
/// moment itself only as much as is needed, one partition after the other.
fn cuts_by_size(connection: &Connection, ends: &[End], keep_bytes: u64) -> LogResult<Vec<u64>> {
    let from = |moment| ends.iter().map(move |end| end.first_peak(connection, moment)).collect::<LogResult<Vec<_>>>();
    let kept = |cuts: &[u64]| -> LogResult<u64> {
        ends.iter().zip(cuts).map(|(end, cut)| end.bytes_from(connection, *cut)).sum()
    };
    let (mut low, mut high) = (i64::MIN / 2, ends.iter().map(|end| end.peak + 1).max().unwrap_or(0));
    let all = from(low)?;
    if kept(&all)? <= keep_bytes {
        return Ok(all);
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if kept(&from(middle)?)? > keep_bytes { low = middle } else { high = middle }
    }
    let (mut cuts, behind) = (from(low)?, from(high)?);
    let mut excess = kept(&cuts)?.saturating_sub(keep_bytes);
    for ((cut, behind), end) in cuts.iter_mut().zip(behind).zip(ends) {
        if excess > 0 {
            let (to, bytes) = end.cut_bytes(connection, *cut, behind, excess)?;
            *cut = to;
            excess = excess.saturating_sub(bytes);
        }
    }
    Ok(cuts)
}

/// The end of a partition, as a reader sees it.
struct End {
    row: PartitionRow,
    next: u64,
    peak: i64,
    bytes: u64,
}

impl End {
    fn read(connection: &Connection, row: PartitionRow) -> LogResult<Self> {
        let mut statement = connection.prepare_cached("SELECT next, peak, bytes FROM partitions WHERE row = ?1")?;
        Ok(statement.query_row([row], |found| {
            Ok(Self { row, next: unsigned(found, 0)?, peak: found.get(1)?, bytes: unsigned(found, 2)? })
        })?)
    }

    fn first_peak(&self, connection: &Connection, moment: i64) -> LogResult<u64> {
        records::first_peak(connection, self.row, self.next, moment)
    }

    /// Bytes of values from this offset on.
    fn bytes_from(&self, connection: &Connection, offset: u64) -> LogResult<u64> {
        let mut statement =
            connection.prepare_cached("SELECT before FROM records WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT 1")?;
        let bounds = [record_id(self.row, offset), record_id(self.row, self.next)];
        let before = statement.query_row(bounds, |row| unsigned(row, 0)).optional()?;
        Ok(self.bytes - before.unwrap_or(self.bytes))
    }

    /// Where to cut between two offsets so that at least `excess` bytes go, if there are so many; and how many do.
    fn cut_bytes(&self, connection: &Connection, from: u64, until: u64, excess: u64) -> LogResult<(u64, u64)> {
        let kept = self.bytes_from(connection, from)?;
        let mut statement = connection
            .prepare_cached("SELECT id FROM records WHERE id >= ?1 AND id < ?2 AND before >= ?3 ORDER BY id LIMIT 1")?;
        let enough = (self.bytes - kept + excess).cast_signed();
        let bounds = params![record_id(self.row, from), record_id(self.row, until), enough];
        let cut = statement.query_row(bounds, |row| row.get(0)).optional()?.map_or(until, offset_of);
        Ok((cut, kept - self.bytes_from(connection, cut)?))
    }
}

struct Deleted {
    count: u64,
    more: bool,
}

struct DeleteRecords {
    row: PartitionRow,
    cut: u64,
    deleted: Deleted,
    answer: oneshot::Sender<LogResult<Deleted>>,
}

fn delete_job(row: PartitionRow, cut: u64) -> (Job, oneshot::Receiver<LogResult<Deleted>>) {
    let (answer, answered) = oneshot::channel();
    let work = Box::new(DeleteRecords { row, cut, deleted: Deleted { count: 0, more: false }, answer });
    (Job { bytes: 0, work }, answered)
}

impl DeleteRecords {
    /// The id at which this portion ends, if it is not the last.
    fn portion(&self, transaction: &Connection) -> rusqlite::Result<Option<i64>> {
        let mut statement = transaction
            .prepare_cached("SELECT id, before FROM records WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?3")?;
        let bounds = params![record_id(self.row, 0), record_id(self.row, self.cut), PORTION_RECORDS + 1];
        let mut rows = statement.query(bounds)?;
        let (mut count, mut first) = (0, None);
        while let Some(row) = rows.next()? {
            let before = unsigned(row, 1)?;
            if count == PORTION_RECORDS || before - *first.get_or_insert(before) >= PORTION_BYTES {
                return row.get(0).map(Some);
            }
            count += 1;
        }
        Ok(None)
    }
}

impl Work for DeleteRecords {
    fn apply(&mut self, transaction: &Connection, _: &mut Tails) -> rusqlite::Result<()> {
        let end = self.portion(transaction)?;
        let mut delete = transaction.prepare_cached("DELETE FROM records WHERE id >= ?1 AND id < ?2")?;
        let until = end.unwrap_or_else(|| record_id(self.row, self.cut));
        let count = delete.execute([record_id(self.row, 0), until])?;
        self.deleted = Deleted { count: count as u64, more: end.is_some() };
        Ok(())
    }

    fn answer(self: Box<Self>, result: LogResult<()>) {
        let Self { deleted, answer, .. } = *self;
        let _heard = answer.send(result.map(|()| deleted));
    }
}

/// Gives a portion of the free pages back to the disk.
struct GiveBack {
    more: bool,
    answer: oneshot::Sender<LogResult<bool>>,
}

impl Work for GiveBack {
    fn apply(&mut self, transaction: &Connection, _: &mut Tails) -> rusqlite::Result<()> {
        let pages: u32 = transaction.pragma_query_value(None, "page_count", |row| row.get(0))?;
        let free: u32 = transaction.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
        let portion = free.saturating_sub(SPARE_PAGES + pages / 8).min(PORTION_PAGES);
        if portion > 0 {
            // SQLite gives back one page for each row that is asked for.
            transaction.pragma(None, "incremental_vacuum", portion, |_| Ok(()))?;
        }
        self.more = portion == PORTION_PAGES;
        Ok(())
    }

    fn answer(self: Box<Self>, result: LogResult<()>) {
        let Self { more, answer } = *self;
        let _heard = answer.send(result.map(|()| more));
    }
}
