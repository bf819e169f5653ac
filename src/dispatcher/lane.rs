//! A lane and its one owner: takes actions in, starts what may go, parks what must wait.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{
    attempt::{Report, attempt, is_settled},
    bound::Held,
    bulk::{self, Budget, BulkIntake},
    circuit::{Admission, LaneCircuit},
    context::LaneContext,
    gauges::Gauges,
    hold::{self, HeldCount},
    ledger,
    limits::Limits,
    line::{Item, Line, Taken, ToStore},
    loops::Loops,
    offsets::{Offsets, Place, Way},
    poll_clocks::PollClocks,
    polls::{self, PollReport},
    session::Logins,
    slots::Slots,
    start::LaneStart,
    timeline::span,
    waiting,
};
use crate::{
    log::{LogError, LogResult, Table},
    model::{code, connection::ConnectionName, hash::ContentHash, id::KeyHash, time::Timestamp},
    telemetry::bug,
    topics::{
        Unreadable,
        action::Action,
        control::Control,
        dead::{DeadLetter, Kind},
        memory::{ActionState, BulkPosition, key},
        record::Record,
    },
};

/// Whole actions that a lane holds at a time; more stay in the log. Parked ones are in memory and do not count.
const MOST_LOADED: usize = 1_000;
/// A lane that stands still for a quota looks at the time of day so often: somebody may set the clock.
const LONGEST_SLEEP: Duration = Duration::from_mins(1);

/// What comes back from the lane's tasks.
enum Task {
    Attempt(LogResult<Box<Report>>),
    Stored(LogResult<()>, KeyHash, Vec<Item>),
    Bulk(bulk::Done),
    BulkWritten(LogResult<()>, BulkPosition),
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
    offsets: Offsets,
    /// What of the common bound this lane uses.
    held: Held,
    bulk: BulkIntake,
    budget: Budget,
    /// The place of the next one among its equals.
    sequence: u64,
    tasks: JoinSet<Task>,
    running: usize,
    slots: Arc<Slots>,
    polls: PollClocks,
    gauges: Gauges,
    /// No more records will come.
    drained: bool,
}

impl Lane {
    pub fn new(start: LaneStart, memory: Arc<dyn Table>, memory_topic: String, epoch: u64) -> LogResult<Self> {
        let loops = Mutex::new(Loops::new(start.connection.delivery.loops));
        let (clock, connection) = (&start.shared.clock, &start.connection);
        let limits = Limits::open(clock, connection.delivery.per_second, &connection.limits, memory.as_ref(), epoch)?;
        let limits = Arc::new(limits);
        let circuit = Arc::new(LaneCircuit::new(
            connection.name.clone(),
            connection.delivery.circuit,
            Arc::clone(clock),
            Arc::clone(&start.shared.random),
            Arc::clone(&start.shared.metrics),
        ));
        let (of_limits, of_circuit) = (Arc::clone(&limits), Arc::clone(&circuit));
        let board = start.shared.board.enter(&connection.name, epoch, Arc::clone(clock), of_limits, of_circuit);
        let polls = PollClocks::new(connection.connector.polls(), circuit.timeline.start());
        let context = Arc::new(LaneContext {
            connection: start.connection,
            shared: start.shared,
            memory,
            memory_topic,
            epoch,
            proof: start.proof,
            limits,
            loops,
            logins: Logins::default(),
            held: HeldCount::default(),
            circuit,
            stop: start.stop.clone(),
            lost: start.lost,
        });
        let now = context.circuit.timeline.start();
        let slots = Slots::new(context.connection.delivery.concurrency);
        Ok(Self {
            bulk: BulkIntake::open(&context, start.bulk_end)?,
            budget: Budget::new(&context.connection.delivery.bulk),
            // An epoch has room for a million million records: no two owners give the same place.
            sequence: epoch << 40,
            gauges: Gauges::new(&context.shared.metrics, &context.connection.name, board, now),
            held: Held::new(start.bound),
            context,
            intake: start.intake,
            settled: start.settled,
            room: start.room,
            stop: start.stop,
            line: Line::default(),
            offsets: Offsets::default(),
            tasks: JoinSet::new(),
            running: 0,
            slots,
            polls,
            drained: false,
        })
    }

    /// Puts what waits in memory in line. The lane must not serve before.
    pub async fn load(&mut self) -> LogResult<()> {
        HeldCount::load(&self.context)?;
        waiting::load(&self.context, &mut self.line).await
    }

    pub fn name(&self) -> &ConnectionName {
        &self.context.connection.name
    }

    /// Works until it is told to stop, then finishes what is in flight.
    pub async fn serve(&mut self) -> LogResult<()> {
        self.context.restore_halt().await?;
        loop {
            let stopping = self.stop.is_cancelled();
            if !stopping {
                self.start_what_may_go().await?;
                self.start_bulk_errand();
            }
            self.report();
            if (stopping || (self.drained && self.line.is_empty())) && self.tasks.is_empty() {
                return self.write_last_position().await;
            }
            self.wait_for_something(stopping).await?;
        }
    }

    async fn wait_for_something(&mut self, stopping: bool) -> LogResult<()> {
        let takes_more =
            !stopping && !self.drained && self.line.loaded(Way::Live) < MOST_LOADED && self.held.has_room();
        let takes_bulk = !stopping && self.bulk.has_records() && self.has_room_for_bulk();
        let wake = self.wake();
        let clock = Arc::clone(&self.context.shared.clock);
        let stop = self.stop.clone();
        tokio::select! {
            biased;
            () = stop.cancelled(), if !stopping => {}
            Some(task) = self.tasks.join_next() => {
                self.hear(task.map_err(|error| LogError::Broken(error.to_string()))?).await?;
            }
            record = self.intake.recv(), if takes_more => match record {
                Some(record) => {
                    self.room.notify_one();
                    self.take_in(&record, Way::Live).await?;
                }
                None => self.drained = true,
            },
            () = clock.sleep(wake.unwrap_or_default()), if wake.is_some() && !stopping => {}
            () = self.bulk.grown(), if !stopping => {}
            () = self.slots.freed(), if !stopping => {}
            // Last: bulk records are taken in while no live one comes.
            () = std::future::ready(()), if takes_bulk => {
                if let Some(record) = self.bulk.next() {
                    self.take_in(&record, Way::Bulk).await?;
                }
            }
        }
        Ok(())
    }

    /// Tells the next owner what it must know of the limits.
    pub async fn hand_over(&mut self) -> LogResult<()> {
        self.context.hand_over_limits().await
    }

    /// How long until something is due, if anything is.
    fn wake(&self) -> Option<Duration> {
        let now = self.moment();
        let work = match (self.next_window(), self.context.circuit.admits()) {
            (Some(window), _) => Some(window),
            (None, Admission::All | Admission::One) => self.next_start(now),
            (None, Admission::After(until)) => Some(span(now, until)),
            (None, Admission::Nothing) => None,
        };
        let beside = self.bulk.next_due().into_iter().chain(self.gauges.next_due(&self.line)).min();
        work.into_iter().chain(beside.map(|due| span(now, due))).min()
    }

    /// How long a quota stops the lane, if one does. Its window is one of the calendar.
    fn next_window(&self) -> Option<Duration> {
        let now = self.context.now();
        let until = self.context.limits.stands_until(now)?;
        Some(span(now, until).min(LONGEST_SLEEP))
    }

    /// How long until something may begin that may not yet.
    fn next_start(&self, now: Timestamp) -> Option<Duration> {
        let may_start = self.slots.has_room(self.running);
        let due = if may_start { self.line.next_due() } else { None };
        let next = self.polls.next_due().into_iter().chain(due).min().map(|due| span(now, due));
        let elapsed = self.context.shared.clock.elapsed();
        let budget = if may_start && self.line.has_ready_bulk() { self.budget.wait(elapsed) } else { None };
        next.into_iter().chain(budget).min()
    }

    /// Now, on the lane's timeline: all that is due here is due on it.
    fn moment(&self) -> Timestamp {
        self.context.circuit.timeline.now()
    }

    async fn start_what_may_go(&mut self) -> LogResult<()> {
        let stands = self.next_window().is_some();
        self.context.circuit.rest(stands);
        if stands {
            return Ok(());
        }
        match self.context.circuit.admits() {
            Admission::All => {
                while self.start_poll() {}
                while self.start_action().await? {}
            }
            // The probe: the next key in order, so that one poisonous action keeps nobody from finding out.
            Admission::One => {
                let _started = self.start_action().await? || self.start_poll();
            }
            Admission::After(_) | Admission::Nothing => {}
        }
        Ok(())
    }

    fn start_poll(&mut self) -> bool {
        let Some((index, poll)) = self.polls.take(self.moment()) else { return false };
        let context = Arc::clone(&self.context);
        let pass = context.circuit.begin(poll.name);
        self.tasks.spawn(async move { Task::Poll(polls::poll(&context, &pass, &poll).await, index) });
        true
    }

    async fn start_action(&mut self) -> LogResult<bool> {
        while self.slots.has_room(self.running) {
            let bulk_too = self.budget.allows(self.context.shared.clock.elapsed());
            let Some(taken) = self.line.take(self.moment(), bulk_too) else { break };
            let Some(item) = self.whole(taken).await? else { continue };
            let context = Arc::clone(&self.context);
            let pass = context.circuit.begin(item.conflict.as_str());
            let slot = self.slots.take();
            self.running += 1;
            if item.goes == Way::Bulk {
                self.budget.begin();
            }
            self.tasks.spawn(async move { Task::Attempt(attempt(context, pass, slot, item).await.map(Box::new)) });
            return Ok(true);
        }
        Ok(false)
    }

    /// The action whose turn it is. None when memory has nothing of its key any more.
    async fn whole(&mut self, taken: Taken) -> LogResult<Option<Item>> {
        let (key, goes) = match taken {
            Taken::Item(item) => return Ok(Some(*item)),
            Taken::Stored { key, goes } => (key, goes),
        };
        let waiting::First { item, more, mut stale } = waiting::first(&self.context, &key)?;
        if item.is_none() {
            stale.push(key::parked(&key));
        }
        if !stale.is_empty() {
            // Left over from a crash between two records.
            self.context.remember(waiting::forget_all(&self.context, &stale)).await?;
        }
        let Some(mut item) = item else {
            self.line.found_nothing(&key);
            return Ok(None);
        };
        self.line.found(&mut item, goes, more);
        Ok(Some(item))
    }

    /// Reading the bulk topic, one errand at a time beside everything else.
    fn start_bulk_errand(&mut self) {
        let has_room = self.has_room_for_bulk();
        if let Some(errand) = self.bulk.errand(self.moment(), has_room) {
            let context = Arc::clone(&self.context);
            self.tasks.spawn(async move { Task::Bulk(errand.run(&context).await) });
        }
    }

    fn has_room_for_bulk(&self) -> bool {
        self.line.loaded(Way::Bulk) < bulk::MOST_LOADED && self.held.has_room()
    }

    async fn hear_of_bulk(&mut self, done: bulk::Done) -> LogResult<()> {
        let now = self.moment();
        let controls = match done {
            bulk::Done::Read(read) => self.bulk.has_read(read, now)?,
            bulk::Done::Heard(heard) => self.bulk.has_heard(heard, now)?,
            bulk::Done::Trimmed(trimmed) => {
                self.bulk.has_trimmed(&trimmed);
                Vec::new()
            }
        };
        for control in controls {
            self.context.control(control).await?;
        }
        Ok(())
    }

    /// A record of one of the lane's topics: in line, unless memory knows it already.
    async fn take_in(&mut self, record: &Record, way: Way) -> LogResult<()> {
        let place = Place { way, offset: record.offset };
        self.offsets.begin(place);
        if bug::is("offset-before-outcome") {
            self.offsets.finish(place);
        }
        let action = match Self::action_in(record, way) {
            Ok(Some(action)) => action,
            // A control was heard when it was read.
            Ok(None) => {
                self.offsets.finish(place);
                return Ok(());
            }
            Err(error) => return self.bury(record, place, &error.to_string()).await,
        };
        let memory = self.context.memory.as_ref();
        let settled = match ledger::state(memory, &action.id)? {
            Some(ActionState::Settled(outcome)) => is_settled(&self.context, &action, &outcome)?,
            Some(ActionState::Begun { .. }) | None => false,
        };
        if settled || self.line.knows(&action) || !hold::is_news(&self.context, &action)? {
            self.offsets.finish(place);
            return Ok(());
        }
        self.sequence += 1;
        let bytes = record.bytes().len();
        self.held.add(bytes);
        let item = Item::new(action, place, self.sequence, bytes, self.context.now());
        let key = item.conflict.clone();
        if self.line.push(item) {
            self.store_followers(&key);
        }
        Ok(())
    }

    fn action_in(record: &Record, way: Way) -> Result<Option<Action>, Unreadable> {
        if way == Way::Bulk && Control::from_record(record)?.is_some() {
            return Ok(None);
        }
        Action::from_record(record).map(Some)
    }

    /// A record that is no action: a dead letter with its bytes.
    async fn bury(&mut self, record: &Record, place: Place, why: &str) -> LogResult<()> {
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
        self.offsets.finish(place);
        Ok(())
    }

    async fn hear(&mut self, task: Task) -> LogResult<()> {
        match task {
            Task::Attempt(report) => {
                self.running -= 1;
                self.hear_of_attempt(*report?);
            }
            Task::Bulk(done) => self.hear_of_bulk(done).await?,
            Task::BulkWritten(written, position) => {
                written?;
                self.bulk.has_written(position);
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
        let (Report::Settled(item) | Report::Parked { item, .. }) = &report;
        self.held.give_back(item.bytes);
        if item.goes == Way::Bulk {
            self.budget.end(item.calls, self.context.shared.clock.elapsed());
        }
        match report {
            Report::Settled(item) => {
                self.gauges.settled();
                if let Some(place) = item.place {
                    self.offsets.finish(place);
                }
                self.line.finish(&item);
            }
            Report::Parked { item, due } => {
                if let Some(place) = item.place {
                    self.offsets.finish(place);
                }
                self.line.park(&item, due);
                self.store_followers(&item.conflict);
            }
        }
    }

    /// Followers of a parked action wait in memory too, so that the lane's offset can pass them. One write of a key at a time:
    /// what comes meanwhile goes with the next.
    fn store_followers(&mut self, key: &KeyHash) {
        let Some(ToStore { items, parked }) = self.line.begin_store(key) else { return };
        let mut records = vec![waiting::parked(&self.context, key, parked)];
        for item in items.iter().filter(|_| !bug::is("followers-forgotten")) {
            let action = item.action.as_ref().expect("an action in line is whole").as_ref().clone();
            records.extend(waiting::waiting(&self.context, item, action, parked.due, code::NOT_THERE));
        }
        let (context, key) = (Arc::clone(&self.context), key.clone());
        self.tasks.spawn(async move { Task::Stored(context.remember(records).await, key, items) });
    }

    fn hear_of_stored(&mut self, key: &KeyHash, stored: &[Item]) {
        for item in stored {
            self.held.give_back(item.bytes);
            item.place.into_iter().for_each(|place| self.offsets.finish(place));
        }
        self.line.stored(key, stored.len());
        self.store_followers(key);
    }

    /// The next owner begins where this one ended.
    async fn write_last_position(&mut self) -> LogResult<()> {
        match self.bulk.last_position() {
            Some(position) => bulk::write(&self.context, position).await,
            None => Ok(()),
        }
    }

    /// Tells the role how far it may commit, and the metrics how things stand.
    fn report(&mut self) {
        if let Some(offset) = self.offsets.advance(Way::Live) {
            self.settled.send_replace(Some(offset));
        }
        if let Some(offset) = self.offsets.advance(Way::Bulk) {
            self.bulk.settled_to(offset);
        }
        if let Some(position) = self.bulk.take_position(self.moment()) {
            let context = Arc::clone(&self.context);
            self.tasks.spawn(async move { Task::BulkWritten(bulk::write(&context, position).await, position) });
        }
        self.gauges.tell(&self.line, self.running, &self.bulk, (self.moment(), self.context.now()));
    }
}
