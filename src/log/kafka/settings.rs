//! What an owner says about the brokers, and the librdkafka configurations that follow from it.

use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};

use rdkafka::{ClientConfig, config::RDKafkaLogLevel};

use super::security::Security;
use crate::log::{LogError, LogResult};

/// Everything about one cluster.
#[derive(Clone)]
pub struct KafkaSettings {
    /// `host:port`, separated by commas.
    pub brokers: String,
    /// Without it: plain text, no login.
    pub security: Option<Security>,
    /// Passed to librdkafka as they are. Those in [`OURS`] are refused.
    pub options: BTreeMap<String, String>,
    /// Where tables are materialized. What stands there can be deleted at any time that no process runs.
    pub state_dir: PathBuf,
    /// For topics that we make; without it the brokers' own default.
    pub replication: Option<u32>,
    /// For topics that we make; without it the brokers' own default.
    pub min_insync_replicas: Option<u32>,
    /// After this long without a heartbeat a member is out of its group.
    pub session_timeout: Duration,
    /// A member that does not ask for the next signal for this long leaves its group.
    pub poll_timeout: Duration,
    /// How long a member may go on with partitions that it was asked to give up; then they count as lost.
    pub release_timeout: Duration,
    /// How long an append may take before it fails.
    pub delivery_timeout: Duration,
    /// How long everything else may take that waits for a broker's answer.
    pub request_timeout: Duration,
    /// How long a record waits for company. Nothing, unless told: while earlier requests are on their way records gather by
    /// themselves. Measured with one broker on a busy machine of two cores (2026-11-22, 1 KiB each): one append at a time
    /// took 0.4 ms, and 1.7 ms with a linger of 1 ms; with 64 and 256 at a time both wrote as many (20,000 and 60,000 per
    /// second) for as much processor time.
    pub linger: Duration,
    /// How many bytes may wait for their acknowledgement.
    pub queue_bytes: usize,
    /// The largest record that we hand to the brokers; they may refuse smaller ones.
    pub max_message_bytes: usize,
}

impl KafkaSettings {
    /// The defaults.
    pub fn new(brokers: impl Into<String>, state_dir: impl Into<PathBuf>) -> Self {
        Self {
            brokers: brokers.into(),
            security: None,
            options: BTreeMap::new(),
            state_dir: state_dir.into(),
            replication: None,
            min_insync_replicas: None,
            session_timeout: Duration::from_secs(30),
            poll_timeout: Duration::from_mins(5),
            release_timeout: Duration::from_secs(30),
            delivery_timeout: Duration::from_secs(4),
            request_timeout: Duration::from_secs(5),
            linger: Duration::ZERO,
            queue_bytes: 64 << 20,
            max_message_bytes: 8 << 20,
        }
    }
}

impl fmt::Debug for KafkaSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Some of librdkafka's options are secrets.
        let options: Vec<_> = self.options.keys().collect();
        write!(f, "KafkaSettings({}, {:?}, options {options:?})", self.brokers, self.security)
    }
}

/// Options that decide whether anything is lost or done twice, or that have a setting of their own. Not the owner's to set.
pub const OURS: &[(&str, &str)] = &[
    ("bootstrap.servers", "it is the setting `brokers`"),
    ("metadata.broker.list", "it is the setting `brokers`"),
    ("group.id", "it is the role's"),
    ("group.protocol", "revocations are acknowledged by the classic protocol"),
    ("group.instance.id", "a member that restarts is a new member"),
    ("enable.idempotence", "it is always on"),
    ("enable.gapless.guarantee", "a producer that fails is rebuilt"),
    ("transactional.id", "we rest nothing on transactions"),
    ("acks", "it is always `all`"),
    ("request.required.acks", "it is always `all`"),
    ("partitioner", "keys go where other clients of Kafka look for them"),
    ("enable.auto.offset.store", "offsets are stored after settlement"),
    ("enable.auto.commit", "offsets are committed after settlement"),
    ("auto.commit.enable", "offsets are committed after settlement"),
    ("auto.offset.reset", "reading begins at the first record kept"),
    ("enable.partition.eof", "readers need it, members do not"),
    ("partition.assignment.strategy", "it is always `cooperative-sticky`"),
    ("allow.auto.create.topics", "topics are made on purpose, with their own settings"),
    ("session.timeout.ms", "it is the setting `session_timeout`"),
    ("max.poll.interval.ms", "it is the setting `poll_timeout`"),
    ("message.timeout.ms", "it is the setting `delivery_timeout`"),
    ("delivery.timeout.ms", "it is the setting `delivery_timeout`"),
    ("linger.ms", "it is the setting `linger`"),
    ("queue.buffering.max.ms", "it is the setting `linger`"),
    ("queue.buffering.max.kbytes", "it is the setting `queue_bytes`"),
    ("message.max.bytes", "it is the setting `max_message_bytes`"),
    ("security.protocol", "it is part of the setting `security`"),
    ("sasl.mechanism", "it is part of the setting `security`"),
    ("sasl.mechanisms", "it is part of the setting `security`"),
    ("sasl.username", "it is part of the setting `security`"),
    ("sasl.password", "it is part of the setting `security`"),
    ("ssl.key.password", "it is part of the setting `security`"),
];

/// The configurations of all clients of one log.
#[derive(Clone)]
pub(super) struct Configs {
    base: ClientConfig,
    settings: KafkaSettings,
}

impl Configs {
    /// Checks the settings and builds what all clients share.
    pub(super) fn new(settings: KafkaSettings) -> LogResult<Self> {
        refuse_ours(&settings.options)?;
        let mut base = ClientConfig::new();
        base.set("bootstrap.servers", &settings.brokers)
            .set("client.id", "spojka")
            .set("allow.auto.create.topics", "false")
            // A broker that comes back is found within a second, not within librdkafka's ten.
            .set("reconnect.backoff.max.ms", "1000")
            .set("socket.nagle.disable", "true")
            .set("socket.timeout.ms", "10000")
            .set("message.max.bytes", settings.max_message_bytes.to_string());
        if let Some(security) = &settings.security {
            security.apply(&mut base)?;
        }
        for (name, value) in &settings.options {
            base.set(name, value);
        }
        Ok(Self { base, settings })
    }

    pub(super) fn settings(&self) -> &KafkaSettings {
        &self.settings
    }

    pub(super) fn producer(&self) -> ClientConfig {
        let settings = &self.settings;
        let mut config = self.base.clone();
        set_default(&mut config, "compression.type", "lz4");
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("partitioner", "murmur2_random")
            .set("linger.ms", format!("{:.3}", settings.linger.as_secs_f64() * 1000.0))
            .set("message.timeout.ms", millis(settings.delivery_timeout))
            .set("queue.buffering.max.kbytes", (settings.queue_bytes / 1024).max(1).to_string())
            .set("queue.buffering.max.messages", "1000000")
            // An append to a topic that does not exist should say so before it runs out of time.
            .set("topic.metadata.propagation.max.ms", millis(settings.delivery_timeout / 2));
        config
    }

    /// A client that looks things up, outside any group.
    pub(super) fn lookup(&self) -> ClientConfig {
        quiet(self.base.clone())
    }

    /// A client that reads ranges, outside any group.
    pub(super) fn reader(&self) -> ClientConfig {
        let mut config = quiet(self.fetching());
        config
            // librdkafka asks for one as soon as partitions are assigned; nothing is ever committed to it.
            .set("group.id", "spojka-reader")
            .set("enable.partition.eof", "true");
        config
    }

    /// A client that looks up what a group has stored, without joining it.
    pub(super) fn observer(&self, group: &str) -> ClientConfig {
        let mut config = self.lookup();
        config.set("group.id", group).set("enable.auto.commit", "false");
        config
    }

    pub(super) fn member(&self, group: &str) -> ClientConfig {
        let settings = &self.settings;
        let heartbeat = (settings.session_timeout / 5).min(Duration::from_secs(3));
        let mut config = self.fetching();
        config
            .set("group.id", group)
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", millis(settings.session_timeout))
            .set("heartbeat.interval.ms", millis(heartbeat))
            .set("max.poll.interval.ms", millis(settings.poll_timeout.max(settings.session_timeout)));
        config
    }

    fn fetching(&self) -> ClientConfig {
        let mut config = self.base.clone();
        set_default(&mut config, "queued.max.messages.kbytes", "16384");
        set_default(&mut config, "queued.min.messages", "10000");
        // How long librdkafka waits before it looks again whether its queue has room. With its own second, whoever has caught
        // up with 10,000 small records rests for most of that second: 1 MB/s.
        set_default(&mut config, "fetch.queue.backoff.ms", "2");
        set_default(&mut config, "fetch.error.backoff.ms", "100");
        config
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest");
        config
    }
}

/// The producer speaks to the same brokers and says what is wrong with them. Also, librdkafka's lines come through the queue
/// that records come through, and a poll that meets one looks like a poll of an empty queue.
fn quiet(mut config: ClientConfig) -> ClientConfig {
    config.set_log_level(RDKafkaLogLevel::Emerg);
    config
}

fn refuse_ours(options: &BTreeMap<String, String>) -> LogResult<()> {
    match OURS.iter().find(|(name, _)| options.contains_key(*name)) {
        Some((name, why)) => Err(LogError::Broken(format!("the option `{name}` cannot be set: {why}"))),
        None => Ok(()),
    }
}

fn set_default(config: &mut ClientConfig, name: &str, value: &str) {
    if config.get(name).is_none() {
        config.set(name, value);
    }
}

fn millis(duration: Duration) -> String {
    duration.as_millis().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        log::kafka::security::{Login, Mechanism, Protocol},
        model::secret::Secret,
    };

    fn settings() -> KafkaSettings {
        KafkaSettings::new("localhost:1", "/nowhere")
    }

    fn refusal(settings: KafkaSettings) -> String {
        Configs::new(settings).err().expect("a refusal").to_string()
    }

    #[test]
    fn options_that_are_ours_are_refused_by_name() {
        for (name, why) in OURS {
            let mut settings = settings();
            settings.options.insert((*name).to_owned(), "x".to_owned());
            let text = refusal(settings);
            assert!(text.contains(name) && text.contains(why), "{text}");
        }
    }

    #[test]
    fn other_options_are_passed_through_and_beat_our_defaults() {
        let mut settings = settings();
        settings.options.insert("compression.type".to_owned(), "zstd".to_owned());
        settings.options.insert("queued.min.messages".to_owned(), "7".to_owned());
        let configs = Configs::new(settings).expect("configs");
        assert_eq!(configs.producer().get("compression.type"), Some("zstd"));
        assert_eq!(configs.member("g").get("queued.min.messages"), Some("7"));
    }

    #[test]
    fn settings_print_no_secrets() {
        let mut settings = settings();
        settings.options.insert("ssl.keystore.password".to_owned(), "hunter2".to_owned());
        let login = Login { mechanism: Mechanism::Plain, user: "u".to_owned(), password: Secret::new("hunter2") };
        let security = Security { protocol: Protocol::SaslPlaintext, ca_file: None, client: None, login: Some(login) };
        settings.security = Some(security);
        let text = format!("{settings:?}");
        assert!(text.contains("ssl.keystore.password") && !text.contains("hunter2"), "{text}");
    }
}
