//! What all attempts of one lane share.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::{backoff::Backoff, pace::Pacer, proof::Proof};
use crate::{
    connectors::contract::{Connector, Operation, Session, Vendor},
    log::{Log, LogError, LogResult, Table},
    model::{
        connection::ConnectionName,
        http::{Reply, Request, Unanswered},
        id::Ids,
        random::Random,
        time::{Clock, Timestamp},
    },
    telemetry::Metrics,
    topics::Names,
};

/// The way out: a request as a value becomes traffic.
pub trait Transport: Send + Sync + 'static {
    fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Reply, Unanswered>>;
}

/// How one connection is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Attempts at the same time.
    pub concurrency: usize,
    pub per_second: Option<u32>,
    /// The longest that a request may be under way.
    pub request_timeout: Duration,
    pub backoff: Backoff,
    /// An action that fails for longer is a dead letter.
    pub max_age: Duration,
    /// The same for "the object is not there yet".
    pub not_there_max_age: Duration,
}

/// A connection as the dispatcher knows it.
#[derive(Clone)]
pub struct LaneConnection {
    pub name: ConnectionName,
    pub vendor: &'static Vendor,
    pub connector: Arc<dyn Connector>,
    pub delivery: Delivery,
    pub transport: Arc<dyn Transport>,
}

/// What does not differ between lanes.
#[derive(Clone)]
pub struct Shared {
    pub log: Log,
    pub names: Names,
    pub ids: Ids,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub metrics: Arc<Metrics>,
    /// This process, for people.
    pub owner: String,
}

/// What all attempts of one lane share.
pub(super) struct LaneContext {
    pub connection: LaneConnection,
    pub shared: Shared,
    pub memory: Arc<dyn Table>,
    pub memory_topic: String,
    pub epoch: u64,
    pub proof: Proof,
    pub pacer: Pacer,
    pub session: tokio::sync::Mutex<Option<Session>>,
    /// The lane is no longer ours: write nothing, send nothing.
    pub lost: CancellationToken,
}

impl LaneContext {
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    pub fn operation(&self, name: &str) -> Option<&'static Operation> {
        self.connection.vendor.operations.iter().find(|operation| operation.name == name)
    }

    /// The wait before the next attempt.
    pub fn wait(&self, attempts: u32, wished: Option<Duration>) -> Duration {
        self.connection.delivery.backoff.wait(attempts, self.shared.random.unit(), wished)
    }

    /// Sends one request: only on a fresh proof of ownership, in the connection's pace.
    pub async fn send(&self, request: &Request, class: &'static str) -> LogResult<Result<Reply, Unanswered>> {
        self.pacer.slot().await;
        self.proof.ensure().await?;
        if self.lost.is_cancelled() {
            return Err(LogError::Lost);
        }
        self.shared.metrics.call(&self.connection.name, class);
        Ok(self.connection.transport.send(request).await)
    }

    /// Writes to memory, as long as it takes: what happened must be remembered.
    pub async fn remember(&self, records: Vec<crate::topics::record::Append>) -> LogResult<()> {
        self.persist(|| self.memory.write(records.clone())).await
    }

    /// Appends to other topics, as long as it takes.
    pub async fn append(&self, records: Vec<crate::topics::record::Append>) -> LogResult<()> {
        if records.is_empty() {
            return Ok(());
        }
        self.persist(|| async { self.shared.log.append(records.clone()).await.map(|_| ()) }).await
    }

    async fn persist<F, Fut>(&self, mut write: F) -> LogResult<()>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = LogResult<()>>,
    {
        let mut attempts = 0;
        loop {
            match write().await {
                Err(LogError::Unavailable(why)) => {
                    attempts += 1;
                    tracing::warn!(connection.id = %self.connection.name, error = why, attempt = attempts, "log unavailable");
                    tokio::select! {
                        () = self.shared.clock.sleep(self.wait(attempts, None)) => {}
                        () = self.lost.cancelled() => return Err(LogError::Lost),
                    }
                }
                other => return other,
            }
        }
    }
}
