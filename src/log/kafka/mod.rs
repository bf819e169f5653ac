//! The log on Kafka, through librdkafka. Production, any number of machines; anything that speaks Kafka's protocol will do.
//!
//! | part | does |
//! |---|---|
//! | `settings`, `security` | what the owner says, and the clients' configurations |
//! | `producer`, `receipts`, `limits` | appends: one idempotent producer for all, one completion per call |
//! | `consumer` | members of groups: polling, committing, giving partitions up |
//! | `reader` | ranges, outside any group |
//! | `table` | compacted topics in local files |
//! | `lookup`, `admin`, `trim` | questions about topics, and changes to them |
//!
//! Nothing here blocks async code: what librdkafka does only by blocking has threads of its own. librdkafka retries by itself;
//! an error is what is left when it gave up, in terms of what the caller can do ([`LogError`]).

mod admin;
mod client;
mod consumer;
mod error;
mod limits;
mod lookup;
mod message;
mod producer;
mod reader;
mod receipts;
mod retire;
mod security;
mod settings;
mod table;
mod trim;

use std::{sync::Arc, time::Duration};

use futures_util::{TryStreamExt as _, future::BoxFuture, stream};

use self::{
    admin::Admin,
    client::{Complaints, Context},
    consumer::KafkaConsumer,
    limits::Limits,
    lookup::Lookup,
    producer::Producer,
    reader::{KafkaReader, Range},
    retire::Retirement,
    settings::Configs,
    table::OpenTables,
    trim::Weights,
};
pub use self::{
    security::{ClientCertificate, Login, Mechanism, Protocol, Security},
    settings::{KafkaSettings, OURS},
};
use super::{
    Bound, Consumer, Fencing, LogError, LogResult, LogStore, Offsets, Position, Pressure, Reader, Table, TopicInfo,
    TopicSpec, TrimRule,
};
use crate::{
    model::time::{Clock, Timestamp},
    topics::record::Append,
};

/// So many topics are made or looked at side by side: a hundred connections have four hundred of them, and each takes
/// several questions to the brokers.
const TOPICS_AT_ONCE: usize = 16;

/// A cluster of brokers.
pub struct KafkaLog {
    parts: Arc<Parts>,
    tables: OpenTables,
}

/// What the calls of one log share.
struct Parts {
    configs: Configs,
    clock: Arc<dyn Clock>,
    complaints: Complaints,
    lookup: Lookup,
    admin: Admin,
    producer: Producer,
    retirement: Retirement,
    weights: Weights,
    limits: Limits,
}

impl Parts {
    fn context(&self) -> Context {
        Context { complaints: self.complaints.clone() }
    }
}

impl KafkaLog {
    /// Checks the settings and makes the clients. Does not wait for brokers: whoever can work without them for a while must
    /// be able to start without them. [`KafkaLog::check`] asks them.
    ///
    /// # Errors
    /// [`LogError::Broken`] when the settings cannot work.
    pub fn connect(settings: KafkaSettings, clock: Arc<dyn Clock>) -> LogResult<Self> {
        let complaints = Complaints::default();
        let configs = Configs::new(settings)?;
        let settings = configs.settings();
        let retirement = Retirement::start()?;
        let producer = Producer::new(
            configs.producer(),
            settings.queue_bytes,
            complaints.clone(),
            retirement.clone(),
            Arc::clone(&clock),
        )?;
        let parts = Parts {
            lookup: Lookup::start(configs.clone(), complaints.clone())?,
            admin: Admin::new(&configs.lookup(), settings, complaints.clone(), &retirement)?,
            producer,
            retirement,
            weights: Weights::default(),
            limits: Limits::default(),
            complaints,
            clock,
            configs,
        };
        Ok(Self { parts: Arc::new(parts), tables: OpenTables::default() })
    }

    /// Asks the brokers who they are. Answers the cluster's id.
    ///
    /// # Errors
    /// [`LogError::Broken`] when they refuse us, [`LogError::Unavailable`] when they do not answer.
    pub async fn check(&self) -> LogResult<String> {
        self.parts.lookup.cluster_id().await
    }

    async fn known(&self, topic: &str) -> LogResult<lookup::Topic> {
        self.parts.lookup.topic(topic).await?.ok_or_else(|| LogError::NoSuchTopic(topic.to_owned()))
    }

    async fn create(&self, spec: &TopicSpec) -> LogResult<()> {
        if self.parts.lookup.topic(&spec.name).await?.is_none() {
            self.parts.admin.create(spec).await?;
        }
        let found = self.appears(&spec.name).await?;
        let config = self.parts.admin.config(&spec.name).await?;
        self.parts.limits.learn(&spec.name, config.max_message_bytes);
        let compacted = config.compacted;
        if compacted != spec.compacted {
            let is = if compacted { "compacted" } else { "not compacted" };
            return Err(LogError::Broken(format!("the topic `{}` exists and is {is}", spec.name)));
        }
        if found.partitions < spec.partitions {
            let (has, needs) = (found.partitions, spec.partitions);
            return Err(LogError::Broken(format!("the topic `{}` has {has} partitions, not {needs}", spec.name)));
        }
        Ok(())
    }

    /// A topic that was made is known to one broker first and to the others a moment later.
    async fn appears(&self, topic: &str) -> LogResult<lookup::Topic> {
        let deadline = self.parts.clock.elapsed() + self.parts.configs.settings().request_timeout;
        loop {
            let found = match self.known(topic).await {
                Ok(found) => self.has_leaders(&found).await.map(|()| found),
                Err(error) => Err(error),
            };
            match found {
                Err(LogError::NoSuchTopic(_) | LogError::Unavailable(_)) if self.parts.clock.elapsed() < deadline => {
                    self.parts.clock.sleep(Duration::from_millis(20)).await;
                }
                found => return found,
            }
        }
    }

    async fn has_leaders(&self, topic: &lookup::Topic) -> LogResult<()> {
        for partition in 0..topic.partitions {
            self.parts.lookup.watermarks(&topic.name, partition).await?;
        }
        Ok(())
    }

    async fn info(&self, topic: &str) -> LogResult<TopicInfo> {
        let found = self.known(topic).await?;
        let config = self.parts.admin.config(topic).await?;
        let mut partitions = Vec::new();
        for partition in 0..found.partitions {
            partitions.push(self.parts.lookup.watermarks(topic, partition).await?);
        }
        Ok(TopicInfo {
            name: found.name,
            compacted: config.compacted,
            max_message_bytes: config.max_message_bytes,
            min_insync_replicas: config.min_insync_replicas,
            replicas: Some(found.replicas),
            partitions,
        })
    }

    async fn range(&self, topic: &str, partition: u32, from: Bound, to: Bound) -> LogResult<Range> {
        if partition >= self.known(topic).await?.partitions {
            return Err(LogError::Broken(format!("the topic `{topic}` has no partition {partition}")));
        }
        let (low, high) = self.parts.lookup.watermarks(topic, partition).await?;
        let from = self.bound(topic, partition, from, low, high).await?.max(low);
        let to = self.bound(topic, partition, to, high, high).await?.min(high);
        Ok(Range { topic: topic.to_owned(), partition, from, to })
    }

    async fn bound(&self, topic: &str, partition: u32, bound: Bound, edge: u64, high: u64) -> LogResult<u64> {
        match bound {
            Bound::Edge => Ok(edge),
            Bound::Offset(offset) => Ok(offset),
            Bound::Time(time) => Ok(self.parts.lookup.offset_at(topic, partition, time).await?.unwrap_or(high)),
        }
    }
}

impl LogStore for KafkaLog {
    fn create_topics<'a>(&'a self, specs: &'a [TopicSpec]) -> BoxFuture<'a, LogResult<()>> {
        let specs = stream::iter(specs.iter().map(Ok));
        Box::pin(specs.try_for_each_concurrent(TOPICS_AT_ONCE, |spec| self.create(spec)))
    }

    fn describe<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, LogResult<TopicInfo>> {
        Box::pin(self.info(topic))
    }

    fn append(&self, records: Vec<Append>) -> BoxFuture<'_, LogResult<Vec<Position>>> {
        Box::pin(async move {
            if records.is_empty() {
                return Ok(Vec::new());
            }
            self.parts.limits.admit(&self.parts.admin, &records).await?;
            let receipt = self.parts.producer.enqueue(&records)?;
            drop(records);
            receipt.positions().await
        })
    }

    /// Others may write at any time.
    fn is_exclusive(&self) -> bool {
        false
    }

    fn pressure(&self) -> Pressure {
        self.parts.producer.pressure()
    }

    fn consumer<'a>(&'a self, group: &'a str, topics: &'a [String]) -> BoxFuture<'a, LogResult<Box<dyn Consumer>>> {
        Box::pin(async move {
            for topic in topics {
                self.known(topic).await?;
            }
            let consumer = KafkaConsumer::join(&self.parts, group, topics)?;
            Ok(Box::new(consumer) as Box<dyn Consumer>)
        })
    }

    fn read<'a>(
        &'a self,
        topic: &'a str,
        partition: u32,
        from: Bound,
        to: Bound,
    ) -> BoxFuture<'a, LogResult<Box<dyn Reader>>> {
        Box::pin(async move {
            let range = self.range(topic, partition, from, to).await?;
            Ok(Box::new(KafkaReader::open(&self.parts, range)?) as Box<dyn Reader>)
        })
    }

    fn table<'a>(&'a self, topic: &'a str, fencing: Fencing) -> BoxFuture<'a, LogResult<Arc<dyn Table>>> {
        Box::pin(async move {
            let table = self.tables.get(&self.parts, topic, fencing).await?;
            Ok(table as Arc<dyn Table>)
        })
    }

    fn offsets<'a>(&'a self, group: &'a str) -> BoxFuture<'a, LogResult<Offsets>> {
        Box::pin(self.parts.lookup.offsets(group))
    }

    fn ends<'a>(&'a self, topics: &'a [String]) -> BoxFuture<'a, LogResult<Vec<u64>>> {
        Box::pin(self.parts.lookup.ends(topics))
    }

    fn trim<'a>(&'a self, topic: &'a str, rule: &'a TrimRule, now: Timestamp) -> BoxFuture<'a, LogResult<u64>> {
        Box::pin(trim::trim(&self.parts, topic, rule, now))
    }

    fn close(&self, deadline: Duration) -> BoxFuture<'_, LogResult<()>> {
        Box::pin(async move {
            let parts = Arc::clone(&self.parts);
            let left = producer::close(parts, deadline).await?;
            if left == 0 { Ok(()) } else { Err(LogError::Unavailable(format!("{left} bytes were not acknowledged"))) }
        })
    }
}
