//! One connection to the toy vendor, its topics, and dispatchers that come and go.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use spojka::{
    dispatcher::{
        BulkDelivery, Delivery, Dispatcher, DispatcherSettings, LaneBoard, LaneConnection, Shared,
        backoff::{Backoff, Schedule},
        circuit::CircuitSettings,
        limits::LaneLimit,
    },
    log::{
        Bound, Fencing, Log, LogResult, Signal, Table, TopicPartition, TopicSpec,
        embedded::{EmbeddedLog, EmbeddedOptions},
    },
    model::{
        connection::ConnectionName,
        id::{ActionId, EventId, FlowSetHash, Ids, KeyHash, WebhookId},
        random::Random,
        time::{Clock, ManualClock, Timestamp},
    },
    telemetry::Metrics,
    topics::{
        Names,
        action::{Action, Continuation, Purpose, Source, StoredEvent},
        body::Body,
        dead::DeadLetter,
        event::{Entity, Event, Origin},
        memory::{self, ActionState, End, Outcome, Waiting, key},
        occasion::Occasions,
        record::{Append, Record},
        webhook::Webhook,
    },
};
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    faults::{Faults, FaultyLog},
    toy::{self, Toy},
    wire::{Bell, Wire},
};
use crate::support::records::soon;

/// Full jitter at its end: every wait is as long as the schedule allows.
struct Longest;

impl Random for Longest {
    fn bytes(&self) -> [u8; 16] {
        [7; 16]
    }

    fn unit(&self) -> f64 {
        1.0
    }
}

pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
pub(super) const LEASE: Duration = Duration::from_secs(10);

pub(super) const DELIVERY: Delivery = Delivery {
    concurrency: 4,
    per_second: None,
    request_timeout: REQUEST_TIMEOUT,
    backoff: Schedule::Exponential(Backoff { first: Duration::from_secs(1), cap: Duration::from_mins(10) }),
    max_age: Duration::from_hours(1),
    not_there: Schedule::Exponential(Backoff { first: Duration::from_secs(1), cap: Duration::from_mins(10) }),
    not_there_max_age: Duration::from_hours(10),
    bulk: BulkDelivery { concurrency: 1, per_second: Some(2), keep_for: Duration::from_hours(24) },
    loops: None,
    circuit: CircuitSettings { failures: 5, backoff: CIRCUIT },
};

/// The pauses before probes.
pub(super) const CIRCUIT: Backoff = Backoff { first: Duration::from_secs(5), cap: Duration::from_mins(5) };

pub(super) struct Stage {
    _folder: tempfile::TempDir,
    bell: Bell,
    pub(super) log: Log,
    pub(super) faults: Arc<Faults>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) wire: Arc<Wire>,
    pub(super) names: Names,
    pub(super) ids: Ids,
    pub(super) name: ConnectionName,
    pub(super) memory: Arc<dyn Table>,
    pub(super) toy: Toy,
    pub(super) delivery: Delivery,
    pub(super) limits: Vec<LaneLimit>,
    pub(super) board: LaneBoard,
    /// What the connection logs in with.
    pub(super) secret: &'static str,
    pub(super) metrics: Arc<Metrics>,
}

/// A dispatcher at work.
pub(super) struct Running {
    stop: CancellationToken,
    tasks: JoinSet<LogResult<()>>,
}

impl Running {
    /// Asks it to stop.
    pub(super) fn ask(&self) {
        self.stop.cancel();
    }

    pub(super) async fn end(mut self) -> LogResult<()> {
        soon(self.tasks.join_next()).await.expect("one task").expect("it did not panic")
    }

    pub(super) async fn stop(self) {
        self.ask();
        self.end().await.expect("it stops in order");
    }

    /// It is gone, as after a power cut.
    pub(super) async fn crash(mut self) {
        self.tasks.shutdown().await;
        // The tasks that it began go at their next turn.
        for _turn in 0..20 {
            tokio::task::yield_now().await;
        }
    }
}

impl Stage {
    pub(super) async fn new() -> Self {
        Self::of(Toy::default()).await
    }

    pub(super) async fn of(toy: Toy) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(ManualClock::new(at(0)));
        let bell: Bell = Arc::new(watch::Sender::new(0));
        let faults = Arc::new(Faults::new(Arc::clone(&bell)));
        let options = EmbeddedOptions { clock: Arc::clone(&clock) as Arc<dyn Clock>, ..EmbeddedOptions::default() };
        let inner: Log = Arc::new(EmbeddedLog::open(&folder.path().join("log.db"), options).expect("a log"));
        let (names, name) = (Names::new("t."), ConnectionName::parse("toy").expect("a name"));
        let spec = |name: String, compacted| TopicSpec { name, partitions: 1, compacted };
        let topics = [
            spec(names.actions(&name), false),
            spec(names.bulk(&name), false),
            spec(names.webhooks(&name), false),
            spec(names.events(Entity::Step), false),
            spec(names.memory(&name), true),
            spec(names.dead(), true),
        ];
        inner.create_topics(&topics).await.expect("topics");
        let memory = inner.table(&names.memory(&name), Fencing::Epochs).await.expect("memory");
        let log: Log = Arc::new(FaultyLog { inner, faults: Arc::clone(&faults) });
        let (wire, ids) = (Arc::new(Wire::new(Arc::clone(&bell))), Ids::new(b"key"));
        Self {
            _folder: folder,
            bell,
            log,
            faults,
            clock,
            wire,
            names,
            ids,
            name,
            memory,
            toy,
            delivery: DELIVERY,
            limits: Vec::new(),
            board: LaneBoard::default(),
            secret: "first",
            metrics: Arc::new(Metrics::new()),
        }
    }

    /// Starts a dispatcher.
    pub(super) fn start(&self) -> Running {
        self.start_for(&[&self.name], "one")
    }

    /// Starts a dispatcher of this process for these connections.
    pub(super) fn start_for(&self, names: &[&ConnectionName], owner: &str) -> Running {
        let shared = Shared {
            log: Arc::clone(&self.log),
            names: self.names.clone(),
            ids: self.ids.clone(),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            random: Arc::new(Longest),
            metrics: Arc::clone(&self.metrics),
            board: self.board.clone(),
            owner: owner.to_owned(),
        };
        let connection = |name: &&ConnectionName| LaneConnection {
            name: (*name).clone(),
            vendor: &toy::VENDOR,
            connector: Arc::new(self.toy),
            credentials: self.ids.credentials(name, &[self.secret]),
            delivery: self.delivery.clone(),
            limits: self.limits.clone(),
            transport: Arc::clone(&self.wire) as Arc<dyn spojka::dispatcher::Transport>,
        };
        let settings = DispatcherSettings { lease: LEASE, drain: Duration::from_mins(1) };
        let dispatcher = Dispatcher::new(settings, shared, names.iter().map(connection).collect());
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(dispatcher.run(stop.clone()));
        Running { stop, tasks }
    }

    /// A second connection to the same vendor, with topics of its own.
    pub(super) async fn other_connection(&self) -> ConnectionName {
        let other = ConnectionName::parse("other").expect("a name");
        let spec = |name, compacted| TopicSpec { name, partitions: 1, compacted };
        let topics = [
            spec(self.names.actions(&other), false),
            spec(self.names.bulk(&other), false),
            spec(self.names.memory(&other), true),
        ];
        self.log.create_topics(&topics).await.expect("topics");
        other
    }

    /// An action of this connection. Its version and its arrival are those of `moment`.
    pub(super) fn action(&self, id: &str, operation: &str, parameters: &Value, moment: i64) -> Action {
        let object = parameters["object"].as_str().unwrap_or_default();
        Action {
            id: ActionId::from_text(id),
            connection: self.name.clone(),
            operation: operation.to_owned(),
            parameters: parameters.as_object().expect("parameters").clone(),
            conflict: self.ids.conflict(&self.name, object),
            purpose: Purpose::Step {
                flow: "flow".to_owned(),
                step: "step".to_owned(),
                event: EventId::from_text("e-1"),
                flow_set: None,
                continuation: None,
            },
            source: Source {
                entity: KeyHash::from_text("k-source"),
                version: moment,
                arrived: at(moment),
                webhook: WebhookId::from_text("w-1"),
            },
            not_before: None,
            retry: 0,
            optional: false,
            adopt: false,
            only: Occasions::default(),
            hold: None,
            origin: Origin::default(),
            traceparent: None,
        }
    }

    /// `set` of one value on an object.
    pub(super) fn set(&self, id: &str, object: &str, value: i64) -> Action {
        self.action(id, "set", &json!({ "object": object, "value": value }), 1)
    }

    /// An operation on an object.
    pub(super) fn on(&self, id: &str, operation: &str, object: &str) -> Action {
        self.action(id, operation, &json!({ "object": object }), 1)
    }

    pub(super) async fn append(&self, actions: &[Action]) {
        let topic = self.names.actions(&self.name);
        self.append_records(actions.iter().map(|action| action.to_append(topic.clone())).collect()).await;
    }

    pub(super) async fn append_records(&self, records: Vec<Append>) {
        soon(self.log.append(records)).await.expect("appended");
    }

    /// Whether the metric says that the lane stands still.
    pub(super) fn says_open(&self) -> bool {
        self.metrics.text().contains(r#"spojka_circuit_open{connection="toy"} 1"#)
    }

    /// Waits until it is so.
    pub(super) async fn until(&self, what: &str, mut so: impl FnMut() -> bool) {
        let mut heard = self.bell.subscribe();
        let wait = async {
            while !so() {
                heard.changed().await.expect("the bell is there");
            }
        };
        assert!(tokio::time::timeout(Duration::from_mins(1), wait).await.is_ok(), "not in time: {what}");
    }

    /// Waits until an owner has so many actions in line: then it has taken over, and its time runs.
    pub(super) async fn in_line(&self, count: usize) {
        let line = format!(r#"spojka_actions_waiting{{connection="toy"}} {count}"#);
        let wait = async {
            while !self.metrics.text().contains(&line) {
                self.settle_down().await;
            }
        };
        soon(wait).await;
        self.settle_down().await;
    }

    /// Lets whoever can do something do it, as far as one can see.
    pub(super) async fn settle_down(&self) {
        for _turn in 0..5 {
            // A write takes the log's own thread: it is asked for something that comes behind.
            soon(self.log.append(vec![self.marker()])).await.expect("appended");
            self.settle_down_without_writing().await;
        }
    }

    /// The same, where nobody waits for the log.
    pub(super) async fn settle_down_without_writing(&self) {
        for _turn in 0..50 {
            tokio::task::yield_now().await;
        }
    }

    /// Lets the log be away for so many writes, and time pass after each.
    pub(super) async fn log_is_away_for(&self, writes: u32, wait: Duration) {
        for left in (0..writes).rev() {
            self.until("a write failed", || self.faults.away_for() == left).await;
            self.settle_down_without_writing().await;
            self.clock.advance(wait);
        }
    }

    fn marker(&self) -> Append {
        DeadLetter::removal(&self.ids.dead("marker"), self.names.dead(), at(0))
    }

    pub(super) fn read<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        self.memory.get(key).expect("memory").map(|bytes| memory::read(&bytes).expect("readable"))
    }

    pub(super) fn outcome(&self, id: &str) -> Option<Outcome> {
        match self.read(&key::action(&ActionId::from_text(id)))? {
            ActionState::Settled(outcome) => Some(outcome),
            ActionState::Begun { .. } => None,
        }
    }

    pub(super) fn end_of(&self, id: &str) -> Option<End> {
        self.outcome(id).map(|outcome| outcome.end)
    }

    /// Waits for an action's outcome.
    pub(super) async fn settled(&self, id: &str) -> End {
        self.until(&format!("{id} is settled"), || self.outcome(id).is_some()).await;
        self.end_of(id).expect("settled")
    }

    pub(super) fn waiting(&self, id: &str) -> Option<Waiting> {
        self.read(&key::waiting(&ActionId::from_text(id)))
    }

    /// Waits until an action waits after so many attempts.
    pub(super) async fn parked(&self, id: &str, attempts: u32) -> Waiting {
        let there = || self.waiting(id).is_some_and(|waiting| waiting.attempts == attempts);
        self.until(&format!("{id} waits after {attempts} attempts"), there).await;
        self.waiting(id).expect("it waits")
    }

    /// Lets time pass, a step at a time, until it is so: for what waits for one moment after another, and for what may
    /// begin to wait only after the clock has moved.
    pub(super) async fn pass_until(&self, what: &str, step: Duration, so: impl Fn() -> bool) {
        for _turn in 0..1_000 {
            if so() {
                return;
            }
            self.settle_down().await;
            self.clock.advance(step);
        }
        assert!(so(), "not in time: {what}");
    }

    /// Lets time pass until then.
    pub(super) fn pass_to(&self, moment: Timestamp) {
        let wait = Duration::try_from(moment.duration_since(self.clock.now())).expect("the moment is to come");
        self.clock.advance(wait);
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) async fn dead_letters(&self) -> Vec<DeadLetter> {
        let table = self.log.table(&self.names.dead(), Fencing::None).await.expect("dead letters");
        let letters = table.scan("", None, 1000).expect("a page");
        letters.iter().map(|(_, bytes)| DeadLetter::from_bytes(bytes).expect("a letter")).collect()
    }

    async fn records(&self, topic: &str) -> Vec<Record> {
        crate::support::records::read(&self.log, topic, Bound::Edge, Bound::Edge).await
    }

    /// The finished steps: type and outcome.
    pub(super) async fn steps(&self) -> Vec<(String, String)> {
        let records = self.records(&self.names.events(Entity::Step)).await;
        let step = |record: &Record| {
            let event = Event::from_record(record).expect("an event");
            let Body::Step(body) = event.body else { panic!("a step") };
            (event.event_type.name.to_owned(), body.outcome)
        };
        records.iter().map(step).collect()
    }

    /// Where the events of finished steps come from.
    pub(super) async fn step_origins(&self) -> Vec<Origin> {
        let records = self.records(&self.names.events(Entity::Step)).await;
        records.iter().map(|record| Event::from_record(record).expect("an event").origin).collect()
    }

    pub(super) async fn webhooks(&self) -> Vec<Webhook> {
        let records = self.records(&self.names.webhooks(&self.name)).await;
        records.iter().map(|record| Webhook::from_record(record).expect("a webhook")).collect()
    }

    fn partition(&self) -> TopicPartition {
        TopicPartition { topic: self.names.actions(&self.name).into(), partition: 0 }
    }

    /// The lane's committed offset.
    pub(super) async fn committed(&self) -> Option<u64> {
        let offsets = self.log.offsets(&self.names.group("dispatcher")).await.expect("offsets");
        offsets.get(&self.partition()).copied()
    }

    /// Waits until so much of the live topic is committed.
    pub(super) async fn until_committed(&self, offset: u64) {
        for _turn in 0..1_000 {
            if self.committed().await == Some(offset) {
                return;
            }
            self.settle_down().await;
            self.clock.advance(LEASE / 3);
        }
        panic!("not in time: {offset} is committed");
    }

    /// The lane's topic will be read from its beginning again.
    pub(super) async fn rewind(&self) {
        let topics = [self.names.actions(&self.name)];
        let mut consumer = self.log.consumer(&self.names.group("dispatcher"), &topics).await.expect("a consumer");
        let Signal::Assigned(_) = soon(consumer.next()).await.expect("a signal") else { panic!("partitions first") };
        consumer.store(&self.partition(), 0);
        consumer.commit().await.expect("committed");
        consumer.leave().await.expect("left");
    }
}

/// The same action, whose flow goes on after it.
pub(super) fn with_continuation(mut action: Action) -> Action {
    let event = StoredEvent { key: "k-source".to_owned(), headers: Vec::new(), value: json!({}) };
    let flow_set = FlowSetHash::from_text("f-1");
    if let Purpose::Step { continuation, .. } = &mut action.purpose {
        *continuation = Some(Box::new(Continuation { flow_set, event, results: BTreeMap::new() }));
    }
    action
}

/// A moment, in seconds after the beginning.
pub(super) fn at(seconds: i64) -> Timestamp {
    crate::support::records::at(seconds)
}
