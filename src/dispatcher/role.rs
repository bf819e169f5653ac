//! Follows the group: lanes begin and end with their partitions.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::{
    sync::{Notify, mpsc, watch},
    task::{Id, JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

use super::{
    bound::Bound,
    context::{LaneConnection, Shared},
    ends::{self, Ends},
    proof::Prover,
    start::{self, LaneStart},
};
use crate::{
    log::{Consumer, LogError, LogResult, Signal, TopicPartition},
    telemetry::bug,
    topics::record::Record,
};

/// Records on their way to a lane, beyond what the lane has taken in.
const INTAKE: usize = 64;

/// How the role itself works.
#[derive(Clone, Copy, Debug)]
pub struct DispatcherSettings {
    /// No request is sent on a proof of ownership older than this.
    pub lease: Duration,
    /// How long a stop waits for what is in flight.
    pub drain: Duration,
}

/// The role.
pub struct Dispatcher {
    settings: DispatcherSettings,
    shared: Shared,
    connections: Vec<LaneConnection>,
}

impl Dispatcher {
    pub fn new(settings: DispatcherSettings, shared: Shared, connections: Vec<LaneConnection>) -> Self {
        Self { settings, shared, connections }
    }

    /// Runs until `stop`, then gives all lanes back.
    ///
    /// # Errors
    /// A log that is broken; what is merely unavailable is waited for.
    pub async fn run(self, stop: CancellationToken) -> LogResult<()> {
        let topics: Vec<_> =
            self.connections.iter().map(|connection| self.shared.names.actions(&connection.name)).collect();
        let consumer = self.shared.log.consumer(&self.shared.names.group("dispatcher"), &topics).await?;
        let prover = Prover::new(Arc::clone(&self.shared.clock), self.settings.lease);
        let mut member = Member {
            settings: self.settings,
            shared: self.shared,
            connections: topics.into_iter().zip(self.connections).collect(),
            consumer,
            prover,
            lanes: BTreeMap::new(),
            tasks: JoinSet::new(),
            names: BTreeMap::new(),
            orphans: BTreeSet::new(),
            leaving: None,
            room: Arc::new(Notify::new()),
            ends: Ends::default(),
            bound: Arc::default(),
        };
        let end = member.follow(&stop).await;
        member.give_back().await;
        end.and(member.consumer.leave().await)
    }
}

struct Member {
    settings: DispatcherSettings,
    shared: Shared,
    connections: BTreeMap<String, LaneConnection>,
    consumer: Box<dyn Consumer>,
    prover: Prover,
    lanes: BTreeMap<TopicPartition, LaneHandle>,
    tasks: JoinSet<LogResult<()>>,
    names: BTreeMap<Id, TopicPartition>,
    /// Partitions whose lane was claimed by somebody else, as far as we know without being the partition's member.
    orphans: BTreeSet<TopicPartition>,
    /// What the group wants back and lanes still work on.
    leaving: Option<Leaving>,
    /// A lane has taken something in.
    room: Arc<Notify>,
    /// Where the lanes' bulk topics end.
    ends: Ends,
    /// What all lanes hold together.
    bound: Arc<Bound>,
}

struct LaneHandle {
    task: Id,
    intake: mpsc::Sender<Record>,
    /// What the intake had no room for; the partition is paused meanwhile.
    overflow: VecDeque<Record>,
    settled: watch::Receiver<Option<u64>>,
    stop: CancellationToken,
    lost: CancellationToken,
}

/// Lanes on their way out. What is in flight ends, at most until the deadline; the other lanes work on meanwhile.
struct Leaving {
    partitions: Vec<TopicPartition>,
    deadline: BoxFuture<'static, ()>,
}

/// What happened, one thing at a time.
enum Happened {
    Stop,
    Signal(LogResult<Signal>),
    LeavingTakesTooLong,
    ProofWanted,
    Tick,
    AskForEnds,
    EndsTold(LogResult<()>),
    Room,
    LaneEnded(Result<(Id, LogResult<()>), JoinError>),
}

impl Member {
    async fn follow(&mut self, stop: &CancellationToken) -> LogResult<()> {
        let tick = (self.settings.lease / 3).min(Duration::from_secs(1));
        let clock = Arc::clone(&self.shared.clock);
        let mut timer = clock.sleep(tick);
        let mut ends_timer = clock.sleep(ends::EVERY);
        loop {
            let happened = tokio::select! {
                biased;
                () = stop.cancelled() => Happened::Stop,
                () = self.prover.wanted() => Happened::ProofWanted,
                () = &mut timer => Happened::Tick,
                () = &mut ends_timer => Happened::AskForEnds,
                told = self.ends.answered(&self.shared.metrics) => Happened::EndsTold(told),
                () = self.room.notified() => Happened::Room,
                Some(ended) = self.tasks.join_next_with_id() => Happened::LaneEnded(ended),
                () = overdue(&mut self.leaving) => Happened::LeavingTakesTooLong,
                signal = self.consumer.next() => Happened::Signal(signal),
            };
            let overdue = matches!(happened, Happened::LeavingTakesTooLong);
            match happened {
                Happened::Stop => return Ok(()),
                Happened::Signal(signal) => self.hear(signal?),
                Happened::ProofWanted => self.prove().await?,
                Happened::Tick => {
                    self.prove().await?;
                    timer = clock.sleep(tick);
                }
                Happened::AskForEnds => {
                    self.ends.ask(&self.shared);
                    ends_timer = clock.sleep(ends::EVERY);
                }
                Happened::EndsTold(told) => told?,
                Happened::Room | Happened::LeavingTakesTooLong => {}
                Happened::LaneEnded(ended) => self.lane_ended(ended)?,
            }
            self.release_what_left(overdue).await?;
            self.refill()?;
        }
    }

    fn hear(&mut self, signal: Signal) {
        match signal {
            Signal::Assigned(partitions) => partitions.into_iter().for_each(|partition| self.begin(partition)),
            Signal::Revoked(partitions) => self.start_leaving(partitions),
            Signal::Lost(partitions) => partitions.iter().for_each(|partition| self.drop_lane(partition)),
            Signal::Records(records) => records.into_iter().for_each(|record| self.route(record)),
        }
    }

    fn begin(&mut self, partition: TopicPartition) {
        let Some(connection) = self.connections.get(partition.topic.as_ref()).cloned() else { return };
        let (intake, records) = mpsc::channel(INTAKE);
        let (settled_to, settled) = watch::channel(None);
        let (stop, lost) = (CancellationToken::new(), CancellationToken::new());
        let bulk = self.shared.names.bulk(&connection.name);
        let lane = LaneStart {
            connection,
            shared: self.shared.clone(),
            proof: self.prover.proof(),
            intake: records,
            bulk_end: self.ends.add(&self.shared, partition.clone(), bulk, settled.clone()),
            settled: settled_to,
            bound: Arc::clone(&self.bound),
            room: Arc::clone(&self.room),
            stop: stop.clone(),
            lost: lost.clone(),
        };
        let task = self.tasks.spawn(start::run(lane)).id();
        self.names.insert(task, partition.clone());
        self.lanes.insert(partition, LaneHandle { task, intake, overflow: VecDeque::new(), settled, stop, lost });
    }

    fn route(&mut self, record: Record) {
        let partition = TopicPartition { topic: Arc::clone(&record.topic), partition: record.partition };
        if let Some(lane) = self.lanes.get_mut(&partition) {
            lane.overflow.push_back(record);
        }
    }

    /// Moves records on to lanes that have room, and pauses those that have none.
    fn refill(&mut self) -> LogResult<()> {
        for (partition, lane) in &mut self.lanes {
            let was_full = lane.overflow.len() > INTAKE;
            while let Some(record) = lane.overflow.pop_front() {
                if let Err(mpsc::error::TrySendError::Full(record) | mpsc::error::TrySendError::Closed(record)) =
                    lane.intake.try_send(record)
                {
                    lane.overflow.push_front(record);
                    break;
                }
            }
            let is_full = lane.overflow.len() > INTAKE;
            let partition = std::slice::from_ref(partition);
            match (was_full, is_full) {
                (_, true) => self.consumer.pause(partition)?,
                (true, false) => self.consumer.resume(partition)?,
                (false, false) => {}
            }
        }
        Ok(())
    }

    /// Commits, and gives up where that proves that a lane which somebody else has claimed is ours all the same: what it had
    /// taken in is gone, and only beginning afresh reads it again.
    async fn prove(&mut self) -> LogResult<()> {
        if self.commit().await && !self.orphans.is_empty() { Err(LogError::Lost) } else { Ok(()) }
    }

    /// Commits what lanes have settled. A commit that goes through is the proof that all lanes wait for.
    async fn commit(&mut self) -> bool {
        for (partition, lane) in &self.lanes {
            if let Some(next) = *lane.settled.borrow() {
                self.consumer.store(partition, next);
            }
        }
        let begun = self.shared.clock.elapsed();
        let committed = self.consumer.commit().await;
        match &committed {
            Ok(()) => self.prover.proved(begun),
            Err(LogError::Lost) => {
                tracing::warn!("this dispatcher was dropped from its group");
                self.prover.void();
            }
            Err(error) => tracing::warn!(error = %error, "the dispatcher's commit failed"),
        }
        committed.is_ok()
    }

    /// Tells lanes to stop in order.
    fn start_leaving(&mut self, mut partitions: Vec<TopicPartition>) {
        for lane in partitions.iter().filter_map(|partition| self.lanes.get(partition)) {
            lane.stop.cancel();
        }
        partitions.extend(self.leaving.take().into_iter().flat_map(|leaving| leaving.partitions));
        let (clock, drain) = (Arc::clone(&self.shared.clock), self.settings.drain);
        self.leaving = Some(Leaving { partitions, deadline: Box::pin(async move { clock.sleep(drain).await }) });
    }

    /// Gives the group what it wants back, once nothing of it is worked on.
    async fn release_what_left(&mut self, overdue: bool) -> LogResult<()> {
        let at_work = |leaving: &Leaving| leaving.partitions.iter().any(|partition| self.lanes.contains_key(partition));
        if self.leaving.as_ref().is_none_or(|leaving| !overdue && at_work(leaving)) {
            return Ok(());
        }
        let Some(leaving) = self.leaving.take() else { return Ok(()) };
        self.commit().await;
        for partition in &leaving.partitions {
            self.drop_lane(partition);
        }
        self.consumer.released().await
    }

    /// All lanes stop in order; what is in flight ends, at most for as long as a stop may take.
    async fn give_back(&mut self) {
        let partitions: Vec<_> = self.lanes.keys().cloned().collect();
        self.start_leaving(partitions.clone());
        while !self.lanes.is_empty() {
            tokio::select! {
                Some(ended) = self.tasks.join_next_with_id() => {
                    if let Err(error) = self.lane_ended(ended) {
                        tracing::error!(error = %error, "a lane ended badly");
                    }
                }
                () = self.prover.wanted() => {
                    self.commit().await;
                }
                () = overdue(&mut self.leaving) => break,
            }
        }
        self.commit().await;
        for partition in &partitions {
            self.drop_lane(partition);
        }
    }

    fn drop_lane(&mut self, partition: &TopicPartition) {
        self.orphans.remove(partition);
        self.ends.remove(&self.shared, partition);
        if let Some(lane) = self.lanes.remove(partition) {
            if !bug::is("claim-unchecked") {
                lane.lost.cancel();
            }
            self.names.remove(&lane.task);
        }
    }

    /// A lane that was stopped, or lost, is gone; one that failed otherwise takes the role down with it, loudly.
    fn lane_ended(&mut self, ended: Result<(Id, LogResult<()>), JoinError>) -> LogResult<()> {
        let (id, end) = ended.map_err(|error| LogError::Broken(format!("a lane's task died: {error}")))?;
        let Some(partition) = self.names.remove(&id) else { return Ok(()) };
        self.ends.remove(&self.shared, &partition);
        if let Some(lane) = self.lanes.remove(&partition)
            && let Some(next) = *lane.settled.borrow()
        {
            self.consumer.store(&partition, next);
        }
        match end {
            Err(LogError::Lost) => {
                // What the group wants back anyway is nobody's concern here.
                if self.leaving.as_ref().is_none_or(|leaving| !leaving.partitions.contains(&partition)) {
                    self.orphans.insert(partition);
                }
                Ok(())
            }
            end => end,
        }
    }
}

/// When lanes that leave have had their time; never while none leaves.
async fn overdue(leaving: &mut Option<Leaving>) {
    match leaving {
        Some(leaving) => leaving.deadline.as_mut().await,
        None => std::future::pending().await,
    }
}
