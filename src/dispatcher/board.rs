//! What the owners of lanes know of them, for whoever asks: one entry for each lane of this process, which goes with its lane.
//!
//! Writing here is a few stores of numbers, because every settled action passes by.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::{
    circuit::{CircuitState, LaneCircuit},
    limits::{Limits, QuotaReport},
};
use crate::model::{
    connection::ConnectionName,
    time::{Clock, Timestamp},
};

/// The rate is told over so many of the last minutes.
const MINUTES: usize = 5;

/// All lanes of this process.
#[derive(Clone, Default)]
pub struct LaneBoard(Arc<Mutex<BTreeMap<ConnectionName, Arc<View>>>>);

/// How a lane stands.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneReport {
    pub epoch: u64,
    /// Actions in line, those that wait in memory included.
    pub waiting: usize,
    pub in_flight: usize,
    /// Actions settled a minute, over the last minutes.
    pub per_minute: f64,
    /// Since when the action that waits longest has waited, as of a few seconds ago.
    pub oldest: Option<Timestamp>,
    pub circuit: CircuitState,
    pub quotas: Vec<QuotaReport>,
    /// Until when a quota stops it.
    pub stands_until: Option<Timestamp>,
}

struct View {
    epoch: u64,
    clock: Arc<dyn Clock>,
    limits: Arc<Limits>,
    circuit: Arc<LaneCircuit>,
    waiting: AtomicUsize,
    in_flight: AtomicUsize,
    rest: Mutex<Rest>,
}

struct Rest {
    rate: Rate,
    oldest: Option<Timestamp>,
}

impl LaneBoard {
    /// How the lane stands, if this process owns it.
    pub fn report(&self, connection: &ConnectionName) -> Option<LaneReport> {
        let view = self.lanes().get(connection).map(Arc::clone)?;
        let now = view.clock.now();
        let rest = view.rest();
        Some(LaneReport {
            epoch: view.epoch,
            waiting: view.waiting.load(Ordering::Relaxed),
            in_flight: view.in_flight.load(Ordering::Relaxed),
            per_minute: rest.rate.per_minute(view.clock.elapsed()),
            oldest: rest.oldest,
            circuit: view.circuit.state(),
            quotas: view.limits.reports(now),
            stands_until: view.limits.stands_until(now),
        })
    }

    /// A lane is ours.
    pub(super) fn enter(
        &self,
        connection: &ConnectionName,
        epoch: u64,
        clock: Arc<dyn Clock>,
        limits: Arc<Limits>,
        circuit: Arc<LaneCircuit>,
    ) -> Entry {
        let rest = Mutex::new(Rest { rate: Rate::new(clock.elapsed()), oldest: None });
        let (waiting, in_flight) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let view = Arc::new(View { epoch, clock, limits, circuit, waiting, in_flight, rest });
        self.lanes().insert(connection.clone(), Arc::clone(&view));
        Entry { board: self.clone(), connection: connection.clone(), view }
    }

    fn lanes(&self) -> MutexGuard<'_, BTreeMap<ConnectionName, Arc<View>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl View {
    fn rest(&self) -> MutexGuard<'_, Rest> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A lane's entry, for its owner. Dropped with the lane.
pub(super) struct Entry {
    board: LaneBoard,
    connection: ConnectionName,
    view: Arc<View>,
}

impl Entry {
    pub fn stands(&self, waiting: usize, in_flight: usize) {
        self.view.waiting.store(waiting, Ordering::Relaxed);
        self.view.in_flight.store(in_flight, Ordering::Relaxed);
    }

    pub fn quotas(&self) -> Vec<QuotaReport> {
        self.view.limits.reports(self.view.clock.now())
    }

    /// An action came to its end.
    pub fn settled(&self) {
        self.view.rest().rate.count(self.view.clock.elapsed());
    }

    pub fn oldest(&self, since: Option<Timestamp>) {
        self.view.rest().oldest = since;
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut lanes = self.board.lanes();
        if lanes.get(&self.connection).is_some_and(|view| Arc::ptr_eq(view, &self.view)) {
            lanes.remove(&self.connection);
        }
    }
}

/// Counts by the minute.
#[derive(Clone, Debug)]
struct Rate {
    began: Duration,
    /// The present minute, counted from the beginning.
    minute: u64,
    /// The present minute's last.
    counts: [u64; MINUTES],
}

const MINUTE: Duration = Duration::from_mins(1);

impl Rate {
    fn new(now: Duration) -> Self {
        Self { began: now, minute: 0, counts: [0; MINUTES] }
    }

    fn count(&mut self, now: Duration) {
        self.turn(now);
        if let Some(last) = self.counts.last_mut() {
            *last += 1;
        }
    }

    fn turn(&mut self, now: Duration) {
        let minute = now.saturating_sub(self.began).as_secs() / MINUTE.as_secs();
        for _minute in 0..minute.saturating_sub(self.minute).min(MINUTES as u64) {
            self.counts.rotate_left(1);
            if let Some(last) = self.counts.last_mut() {
                *last = 0;
            }
        }
        self.minute = self.minute.max(minute);
    }

    fn per_minute(&self, now: Duration) -> f64 {
        let mut this = self.clone();
        this.turn(now);
        let counted: u64 = this.counts.iter().sum();
        let since = now.saturating_sub(self.began).saturating_sub(MINUTE * this.first_minute()).max(MINUTE);
        f64::from(u32::try_from(counted).unwrap_or(u32::MAX)) * MINUTE.as_secs_f64() / since.as_secs_f64()
    }

    /// The oldest minute that is counted.
    fn first_minute(&self) -> u32 {
        u32::try_from((self.minute + 1).saturating_sub(MINUTES as u64)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatcher::{backoff::Backoff, circuit::CircuitSettings};

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "these divide without a rest")]
    fn the_rate_is_that_of_the_last_minutes() {
        let mut rate = Rate::new(seconds(100));
        for _action in 0..30 {
            rate.count(seconds(110));
        }
        assert_eq!(rate.per_minute(seconds(110)), 30.0, "a lane that has just begun is not extrapolated");
        assert_eq!(rate.per_minute(seconds(220)), 15.0, "over two minutes");
        for _action in 0..60 {
            rate.count(seconds(230));
        }
        assert_eq!(rate.per_minute(seconds(340)), 22.5, "over four minutes");
        assert_eq!(
            rate.per_minute(seconds(100 + 300)),
            15.0,
            "the first minute has left: four are over, and one has begun"
        );
        assert_eq!(rate.per_minute(seconds(10_000)), 0.0);
    }

    #[test]
    fn an_entry_goes_with_its_lane_and_takes_no_other_along() {
        let clock: Arc<dyn Clock> = Arc::new(crate::model::time::ManualClock::new(Timestamp::UNIX_EPOCH));
        let (board, shop) = (LaneBoard::default(), ConnectionName::parse("shop").expect("a name"));
        let settings = CircuitSettings {
            failures: 5,
            backoff: Backoff { first: Duration::from_secs(1), cap: Duration::from_secs(1) },
        };
        let circuit = Arc::new(LaneCircuit::new(
            shop.clone(),
            settings,
            Arc::clone(&clock),
            Arc::new(crate::model::random::Generator::from_system()),
            Arc::new(crate::telemetry::Metrics::new()),
        ));
        let enter =
            |epoch| board.enter(&shop, epoch, Arc::clone(&clock), Arc::new(Limits::none()), Arc::clone(&circuit));
        let first = enter(1);
        first.stands(3, 2);
        let report = board.report(&shop).expect("it is there");
        assert_eq!((report.epoch, report.waiting, report.in_flight), (1, 3, 2));
        let second = enter(2);
        drop(first);
        assert_eq!(board.report(&shop).map(|report| report.epoch), Some(2));
        drop(second);
        assert_eq!(board.report(&shop), None);
    }
}
