//! What is known of an action at its target: what its lane's owner remembers, and what is on its way there.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use serde::de::DeserializeOwned;

use super::seen::digest;
use crate::{
    log::{Bound, Fencing, Log, LogError, LogResult, Offsets, Table, TopicPartition},
    model::{connection::ConnectionName, id::ActionId},
    topics::{
        Names,
        memory::{self, ActionState, BulkPosition, End, Outcome, key},
        record::{ID, Record},
    },
};

/// What is known of an action.
#[derive(Debug, PartialEq)]
pub(super) enum Known {
    Nothing,
    /// It waits in memory or for a person, is on its way, or was begun.
    Waiting,
    Settled(Outcome),
}

/// The lanes asked so far.
pub(super) struct Lanes {
    log: Log,
    names: Names,
    /// How far the owners of lanes have come.
    committed: Option<Offsets>,
    open: HashMap<ConnectionName, Lane>,
}

struct Lane {
    memory: Arc<dyn Table>,
    /// Digests of the actions that stand in the lane's topics and that its owner has not settled or parked.
    on_their_way: HashSet<u64>,
}

impl Lanes {
    pub fn new(log: Log, names: Names) -> Self {
        Self { log, names, committed: None, open: HashMap::new() }
    }

    /// What is known of an action at a connection.
    pub async fn ask(&mut self, connection: &ConnectionName, id: &ActionId) -> LogResult<Known> {
        if !self.open.contains_key(connection) {
            let lane = self.open_lane(connection).await?;
            self.open.insert(connection.clone(), lane);
        }
        let lane = self.open.get(connection).expect("it was put there");
        lane.ask(id)
    }

    async fn open_lane(&mut self, connection: &ConnectionName) -> LogResult<Lane> {
        let memory = self.log.table(&self.names.memory(connection), Fencing::Epochs).await?;
        memory.catch_up().await?;
        if self.committed.is_none() {
            self.committed = Some(self.log.offsets(&self.names.group("dispatcher")).await?);
        }
        let live = self.names.actions(connection);
        let at = TopicPartition { topic: live.as_str().into(), partition: 0 };
        let live_from = self.committed.as_ref().and_then(|offsets| offsets.get(&at)).copied();
        let bulk_from = read::<BulkPosition>(memory.as_ref(), key::BULK)?.map(|position| position.next);
        let mut lane = Lane { memory, on_their_way: HashSet::new() };
        lane.read(&self.log, &live, live_from).await?;
        lane.read(&self.log, &self.names.bulk(connection), bulk_from).await?;
        Ok(lane)
    }
}

fn read<T: DeserializeOwned>(memory: &dyn Table, key: &str) -> LogResult<Option<T>> {
    let read = |bytes: bytes::Bytes| memory::read(&bytes).map_err(|error| LogError::Broken(error.to_string()));
    memory.get(key)?.map(read).transpose()
}

impl Lane {
    async fn read(&mut self, log: &Log, topic: &str, from: Option<u64>) -> LogResult<()> {
        let mut reader = log.read(topic, 0, from.map_or(Bound::Edge, Bound::Offset), Bound::Edge).await?;
        loop {
            let records = reader.next().await?;
            if records.is_empty() {
                return Ok(());
            }
            self.on_their_way.extend(records.iter().filter_map(id).map(digest));
            tokio::task::yield_now().await;
        }
    }

    fn ask(&self, id: &ActionId) -> LogResult<Known> {
        match read(self.memory.as_ref(), &key::action(id))? {
            Some(ActionState::Settled(Outcome { end: End::Held, .. })) => Ok(Known::Waiting),
            Some(ActionState::Settled(outcome)) if !outcome.end.failed() => Ok(Known::Settled(outcome)),
            Some(ActionState::Begun { .. }) => Ok(Known::Waiting),
            // One that died may have been asked for again since.
            _ if self.memory.get(&key::waiting(id))?.is_some() => Ok(Known::Waiting),
            Some(ActionState::Settled(outcome)) => Ok(Known::Settled(outcome)),
            None if self.on_their_way.contains(&digest(id.as_str())) => Ok(Known::Waiting),
            None => Ok(Known::Nothing),
        }
    }
}

/// The id of the action that a record holds, if it holds one.
fn id(record: &Record) -> Option<&str> {
    record.headers.text(ID)
}
