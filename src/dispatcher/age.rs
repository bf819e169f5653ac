//! How long an action has been failing. Its age grows while its lane works, on a clock that nobody sets: a target that is
//! down makes nothing old, and a time of day that jumps neither ends an action nor keeps it for ever.

use std::time::Duration;

use super::{context::LaneContext, line::Item, timeline::span};
use crate::{
    model::{code, time::Timestamp},
    topics::memory::{Clocks, Waiting},
};

/// How long an action has been failing. One that only waits has not failed yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Age {
    pub so_far: Duration,
    /// From when on more is to be added, on the clock that stands still while the lane does.
    pub counting_from: Option<Duration>,
    /// When its last try ended, on the lane's timeline; nothing when another owner made it.
    pub ended: Option<Timestamp>,
    /// The time of day to which it has waited already.
    pub waited_to: Option<Timestamp>,
}

impl Age {
    /// How old it is when the lane has worked for so long.
    pub fn at(&self, worked: Duration) -> Duration {
        self.so_far + self.counting_from.map_or(Duration::ZERO, |from| worked.saturating_sub(from))
    }

    /// It waits for something that is no failure of its own.
    pub fn rests(&mut self, worked: Duration) {
        *self = Self { so_far: self.at(worked), counting_from: None, ..*self };
    }

    /// It has failed, again or for the first time.
    pub fn failed(&mut self, worked: Duration, ended: Timestamp) {
        *self = Self { so_far: self.at(worked), counting_from: Some(worked), ended: Some(ended), ..*self };
    }
}

impl LaneContext {
    pub fn age(&self, item: &Item) -> Duration {
        item.age.at(self.circuit.worked())
    }

    /// What is remembered of an action's age beside the age itself, for this owner alone.
    pub fn clocks(&self, item: &Item) -> Clocks {
        Clocks { epoch: self.epoch, worked: self.circuit.worked(), ended: item.age.ended }
    }

    /// The age of an action that has waited in memory.
    ///
    /// Of the time that passed since another owner parked it, its planned wait counts and no more: while no lane worked it
    /// did not fail, and nobody knows whether the time of day was set meanwhile.
    pub fn restored_age(&self, waiting: &Waiting) -> Age {
        let failed = waiting.attempts > 0 && waiting.code != code::LIMIT_REACHED;
        let waited_to = Some(waiting.due);
        if waiting.clocks.epoch == self.epoch {
            let counting_from = failed.then_some(waiting.clocks.worked);
            return Age { so_far: waiting.age, counting_from, ended: waiting.clocks.ended, waited_to };
        }
        let waited = self.circuit.timeline.waited(waiting.parked, waiting.due);
        let so_far = waiting.age + if failed { waited } else { Duration::ZERO };
        Age { so_far, counting_from: failed.then(|| self.circuit.worked()), ended: None, waited_to }
    }

    /// How much longer must pass until a look-up can tell what came of an action's last try.
    pub fn unsettled_for(&self, item: &Item, settle: Duration) -> Duration {
        // Of what another owner began we know only that it has ended: nothing was under way when we took over.
        let timeline = &self.circuit.timeline;
        let ended = item.age.ended.unwrap_or(timeline.start());
        span(timeline.now(), ended + settle)
    }
}
