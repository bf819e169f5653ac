//! Everything that the log holds, read by range. Tables are replayed here, by the rule that they promise, so that a mistake
//! in the product's own tables would show.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use spojka::{
    config::Config,
    log::{
        Bound, Log, LogResult, Offsets, TopicPartition,
        fencing::{Fence, epoch_of},
    },
    model::{
        connection::ConnectionName,
        id::{ActionId, EventId},
    },
    topics::{
        Names,
        action::Action,
        dead::DeadLetter,
        event::{Entity, Event},
        record::Record,
        webhook::Webhook,
    },
};

/// Where a record stands.
#[derive(Clone, Debug)]
pub struct Place {
    pub at: TopicPartition,
    pub offset: u64,
}

/// A record that could be read, with its place.
pub struct Stored<T> {
    pub place: Place,
    pub it: T,
}

/// A compacted topic as its readers must see it.
#[derive(Default)]
pub struct Table {
    pub entries: BTreeMap<String, bytes::Bytes>,
    /// Keys that were there once and were removed since, as far as compaction has left word of them.
    pub removed: BTreeSet<String>,
}

/// Everything that the log holds.
pub struct Topics {
    pub names: Names,
    /// First names.
    pub connections: Vec<ConnectionName>,
    /// By role, as they stood before anything else was read.
    offsets: HashMap<&'static str, Offsets>,
    pub webhooks: Vec<Stored<Webhook>>,
    pub events: Vec<Stored<Event>>,
    /// Of live and bulk topics.
    pub actions: Vec<Stored<Action>>,
    pub event_ids: BTreeSet<EventId>,
    /// The records of each action, in order.
    pub actions_by_id: BTreeMap<ActionId, Vec<usize>>,
    pub memory: BTreeMap<ConnectionName, Table>,
    pub dead: Table,
    pub flows: Table,
    /// Records of the topics of webhooks, events and actions that are none.
    pub unreadable: Vec<Record>,
    /// Something was trimmed: what is missing may have been there.
    pub trimmed: bool,
}

impl Topics {
    pub async fn read(config: &Config, log: &Log) -> LogResult<Self> {
        let names = Names::new(config.installation.prefix.clone());
        let connections: Vec<_> =
            config.connections.iter().map(|(name, connection)| connection.identity(name).clone()).collect();
        let mut topics = Self {
            names,
            connections,
            offsets: HashMap::new(),
            webhooks: Vec::new(),
            events: Vec::new(),
            actions: Vec::new(),
            event_ids: BTreeSet::new(),
            actions_by_id: BTreeMap::new(),
            memory: BTreeMap::new(),
            dead: Table::default(),
            flows: Table::default(),
            unreadable: Vec::new(),
            trimmed: false,
        };
        // Offsets first: whatever they have passed has its outputs further down already.
        for role in ["normalizer", "router", "dispatcher"] {
            topics.offsets.insert(role, log.offsets(&topics.names.group(role)).await?);
        }
        topics.read_records(log).await?;
        topics.read_tables(log).await?;
        topics.event_ids = topics.events.iter().map(|event| event.it.id.clone()).collect();
        for (index, action) in topics.actions.iter().enumerate() {
            topics.actions_by_id.entry(action.it.id.clone()).or_default().push(index);
        }
        Ok(topics)
    }

    async fn read_records(&mut self, log: &Log) -> LogResult<()> {
        for connection in self.connections.clone() {
            for record in self.records(log, &self.names.webhooks(&connection)).await? {
                keep(record, &mut self.webhooks, &mut self.unreadable, |record| Webhook::from_record(record).ok());
            }
        }
        for entity in Entity::ALL {
            for record in self.records(log, &self.names.events(entity)).await? {
                keep(record, &mut self.events, &mut self.unreadable, |record| Event::from_record(record).ok());
            }
        }
        for connection in self.connections.clone() {
            for topic in [self.names.actions(&connection), self.names.bulk(&connection)] {
                for record in self.records(log, &topic).await? {
                    if record.headers.text("control").is_none() {
                        keep(record, &mut self.actions, &mut self.unreadable, |record| {
                            Action::from_record(record).ok()
                        });
                    }
                }
            }
        }
        Ok(())
    }

    async fn read_tables(&mut self, log: &Log) -> LogResult<()> {
        for connection in self.connections.clone() {
            let records = self.records(log, &self.names.memory(&connection)).await?;
            self.memory.insert(connection, replay(records, true));
        }
        self.dead = replay(self.records(log, &self.names.dead()).await?, false);
        self.flows = replay(self.records(log, &self.names.flows()).await?, false);
        Ok(())
    }

    async fn records(&mut self, log: &Log, topic: &str) -> LogResult<Vec<Record>> {
        let info = log.describe(topic).await?;
        self.trimmed |= !info.compacted && info.partitions.iter().any(|(first, _)| *first > 0);
        let mut records = Vec::new();
        for partition in 0..info.partitions.len() {
            let partition = u32::try_from(partition).unwrap_or(u32::MAX);
            let mut reader = log.read(topic, partition, Bound::Edge, Bound::Edge).await?;
            loop {
                let page = reader.next().await?;
                if page.is_empty() {
                    break;
                }
                records.extend(page);
            }
        }
        Ok(records)
    }

    /// Whether a role has committed an offset behind this record: from then on it will never be read again.
    pub fn passed(&self, role: &'static str, place: &Place) -> bool {
        let committed = self.offsets.get(role).and_then(|offsets| offsets.get(&place.at));
        committed.is_some_and(|next| place.offset < *next)
    }

    /// A value of a lane's memory.
    pub fn remembered<T: serde::de::DeserializeOwned>(&self, connection: &ConnectionName, key: &str) -> Option<T> {
        let bytes = self.memory.get(connection)?.entries.get(key)?;
        spojka::topics::memory::read(bytes).ok()
    }

    /// Whether a dead letter is there, or was there and a person has dealt with it.
    pub fn buried(&self, id: &str) -> bool {
        let aside = format!("{id}+retry");
        let known = |id: &str| self.dead.entries.contains_key(id) || self.dead.removed.contains(id);
        known(id) || known(&aside)
    }

    pub fn letters(&self) -> impl Iterator<Item = DeadLetter> + '_ {
        self.dead.entries.values().filter_map(|bytes| DeadLetter::from_bytes(bytes).ok())
    }
}

fn keep<T>(
    record: Record,
    readable: &mut Vec<Stored<T>>,
    unreadable: &mut Vec<Record>,
    read: impl Fn(&Record) -> Option<T>,
) {
    match read(&record) {
        Some(it) => {
            let at = TopicPartition { topic: Arc::clone(&record.topic), partition: record.partition };
            readable.push(Stored { place: Place { at, offset: record.offset }, it });
        }
        None => unreadable.push(record),
    }
}

fn replay(records: Vec<Record>, fenced: bool) -> Table {
    let (mut table, mut fence) = (Table::default(), Fence::default());
    for record in records {
        if fenced && !fence.admits(&record.key, epoch_of(&record.headers)) {
            continue;
        }
        let key = String::from_utf8_lossy(&record.key).into_owned();
        if let Some(value) = record.value {
            table.removed.remove(&key);
            table.entries.insert(key, value);
        } else {
            table.entries.remove(&key);
            table.removed.insert(key);
        }
    }
    table
}
