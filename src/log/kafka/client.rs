//! What all clients of one log share: librdkafka's own words go to our log, and the latest complaint about the brokers is
//! remembered, because most calls only say that time ran out.

use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::{
    client::ClientContext, config::RDKafkaLogLevel, consumer::ConsumerContext, error::KafkaError,
    types::RDKafkaErrorCode as Code,
};

use crate::log::LogError;

/// What librdkafka says of the brokers.
#[derive(Clone, Default)]
pub(super) struct Complaints(Arc<Mutex<Option<(Code, String)>>>);

impl Complaints {
    fn note(&self, error: &KafkaError, reason: &str) {
        if let Some(code) = error.rdkafka_error_code() {
            let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // "All brokers are down" follows every refusal and says less.
            let says_less = code == Code::AllBrokersDown && latest.is_some();
            if !says_less {
                *latest = Some((code, reason.to_owned()));
            }
        }
    }

    /// A broker answered: what was said before is over.
    pub(super) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The error with the reason behind it, where one is known. A refused login or certificate does not pass by itself.
    pub(super) fn explain(&self, error: LogError) -> LogError {
        let LogError::Unavailable(text) = error else { return error };
        let latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*latest {
            Some((Code::Authentication | Code::SSL, reason)) => {
                LogError::Broken(format!("the brokers cannot be spoken to: {reason}"))
            }
            Some((_, reason)) => LogError::Unavailable(format!("{text} (last heard: {reason})")),
            None => LogError::Unavailable(text),
        }
    }
}

/// The context of clients that need nothing else.
#[derive(Clone, Default)]
pub(super) struct Context {
    pub(super) complaints: Complaints,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.complaints.note(&error, reason);
    }
}

impl ConsumerContext for Context {}

/// librdkafka's line in our log. It names brokers, topics and groups; keys and values never.
pub(super) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
            tracing::warn!(target: "librdkafka", facility, "{message}");
        }
        RDKafkaLogLevel::Warning | RDKafkaLogLevel::Notice => {
            tracing::info!(target: "librdkafka", facility, "{message}");
        }
        RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => tracing::debug!(target: "librdkafka", facility, "{message}"),
    }
}
