//! Joins the config's words for Kafka with the log's own settings.

use std::{sync::Arc, time::Duration};

use super::{open::largest_record, roles::LEASE};
use crate::{
    config::{Config, KafkaConfig, Sasl},
    log::{
        Log, LogError, LogResult,
        kafka::{KafkaLog, KafkaSettings, Login, Mechanism, Protocol, Security},
    },
    model::time::Clock,
};

/// librdkafka's own default.
const SESSION_TIMEOUT: Duration = Duration::from_secs(45);
const SESSION_OPTION: &str = "session.timeout.ms";

pub(super) fn connect(config: &Config, kafka: &KafkaConfig, clock: Arc<dyn Clock>) -> LogResult<Log> {
    std::fs::create_dir_all(&kafka.tables)
        .map_err(|error| LogError::Broken(format!("the folder {} cannot be made: {error}", kafka.tables.display())))?;
    let mut settings = KafkaSettings::new(kafka.brokers.join(","), &kafka.tables);
    settings.security = security(kafka);
    settings.options = kafka.options.clone();
    settings.options.remove(SESSION_OPTION);
    settings.session_timeout = session_timeout(config, kafka)?;
    settings.replication = kafka.replication;
    settings.max_message_bytes = largest_record(config);
    Ok(Arc::new(KafkaLog::connect(settings, clock)?))
}

/// A lane's last request must be over before another member may take the lane: the lease plus the longest request stay below
/// the session timeout.
fn session_timeout(config: &Config, kafka: &KafkaConfig) -> LogResult<Duration> {
    let longest = config.connections.values().map(|connection| connection.delivery.timeout).max().unwrap_or_default();
    let needed = longest + LEASE;
    match kafka.options.get(SESSION_OPTION) {
        None => Ok(SESSION_TIMEOUT.max(needed + Duration::from_secs(5))),
        Some(text) => match text.parse().map(Duration::from_millis) {
            Ok(wanted) if wanted > needed => Ok(wanted),
            _ => Err(LogError::Broken(format!(
                "`{SESSION_OPTION}` must be more than {} ms: the longest `timeout` of a connection and the lease of {} ms",
                needed.as_millis(),
                LEASE.as_millis()
            ))),
        },
    }
}

fn security(kafka: &KafkaConfig) -> Option<Security> {
    let (tls, login) = (kafka.security.tls, kafka.security.sasl.as_ref());
    let protocol = match (tls, login.is_some()) {
        (false, false) => return None,
        (true, false) => Protocol::Ssl,
        (false, true) => Protocol::SaslPlaintext,
        (true, true) => Protocol::SaslSsl,
    };
    Some(Security { protocol, ca_file: kafka.security.ca_file.clone(), client: None, login: login.map(login_of) })
}

fn login_of(sasl: &Sasl) -> Login {
    let mechanism = match sasl.mechanism.as_str() {
        "PLAIN" => Mechanism::Plain,
        "SCRAM-SHA-256" => Mechanism::ScramSha256,
        _ => Mechanism::ScramSha512,
    };
    Login { mechanism, user: sasl.username.clone(), password: sasl.password.clone() }
}
