//! Backtest: what other flows would have made of recorded events, beside what the present flows make of them.
//!
//! Both sides are judged by the router's own function over the same records. A step that waits for another one is judged by
//! what the lane's memory holds of that one's end; where it holds nothing, it is only told that it would depend on it.
//!
//! What it must not do: write anything, anywhere; hold events or actions beyond a few samples; or get in the way of live
//! traffic. What it finds lives in the process that ran it until the next one begins: samples carry content.
//!
//! | file | what |
//! |---|---|
//! | `report` | what is asked and answered |
//! | `sides`, `compare` | what one side makes of an event; both sides' actions beside each other |
//! | `tally`, `calls` | counts and samples; calls and their price |
//! | `judge`, `worker` | the threads that judge; the task that reads |

mod calls;
mod compare;
mod judge;
pub mod report;
mod sides;
mod tally;
mod worker;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use self::{
    calls::Prices,
    judge::{Bench, Judge},
    report::{Backtest, Findings, Read, Request},
    sides::{Recorded, Side, starts},
    tally::Scale,
    worker::{Wanted, Worker, milliseconds},
};
use super::{
    flows,
    operator::{Operator, OperatorError},
    replay::{seen::Seen, source::find_type},
    roles::Ground,
};
use crate::{
    config::{self, Config, Mode, ProcessEnvironment},
    connectors::VENDORS,
    model::{hash::short_hex, id::FlowSetHash},
    router::{FlowSet, Rules},
    topics::{
        event::{Entity, EventType},
        replay::State,
    },
};

/// Runs backtests in this process.
#[derive(Clone)]
pub struct Backtester(Arc<Inner>);

struct Inner {
    ground: Ground,
    config: Arc<Config>,
    operator: Operator,
    jobs: Mutex<Jobs>,
}

#[derive(Default)]
struct Jobs {
    tasks: JoinSet<()>,
    known: BTreeMap<String, Job>,
}

struct Job {
    progress: watch::Receiver<Backtest>,
    stop: CancellationToken,
    asked: Arc<AtomicU64>,
}

impl Backtester {
    pub fn new(config: Arc<Config>, ground: Ground, operator: Operator) -> Self {
        Self(Arc::new(Inner { ground, config, operator, jobs: Mutex::default() }))
    }

    /// Begins a backtest of a config, given as its files, and answers at once. The flows are judged with that config's own
    /// connections, whose secrets need not be there.
    ///
    /// # Errors
    /// What is wrong with the config or the request; the log's errors.
    pub async fn begin(&self, files: &[(String, String)], request: Request) -> Result<Backtest, OperatorError> {
        let inner = &self.0;
        let wanted = request.event_type.as_deref().map(find_type).transpose()?;
        let proposed = config::load_texts(files, Path::new("."), &ProcessEnvironment, VENDORS, Mode::CheckOnly)
            .map_err(|report| OperatorError::Refused(format!("the config is wrong\n{report}")))?;
        let present = flows::rules(&inner.config, &inner.ground, request.against).await?;
        if let Some(flow) = request.flow.as_deref().filter(|flow| !knows([&proposed.flows], flow, &present)) {
            return Err(OperatorError::NotFound(format!("there is no flow `{flow}`")));
        }
        let now = inner.ground.clock.now();
        let mark: String = short_hex(&inner.ground.random.bytes()).chars().take(4).collect();
        let hash = proposed.flows.hash(&inner.ground.ids);
        let backtest = Backtest {
            id: format!("b-{}-{mark}", now.strftime("%Y%m%d-%H%M%S")),
            state: State::Running,
            error: None,
            present: present.in_force(now).cloned(),
            proposed: hash.clone(),
            request,
            read: Read::default(),
            took_ms: 0,
            found: Findings::default(),
        };
        self.start(backtest.clone(), present, (hash, &proposed), wanted).await?;
        Ok(backtest)
    }

    /// A backtest as it stands.
    ///
    /// # Errors
    /// [`OperatorError::NotFound`].
    pub fn show(&self, id: &str) -> Result<Backtest, OperatorError> {
        let jobs = self.jobs();
        let job = jobs.known.get(id).ok_or_else(|| OperatorError::NotFound(format!("there is no backtest `{id}`")))?;
        job.asked.store(milliseconds(self.0.ground.clock.elapsed()), Ordering::Relaxed);
        Ok(job.progress.borrow().clone())
    }

    /// Stops a backtest, which then tells what it has found so far.
    ///
    /// # Errors
    /// [`OperatorError::NotFound`].
    pub fn stop(&self, id: &str) -> Result<Backtest, OperatorError> {
        let found = self.show(id)?;
        if let Some(job) = self.jobs().known.get(id) {
            job.stop.cancel();
        }
        Ok(found)
    }

    /// Stops all that runs here.
    pub async fn close(&self) {
        let mut tasks = {
            let mut jobs = self.jobs();
            jobs.known.values().for_each(|job| job.stop.cancel());
            std::mem::take(&mut jobs.tasks)
        };
        while tasks.join_next().await.is_some() {}
    }

    async fn start(
        &self,
        backtest: Backtest,
        present: Rules,
        proposed: (FlowSetHash, &Config),
        wanted: Option<&'static EventType>,
    ) -> Result<(), OperatorError> {
        let Inner { ground, config, operator, .. } = self.0.as_ref();
        let (hash, config_proposed) = proposed;
        let proposed = Rules::always(hash, Arc::clone(&config_proposed.flows));
        let types: BTreeSet<&'static str> = present.types().union(&proposed.types()).copied().collect();
        let recorded = Recorded::open(&ground.log, &ground.names, [&present, &proposed], &operator.connections).await?;
        let request = backtest.request.clone();
        let scale = Scale {
            prices: Prices::of(config_proposed, config),
            flow: request.flow.clone(),
            samples: request.samples,
            starts: starts(&proposed),
            now: ground.clock.now(),
        };
        let side =
            |rules, config: &Config| Side::new(rules, &ground.ids, config.keeping.remember, ground.clock.as_ref());
        let judge =
            Judge { present: side(present, config), proposed: side(proposed, config_proposed), recorded, scale };
        let (progress, watched) = watch::channel(backtest.clone());
        let asked = Arc::new(AtomicU64::new(milliseconds(ground.clock.elapsed())));
        let (id, stop) = (backtest.id.clone(), CancellationToken::new());
        let worker = Worker {
            log: Arc::clone(&ground.log),
            clock: Arc::clone(&ground.clock),
            topics: entities(&types, wanted).into_iter().map(|entity| ground.names.events(entity)).collect(),
            wanted: Wanted { request, types, seen: Seen::default() },
            bench: Bench::start(judge)?,
            backtest,
            progress,
            stop: stop.clone(),
            asked: Arc::clone(&asked),
        };
        let mut jobs = self.jobs();
        // What has ended is of no use to anybody any more, and its samples are content.
        jobs.known.retain(|_, job| job.progress.borrow().state == State::Running);
        while jobs.tasks.try_join_next().is_some() {}
        jobs.known.insert(id, Job { progress: watched, stop, asked });
        jobs.tasks.spawn(worker.run());
        Ok(())
    }

    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether either side has a flow of this name.
fn knows<'a>(sets: impl IntoIterator<Item = &'a Arc<FlowSet>>, flow: &str, rules: &Rules) -> bool {
    sets.into_iter().any(|set| set.find(flow).is_some()) || rules.flows().any(|known| known.name == flow)
}

/// What the events are about that have to be read.
fn entities(types: &BTreeSet<&'static str>, wanted: Option<&'static EventType>) -> BTreeSet<Entity> {
    let all = types.iter().filter_map(|name| EventType::find(name));
    let chosen = all.filter(|event_type| wanted.is_none_or(|wanted| wanted.name == event_type.name));
    chosen.map(|event_type| event_type.entity).filter(|entity| *entity != Entity::Step).collect()
}

#[cfg(test)]
mod tests;
