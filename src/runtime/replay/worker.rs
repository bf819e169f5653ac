//! One replay at work: reads, judges, asks what is known, appends what is to be done, and writes down how far it has come.
//!
//! It shares the process with live traffic: after every few records it lets others go first, and what it appends it appends
//! at its own rate, to the bulk topics only.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    judge::{Candidate, Found, Judge},
    known::{Known, Lanes},
    seen::Seen,
    source::Merge,
    store::Store,
};
use crate::{
    log::{Log, LogError, LogResult},
    model::{id::ActionId, time::Clock},
    topics::{
        Names,
        action::Action,
        dead::DeadLetter,
        event::Event,
        memory::End,
        record::{Append, Record},
        replay::{Counts, Cursor, Effect, Mode, Replay, State, Tally},
        step,
    },
};

/// Records judged without a pause: whoever serves live traffic on the same thread waits no longer than for these.
const AT_A_STRETCH: usize = 16;
/// Records judged in one go: a millisecond or two, which a live webhook may have to wait.
const BATCH: usize = 16;
/// Records of one append.
const AT_ONCE: usize = 500;
/// Between two writes of how far it has come: so much a crash repeats.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// Between two tries while the log is away.
const RETRY: Duration = Duration::from_secs(1);

/// One replay at work.
pub(super) struct Worker {
    pub log: Log,
    pub names: Names,
    pub clock: Arc<dyn Clock>,
    pub judge: Judge,
    pub lanes: Lanes,
    pub topics: Vec<String>,
    pub replay: Replay,
    /// Where it is written down; nowhere when it only counts.
    pub store: Option<Store>,
    pub progress: watch::Sender<Replay>,
    pub stop: CancellationToken,
    pub work: Work,
}

/// What it has at hand.
#[derive(Default)]
pub(super) struct Work {
    seen: Seen,
    out: Vec<Append>,
    /// Dead letters that are asked for again.
    revived: Vec<Append>,
    /// When it may append again.
    free: Duration,
    saved: Duration,
}

/// It was told to stop, or the log failed.
enum Ended {
    Stopped,
    Failed(LogError),
}

impl From<LogError> for Ended {
    fn from(error: LogError) -> Self {
        Self::Failed(error)
    }
}

impl Worker {
    /// Works to the end, and tells everybody how it ended.
    pub async fn run(mut self) {
        let end = self.read_all().await;
        let replay = &mut self.replay;
        (replay.state, replay.error) = match end {
            Ok(()) => (State::Done, None),
            Err(Ended::Stopped) => (State::Stopped, None),
            Err(Ended::Failed(error)) => (State::Failed, Some(error.to_string())),
        };
        replay.at = self.clock.now();
        if let Some(store) = &self.store
            && let Err(error) = self.write_end(store).await
        {
            tracing::warn!(replay.id = self.replay.id, error = %error, "the replay's end is not written down");
        }
        let (id, state) = (&self.replay.id, self.replay.state.as_str());
        let (webhooks, appended) = (self.replay.counts.webhooks, self.replay.counts.appended);
        tracing::info!(replay.id = id, state, webhooks, appended, dry = self.replay.dry, "replay ended");
        self.progress.send_replace(self.replay);
    }

    /// Whoever has taken it over writes its end.
    async fn write_end(&self, store: &Store) -> LogResult<()> {
        if self.replay.state == State::Stopped && !store.is_ours(&self.replay).await? {
            return Ok(());
        }
        store.save(&self.replay).await
    }

    async fn read_all(&mut self) -> Result<(), Ended> {
        let topics = std::mem::take(&mut self.topics);
        let begun = self.replay.cursor.topic.clone();
        for topic in topics.into_iter().filter(|topic| *topic >= begun) {
            self.read(topic).await?;
        }
        Ok(())
    }

    async fn read(&mut self, topic: String) -> Result<(), Ended> {
        if self.replay.cursor.topic != topic {
            self.replay.cursor = Cursor { topic: topic.clone(), offsets: Vec::new() };
        }
        let since = self.judge.request.since;
        let mut merge = Merge::open(&self.log, &topic, since, &self.replay.cursor.offsets).await?;
        loop {
            let batch = batch(&mut merge).await?;
            for some in batch.chunks(AT_A_STRETCH) {
                for record in some {
                    self.take(record).await?;
                }
                tokio::task::yield_now().await;
            }
            self.append().await?;
            self.replay.cursor.offsets = merge.offsets();
            self.save().await?;
            if batch.len() < BATCH {
                return Ok(());
            }
        }
    }

    /// A record, and all that follows from what is known of it.
    async fn take(&mut self, record: &Record) -> LogResult<()> {
        for found in self.judge.record(record, &self.work.seen, &mut self.replay.counts) {
            let candidates = match found {
                Found::Action(candidate) => vec![*candidate],
                Found::Fact(event) if self.is_done(&event).await? => Vec::new(),
                Found::Fact(event) => self.judge.judge(&event, &mut self.work.seen, &mut self.replay.counts),
            };
            let mut queue = VecDeque::from(candidates);
            while let Some(candidate) = queue.pop_front() {
                let next = self.weigh(candidate).await?;
                queue.extend(next);
            }
        }
        Ok(())
    }

    /// Whether memory says that all of a fact is done: then it is counted, and nothing need be evaluated, which takes longer
    /// than all the rest.
    async fn is_done(&mut self, event: &Event) -> LogResult<bool> {
        let Some(foreseen) = self.judge.foresee(event) else { return Ok(false) };
        let mut known = Vec::with_capacity(foreseen.steps.len());
        for step in &foreseen.steps {
            match self.lanes.ask(&step.connection, &step.id).await? {
                Known::Settled(outcome) if !matches!(outcome.end, End::Dead(_)) => known.push(Known::Settled(outcome)),
                _ => return Ok(false),
            }
        }
        self.judge.count_skipped(&foreseen.skipped, &mut self.replay.counts);
        self.work.seen.add(event.id.as_str());
        for (step, known) in foreseen.steps.iter().zip(&known) {
            if self.work.seen.add(step.id.as_str()) {
                count(&mut self.replay.counts.actions, known);
            }
        }
        Ok(true)
    }

    /// One action: counted by what is known of it, and appended if it is chosen. Answers with the steps that wait for it,
    /// where its end is known.
    async fn weigh(&mut self, candidate: Candidate) -> LogResult<Vec<Candidate>> {
        let Candidate { action, first } = candidate;
        if !self.work.seen.add(action.id.as_str()) {
            return Ok(Vec::new());
        }
        let known = self.lanes.ask(&action.connection, first.as_ref().unwrap_or(&action.id)).await?;
        count(tally(&mut self.replay.counts, &action), &known);
        let chosen = self.chooses(&action, first.as_ref(), &known).await?;
        let next = self.goes_on(&action, &known);
        if chosen {
            self.choose(action, &known);
        }
        Ok(next)
    }

    async fn chooses(&mut self, action: &Action, first: Option<&ActionId>, known: &Known) -> LogResult<bool> {
        let fetch = action.step().is_none();
        let request = &self.judge.request;
        let by_mode = match request.mode {
            Mode::Missing => *known == Known::Nothing,
            Mode::Failed => matches!(known, Known::Settled(outcome) if outcome.end.failed()),
            Mode::All if fetch => *known == Known::Nothing,
            // It was done again already before this replay was cut off.
            Mode::All => first.is_none() || self.lanes.ask(&action.connection, &action.id).await? == Known::Nothing,
        };
        let request = &self.judge.request;
        // An import reads everything first: what its rows still lack then is not known, and not guessed at.
        let by_effect = match request.effect {
            Effect::Fetch => fetch,
            Effect::Adopt => !fetch,
            Effect::Fire => !fetch || request.import.is_none(),
        };
        if by_mode && fetch && (!by_effect || !self.judge.may_fetch(action)) {
            self.replay.counts.unread += 1;
            return Ok(false);
        }
        Ok(by_mode && by_effect)
    }

    fn choose(&mut self, mut action: Action, known: &Known) {
        let counts = &mut self.replay.counts;
        tally(counts, &action).chosen += 1;
        *counts.chosen.entry(describe(&action)).or_default() += 1;
        if self.replay.dry {
            return;
        }
        if let Known::Settled(outcome) = known
            && self.judge.request.mode == Mode::Failed
        {
            action.retry = outcome.retry + 1;
            let letter = self.judge.ids.dead(action.id.as_str());
            self.work.revived.push(DeadLetter::removal(&letter, self.names.dead(), self.clock.now()));
        }
        self.work.out.push(action.to_append(self.names.bulk(&action.connection)));
    }

    /// The steps that wait for an action whose end is known. When everything is done again, they follow from what is done
    /// now.
    fn goes_on(&mut self, action: &Action, known: &Known) -> Vec<Candidate> {
        let ended = match known {
            Known::Settled(outcome) if self.judge.request.mode != Mode::All => {
                Some((outcome.end, outcome.result.clone(), outcome.at))
            }
            _ => None,
        };
        let event = ended.and_then(|(end, result, at)| step::ended(&self.judge.ids, action, end, result, at));
        match event {
            Some(event) if !self.work.seen.knows(event.id.as_str()) => {
                self.judge.judge(&event, &mut self.work.seen, &mut self.replay.counts)
            }
            _ => Vec::new(),
        }
    }

    /// Appends what was chosen, at the replay's rate.
    async fn append(&mut self) -> Result<(), Ended> {
        // First, or what dies again at once would be taken away.
        let revived = std::mem::take(&mut self.work.revived);
        self.write(revived).await?;
        let mut out = std::mem::take(&mut self.work.out);
        let per_second = self.judge.request.per_second.max(1);
        while !out.is_empty() {
            let most = AT_ONCE.min(per_second as usize).min(out.len());
            let rest = out.split_off(most);
            self.write(std::mem::replace(&mut out, rest)).await?;
            self.replay.counts.appended += most as u64;
            self.tell();
            self.pause(u32::try_from(most).unwrap_or(u32::MAX), per_second).await?;
        }
        Ok(())
    }

    async fn write(&self, records: Vec<Append>) -> Result<(), Ended> {
        if records.is_empty() {
            return Ok(());
        }
        loop {
            match self.log.append(records.clone()).await {
                Err(LogError::Unavailable(why)) => {
                    tracing::warn!(replay.id = self.replay.id, error = why, "log unavailable");
                    self.sleep(RETRY).await?;
                }
                other => return Ok(other.map(|_| ())?),
            }
        }
    }

    /// Waits until so many more may be appended.
    async fn pause(&mut self, appended: u32, per_second: u32) -> Result<(), Ended> {
        let now = self.clock.elapsed();
        self.work.free = self.work.free.max(now) + Duration::from_secs(1) * appended / per_second;
        self.sleep(self.work.free.saturating_sub(now)).await
    }

    async fn sleep(&self, duration: Duration) -> Result<(), Ended> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Ended::Stopped),
            () = self.clock.sleep(duration) => Ok(()),
        }
    }

    /// Writes down how far it has come, every now and then, and looks whether it shall go on.
    async fn save(&mut self) -> Result<(), Ended> {
        if self.stop.is_cancelled() {
            return Err(Ended::Stopped);
        }
        let now = self.clock.elapsed();
        if now < self.work.saved + SAVE_EVERY {
            return Ok(());
        }
        self.work.saved = now;
        self.replay.at = self.clock.now();
        self.tell();
        if let Some(store) = &self.store {
            if !store.goes_on(&self.replay).await? {
                return Err(Ended::Stopped);
            }
            store.save(&self.replay).await?;
        }
        Ok(())
    }

    fn tell(&self) {
        self.progress.send_replace(self.replay.clone());
    }
}

async fn batch(merge: &mut Merge) -> LogResult<Vec<Record>> {
    let mut batch = Vec::with_capacity(BATCH);
    while batch.len() < BATCH
        && let Some(record) = merge.next().await?
    {
        batch.push(record);
    }
    Ok(batch)
}

fn tally<'a>(counts: &'a mut Counts, action: &Action) -> &'a mut Tally {
    if action.step().is_none() { &mut counts.fetches } else { &mut counts.actions }
}

fn count(tally: &mut Tally, known: &Known) {
    let place = match known {
        Known::Nothing => &mut tally.new,
        Known::Waiting => &mut tally.waiting,
        Known::Settled(outcome) => match outcome.end {
            End::Done | End::Unchanged | End::Adopted => &mut tally.done,
            End::Superseded => &mut tally.superseded,
            End::Held => &mut tally.waiting,
            End::Dropped(_) | End::Dead(_) | End::Refused => &mut tally.failed,
        },
    };
    *place += 1;
}

/// What an action would do, for people.
fn describe(action: &Action) -> String {
    let operation = format!("{}.{}", action.connection, action.operation);
    action.step().map_or_else(|| format!("fetch: {operation}"), |(flow, _)| format!("{flow}: {operation}"))
}
