//! An action in line.

use serde_json::Value;

use crate::{
    dispatcher::offsets::{Place, Way},
    model::{
        code::Class,
        id::{ActionId, KeyHash},
        time::Timestamp,
    },
    topics::{
        action::Action,
        memory::{Parked, Waiting},
    },
};

/// An action in line, whole.
#[derive(Clone, Debug)]
pub struct Item {
    pub id: ActionId,
    pub conflict: KeyHash,
    /// Which of the action's retries it is.
    pub retry: u32,
    /// `None` once the attempt has taken it.
    pub action: Option<Box<Action>>,
    /// Bytes of its record, for as long as the lane holds it.
    pub bytes: usize,
    /// Which topic it came on.
    pub way: Way,
    /// Where it stands in that topic, while its offset is not settled.
    pub place: Option<Place>,
    /// Its place among its equals.
    pub sequence: u64,
    /// When the lane took it in.
    pub came: Timestamp,
    /// It waits in memory too, and these wait there behind it.
    pub stored: Option<Behind>,
    /// Which budget its attempt is on: that of its key when it was taken.
    pub goes: Way,
    /// Requests of the attempt under way, as the catalogue counts them; none when it ended without the vendor.
    pub calls: u32,
    pub attempts: u32,
    /// When it first failed.
    pub since: Option<Timestamp>,
    pub maybe_done: bool,
    pub progress: Value,
}

/// How many of a key wait in memory, and how many of them came live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Behind {
    pub count: u32,
    pub live: u32,
}

impl Behind {
    #[must_use]
    pub fn with(self, way: Way) -> Self {
        Self { count: self.count + 1, live: self.live + u32::from(way == Way::Live) }
    }

    #[must_use]
    pub fn without(self, way: Way) -> Self {
        let live = self.live.saturating_sub(u32::from(way == Way::Live));
        Self { count: self.count.saturating_sub(1), live }
    }

    pub fn parked(self, due: Timestamp, since: Timestamp) -> Parked {
        Parked { due, since, count: self.count, live: self.live }
    }
}

impl Item {
    /// A new one, from a topic.
    pub fn new(action: Action, place: Place, sequence: u64, bytes: usize, now: Timestamp) -> Self {
        Self {
            id: action.id.clone(),
            conflict: action.conflict.clone(),
            retry: action.retry,
            action: Some(Box::new(action)),
            bytes,
            way: place.way,
            place: Some(place),
            sequence,
            came: now,
            stored: None,
            goes: place.way,
            calls: 0,
            attempts: 0,
            since: None,
            maybe_done: false,
            progress: Value::Null,
        }
    }

    /// One that waits in memory.
    pub fn parked(waiting: Waiting) -> Self {
        let way = if waiting.bulk { Way::Bulk } else { Way::Live };
        Self {
            id: waiting.action.id.clone(),
            conflict: waiting.action.conflict.clone(),
            retry: waiting.action.retry,
            bytes: 0,
            way,
            place: None,
            sequence: waiting.sequence,
            came: waiting.since,
            stored: Some(Behind::default()),
            goes: way,
            calls: 0,
            attempts: waiting.attempts,
            since: failing_since(&waiting),
            maybe_done: waiting.maybe_done,
            progress: waiting.progress,
            action: Some(Box::new(waiting.action)),
        }
    }
}

/// Since when it has been failing. An action that only waits has not failed yet, and while a lane stood still for its
/// configuration, no time passed for what stood in it.
fn failing_since(waiting: &Waiting) -> Option<Timestamp> {
    let stood_still = waiting.code.page().class == Class::Config;
    (waiting.attempts > 0 && !stood_still).then_some(waiting.since)
}
