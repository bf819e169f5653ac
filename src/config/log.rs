//! Where the log is: a file, or Kafka.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{
    fields::{Fields, texts},
    report::Problems,
    secrets::Secrets,
    tree::{Node, Value},
};
use crate::{
    connectors::contract::settings::{SettingKind, SettingValue},
    model::{code, secret::Secret},
};

/// Where the log is.
#[derive(Clone, Debug)]
pub enum LogConfig {
    /// One file, one process.
    Embedded {
        path: PathBuf,
    },
    Kafka(KafkaConfig),
}

/// A Kafka cluster, or anything that speaks its protocol.
#[derive(Clone, Debug)]
pub struct KafkaConfig {
    /// `host:port` each.
    pub brokers: Vec<String>,
    pub security: Security,
    /// Copies of each topic that we make; `None`: as the cluster does by itself.
    pub replication: Option<u32>,
    /// The folder for the local copies of compacted topics: can be made anew.
    pub tables: PathBuf,
    /// Options of librdkafka, by its own names.
    pub options: BTreeMap<String, String>,
}

/// How we prove ourselves to the brokers.
#[derive(Clone, Debug, Default)]
pub struct Security {
    pub tls: bool,
    /// A file of certificates to trust; `None`: the system's.
    pub ca_file: Option<PathBuf>,
    pub sasl: Option<Sasl>,
}

/// A login at the brokers.
#[derive(Clone, Debug)]
pub struct Sasl {
    /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub mechanism: String,
    pub username: String,
    pub password: Secret,
}

const MECHANISMS: SettingKind = SettingKind::Choice(&["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]);

impl LogConfig {
    /// A file beside the config.
    pub fn default_in(directory: &Path) -> Self {
        Self::Embedded { path: directory.join("data/spojka.db") }
    }
}

/// Reads what stands under `log`.
pub(crate) fn read(node: &Node, directory: &Path, secrets: &Secrets<'_>, problems: &mut Problems) -> LogConfig {
    let default = LogConfig::default_in(directory);
    let Some(mut fields) = Fields::open(node, "`log`", problems) else { return default };
    let embedded = fields.entry("embedded");
    let kafka = fields.entry("kafka");
    fields.finish(problems);
    match (embedded, kafka) {
        (Some(_), Some(kafka)) => {
            problems
                .add(&kafka.key.place, code::UNKNOWN_KEY, "`log` is `embedded` or `kafka`, not both")
                .hint("leave one of them out");
            default
        }
        (Some(embedded), None) => read_embedded(&embedded.value, directory, problems).unwrap_or(default),
        (None, Some(kafka)) => read_kafka(&kafka.value, directory, secrets, problems).map_or(default, LogConfig::Kafka),
        (None, None) => default,
    }
}

fn read_embedded(node: &Node, directory: &Path, problems: &mut Problems) -> Option<LogConfig> {
    let mut fields = Fields::open(node, "`embedded`", problems)?;
    let path = fields.text("path", problems);
    fields.finish(problems);
    path.map(|path| LogConfig::Embedded { path: directory.join(path) })
}

fn read_kafka(node: &Node, directory: &Path, secrets: &Secrets<'_>, problems: &mut Problems) -> Option<KafkaConfig> {
    let mut fields = Fields::open(node, "`kafka`", problems)?;
    let brokers = fields.node("brokers").map_or_else(Vec::new, |node| read_brokers(node, problems));
    if brokers.is_empty() {
        problems.add(&node.place, code::MISSING_KEY, "`kafka` needs `brokers`").hint("add `brokers: [host:9092]`");
    }
    let security = fields.fields("security", problems);
    let security = security.and_then(|fields| read_security(fields, secrets, problems)).unwrap_or_default();
    let replication = match fields.read("replication", SettingKind::Integer { min: 1, max: 99 }, problems) {
        Some(SettingValue::Integer(number)) => u32::try_from(number).ok(),
        _ => None,
    };
    let tables = fields.text("tables", problems).unwrap_or_else(|| "data/tables".to_owned());
    let options = fields.node("options").map_or_else(BTreeMap::new, |node| read_options(node, problems));
    fields.finish(problems);
    Some(KafkaConfig { brokers, security, replication, tables: directory.join(tables), options })
}

fn read_brokers(node: &Node, problems: &mut Problems) -> Vec<String> {
    let mut brokers = Vec::new();
    for (text, node) in texts(node, problems) {
        let has_port = text.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        if !has_port {
            problems.add(&node.place, code::WRONG_KIND, "expected a broker as `host:port`");
        }
        brokers.push(text.to_owned());
    }
    brokers
}

fn read_security(mut fields: Fields<'_>, secrets: &Secrets<'_>, problems: &mut Problems) -> Option<Security> {
    let tls = fields.flag("tls", false, problems);
    let ca_file = fields.text("ca_file", problems).map(PathBuf::from);
    let sasl = fields.entry("sasl");
    let sasl = match sasl {
        Some(entry) => Some(read_sasl(&entry.value, secrets, problems)?),
        None => None,
    };
    fields.finish(problems);
    Some(Security { tls, ca_file, sasl })
}

fn read_sasl(node: &Node, secrets: &Secrets<'_>, problems: &mut Problems) -> Option<Sasl> {
    let mut fields = Fields::open(node, "`sasl`", problems)?;
    let mechanism = match fields.read("mechanism", MECHANISMS, problems) {
        Some(SettingValue::Text(mechanism)) => mechanism,
        _ => "SCRAM-SHA-512".to_owned(),
    };
    let username = fields.text("username", problems);
    let password = fields.node("password");
    if username.is_none() || password.is_none() {
        problems
            .add(&node.place, code::MISSING_KEY, "`sasl` needs `username` and `password`")
            .hint("add `username: …` and `password: env:NAME`");
    }
    let password = password.and_then(|node| secrets.resolve(node, problems));
    fields.finish(problems);
    Some(Sasl { mechanism, username: username?, password: password? })
}

fn read_options(node: &Node, problems: &mut Problems) -> BTreeMap<String, String> {
    let Value::Map(entries) = &node.value else {
        let message = format!("`options` must be a mapping, found {}", node.value.describe());
        problems.add(&node.place, code::WRONG_KIND, message);
        return BTreeMap::new();
    };
    let mut options = BTreeMap::new();
    for entry in entries {
        if entry.key.text.contains("password") {
            problems.cover(&entry.value.place);
            problems
                .add(&entry.key.place, code::PLAIN_SECRET, "a login does not belong under `options`")
                .hint("write it under `security`, with the password as a reference");
        }
        if let Some(text) = super::fields::text_of(&entry.value, problems) {
            options.insert(entry.key.text.clone(), text.to_owned());
        }
    }
    options
}
