//! A lane and its one owner: takes over, takes actions in, starts what may go, parks what must wait, gives back.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{
    attempt::{self, Report, attempt},
    claim::TakeOver,
    context::{LaneConnection, LaneContext, Shared},
    ledger,
    line::{Item, Line},
    offsets::OffsetTracker,
    pace::Pacer,
    polls::{self, PollReport},
    proof::Proof,
};
use crate::{
    connectors::contract::Poll,
    log::{Fencing, LogError, LogResult, Table},
    model::{
        code::{self, Code},
        hash::ContentHash,
        id::{ActionId, KeyHash},
        time::Timestamp,
    },
    topics::{
        action::Action,
        dead::{DeadLetter, Kind},
        memory::{self, ActionState, Waiting, key},
        record::Record,
    },
};

/// Whole actions that a lane holds at a time; more stay in the log. Parked ones are in memory and do not count.
const MOST_LOADED: usize = 1_000;

/// What a lane needs to begin.
pub(super) struct LaneStart {
    pub connection: LaneConnection,
    pub shared: Shared,
    pub proof: Proof,
    /// Records of the lane's topic.
    pub intake: mpsc::Receiver<Record>,
    /// The offset up to which everything is settled or parked.
    pub settled: watch::Sender<Option<u64>>,
    /// Told whenever a record was taken in.
    pub room: Arc<Notify>,
    /// Finish what is in flight and give the lane back.
    pub stop: CancellationToken,
    /// The lane is somebody else's: write nothing, send nothing.
    pub lost: CancellationToken,
}

/// What comes back from the lane's tasks.
enum Task {
    Attempt(LogResult<Report>, KeyHash),
    Stored(LogResult<()>, KeyHash, Vec<(ActionId, Option<u64>)>),
    Poll(LogResult<PollReport>, usize),
}

/// Runs a lane until it is stopped or lost.
///
/// # Errors
/// [`LogError::Lost`], or a log that is broken.
pub(super) async fn run(start: LaneStart) -> LogResult<()> {
    let lost = start.lost.clone();
    tokio::select! {
        end = run_owned(start) => end,
        () = lost.cancelled() => Err(LogError::Lost),
    }
}

async fn run_owned(start: LaneStart) -> LogResult<()> {
    let topic = start.shared.names.memory(&start.connection.name);
    let memory = start.shared.log.table(&topic, Fencing::Epochs).await?;
    let log = Arc::clone(&start.shared.log);
    let clock = Arc::clone(&start.shared.clock);
    let owner = start.shared.owner.clone();
    let take_over = TakeOver {
        log: &log,
        memory: &memory,
        topic: &topic,
        owner: &owner,
        clock: &clock,
        request_timeout: start.connection.delivery.request_timeout,
    };
    let epoch = take_over.run().await?;
    tracing::info!(connection.id = %start.connection.name, epoch, "lane taken over");
    let mut lane = Lane::new(start, Arc::clone(&memory), topic.clone(), epoch)?;
    lane.serve().await?;
    take_over.release(epoch).await?;
    tracing::info!(connection.id = %lane.context.connection.name, epoch, "lane given back");
    Ok(())
}

struct Lane {
    context: Arc<LaneContext>,
    intake: mpsc::Receiver<Record>,
    settled: watch::Sender<Option<u64>>,
    room: Arc<Notify>,
    stop: CancellationToken,
    line: Line,
    offsets: OffsetTracker,
    tasks: JoinSet<Task>,
    running: usize,
    halted: Option<Code>,
    polls: Vec<PollClock>,
    /// No more records will come.
    drained: bool,
}

struct PollClock {
    poll: Poll,
    due: Timestamp,
    running: bool,
    failures: u32,
}

impl Lane {
    fn new(start: LaneStart, memory: Arc<dyn Table>, memory_topic: String, epoch: u64) -> LogResult<Self> {
        let pacer = Pacer::new(Arc::clone(&start.shared.clock), start.connection.delivery.per_second);
        let now = start.shared.clock.now();
        let poll_clock = |poll| PollClock { poll, due: now, running: false, failures: 0 };
        let polls = start.connection.connector.polls().into_iter().map(poll_clock).collect();
        let context = Arc::new(LaneContext {
            connection: start.connection,
            shared: start.shared,
            memory,
            memory_topic,
            epoch,
            proof: start.proof,
            pacer,
            session: tokio::sync::Mutex::new(None),
            lost: start.lost,
        });
        let mut lane = Self {
            context,
            intake: start.intake,
            settled: start.settled,
            room: start.room,
            stop: start.stop,
            line: Line::default(),
            offsets: OffsetTracker::default(),
            tasks: JoinSet::new(),
            running: 0,
            halted: None,
            polls,
            drained: false,
        };
        lane.load_waiting()?;
        Ok(lane)
    }

    /// Puts the actions that wait in memory in line, in the order in which they came.
    fn load_waiting(&mut self) -> LogResult<()> {
        let mut waiting = Vec::new();
        let mut after = None;
        loop {
            let page = self.context.memory.scan(key::WAITING, after.as_deref(), 500)?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            for (_, bytes) in &page {
                let entry: Waiting = memory::read(bytes).map_err(ledger::broken)?;
                waiting.push((Item::parked(&entry), entry.due));
            }
        }
        waiting.sort_by_key(|(item, _)| item.sequence);
        for (item, due) in waiting {
            self.line.push_parked(item, due);
        }
        Ok(())
    }

    /// Works until it is told to stop, then finishes what is in flight.
    async fn serve(&mut self) -> LogResult<()> {
        loop {
            let stopping = self.stop.is_cancelled();
            if !stopping {
                self.start_what_may_go();
            }
            self.report();
            if (stopping || (self.drained && self.line.is_empty())) && self.tasks.is_empty() {
                return Ok(());
            }
            self.wait_for_something(stopping).await?;
        }
    }

    async fn wait_for_something(&mut self, stopping: bool) -> LogResult<()> {
        let takes_more = !stopping && !self.drained && self.line.loaded() < MOST_LOADED;
        let wake = self.wake();
        let clock = Arc::clone(&self.context.shared.clock);
        let stop = self.stop.clone();
        tokio::select! {
            record = self.intake.recv(), if takes_more => match record {
                Some(record) => {
                    self.room.notify_one();
                    self.take_in(&record).await?;
                }
                None => self.drained = true,
            },
            Some(task) = self.tasks.join_next() => self.hear(task.map_err(|error| LogError::Broken(error.to_string()))?)?,
            () = clock.sleep(wake.unwrap_or_default()), if wake.is_some() && !stopping => {}
            () = stop.cancelled(), if !stopping => {}
        }
        Ok(())
    }

    /// How long until something is due, if anything is.
    fn wake(&self) -> Option<Duration> {
        if self.halted.is_some() {
            return None;
        }
        let polls = self.polls.iter().filter(|poll| !poll.running).map(|poll| poll.due);
        let due = if self.running < self.context.connection.delivery.concurrency { self.line.next_due() } else { None };
        let next = polls.chain(due).min()?;
        Some(Duration::try_from(next.duration_since(self.context.now())).unwrap_or_default())
    }

    fn start_what_may_go(&mut self) {
        if self.halted.is_some() {
            return;
        }
        let now = self.context.now();
        self.start_polls(now);
        while self.running < self.context.connection.delivery.concurrency {
            let Some(item) = self.line.take(now) else { break };
            let (context, key) = (Arc::clone(&self.context), item.conflict.clone());
            self.running += 1;
            self.tasks.spawn(async move { Task::Attempt(attempt(context, item).await, key) });
        }
    }

    fn start_polls(&mut self, now: Timestamp) {
        for (index, clock) in self.polls.iter_mut().enumerate() {
            if clock.running || clock.due > now {
                continue;
            }
            clock.running = true;
            let (context, poll) = (Arc::clone(&self.context), clock.poll.clone());
            self.tasks.spawn(async move { Task::Poll(polls::poll(&context, &poll).await, index) });
        }
    }

    /// A record of the lane's topic: in line, unless memory knows it already.
    async fn take_in(&mut self, record: &Record) -> LogResult<()> {
        self.offsets.begin(record.offset);
        let action = match Action::from_record(record) {
            Ok(action) => action,
            Err(error) => return self.bury(record, &error.to_string()).await,
        };
        let memory = self.context.memory.as_ref();
        let settled = match ledger::state(memory, &action.id)? {
            Some(ActionState::Settled(outcome)) => outcome.settles(&action),
            Some(ActionState::Begun { .. }) | None => false,
        };
        if settled || memory.get(&key::waiting(&action.id))?.is_some() {
            self.offsets.finish(record.offset);
            return Ok(());
        }
        let item = Item::new(action, record.offset);
        let key = item.conflict.clone();
        if let Some(due) = self.line.push(item) {
            self.store_followers(&key, due);
        }
        Ok(())
    }

    /// A record that is no action: a dead letter with its bytes.
    async fn bury(&mut self, record: &Record, why: &str) -> LogResult<()> {
        let shared = &self.context.shared;
        let (key, headers, value) = DeadLetter::original(record);
        let letter = DeadLetter {
            id: shared.ids.dead(ContentHash::from_bytes(record.bytes()).as_str()),
            kind: Kind::Action,
            code: code::UNREADABLE_RECORD,
            message: why.to_owned(),
            connection: Some(self.context.connection.name.clone()),
            what: None,
            webhook: None,
            at: self.context.now(),
            attempts: 0,
            request: None,
            answer: None,
            topic: record.topic.to_string(),
            key,
            headers,
            value,
        };
        shared.metrics.dead(Kind::Action.as_str(), code::UNREADABLE_RECORD);
        self.context.append(vec![letter.to_append(shared.names.dead())]).await?;
        self.offsets.finish(record.offset);
        Ok(())
    }

    fn hear(&mut self, task: Task) -> LogResult<()> {
        match task {
            Task::Attempt(report, key) => {
                self.running -= 1;
                self.hear_of_attempt(report?, &key);
            }
            Task::Stored(written, key, stored) => {
                written?;
                let ids: Vec<_> = stored.iter().map(|(id, _)| id.clone()).collect();
                self.line.stored(&key, &ids);
                stored.iter().filter_map(|(_, offset)| *offset).for_each(|offset| self.offsets.finish(offset));
            }
            Task::Poll(report, index) => self.hear_of_poll(&report?, index),
        }
        Ok(())
    }

    fn hear_of_attempt(&mut self, report: Report, key: &KeyHash) {
        match report {
            Report::Settled(item) => {
                if let Some(offset) = item.offset {
                    self.offsets.finish(offset);
                }
                self.line.finish(key);
            }
            Report::Parked { mut item, due } => {
                if let Some(offset) = item.offset.take() {
                    self.offsets.finish(offset);
                }
                self.line.park(item, due);
                self.store_followers(key, due);
            }
            Report::Halted { item, code } => {
                self.line.put_back(item);
                self.halt(code);
            }
        }
    }

    fn halt(&mut self, code: Code) {
        if self.halted.replace(code).is_none() {
            tracing::error!(
                connection.id = %self.context.connection.name, code = code.as_str(),
                "lane stands still until its configuration is mended: see `spojka explain`"
            );
        }
        self.context.shared.metrics.set_circuit_open(&self.context.connection.name, true);
    }

    /// Followers of a parked action wait in memory too, so that the lane's offset can pass them.
    fn store_followers(&mut self, key: &KeyHash, due: Timestamp) {
        let mut stored = Vec::new();
        let mut records = Vec::new();
        for item in self.line.items(key) {
            let Some(action) = &item.action else { continue };
            let record = attempt::waiting_record(&self.context, item, action.as_ref().clone(), due, code::NOT_THERE);
            records.push(record);
            stored.push((item.id.clone(), item.offset));
        }
        if records.is_empty() {
            return;
        }
        let (context, key) = (Arc::clone(&self.context), key.clone());
        self.tasks.spawn(async move { Task::Stored(context.remember(records).await, key, stored) });
    }

    fn hear_of_poll(&mut self, report: &PollReport, index: usize) {
        let now = self.context.now();
        let Some(clock) = self.polls.get_mut(index) else { return };
        clock.running = false;
        clock.failures = if matches!(report, PollReport::Failed(_)) { clock.failures + 1 } else { 0 };
        clock.due = match report {
            PollReport::Done => now + clock.poll.every,
            PollReport::More => now,
            PollReport::Failed(_) => now + self.context.wait(clock.failures, None).max(Duration::from_secs(1)),
            PollReport::Unauthorized => now,
        };
        match report {
            PollReport::Failed(code) => tracing::warn!(
                connection.id = %self.context.connection.name, poll = clock.poll.name, code = code.as_str(), "poll failed"
            ),
            PollReport::Unauthorized => self.halt(code::UNAUTHORIZED),
            PollReport::Done | PollReport::More => {}
        }
    }

    /// Tells the role how far it may commit, and the metrics how things stand.
    fn report(&mut self) {
        if let Some(offset) = self.offsets.advance() {
            self.settled.send_replace(Some(offset));
        }
        let metrics = &self.context.shared.metrics;
        metrics.set_waiting(&self.context.connection.name, self.line.len());
        metrics.set_in_flight(&self.context.connection.name, self.running);
    }
}
