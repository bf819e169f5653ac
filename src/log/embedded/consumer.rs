//! A member of a group. The log has one process, so a topic's partitions go together to the member that joined first; a
//! second one waits in line until that one leaves. Nothing is ever revoked.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::future::BoxFuture;

use super::{
    Shared,
    catalog::{PartitionRow, Topic},
    groups::Membership,
    offsets::{self, Place},
    records::{self, Limit, Range},
};
use crate::{
    log::{Consumer, LogResult, Signal, TopicPartition},
    topics::record::Record,
};

pub(super) struct EmbeddedConsumer {
    shared: Arc<Shared>,
    membership: Membership,
    /// Topics in whose line this member is not in front, or has not looked yet.
    waiting: Vec<Arc<Topic>>,
    owned: Vec<Owned>,
    /// Whose turn it is to be read first.
    turn: usize,
    /// A read under way. It outlives a call of `next` that is given up.
    fetch: Option<BoxFuture<'static, LogResult<Vec<Part>>>>,
    /// What was stored and not yet committed.
    stored: BTreeMap<TopicPartition, u64>,
}

/// A partition that is this member's.
struct Owned {
    topic: Arc<Topic>,
    name: TopicPartition,
    row: PartitionRow,
    next: u64,
    paused: bool,
}

/// What a read brought of one partition.
struct Part {
    owned: usize,
    records: Vec<Record>,
    next: u64,
}

impl EmbeddedConsumer {
    pub(super) fn join(shared: Arc<Shared>, group: &str, topics: &[String]) -> LogResult<Self> {
        let waiting = topics.iter().map(|topic| shared.catalog.find(topic)).collect::<LogResult<Vec<_>>>()?;
        let membership = Membership::join(&shared.groups, group, &waiting);
        let (owned, stored) = (Vec::new(), BTreeMap::new());
        Ok(Self { shared, membership, waiting, owned, turn: 0, fetch: None, stored })
    }

    async fn signal(&mut self) -> LogResult<Signal> {
        loop {
            self.shared.check_open()?;
            if let Some(assigned) = self.take_over().await? {
                return Ok(Signal::Assigned(assigned));
            }
            if self.fetch.is_none() {
                self.fetch = self.begin_fetch();
            }
            let Some(fetch) = &mut self.fetch else {
                self.membership.bell.notified().await;
                continue;
            };
            let fetched = fetch.await;
            self.fetch = None;
            let records = self.receive(fetched?);
            if !records.is_empty() {
                return Ok(Signal::Records(records));
            }
        }
    }

    /// Takes the topics in whose line this member has come to the front.
    async fn take_over(&mut self) -> LogResult<Option<Vec<TopicPartition>>> {
        let mine: Vec<_> = self.waiting.iter().filter(|topic| self.membership.is_in_front(topic)).cloned().collect();
        if mine.is_empty() {
            return Ok(None);
        }
        let (group, topics) = (Arc::clone(self.membership.group()), mine.clone());
        let owned = self.shared.pool.read(move |connection| {
            let partitions = topics.iter().flat_map(|topic| (0..topic.width()).map(move |number| (topic, number)));
            partitions
                .map(|(topic, number)| {
                    let next = offsets::stored(connection, &group, topic.id, number)?.unwrap_or(0);
                    Owned::new(topic, number, next)
                })
                .collect::<LogResult<Vec<_>>>()
        });
        let owned = owned.await?;
        self.waiting.retain(|topic| mine.iter().all(|taken| taken.id != topic.id));
        let names = owned.iter().map(|owned| owned.name.clone()).collect();
        self.owned.extend(owned);
        Ok(Some(names))
    }

    /// Begins to read what is there, each partition in turn; nothing if there is nothing.
    fn begin_fetch(&mut self) -> Option<BoxFuture<'static, LogResult<Vec<Part>>>> {
        let count = self.owned.len();
        let first = self.turn;
        let turns = (0..count).map(|step| (first + step) % count);
        let ready: Vec<_> = turns.filter_map(|index| Some((index, self.owned[index].ready()?))).collect();
        // Whoever is first now is last next time.
        self.turn = ready.first()?.0 + 1;
        let shared = Arc::clone(&self.shared);
        Some(Box::pin(async move { shared.pool.read(move |connection| fetch(connection, &ready)).await }))
    }

    /// Takes in what a read brought, but not of partitions that were paused meanwhile.
    fn receive(&mut self, parts: Vec<Part>) -> Vec<Record> {
        let mut records = Vec::new();
        for part in parts {
            let owned = &mut self.owned[part.owned];
            if !owned.paused {
                owned.next = part.next;
                records.extend(part.records);
            }
        }
        records
    }

    fn set_paused(&mut self, partitions: &[TopicPartition], paused: bool) {
        for owned in &mut self.owned {
            if partitions.contains(&owned.name) {
                owned.paused = paused;
            }
        }
    }

    async fn write_stored(&mut self) -> LogResult<()> {
        self.shared.check_open()?;
        let places: Vec<_> = self.owned.iter().filter_map(|owned| owned.place(&self.stored)).collect();
        if !places.is_empty() {
            let (job, answered) = offsets::job(self.membership.group(), places);
            self.shared.submit(job, answered).await?;
        }
        self.stored.clear();
        Ok(())
    }
}

impl Owned {
    fn new(topic: &Arc<Topic>, number: u32, next: u64) -> LogResult<Self> {
        let row = topic.partition(number)?.row;
        let name = TopicPartition { topic: Arc::clone(&topic.name), partition: number };
        Ok(Self { topic: Arc::clone(topic), name, row, next, paused: false })
    }

    /// What there is to read.
    fn ready(&self) -> Option<Range> {
        let until = self.topic.partition(self.name.partition).map_or(0, super::catalog::Partition::end);
        let (topic, partition, row, from) = (Arc::clone(&self.topic), self.name.partition, self.row, self.next);
        (!self.paused && from < until).then_some(Range { topic, partition, row, from, until })
    }

    fn place(&self, stored: &BTreeMap<TopicPartition, u64>) -> Option<Place> {
        let next = *stored.get(&self.name)?;
        Some(Place { topic: self.topic.id, partition: self.name.partition, next })
    }
}

fn fetch(connection: &rusqlite::Connection, ready: &[(usize, Range)]) -> LogResult<Vec<Part>> {
    let mut limit = Limit::READ;
    let mut parts = Vec::new();
    for (owned, range) in ready {
        let mut records = Vec::new();
        let next = records::read(connection, range, &mut limit, &mut records)?;
        parts.push(Part { owned: *owned, records, next });
        if limit.is_used_up() {
            break;
        }
    }
    Ok(parts)
}

impl Consumer for EmbeddedConsumer {
    fn next(&mut self) -> BoxFuture<'_, LogResult<Signal>> {
        Box::pin(self.signal())
    }

    fn store(&mut self, partition: &TopicPartition, next: u64) {
        if self.owned.iter().any(|owned| owned.name == *partition) {
            self.stored.insert(partition.clone(), next);
        }
    }

    /// Nothing can take a partition away while this process holds the file's lock, so an open log is proof enough.
    fn commit(&mut self) -> BoxFuture<'_, LogResult<()>> {
        Box::pin(self.write_stored())
    }

    fn released(&mut self) -> BoxFuture<'_, LogResult<()>> {
        Box::pin(self.write_stored())
    }

    fn pause(&mut self, partitions: &[TopicPartition]) -> LogResult<()> {
        self.set_paused(partitions, true);
        Ok(())
    }

    fn resume(&mut self, partitions: &[TopicPartition]) -> LogResult<()> {
        self.set_paused(partitions, false);
        Ok(())
    }

    fn leave(mut self: Box<Self>) -> BoxFuture<'static, LogResult<()>> {
        Box::pin(async move { self.write_stored().await })
    }
}
