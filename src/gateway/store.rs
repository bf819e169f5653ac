//! Makes an accepted request a durable record. Whoever gets `Ok` may acknowledge.

use std::{sync::Arc, time::Duration};

use super::{
    inlet::Inlet,
    spool::{NotSpooled, Spool},
};
use crate::{
    connectors::contract::Refusal,
    log::{Log, LogError, LogResult, health::Health},
    model::{code, http::Inbound, id::Ids, random::Random, time::Clock},
    telemetry::{Metrics, bug, killpoint, trace::TraceContext},
    topics::{
        event::Origin,
        record::{Append, TRACEPARENT},
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

/// The way into the log, or into the spool.
pub(super) struct Store {
    pub(super) log: Log,
    pub(super) health: Arc<Health>,
    pub(super) spool: Option<Arc<Spool>>,
    pub(super) ids: Ids,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) append_timeout: Duration,
    pub(super) spool_after: Duration,
}

impl Store {
    /// Whether the log's own queue is so full that nothing more should be read.
    pub(super) fn takes_nothing(&self) -> bool {
        self.spool.is_none() && self.is_full()
    }

    fn is_full(&self) -> bool {
        self.log.pressure().is_high()
    }

    /// Writes a webhook and returns when it is durable.
    pub(super) async fn write(&self, inlet: &Inlet, accepted: Accepted, request: Inbound) -> Result<(), Refusal> {
        let record = self.webhook(inlet, accepted, request).to_append(inlet.topic.clone());
        if bug::is("acknowledged-before-durable") {
            return Ok(());
        }
        let Some(spool) = &self.spool else {
            return self.append(record, self.append_timeout).await.map_err(|error| refusal(&error));
        };
        let patience = if spool.holds(&inlet.topic) || self.is_full() {
            self.append_timeout
        } else {
            match self.append(record.clone(), self.spool_after).await {
                Err(error @ LogError::TooLarge { .. }) => return Err(refusal(&error)),
                Err(_) => self.append_timeout.saturating_sub(self.spool_after),
                Ok(()) => return Ok(()),
            }
        };
        self.keep(spool, inlet, record, patience).await
    }

    /// Into the log. After an error other than "too large" it may be there, and may still get there.
    async fn append(&self, record: Append, patience: Duration) -> LogResult<()> {
        let begun = self.clock.elapsed();
        let appended = tokio::select! {
            appended = self.log.append(vec![record]) => appended.map(drop),
            () = self.clock.sleep(patience) => {
                Err(LogError::Unavailable("the log did not answer in time".to_owned()))
            }
        };
        self.metrics.log_appended(self.clock.elapsed().saturating_sub(begun));
        self.health.heard(&appended);
        match &appended {
            Ok(()) => killpoint::reached("webhook-durable"),
            Err(LogError::TooLarge { .. }) => {}
            Err(_) => self.metrics.log_error("append"),
        }
        appended
    }

    /// Into the spool, behind what waits there. The record is the one that the log may have: stored twice, it has one id.
    async fn keep(&self, spool: &Spool, inlet: &Inlet, record: Append, patience: Duration) -> Result<(), Refusal> {
        match spool.write(record, patience).await {
            Ok(()) => {
                killpoint::reached("webhook-spooled");
                self.metrics.webhook_spooled(&inlet.name);
                Ok(())
            }
            Err(NotSpooled::Full) => Err(Refusal { status: 503, code: code::SPOOL_FULL }),
            Err(NotSpooled::Unavailable(why)) => {
                self.metrics.log_error("spool");
                tracing::error!(role = "gateway", connection.id = %inlet.name, error = why, "the spool does not take webhooks");
                Err(Refusal { status: 503, code: code::LOG_UNAVAILABLE })
            }
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
}

fn refusal(error: &LogError) -> Refusal {
    match error {
        LogError::TooLarge { .. } => Refusal { status: 413, code: code::BODY_TOO_LARGE },
        _ => Refusal { status: 503, code: code::LOG_UNAVAILABLE },
    }
}
