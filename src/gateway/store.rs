//! Makes an accepted request a durable record. Whoever gets `Ok` may acknowledge.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::inlet::Inlet;
use crate::{
    connectors::contract::Refusal,
    log::{Log, LogError},
    model::{code, http::Inbound, id::Ids, random::Random, time::Clock},
    telemetry::{Metrics, bug, killpoint, trace::TraceContext},
    topics::{
        event::Origin,
        record::TRACEPARENT,
        webhook::{Arrival, Webhook},
    },
};

/// What the connector said of a request that it takes.
pub(super) struct Accepted {
    pub(super) delivery: Option<String>,
    pub(super) key: String,
    pub(super) event: Option<String>,
    pub(super) query: Vec<(String, String)>,
}

/// The way into the log.
pub(super) struct Store {
    pub(super) log: Log,
    pub(super) ids: Ids,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) append_timeout: Duration,
    /// Whether the last append failed: the log's state is told when it changes, not with every request.
    pub(super) failing: AtomicBool,
}

impl Store {
    /// Whether the log's own queue is so full that nothing more should be read.
    pub(super) fn is_full(&self) -> bool {
        self.log.pressure().is_high()
    }

    /// Writes a webhook and returns when it is durable.
    pub(super) async fn write(&self, inlet: &Inlet, accepted: Accepted, request: Inbound) -> Result<(), Refusal> {
        let record = self.webhook(inlet, accepted, request).to_append(inlet.topic.clone());
        if bug::is("acknowledged-before-durable") {
            return Ok(());
        }
        let begun = self.clock.elapsed();
        let appended = tokio::time::timeout(self.append_timeout, self.log.append(vec![record])).await;
        self.metrics.log_appended(self.clock.elapsed().saturating_sub(begun));
        match appended {
            Ok(Ok(_)) => {
                killpoint::reached("webhook-durable");
                self.tell_success();
                Ok(())
            }
            Ok(Err(LogError::TooLarge { .. })) => Err(Refusal { status: 413, code: code::BODY_TOO_LARGE }),
            Ok(Err(error)) => Err(self.tell_failure(inlet, &error.to_string())),
            Err(_) => Err(self.tell_failure(inlet, "the log did not answer in time")),
        }
    }

    fn webhook(&self, inlet: &Inlet, accepted: Accepted, request: Inbound) -> Webhook {
        let id = match &accepted.delivery {
            Some(delivery) => self.ids.delivered(&inlet.name, delivery),
            None => self.ids.arrived(&inlet.name, self.random.bytes()),
        };
        let trace = TraceContext::receive(request.headers.get(TRACEPARENT), self.random.as_ref());
        Webhook {
            id,
            connection: inlet.name.clone(),
            arrived: request.received_at,
            arrival: Arrival::Pushed {
                method: request.method,
                event: accepted.event,
                query: accepted.query,
                headers: inlet.keep(request.headers),
            },
            body: request.body,
            replies: Vec::new(),
            origin: Origin::default(),
            traceparent: Some(trace.to_string()),
            key: self.ids.partition(&inlet.name, &accepted.key),
        }
    }

    fn tell_success(&self) {
        if self.failing.load(Ordering::Relaxed) && self.failing.swap(false, Ordering::Relaxed) {
            tracing::info!(role = "gateway", "the log takes webhooks again");
        }
    }

    fn tell_failure(&self, inlet: &Inlet, why: &str) -> Refusal {
        self.metrics.log_error("append");
        if !self.failing.swap(true, Ordering::Relaxed) {
            tracing::error!(
                role = "gateway",
                connection.id = %inlet.name,
                error = why,
                "the log does not take webhooks; senders are told to come again"
            );
        }
        Refusal { status: 503, code: code::LOG_UNAVAILABLE }
    }
}
