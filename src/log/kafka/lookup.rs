//! Questions to the brokers that librdkafka answers only by blocking: topics, watermarks, offsets by time, what a group has
//! stored. They are asked one after another on a thread of their own.

use std::{
    collections::HashMap,
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    thread::JoinHandle,
    time::Duration,
};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    metadata::MetadataTopic,
    types::{RDKafkaErrorCode, RDKafkaRespErr},
};
use tokio::sync::oneshot;

use super::{
    client::{Complaints, Context},
    error,
    settings::Configs,
};
use crate::{
    log::{LogError, LogResult, Offsets, TopicPartition},
    model::time::Timestamp,
};

/// Questions that may wait before the next one is refused. Every lane of a process asks at its start, a few times: with 256 and
/// three hundred lanes, those that were refused after their claim waited out a predecessor who was nobody but themselves, for a
/// whole request timeout.
const WAITING: usize = 4096;
/// How often librdkafka's errors are taken off its queue while nobody asks.
const IDLE: Duration = Duration::from_secs(1);

type Question = Box<dyn FnOnce(&mut Desk) + Send>;

/// Asks questions from async code.
pub(super) struct Lookup {
    questions: Option<SyncSender<Question>>,
    thread: Option<JoinHandle<()>>,
    complaints: Complaints,
}

/// A topic as the brokers know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Topic {
    pub(super) name: String,
    pub(super) partitions: u32,
    pub(super) replicas: u32,
}

impl Lookup {
    pub(super) fn start(configs: Configs, complaints: Complaints) -> LogResult<Self> {
        let context = Context { complaints: complaints.clone() };
        let plain: BaseConsumer<Context> =
            configs.lookup().create_with_context(context).map_err(|error| error::plain(&error))?;
        let desk = Desk { plain, observers: HashMap::new(), timeout: configs.settings().request_timeout, configs };
        let (questions, waiting) = sync_channel(WAITING);
        let thread = std::thread::Builder::new()
            .name("kafka-lookup".to_owned())
            .spawn(move || answer(desk, &waiting))
            .map_err(|error| LogError::Broken(format!("no thread: {error}")))?;
        Ok(Self { questions: Some(questions), thread: Some(thread), complaints })
    }

    /// The cluster's own id.
    pub(super) async fn cluster_id(&self) -> LogResult<String> {
        self.ask(|desk| {
            let id = desk.plain.client().fetch_cluster_id(desk.timeout);
            id.ok_or_else(|| LogError::Unavailable("no broker told the cluster's id".to_owned()))
        })
        .await
    }

    /// A topic, if it exists.
    pub(super) async fn topic(&self, name: &str) -> LogResult<Option<Topic>> {
        let name = name.to_owned();
        self.ask(move |desk| desk.topic(&name)).await
    }

    /// The first offset kept and the one that comes next.
    pub(super) async fn watermarks(&self, topic: &str, partition: u32) -> LogResult<(u64, u64)> {
        let topic = topic.to_owned();
        self.ask(move |desk| desk.watermarks(&topic, partition)).await
    }

    /// The first offset with this timestamp or a later one, if there is one.
    pub(super) async fn offset_at(&self, topic: &str, partition: u32, time: Timestamp) -> LogResult<Option<u64>> {
        let topic = topic.to_owned();
        self.ask(move |desk| desk.offset_at(&topic, partition, time)).await
    }

    /// What comes next in partition 0 of each of these: one request to each broker that leads some of them.
    pub(super) async fn ends(&self, topics: &[String]) -> LogResult<Vec<u64>> {
        let topics = topics.to_vec();
        self.ask(move |desk| desk.ends(&topics)).await
    }

    /// What a group has stored.
    pub(super) async fn offsets(&self, group: &str) -> LogResult<Offsets> {
        let group = group.to_owned();
        self.ask(move |desk| desk.offsets(&group)).await
    }

    async fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut Desk) -> LogResult<T> + Send + 'static,
    ) -> LogResult<T> {
        let (answer, answered) = oneshot::channel();
        let complaints = self.complaints.clone();
        let question: Question = Box::new(move |desk| {
            // While brokers are away each question takes its whole timeout: nobody should wait for what nobody wants.
            if answer.is_closed() {
                return;
            }
            let result = ask(desk);
            desk.drain();
            if result.is_ok() {
                complaints.forget();
            }
            // Whoever asked may have gone.
            let _unheard = answer.send(result.map_err(|error| complaints.explain(error)));
        });
        let questions = self.questions.as_ref().expect("there until dropped");
        if questions.try_send(question).is_err() {
            return Err(LogError::Unavailable("too many questions wait for the brokers".to_owned()));
        }
        answered.await.unwrap_or_else(|_| Err(LogError::Broken("the thread that asks the brokers died".to_owned())))
    }
}

impl Drop for Lookup {
    fn drop(&mut self) {
        // The thread ends by itself when nobody can ask any more; joining it would block async code.
        drop(self.questions.take());
        drop(self.thread.take());
    }
}

fn answer(mut desk: Desk, waiting: &Receiver<Question>) {
    loop {
        match waiting.recv_timeout(IDLE) {
            Ok(question) => question(&mut desk),
            Err(RecvTimeoutError::Timeout) => desk.drain(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Where the questions are answered.
struct Desk {
    plain: BaseConsumer<Context>,
    /// By group. Made when first asked for: roles have few groups.
    observers: HashMap<String, BaseConsumer<Context>>,
    timeout: Duration,
    configs: Configs,
}

impl Desk {
    /// Errors wait on a queue of librdkafka's until somebody takes them off.
    fn drain(&self) {
        for client in std::iter::once(&self.plain).chain(self.observers.values()) {
            while client.poll(Duration::ZERO).is_some() {}
        }
    }

    fn topic(&self, name: &str) -> LogResult<Option<Topic>> {
        let metadata =
            self.plain.fetch_metadata(Some(name), self.timeout).map_err(|error| error::of_topic(&error, name))?;
        metadata.topics().iter().find(|topic| topic.name() == name).map_or(Ok(None), described)
    }

    fn watermarks(&self, topic: &str, partition: u32) -> LogResult<(u64, u64)> {
        let (low, high) = self
            .plain
            .fetch_watermarks(topic, native(partition), self.timeout)
            .map_err(|error| error::of_topic(&error, topic))?;
        Ok((unsigned(low), unsigned(high)))
    }

    fn offset_at(&self, topic: &str, partition: u32, time: Timestamp) -> LogResult<Option<u64>> {
        let mut wanted = TopicPartitionList::new();
        wanted
            .add_partition_offset(topic, native(partition), Offset::Offset(time.as_millisecond().max(0)))
            .map_err(|error| error::plain(&error))?;
        let found =
            self.plain.offsets_for_times(wanted, self.timeout).map_err(|error| error::of_topic(&error, topic))?;
        let element = found.find_partition(topic, native(partition)).expect("the list that we asked with");
        element.error().map_err(|error| error::of_topic(&error, topic))?;
        Ok(match element.offset() {
            Offset::Offset(offset) => Some(unsigned(offset)),
            _ => None,
        })
    }

    fn ends(&self, topics: &[String]) -> LogResult<Vec<u64>> {
        if topics.is_empty() {
            return Ok(Vec::new());
        }
        let mut wanted = TopicPartitionList::new();
        for topic in topics {
            // In a question by time, this stands for "the latest" (the protocol's timestamp -1).
            wanted.add_partition_offset(topic, 0, Offset::End).map_err(|error| error::plain(&error))?;
        }
        let found = self.plain.offsets_for_times(wanted, self.timeout).map_err(|error| error::plain(&error))?;
        let end = |topic: &String| {
            let element = found.find_partition(topic, 0).expect("the list that we asked with");
            element.error().map_err(|error| error::of_topic(&error, topic))?;
            match element.offset() {
                Offset::Offset(offset) => Ok(unsigned(offset)),
                _ => Err(LogError::Unavailable(format!("no broker told where `{topic}` ends"))),
            }
        };
        topics.iter().map(end).collect()
    }

    fn offsets(&mut self, group: &str) -> LogResult<Offsets> {
        let metadata = self.plain.fetch_metadata(None, self.timeout).map_err(|error| error::plain(&error))?;
        let mut all = TopicPartitionList::new();
        for topic in metadata.topics().iter().filter(|topic| !topic.name().starts_with("__")) {
            for partition in topic.partitions() {
                all.add_partition(topic.name(), partition.id());
            }
        }
        if all.count() == 0 {
            return Ok(Offsets::new());
        }
        let timeout = self.timeout;
        let stored = self.observer(group)?.committed_offsets(all, timeout).map_err(|error| error::plain(&error))?;
        Ok(stored.elements().iter().filter_map(stored_offset).collect())
    }

    fn observer(&mut self, group: &str) -> LogResult<&BaseConsumer<Context>> {
        if !self.observers.contains_key(group) {
            let context = self.plain.context().as_ref().clone();
            let client =
                self.configs.observer(group).create_with_context(context).map_err(|error| error::plain(&error))?;
            self.observers.insert(group.to_owned(), client);
        }
        Ok(&self.observers[group])
    }
}

fn described(topic: &MetadataTopic) -> LogResult<Option<Topic>> {
    if let Some(code) = topic.error() {
        return if code == RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART {
            Ok(None)
        } else {
            Err(error::of_code(RDKafkaErrorCode::from(code), topic.name()))
        };
    }
    let replicas = topic.partitions().iter().map(|partition| partition.replicas().len()).min().unwrap_or(0);
    Ok(Some(Topic {
        name: topic.name().to_owned(),
        partitions: u32::try_from(topic.partitions().len()).unwrap_or(u32::MAX),
        replicas: u32::try_from(replicas).unwrap_or(u32::MAX),
    }))
}

fn stored_offset(element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>) -> Option<(TopicPartition, u64)> {
    let Offset::Offset(offset) = element.offset() else { return None };
    let partition = TopicPartition { topic: element.topic().into(), partition: number(element.partition()) };
    Some((partition, unsigned(offset)))
}

/// A partition as librdkafka counts them.
pub(super) fn native(partition: u32) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}

/// A partition as we count them.
pub(super) fn number(partition: i32) -> u32 {
    u32::try_from(partition).unwrap_or(0)
}

/// An offset as we count them.
pub(super) fn unsigned(offset: i64) -> u64 {
    u64::try_from(offset).unwrap_or(0)
}

/// An offset as librdkafka counts them.
pub(super) fn signed(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}
