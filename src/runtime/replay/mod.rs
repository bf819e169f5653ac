//! Replay: what was told once is judged again, and what is missing is done.
//!
//! It does not run through the live topics. A range of `webhooks` (or events, or actions) is read beside the roles that read
//! it live, normalizer and router are called as functions, each action's lane is asked what it remembers, and only what is
//! to be done is appended, to the bulk topics. So a range that is all done costs no append at all.
//!
//! What it must not do: write to a live topic, ask a vendor, or decide what its owner decides (an action that is known by
//! the time it comes is dropped there). Whatever a crash repeats is harmless for the same reason.
//!
//! | file | what |
//! |---|---|
//! | `source`, `selection` | which topics, which records of them |
//! | `judge` | what a record gives, as a function |
//! | `known` | what the lanes remember |
//! | `worker` | the loop: read, judge, ask, append, write down |
//! | `store` | the topic `replays` |
//! | `import` | rows that a lane's owner lists, and what becomes of them |

mod import;
mod judge;
mod known;
pub(in crate::runtime) mod seen;
mod selection;
pub(in crate::runtime) mod source;
mod store;
mod worker;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

pub use import::{Import, ImportRequest, Listed, Listing};

use self::{
    judge::Judge,
    known::Lanes,
    store::Store,
    worker::{Work, Worker},
};
use super::{
    flows,
    operator::{Operator, OperatorError},
    roles::Ground,
};
use crate::{
    config::Config,
    model::{hash::short_hex, time::Timestamp},
    router::Rules,
    topics::{
        event::{Origin, OriginKind},
        replay::{AsOf, Begin, Counts, Cursor, Mode, Replay, Request, State},
    },
};

/// A runner that has written nothing for so long is gone.
const GONE: jiff::SignedDuration = jiff::SignedDuration::from_mins(1);
/// How long a replay that has ended is kept in sight.
const KEEP: jiff::SignedDuration = jiff::SignedDuration::from_hours(24 * 30);
/// So many replays that have ended stay in this process's memory: counts are nowhere else.
const MOST_ENDED: usize = 32;

/// Runs replays in this process, beside its roles.
#[derive(Clone)]
pub struct Replayer(Arc<Inner>);

struct Inner {
    ground: Ground,
    config: Arc<Config>,
    operator: Operator,
    /// This process, for people and for telling runners apart.
    runner: String,
    jobs: Mutex<Jobs>,
}

#[derive(Default)]
struct Jobs {
    tasks: JoinSet<()>,
    known: BTreeMap<String, Job>,
}

struct Job {
    progress: watch::Receiver<Replay>,
    stop: CancellationToken,
}

impl Job {
    fn runs(&self) -> bool {
        self.progress.borrow().state == State::Running && self.progress.has_changed().is_ok()
    }
}

impl Replayer {
    pub fn new(config: Arc<Config>, ground: Ground, operator: Operator, runner: &str) -> Self {
        let jobs = Mutex::default();
        Self(Arc::new(Inner { ground, config, operator, runner: runner.to_owned(), jobs }))
    }

    pub fn operator(&self) -> &Operator {
        &self.0.operator
    }

    /// Begins a replay, or only its count, and answers with its name at once.
    ///
    /// # Errors
    /// What is wrong with the request; the log's errors.
    pub async fn begin(&self, request: Request, dry: bool) -> Result<Replay, OperatorError> {
        if request.begin == Begin::Actions && (request.mode == Mode::All || request.as_of == AsOf::Present) {
            let why = "recorded actions are as the flows made them then: begin at events or webhooks";
            return Err(OperatorError::Refused(why.to_owned()));
        }
        let inner = &self.0;
        source::topics(&request, &inner.ground.names, &inner.operator.connections)?;
        request.event_type.as_deref().map(source::find_type).transpose()?;
        let now = inner.ground.clock.now();
        let replay = Replay {
            id: name(now, inner.ground.random.bytes()),
            request,
            state: State::Running,
            dry,
            begun: now,
            at: now,
            runner: inner.runner.clone(),
            cursor: Cursor::default(),
            counts: Counts::default(),
            error: None,
        };
        if !dry {
            let store = self.store().await?;
            self.forget_old(&store, now).await?;
            store.save(&replay).await?;
        }
        self.start(replay.clone()).await?;
        Ok(replay)
    }

    /// A replay as it stands.
    ///
    /// # Errors
    /// [`OperatorError::NotFound`]; the log's errors.
    pub async fn show(&self, id: &str) -> Result<Replay, OperatorError> {
        let here = self.jobs().known.get(id).map(|job| job.progress.borrow().clone());
        match here {
            Some(replay) => Ok(replay),
            None => self.store().await?.get(id),
        }
    }

    /// All replays, the oldest first.
    ///
    /// # Errors
    /// The log's.
    pub async fn list(&self) -> Result<Vec<Replay>, OperatorError> {
        let mut all = self.store().await?.list()?;
        let jobs = self.jobs();
        for replay in &mut all {
            if let Some(job) = jobs.known.get(&replay.id) {
                replay.clone_from(&job.progress.borrow());
            }
        }
        Ok(all)
    }

    /// Asks a replay to stop, wherever it runs.
    ///
    /// # Errors
    /// [`OperatorError::Refused`] when it does not run; the log's errors.
    pub async fn stop(&self, id: &str) -> Result<Replay, OperatorError> {
        let replay = self.show(id).await?;
        if replay.state != State::Running {
            return Err(OperatorError::Refused(format!("the replay `{id}` is {}", replay.state.as_str())));
        }
        if let Some(job) = self.jobs().known.get(id) {
            job.stop.cancel();
            return Ok(replay);
        }
        self.store().await?.ask_to_stop(id, self.0.ground.clock.now()).await?;
        Ok(replay)
    }

    /// Goes on with a replay that was stopped, or whose process is gone.
    ///
    /// # Errors
    /// [`OperatorError::Refused`] when it is done or runs; the log's errors.
    pub async fn resume(&self, id: &str) -> Result<Replay, OperatorError> {
        let store = self.store().await?;
        let mut replay = store.get(id)?;
        let now = self.0.ground.clock.now();
        let runs_here = self.jobs().known.get(id).is_some_and(Job::runs);
        // The embedded log's lock proves that no other process runs anything.
        let elsewhere = !self.0.ground.log.is_exclusive() && now.duration_since(replay.at) < GONE;
        if replay.state == State::Done {
            return Err(OperatorError::Refused(format!("the replay `{id}` is done")));
        }
        if runs_here || (replay.state == State::Running && elsewhere) {
            return Err(OperatorError::Refused(format!("the replay `{id}` runs at {}", replay.runner)));
        }
        (replay.state, replay.error, replay.at) = (State::Running, None, now);
        replay.runner.clone_from(&self.0.runner);
        store.want(id, now).await?;
        store.save(&replay).await?;
        self.start(replay.clone()).await?;
        Ok(replay)
    }

    /// Stops all that runs here, so that it can be resumed.
    pub async fn close(&self) {
        let mut tasks = {
            let mut jobs = self.jobs();
            jobs.known.values().for_each(|job| job.stop.cancel());
            std::mem::take(&mut jobs.tasks)
        };
        while tasks.join_next().await.is_some() {}
    }

    async fn start(&self, replay: Replay) -> Result<(), OperatorError> {
        let (progress, watched) = watch::channel(replay.clone());
        let stop = CancellationToken::new();
        let id = replay.id.clone();
        let worker = self.worker(replay, progress, stop.clone()).await?;
        let mut jobs = self.jobs();
        jobs.known.insert(id, Job { progress: watched, stop });
        while jobs.tasks.try_join_next().is_some() {}
        jobs.tasks.spawn(worker.run());
        let ended: Vec<String> = jobs.known.iter().filter(|(_, job)| !job.runs()).map(|(id, _)| id.clone()).collect();
        for id in ended.iter().take(ended.len().saturating_sub(MOST_ENDED)) {
            jobs.known.remove(id);
        }
        Ok(())
    }

    async fn worker(
        &self,
        replay: Replay,
        progress: watch::Sender<Replay>,
        stop: CancellationToken,
    ) -> Result<Worker, OperatorError> {
        let (ground, config) = (&self.0.ground, &self.0.config);
        let (_, normalizer) = ground.normalizer(config);
        let rules = self.rules(&replay.request).await?;
        let request = replay.request.clone();
        let judge = Judge {
            origin: origin_of(&replay),
            normalizer,
            ids: ground.ids.clone(),
            types: rules.types(),
            rules,
            // The owner has said how far back an import goes.
            remember: if request.import.is_some() { Duration::MAX } else { config.keeping.remember },
            now: ground.clock.now(),
            request,
        };
        let store = if replay.dry { None } else { Some(self.store().await?) };
        Ok(Worker {
            log: Arc::clone(&ground.log),
            names: ground.names.clone(),
            clock: Arc::clone(&ground.clock),
            topics: source::topics(&replay.request, &ground.names, &self.0.operator.connections)?,
            lanes: Lanes::new(Arc::clone(&ground.log), ground.names.clone()),
            judge,
            replay,
            store,
            progress,
            stop,
            work: Work::default(),
        })
    }

    /// The flows of then, or those of now as if they had been in force for ever.
    async fn rules(&self, request: &Request) -> Result<Rules, OperatorError> {
        let rules = flows::rules(&self.0.config, &self.0.ground, request.as_of).await?;
        if request.as_of == AsOf::Recorded || !rules.activations().is_empty() {
            return Ok(rules);
        }
        let set = Arc::clone(&self.0.config.flows);
        Ok(Rules::always(set.hash(&self.0.ground.ids), set))
    }

    async fn forget_old(&self, store: &Store, now: Timestamp) -> Result<(), OperatorError> {
        let old = |replay: &Replay| replay.state != State::Running && now.duration_since(replay.at) > KEEP;
        for replay in store.list()?.iter().filter(|replay| old(replay)) {
            store.forget(&replay.id, now).await?;
        }
        Ok(())
    }

    async fn store(&self) -> Result<Store, OperatorError> {
        Ok(Store::open(&self.0.ground.log, &self.0.ground.names).await?)
    }

    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name that sorts by time.
fn name(now: Timestamp, random: [u8; 16]) -> String {
    let mark: String = short_hex(&random).chars().take(4).collect();
    format!("r-{}-{mark}", now.strftime("%Y%m%d-%H%M%S"))
}

/// What is done again needs ids of its own; an import's rows stay an import's.
fn origin_of(replay: &Replay) -> Origin {
    match (&replay.request.import, replay.request.mode) {
        (Some(run), _) => Origin::of_run(OriginKind::Import, run),
        (None, Mode::All) => Origin::of_run(OriginKind::Repeat, &replay.id),
        (None, Mode::Missing | Mode::Failed) => Origin::of_run(OriginKind::Replay, &replay.id),
    }
}
