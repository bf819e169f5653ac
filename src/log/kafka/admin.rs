//! Making topics, reading their settings, deleting records.

use std::time::Duration;

use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication},
    types::RDKafkaErrorCode as Code,
};

use super::{
    client::{Complaints, Context},
    error,
    lookup::{native, number, signed, unsigned},
    retire::{Retirement, Retiring},
};
use crate::log::{LogError, LogResult, TopicSpec};

/// Changes topics.
pub(super) struct Admin {
    client: Retiring<AdminClient<Context>>,
    complaints: Complaints,
    timeout: Duration,
    replication: Option<i32>,
    min_insync_replicas: Option<String>,
    max_message_bytes: String,
}

/// What a topic's settings say.
pub(super) struct TopicConfig {
    pub(super) compacted: bool,
    pub(super) max_message_bytes: usize,
    pub(super) min_insync_replicas: Option<u32>,
    /// How long a deletion can still be read; only of a compacted topic.
    pub(super) delete_retention: Duration,
}

impl Admin {
    pub(super) fn new(
        config: &ClientConfig,
        settings: &super::settings::KafkaSettings,
        complaints: Complaints,
        retirement: &Retirement,
    ) -> LogResult<Self> {
        let context = Context { complaints: complaints.clone() };
        let client = config.create_with_context(context).map_err(|error| error::plain(&error))?;
        Ok(Self {
            client: retirement.holds(client),
            complaints,
            timeout: settings.request_timeout,
            replication: settings.replication.map(native),
            min_insync_replicas: settings.min_insync_replicas.map(|count| count.to_string()),
            max_message_bytes: settings.max_message_bytes.to_string(),
        })
    }

    /// Makes one topic. One that exists already is fine.
    pub(super) async fn create(&self, spec: &TopicSpec) -> LogResult<()> {
        let replication = TopicReplication::Fixed(self.replication.unwrap_or(-1));
        let mut topic = NewTopic::new(&spec.name, native(spec.partitions), replication)
            // Nothing goes by itself: the reader trims, behind everybody who has still to read.
            .set("cleanup.policy", if spec.compacted { "compact" } else { "delete" })
            .set("retention.ms", "-1")
            .set("retention.bytes", "-1")
            .set("max.message.bytes", &self.max_message_bytes);
        if let Some(count) = &self.min_insync_replicas {
            topic = topic.set("min.insync.replicas", count);
        }
        let answers = self.client.create_topics([&topic], &self.options()).await;
        let answers = answers.map_err(|error| self.complaints.explain(error::of_topic(&error, &spec.name)))?;
        match answers.first() {
            None | Some(Ok(_) | Err((_, Code::TopicAlreadyExists))) => Ok(()),
            Some(Err((_, code))) => Err(error::of_code(*code, &spec.name)),
        }
    }

    pub(super) async fn config(&self, topic: &str) -> LogResult<TopicConfig> {
        let answers = self.client.describe_configs([&ResourceSpecifier::Topic(topic)], &self.options()).await;
        let answers = answers.map_err(|error| self.complaints.explain(error::of_topic(&error, topic)))?;
        match answers.into_iter().next() {
            Some(Ok(resource)) => Ok(TopicConfig::of(&resource)),
            Some(Err(code)) => Err(error::of_code(code, topic)),
            None => Err(LogError::Broken(format!("the brokers do not describe `{topic}`"))),
        }
    }

    /// Deletes what stands before the offsets. Answers where the partitions begin now.
    pub(super) async fn delete_before(&self, topic: &str, offsets: &[(u32, u64)]) -> LogResult<Vec<(u32, u64)>> {
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (partition, before) in offsets {
            list.add_partition_offset(topic, native(*partition), Offset::Offset(signed(*before)))
                .map_err(|error| error::plain(&error))?;
        }
        let answer = self.client.delete_records(&list, &self.options()).await;
        let answer = answer.map_err(|error| self.complaints.explain(error::of_topic(&error, topic)))?;
        let mut begins = Vec::with_capacity(offsets.len());
        for element in answer.elements() {
            element.error().map_err(|error| error::of_topic(&error, topic))?;
            if let Offset::Offset(offset) = element.offset() {
                begins.push((number(element.partition()), unsigned(offset)));
            }
        }
        Ok(begins)
    }

    fn options(&self) -> AdminOptions {
        AdminOptions::new().request_timeout(Some(self.timeout)).operation_timeout(Some(self.timeout))
    }
}

impl TopicConfig {
    fn of(resource: &ConfigResource) -> Self {
        let value = |name: &str| resource.get(name).and_then(|entry| entry.value.as_deref());
        Self {
            compacted: value("cleanup.policy").is_some_and(|policy| policy.contains("compact")),
            // The defaults of Kafka itself, for servers that only speak its protocol and leave settings out.
            max_message_bytes: value("max.message.bytes").and_then(|text| text.parse().ok()).unwrap_or(1_048_588),
            min_insync_replicas: value("min.insync.replicas").and_then(|text| text.parse().ok()),
            delete_retention: value("delete.retention.ms")
                .and_then(|text| text.parse().ok())
                .map_or(Duration::from_hours(24), Duration::from_millis),
        }
    }
}
