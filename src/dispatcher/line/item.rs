//! An action in line.

use serde_json::Value;

use crate::{
    dispatcher::{
        age::Age,
        offsets::{Place, Way},
    },
    model::{
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
    /// When it first failed, for people.
    pub since: Option<Timestamp>,
    pub age: Age,
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

    /// As a key that waits until then.
    pub fn parked(self, due: Timestamp, since: Timestamp) -> Parked {
        Parked { due, parked: due, since, count: self.count, live: self.live }
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
            age: Age::default(),
            maybe_done: false,
            progress: Value::Null,
        }
    }

    /// One that waits in memory, and how old it is.
    pub fn parked(waiting: Waiting, age: Age) -> Self {
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
            since: (waiting.attempts > 0).then_some(waiting.since),
            age,
            maybe_done: waiting.maybe_done,
            progress: waiting.progress,
            action: Some(Box::new(waiting.action)),
        }
    }
}
