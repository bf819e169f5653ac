//! Where groups have come to.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, params};
use tokio::sync::oneshot;

use super::{
    queue::{Job, Work},
    schema::unsigned,
    tails::Tails,
};
use crate::log::{LogResult, Offsets, TopicPartition};

/// The next offset that a group has to read of one partition.
pub(super) struct Place {
    pub(super) topic: i64,
    pub(super) partition: u32,
    pub(super) next: u64,
}

struct StoreOffsets {
    group: Arc<str>,
    places: Vec<Place>,
    answer: oneshot::Sender<LogResult<()>>,
}

pub(super) fn job(group: &Arc<str>, places: Vec<Place>) -> (Job, oneshot::Receiver<LogResult<()>>) {
    let (answer, answered) = oneshot::channel();
    let work = Box::new(StoreOffsets { group: Arc::clone(group), places, answer });
    (Job { bytes: 0, work }, answered)
}

impl Work for StoreOffsets {
    fn apply(&mut self, transaction: &Connection, _: &mut Tails) -> rusqlite::Result<()> {
        let mut statement = transaction.prepare_cached(
            "INSERT OR REPLACE INTO offsets (reader, topic, partition, next) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for Place { topic, partition, next } in &self.places {
            statement.execute(params![&*self.group, topic, partition, next.cast_signed()])?;
        }
        Ok(())
    }

    fn answer(self: Box<Self>, result: LogResult<()>) {
        let _heard = self.answer.send(result);
    }
}

/// What is stored for a group of one partition.
pub(super) fn stored(connection: &Connection, group: &str, topic: i64, partition: u32) -> LogResult<Option<u64>> {
    let mut statement =
        connection.prepare_cached("SELECT next FROM offsets WHERE reader = ?1 AND topic = ?2 AND partition = ?3")?;
    Ok(statement.query_row(params![group, topic, partition], |row| unsigned(row, 0)).optional()?)
}

/// All that is stored for a group.
pub(super) fn all(connection: &Connection, group: &str) -> LogResult<Offsets> {
    let mut statement = connection.prepare_cached(
        "SELECT topics.name, offsets.partition, offsets.next
         FROM offsets JOIN topics ON topics.id = offsets.topic WHERE offsets.reader = ?1",
    )?;
    let mut rows = statement.query([group])?;
    let mut offsets = Offsets::new();
    while let Some(row) = rows.next()? {
        let topic = row.get::<_, String>(0)?.into();
        offsets.insert(TopicPartition { topic, partition: row.get(1)? }, unsigned(row, 2)?);
    }
    Ok(offsets)
}
