//! Making topics.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, params};
use tokio::sync::oneshot;

use super::{
    catalog::{Catalog, Partition, Topic},
    queue::{Job, Work},
    tails::{Tail, Tails},
};
use crate::log::{LogError, LogResult, TopicSpec};

/// Kafka's own bound, so that a config moves from one log to the other.
const MAX_NAME: usize = 249;

struct CreateTopics {
    specs: Vec<TopicSpec>,
    catalog: Arc<Catalog>,
    made: Vec<Arc<Topic>>,
    misfit: Option<LogError>,
    answer: oneshot::Sender<LogResult<()>>,
}

pub(super) fn job(specs: &[TopicSpec], catalog: &Arc<Catalog>) -> LogResult<(Job, oneshot::Receiver<LogResult<()>>)> {
    specs.iter().try_for_each(check)?;
    let (answer, answered) = oneshot::channel();
    let (specs, catalog) = (specs.to_vec(), Arc::clone(catalog));
    let work = Box::new(CreateTopics { specs, catalog, made: Vec::new(), misfit: None, answer });
    Ok((Job { bytes: 0, work }, answered))
}

fn check(spec: &TopicSpec) -> LogResult<()> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if spec.name.is_empty() || spec.name.len() > MAX_NAME || !spec.name.chars().all(legal) {
        return Err(LogError::Broken(format!("`{}` is no name for a topic", spec.name)));
    }
    if spec.partitions == 0 {
        return Err(LogError::Broken(format!("the topic `{}` needs a partition", spec.name)));
    }
    Ok(())
}

impl Work for CreateTopics {
    fn apply(&mut self, transaction: &Connection, tails: &mut Tails) -> rusqlite::Result<()> {
        for spec in &self.specs {
            match find(transaction, &spec.name)? {
                None => self.made.push(make(transaction, tails, spec)?),
                Some(found) => self.misfit = self.misfit.take().or_else(|| found.misfit(spec)),
            }
        }
        Ok(())
    }

    fn answer(self: Box<Self>, result: LogResult<()>) {
        if result.is_ok() {
            self.made.into_iter().for_each(|topic| self.catalog.add(topic));
        }
        let _heard = self.answer.send(result.and(self.misfit.map_or(Ok(()), Err)));
    }
}

/// A topic that exists already.
struct Found {
    compacted: bool,
    partitions: u32,
}

impl Found {
    fn misfit(&self, spec: &TopicSpec) -> Option<LogError> {
        let TopicSpec { name, partitions, compacted } = spec;
        if self.compacted != *compacted {
            let is = if self.compacted { "is" } else { "is not" };
            return Some(LogError::Broken(format!("the topic `{name}` {is} compacted, against what it is for")));
        }
        let has = self.partitions;
        (has < *partitions)
            .then(|| LogError::Broken(format!("the topic `{name}` has {has} partitions and must have {partitions}")))
    }
}

fn find(transaction: &Connection, name: &str) -> rusqlite::Result<Option<Found>> {
    let mut statement = transaction.prepare_cached(
        "SELECT compacted, (SELECT count(*) FROM partitions WHERE topic = topics.id) FROM topics WHERE name = ?1",
    )?;
    statement.query_row([name], |row| Ok(Found { compacted: row.get(0)?, partitions: row.get(1)? })).optional()
}

fn make(transaction: &Connection, tails: &mut Tails, spec: &TopicSpec) -> rusqlite::Result<Arc<Topic>> {
    let mut insert = transaction.prepare_cached("INSERT INTO topics (name, compacted) VALUES (?1, ?2)")?;
    let id = insert.insert(params![spec.name, spec.compacted])?;
    let mut insert =
        transaction.prepare_cached("INSERT INTO partitions (topic, number) VALUES (?1, ?2) RETURNING row")?;
    let mut partitions = Vec::new();
    for number in 0..spec.partitions {
        let row = insert.query_row(params![id, number], |row| row.get(0))?;
        tails.set(row, Tail::default());
        partitions.push(Partition::new(row, 0));
    }
    Ok(Arc::new(Topic::new(id, &spec.name, spec.compacted, partitions)))
}
