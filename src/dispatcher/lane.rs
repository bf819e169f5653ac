//! A lane and its one owner: takes actions in, starts what may go, parks what must wait.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{
    attempt::{self, Report, attempt},
    board::Entry,
    context::LaneContext,
    ledger,
    limits::Limits,
    line::{Item, Line},
    offsets::OffsetTracker,
    poll_clocks::PollClocks,
    polls::{self, PollReport},
    start::LaneStart,
};
use crate::{
    log::{LogError, LogResult, Table},
    model::{
        code,
        connection::ConnectionName,
        hash::ContentHash,
        id::{ActionId, KeyHash},
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
/// A lane that stands still for a quota looks at the time of day so often: somebody may set the clock.
const LONGEST_SLEEP: Duration = Duration::from_mins(1);

/// What comes back from the lane's tasks.
enum Task {
    Attempt(LogResult<Report>),
    Stored(LogResult<()>, KeyHash, Vec<(ActionId, Option<u64>)>),
    Poll(LogResult<PollReport>, usize),
}

/// A lane that is ours.
pub(super) struct Lane {
    context: Arc<LaneContext>,
    intake: mpsc::Receiver<Record>,
    settled: watch::Sender<Option<u64>>,
    room: Arc<Notify>,
    stop: CancellationToken,
    line: Line,
    offsets: OffsetTracker,
    tasks: JoinSet<Task>,
    running: usize,
    polls: PollClocks,
    board: Entry,
    /// No more records will come.
    drained: bool,
}

impl Lane {
    pub fn new(start: LaneStart, memory: Arc<dyn Table>, memory_topic: String, epoch: u64) -> LogResult<Self> {
        let (clock, connection) = (&start.shared.clock, &start.connection);
        let limits = Limits::open(clock, connection.delivery.per_second, &connection.limits, memory.as_ref(), epoch)?;
        let limits = Arc::new(limits);
        let board = start.shared.board.enter(&connection.name, epoch, Arc::clone(clock), Arc::clone(&limits));
        let now = start.shared.clock.now();
        let polls = PollClocks::new(start.connection.connector.polls(), now);
        let context = Arc::new(LaneContext {
            connection: start.connection,
            shared: start.shared,
            memory,
            memory_topic,
            epoch,
            proof: start.proof,
            limits,
            session: tokio::sync::Mutex::new(None),
            taken_over: now,
            stop: start.stop.clone(),
            lost: start.lost,
            halted: OnceLock::new(),
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
            polls,
            board,
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
                let entry: Waiting = memory::read(bytes).map_err(|error| ledger::broken(&error))?;
                waiting.push((Item::parked(&entry), entry.due));
            }
        }
        waiting.sort_by_key(|(item, _)| item.sequence);
        for (item, due) in waiting {
            self.line.push_parked(item, due);
        }
        Ok(())
    }

    pub fn name(&self) -> &ConnectionName {
        &self.context.connection.name
    }

    /// Works until it is told to stop, then finishes what is in flight.
    pub async fn serve(&mut self) -> LogResult<()> {
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

    /// Tells the next owner what it must know of the limits.
    pub async fn hand_over(&self) -> LogResult<()> {
        self.context.hand_over_limits().await
    }

    /// How long until something is due, if anything is.
    fn wake(&self) -> Option<Duration> {
        if self.context.halted.get().is_some() {
            return None;
        }
        if let Some(until) = self.context.limits.stands_until(self.context.now()) {
            let wait = Duration::try_from(until.duration_since(self.context.now())).unwrap_or_default();
            return Some(wait.min(LONGEST_SLEEP));
        }
        let due = if self.running < self.context.connection.delivery.concurrency { self.line.next_due() } else { None };
        let next = self.polls.next_due().into_iter().chain(due).min()?;
        Some(Duration::try_from(next.duration_since(self.context.now())).unwrap_or_default())
    }

    fn start_what_may_go(&mut self) {
        if self.context.halted.get().is_some() {
            return;
        }
        let now = self.context.now();
        if self.context.limits.stands_until(now).is_some() {
            return;
        }
        while let Some((index, poll)) = self.polls.take(now) {
            let context = Arc::clone(&self.context);
            self.tasks.spawn(async move { Task::Poll(polls::poll(&context, &poll).await, index) });
        }
        while self.running < self.context.connection.delivery.concurrency {
            let Some(item) = self.line.take(now) else { break };
            let context = Arc::clone(&self.context);
            self.running += 1;
            self.tasks.spawn(async move { Task::Attempt(attempt(context, item).await) });
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
        if settled || self.line.knows(&action) || memory.get(&key::waiting(&action.id))?.is_some() {
            self.offsets.finish(record.offset);
            return Ok(());
        }
        let item = Item::new(action, record.offset);
        let key = item.conflict.clone();
        if self.line.push(item) {
            self.store_followers(&key);
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
            Task::Attempt(report) => {
                self.running -= 1;
                self.hear_of_attempt(report?);
            }
            Task::Stored(written, key, stored) => {
                written?;
                self.hear_of_stored(&key, &stored);
            }
            Task::Poll(report, index) => {
                let report = report?;
                self.polls.heard(&self.context, &report, index);
            }
        }
        Ok(())
    }

    fn hear_of_attempt(&mut self, report: Report) {
        match report {
            Report::Settled(item) => {
                self.board.settled();
                if let Some(offset) = item.offset {
                    self.offsets.finish(offset);
                }
                self.line.finish(&item);
            }
            Report::Parked { mut item, due } => {
                if let Some(offset) = item.offset.take() {
                    self.offsets.finish(offset);
                }
                let key = item.conflict.clone();
                self.line.park(item, due);
                self.store_followers(&key);
            }
        }
    }

    /// Followers of a parked action wait in memory too, so that the lane's offset can pass them. One write of a key at a time:
    /// what comes meanwhile goes with the next.
    fn store_followers(&mut self, key: &KeyHash) {
        let Some((due, items)) = self.line.begin_store(key) else { return };
        let record = |item: &Item| {
            let action = item.action.as_ref()?.as_ref().clone();
            Some(attempt::waiting_record(&self.context, item, action, due, code::NOT_THERE))
        };
        let records: Vec<_> = items.iter().filter_map(record).collect();
        let stored = items.into_iter().map(|item| (item.id, item.offset)).collect();
        let (context, key) = (Arc::clone(&self.context), key.clone());
        self.tasks.spawn(async move { Task::Stored(context.remember(records).await, key, stored) });
    }

    fn hear_of_stored(&mut self, key: &KeyHash, stored: &[(ActionId, Option<u64>)]) {
        stored.iter().filter_map(|(_, offset)| *offset).for_each(|offset| self.offsets.finish(offset));
        self.line.stored(key, &stored.iter().map(|(id, _)| id.clone()).collect());
        self.store_followers(key);
    }

    /// Tells the role how far it may commit, and the metrics how things stand.
    fn report(&mut self) {
        if let Some(offset) = self.offsets.advance() {
            self.settled.send_replace(Some(offset));
        }
        self.board.stands(self.line.len(), self.running);
        self.board.halted(self.context.halted.get().copied());
        let metrics = &self.context.shared.metrics;
        metrics.set_waiting(&self.context.connection.name, self.line.len());
        metrics.set_in_flight(&self.context.connection.name, self.running);
    }
}
