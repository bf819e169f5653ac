//! What all attempts of one lane share.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::{
    answer::{self, Answer},
    backoff::{Backoff, Schedule},
    board::LaneBoard,
    circuit::{CircuitSettings, LaneCircuit, Pass},
    hold::HeldCount,
    ledger::read_as,
    limits::{LaneLimit, Limits},
    loops::{LoopRule, Loops},
    proof::Proof,
    session::Logins,
    sign,
};
use crate::{
    connectors::contract::{Connector, Operation, Vendor},
    log::{Log, LogError, LogResult, Table},
    model::{
        connection::ConnectionName,
        http::{Reply, Request, Unanswered},
        id::{Ids, KeyHash},
        random::Random,
        time::{Clock, Timestamp},
    },
    telemetry::{Metrics, bug},
    topics::{
        Names,
        memory::{Claim, key},
        record::Append,
    },
};

/// The way out: a request as a value becomes traffic.
pub trait Transport: Send + Sync + 'static {
    fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Reply, Unanswered>>;
}

/// How one connection is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Attempts at the same time.
    pub concurrency: usize,
    pub per_second: Option<u32>,
    /// The longest that a request may be under way.
    pub request_timeout: Duration,
    pub backoff: Schedule,
    /// An action that fails for longer, while the lane works, is a dead letter.
    pub max_age: Duration,
    /// The same two for "the object is not there yet".
    pub not_there: Schedule,
    pub not_there_max_age: Duration,
    pub circuit: CircuitSettings,
    pub bulk: BulkDelivery,
    /// From when on a burst on one object is taken for a loop, if ever.
    pub loops: Option<LoopRule>,
}

/// What replays, imports and repairs may use of the lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BulkDelivery {
    /// Attempts at the same time.
    pub concurrency: usize,
    /// Requests a second; `None`: no limit but the lane's own.
    pub per_second: Option<u32>,
    /// How long records of the bulk topic are kept once they are settled or parked.
    pub keep_for: Duration,
}

impl Default for BulkDelivery {
    fn default() -> Self {
        Self { concurrency: 1, per_second: Some(5), keep_for: Duration::from_hours(24) }
    }
}

/// A connection as the dispatcher knows it.
#[derive(Clone)]
pub struct LaneConnection {
    pub name: ConnectionName,
    pub vendor: &'static Vendor,
    pub connector: Arc<dyn Connector>,
    /// Tells these credentials from others without telling them.
    pub credentials: KeyHash,
    pub delivery: Delivery,
    pub limits: Vec<LaneLimit>,
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
    pub board: LaneBoard,
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
    pub limits: Arc<Limits>,
    pub loops: Mutex<Loops>,
    pub logins: Logins,
    /// How many actions wait for a person.
    pub held: HeldCount,
    /// Whether the lane works or stands still. Its timeline begins when this owner took over: what was under way before has
    /// ended.
    pub circuit: Arc<LaneCircuit>,
    /// Finish what is in flight, begin nothing.
    pub stop: CancellationToken,
    /// The lane is no longer ours: write nothing, send nothing.
    pub lost: CancellationToken,
}

/// Between two tries of a write that the log did not take.
const LOG_AWAY: Backoff = Backoff { first: Duration::from_secs(1), cap: Duration::from_mins(1) };

impl LaneContext {
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    pub fn operation(&self, name: &str) -> Option<&'static Operation> {
        self.connection.vendor.operations.iter().find(|operation| operation.name == name)
    }

    /// The wait before the next attempt.
    pub fn wait(&self, schedule: &Schedule, attempts: u32, wished: Option<Duration>) -> Duration {
        schedule.wait(attempts, self.shared.random.unit(), wished)
    }

    /// Sends one request: only on a fresh proof of ownership, within the connection's limits, and never once the lane stands
    /// still. What is no reply is an answer already, of which the circuit has not heard yet.
    pub async fn send(&self, pass: &Pass, request: &Request, class: &'static str) -> LogResult<Result<Reply, Answer>> {
        let mut permit = match self.permit(class, pass.is_under_way()).await? {
            Ok(permit) => permit,
            Err(until) => return Ok(Err(Answer::Later { until })),
        };
        self.proof.ensure().await?;
        if self.lost.is_cancelled() {
            return Err(LogError::Lost);
        }
        if let Err(code) = pass.may_send() {
            return Ok(Err(Answer::Barred(code)));
        }
        permit.sent();
        self.shared.metrics.call(&self.connection.name, class);
        Ok(self.connection.transport.send(request).await.map_err(answer::of_unanswered))
    }

    /// An answer has come that is the last one to a request: the circuit hears of it, and one that halts the lane does so
    /// before anything else is sent.
    pub async fn heard(&self, pass: &Pass, answer: &Answer) -> LogResult<()> {
        pass.heard(sign::of(answer));
        self.halt_if_rejected(answer).await
    }

    pub async fn halt_if_rejected(&self, answer: &Answer) -> LogResult<()> {
        match answer {
            Answer::Halts(code) => self.halt(*code).await,
            _ => Ok(()),
        }
    }

    /// Writes to memory, as long as it takes: what happened must be remembered.
    ///
    /// # Errors
    /// [`LogError::Lost`] when somebody has claimed the lane: what was written is ignored.
    pub async fn remember(&self, records: Vec<Append>) -> LogResult<()> {
        self.persist(|| self.memory.write(records.clone())).await?;
        let claim = read_as::<Claim>(self.memory.as_ref(), key::CLAIM)?;
        if claim.is_some_and(|claim| claim.epoch == self.epoch) || bug::is("claim-unchecked") {
            Ok(())
        } else {
            Err(LogError::Lost)
        }
    }

    /// Appends to other topics, as long as it takes.
    pub async fn append(&self, records: Vec<Append>) -> LogResult<()> {
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
                        () = self.shared.clock.sleep(LOG_AWAY.wait(attempts, self.shared.random.unit(), None)) => {}
                        () = self.lost.cancelled() => return Err(LogError::Lost),
                    }
                }
                other => return other,
            }
        }
    }
}
