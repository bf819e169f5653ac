//! How long an action has failed, and how long what is parked still waits. Neither looks at the time of day while the lane
//! runs: see [`super::timeline`].

use std::time::Duration;

use super::{
    context::LaneContext,
    line::{Age, Item},
    timeline::span,
};
use crate::{
    model::{code::Code, time::Timestamp},
    topics::{
        action::Action,
        memory::{self, Waiting, key},
        record::Append,
    },
};

impl LaneContext {
    /// An action that waits in memory, as it stands in line, and until when on the lane's timeline.
    ///
    /// Of the time that passed since it was parked, its planned wait counts as age and no more: while no lane worked, it did
    /// not fail, and nobody knows whether the time of day was set meanwhile.
    pub fn restored(&self, waiting: &Waiting) -> (Item, Timestamp) {
        let timeline = &self.circuit.timeline;
        let (rest, waited) = timeline.rest(waiting);
        let failed = waiting.attempts > 0;
        let age = Age {
            so_far: waiting.age + if failed { waited } else { Duration::ZERO },
            counting_from: failed.then(|| self.circuit.worked()),
            ended: None,
            waited_to: Some(waiting.due),
        };
        (Item { age, ..Item::parked(waiting) }, timeline.now() + rest)
    }

    /// How long an action has been failing while the lane worked.
    pub fn age(&self, item: &Item) -> Duration {
        item.age.at(self.circuit.worked())
    }

    /// How much longer must pass until a look-up can tell what came of an action's last try.
    pub fn unsettled_for(&self, item: &Item, settle: Duration) -> Duration {
        // Of what another owner began we know only that it has ended: nothing was under way when we took over.
        let timeline = &self.circuit.timeline;
        let ended = item.age.ended.unwrap_or(timeline.start());
        span(timeline.now(), ended + settle)
    }

    /// The record of an action that waits until then, on the lane's timeline.
    pub fn waiting_record(&self, item: &Item, action: Action, due: Timestamp, code: Code) -> Append {
        let now = self.now();
        let waiting = Waiting {
            due: self.circuit.timeline.time_of_day(due),
            parked: now,
            sequence: item.sequence,
            attempts: item.attempts,
            since: item.since.unwrap_or(now),
            age: self.age(item),
            code,
            maybe_done: item.maybe_done,
            progress: item.progress.clone(),
            action,
        };
        memory::put(&self.memory_topic, &key::waiting(&item.id), &waiting, self.epoch, now)
    }
}
