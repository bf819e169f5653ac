//! Where each partition ends: the writer's own numbers, which go on in memory during a transaction, and back if it fails.

use std::sync::Arc;

use rusqlite::{Connection, params};

use super::catalog::{PartitionRow, Topic};

/// The end of one partition.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tail {
    /// The next offset.
    pub(super) next: u64,
    /// The greatest timestamp so far.
    pub(super) peak: i64,
    /// Bytes of values ever written.
    pub(super) bytes: u64,
    /// The highest claim (compacted topics).
    pub(super) epoch: u64,
    /// Whether the table `ignored` may hold anything of it.
    pub(super) has_ignored: bool,
}

#[derive(Debug, Default)]
pub(super) struct Tails {
    /// By the partition's row.
    all: Vec<Tail>,
    /// What the open transaction changed, as it was before.
    changed: Vec<Changed>,
}

#[derive(Debug)]
struct Changed {
    topic: Arc<Topic>,
    number: u32,
    row: PartitionRow,
    before: Tail,
}

impl Tails {
    pub(super) fn set(&mut self, row: PartitionRow, tail: Tail) {
        let index = index(row);
        if self.all.len() <= index {
            self.all.resize(index + 1, Tail::default());
        }
        self.all[index] = tail;
    }

    /// The tail of a partition that is about to change.
    pub(super) fn change(&mut self, topic: &Arc<Topic>, number: u32) -> &mut Tail {
        let row = topic.partitions[index(number)].row;
        let tail = &mut self.all[index(row)];
        // A batch touches few partitions, and mostly the one before.
        if !self.changed.iter().rev().any(|changed| changed.row == row) {
            self.changed.push(Changed { topic: Arc::clone(topic), number, row, before: *tail });
        }
        tail
    }

    /// Writes what changed, in the transaction that changed it.
    pub(super) fn save(&self, transaction: &Connection) -> rusqlite::Result<()> {
        if self.changed.is_empty() {
            return Ok(());
        }
        let mut update = transaction
            .prepare_cached("UPDATE partitions SET next = ?2, peak = ?3, bytes = ?4, epoch = ?5 WHERE row = ?1")?;
        for Changed { row, .. } in &self.changed {
            let tail = &self.all[index(*row)];
            let [next, bytes, epoch] = [tail.next, tail.bytes, tail.epoch].map(u64::cast_signed);
            update.execute(params![row, next, tail.peak, bytes, epoch])?;
        }
        Ok(())
    }

    /// The transaction is durable: readers may see its records.
    pub(super) fn publish(&mut self) {
        for changed in self.changed.drain(..) {
            changed.topic.partitions[index(changed.number)].set_end(self.all[index(changed.row)].next);
            changed.topic.wake();
        }
    }

    /// The transaction failed: its offsets were never given to anybody.
    pub(super) fn restore(&mut self) {
        for changed in self.changed.drain(..) {
            self.all[index(changed.row)] = changed.before;
        }
    }
}

fn index(number: u32) -> usize {
    usize::try_from(number).expect("32 bits fit")
}
