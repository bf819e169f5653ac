//! Lanes on an embedded log, and a way out that notes when each request was answered.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use spojka::{
    dispatcher::{
        BulkDelivery, Delivery, Dispatcher, DispatcherSettings, LaneBoard, LaneConnection, Shared, Transport,
        backoff::{Backoff, Schedule},
        circuit::CircuitSettings,
    },
    http::{Client, ClientSettings, Limits},
    log::{
        Fencing, Log, TopicSpec,
        embedded::{EmbeddedLog, EmbeddedOptions},
    },
    model::{
        connection::ConnectionName,
        http::{Reply, Request, Unanswered},
        id::{ActionId, EventId, Ids, KeyHash, WebhookId},
        random::Generator,
        time::{Clock as _, SystemClock, Timestamp},
    },
    runtime::HttpTransport,
    telemetry::Metrics,
    topics::{
        Names,
        action::{Action, Purpose, Source},
        event::Origin,
        memory::{self, ActionState, End, key},
        occasion::Occasions,
    },
};
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    target::{SILENT, Target},
    vendor::{Account, OPERATION, VENDOR},
};

/// What was answered: the action's number and the moment, in order.
#[derive(Default)]
pub(crate) struct Answers {
    by_object: Mutex<HashMap<String, Vec<(u64, Duration)>>>,
    count: watch::Sender<usize>,
}

impl Answers {
    pub(crate) fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<(u64, Duration)>>> {
        self.by_object.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Noting {
    inner: HttpTransport,
    answers: Arc<Answers>,
}

impl Transport for Noting {
    fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Reply, Unanswered>> {
        Box::pin(async move {
            let reply = self.inner.send(request).await?;
            let body: Value = serde_json::from_slice(&request.body).expect("our own JSON");
            let number = body["number"].as_u64().expect("a number");
            let object = body["object"].as_str().expect("an object").to_owned();
            self.answers.lock().entry(object).or_default().push((number, SystemClock.elapsed()));
            self.answers.count.send_modify(|count| *count += 1);
            Ok(reply)
        })
    }
}

/// Some lanes, and all that they need.
pub(crate) struct Stage {
    _folder: tempfile::TempDir,
    pub(crate) log: Log,
    shared: Shared,
    connections: Vec<LaneConnection>,
    pub(crate) answers: Vec<Arc<Answers>>,
    memories: Vec<Arc<dyn spojka::log::Table>>,
}

pub(crate) fn object(key: usize) -> String {
    format!("object-{key}")
}

pub(crate) fn parameters(number: usize, keys: usize) -> Value {
    json!({ "object": object(number % keys), "number": number })
}

fn name(lane: usize) -> ConnectionName {
    ConnectionName::parse(&format!("lane-{lane}")).expect("a name")
}

impl Stage {
    pub(crate) async fn new(target: &Target, lanes: usize, at_once: usize) -> anyhow::Result<Self> {
        Self::with_silent(target, lanes, at_once, None).await
    }

    /// With one lane whose target never answers.
    pub(crate) async fn with_silent(
        target: &Target,
        lanes: usize,
        at_once: usize,
        silent: Option<usize>,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).context("no temporary folder")?;
        let log: Log = Arc::new(EmbeddedLog::open(&folder.path().join("log.db"), EmbeddedOptions::default())?);
        let names = Names::new("bench.");
        let spec = |name, compacted| TopicSpec { name, partitions: 1, compacted };
        let topics: Vec<_> = (0..lanes)
            .map(name)
            .flat_map(|lane| {
                [spec(names.actions(&lane), false), spec(names.bulk(&lane), false), spec(names.memory(&lane), true)]
            })
            .chain([spec(names.dead(), true)])
            .collect();
        log.create_topics(&topics).await?;
        let (client, random) = (Client::new(&ClientSettings::default())?, Generator::from_system());
        let answers: Vec<Arc<Answers>> = (0..lanes).map(|_| Arc::default()).collect();
        let connection = |(lane, answers): (usize, &Arc<Answers>)| {
            let url =
                if silent == Some(lane) { target.url().join(&format!("{SILENT}/"))? } else { target.url().clone() };
            let limits = Limits { allow_private_addresses: true, ..Limits::default() };
            let inner = HttpTransport { client: client.clone(), limits };
            anyhow::Ok(LaneConnection {
                name: name(lane),
                credentials: KeyHash::from_text("k-account"),
                vendor: &VENDOR,
                connector: Arc::new(Account { url }),
                delivery: delivery(at_once),
                limits: Vec::new(),
                transport: Arc::new(Noting { inner, answers: Arc::clone(answers) }),
            })
        };
        let connections = answers.iter().enumerate().map(connection).collect::<anyhow::Result<_>>()?;
        let mut memories = Vec::new();
        for lane in 0..lanes {
            memories.push(log.table(&names.memory(&name(lane)), Fencing::Epochs).await?);
        }
        let shared = Shared {
            log: Arc::clone(&log),
            names,
            ids: Ids::new(b"bench"),
            clock: Arc::new(SystemClock),
            random: Arc::new(random),
            metrics: Arc::new(Metrics::new()),
            board: LaneBoard::default(),
            owner: "bench".to_owned(),
        };
        Ok(Self { _folder: folder, log, shared, connections, answers, memories })
    }

    /// One action; its number is its version.
    pub(crate) fn action(&self, lane: usize, number: usize, keys: usize) -> Action {
        let (connection, parameters) = (name(lane), parameters(number, keys));
        let version = i64::try_from(number).expect("a small number");
        Action {
            id: id(number),
            conflict: self.shared.ids.conflict(&connection, &object(number % keys)),
            connection,
            operation: OPERATION.to_owned(),
            parameters: parameters.as_object().expect("a mapping").clone(),
            purpose: Purpose::Step {
                flow: "flow".to_owned(),
                step: "step".to_owned(),
                event: EventId::from_text("e"),
                flow_set: None,
                continuation: None,
            },
            source: Source {
                entity: KeyHash::from_text("k"),
                version,
                arrived: Timestamp::UNIX_EPOCH,
                webhook: WebhookId::from_text("w"),
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

    pub(crate) async fn append(&self, lane: usize, actions: impl Iterator<Item = Action>) -> anyhow::Result<()> {
        let topic = self.shared.names.actions(&name(lane));
        self.log.append(actions.map(|action| action.to_append(topic.clone())).collect()).await?;
        Ok(())
    }

    pub(crate) async fn fill(&self, lane: usize, actions: usize, keys: usize) -> anyhow::Result<()> {
        self.append(lane, (0..actions).map(|number| self.action(lane, number, keys))).await
    }

    /// Runs the lanes until so many of one lane's actions were answered, and gives them back: then all is durable.
    pub(crate) async fn work_off(&self, lane: usize, actions: usize) -> anyhow::Result<()> {
        self.run(self.answered(lane, actions)).await
    }

    /// Waits until so many of a lane's actions were answered.
    pub(crate) async fn answered(&self, lane: usize, actions: usize) -> anyhow::Result<()> {
        self.answers[lane].count.subscribe().wait_for(|count| *count >= actions).await?;
        Ok(())
    }

    /// Runs the lanes beside something.
    pub(crate) async fn run(&self, beside: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
        let settings = DispatcherSettings { lease: Duration::from_secs(2), drain: Duration::from_secs(1) };
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(Dispatcher::new(settings, self.shared.clone(), self.connections.clone()).run(stop.clone()));
        tokio::select! {
            done = beside => done?,
            Some(ended) = tasks.join_next() => ended??,
        }
        stop.cancel();
        if let Some(ended) = tasks.join_next().await {
            ended??;
        }
        Ok(())
    }

    /// Every outcome is there, and each key was served in order.
    pub(crate) fn check(&self, lane: usize, actions: usize, keys: usize) -> anyhow::Result<()> {
        for number in 0..actions {
            let bytes = self.memories[lane].get(&key::action(&id(number)))?.context("an outcome is missing")?;
            let state: ActionState = memory::read(&bytes)?;
            ensure!(matches!(state, ActionState::Settled(outcome) if outcome.end == End::Done), "{number} is not done");
        }
        let answers = self.answers[lane].lock();
        ensure!(answers.len() == keys, "not all keys were served");
        for (object, served) in answers.iter() {
            ensure!(served.is_sorted_by_key(|(number, _)| *number), "{object} was not served in order");
        }
        Ok(())
    }
}

fn id(number: usize) -> ActionId {
    ActionId::from_text(format!("a-{number}"))
}

const PAUSES: Backoff = Backoff { first: Duration::from_secs(1), cap: Duration::from_mins(10) };

fn delivery(concurrency: usize) -> Delivery {
    Delivery {
        concurrency,
        per_second: None,
        request_timeout: Duration::from_secs(30),
        backoff: Schedule::Exponential(PAUSES),
        max_age: Duration::from_hours(72),
        not_there: Schedule::Exponential(PAUSES),
        not_there_max_age: Duration::from_hours(24),
        circuit: CircuitSettings { failures: 5, backoff: PAUSES },
        bulk: BulkDelivery::default(),
        loops: None,
    }
}
