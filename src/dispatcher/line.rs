//! Who is next: actions in order within their conflict key, keys beside each other, live ones before bulk ones. Pure: it
//! knows no clock and no log.
//!
//! Order within a key holds across the lane's two topics. A key in which a live action waits counts as live, whatever stands
//! at its head: else live traffic would wait for the bulk budget.

use std::collections::{BTreeSet, HashMap, VecDeque};

use serde_json::Value;

use super::offsets::{Place, Way};
use crate::{
    model::{
        code::Class,
        id::{ActionId, KeyHash},
        time::Timestamp,
    },
    topics::{action::Action, memory::Waiting},
};

/// An action in line.
#[derive(Clone, Debug)]
pub struct Item {
    pub id: ActionId,
    pub conflict: KeyHash,
    /// Which of the action's retries it is.
    pub retry: u32,
    /// The whole action; `None` when it waits in memory and is read again when its time comes.
    pub action: Option<Box<Action>>,
    /// Which topic it came on.
    pub way: Way,
    /// Where it stands in that topic, while its offset is not settled.
    pub place: Option<Place>,
    /// Its place among its equals.
    pub sequence: u64,
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

impl Item {
    /// A new one, from a topic.
    pub fn new(action: Action, place: Place, sequence: u64) -> Self {
        Self {
            id: action.id.clone(),
            conflict: action.conflict.clone(),
            retry: action.retry,
            action: Some(Box::new(action)),
            way: place.way,
            place: Some(place),
            sequence,
            goes: place.way,
            calls: 0,
            attempts: 0,
            since: None,
            maybe_done: false,
            progress: Value::Null,
        }
    }

    /// One that waits in memory.
    pub fn parked(waiting: &Waiting) -> Self {
        let way = if waiting.bulk { Way::Bulk } else { Way::Live };
        Self {
            id: waiting.action.id.clone(),
            conflict: waiting.action.conflict.clone(),
            retry: waiting.action.retry,
            action: None,
            way,
            place: None,
            sequence: waiting.sequence,
            goes: way,
            calls: 0,
            attempts: waiting.attempts,
            since: failing_since(waiting),
            maybe_done: waiting.maybe_done,
            progress: waiting.progress.clone(),
        }
    }
}

/// Since when it has been failing. An action that only waits has not failed yet, and while a lane stood still for its
/// configuration, no time passed for what stood in it.
fn failing_since(waiting: &Waiting) -> Option<Timestamp> {
    let stood_still = waiting.code.page().class == Class::Config;
    (waiting.attempts > 0 && !stood_still).then_some(waiting.since)
}

#[derive(Debug, Default)]
struct KeyLine {
    items: VecDeque<Item>,
    /// How many of them came live.
    live: usize,
    /// Where the key stands in line, when it does.
    queued: Option<Way>,
    /// The head is being worked on.
    busy: bool,
    /// The head is not to be tried before this.
    due: Option<Timestamp>,
    /// Some of the items are being written to memory. Nothing of the key goes before they are: a late write would undo
    /// what an attempt has written meanwhile.
    storing: bool,
}

impl KeyLine {
    fn may_go(&self) -> bool {
        !self.busy && !self.storing && self.due.is_none() && !self.items.is_empty()
    }

    fn way(&self) -> Way {
        if self.live > 0 { Way::Live } else { Way::Bulk }
    }

    fn put(&mut self, item: Item, at_the_front: bool) {
        self.live += usize::from(item.way == Way::Live);
        if at_the_front { self.items.push_front(item) } else { self.items.push_back(item) }
    }

    fn take(&mut self) -> Option<Item> {
        let goes = self.way();
        let mut item = self.items.pop_front()?;
        self.live -= usize::from(item.way == Way::Live);
        item.goes = goes;
        item.calls = 0;
        Some(item)
    }
}

#[derive(Debug, Default)]
struct Loaded {
    live: usize,
    bulk: usize,
}

impl Loaded {
    fn of(&mut self, way: Way) -> &mut usize {
        match way {
            Way::Live => &mut self.live,
            Way::Bulk => &mut self.bulk,
        }
    }
}

/// All actions of a lane that are not settled.
#[derive(Debug, Default)]
pub struct Line {
    keys: HashMap<KeyHash, KeyLine>,
    /// Keys that may go. One that has become live since stands in both, and counts where `KeyLine::queued` says.
    ready: VecDeque<KeyHash>,
    ready_bulk: VecDeque<KeyHash>,
    due: BTreeSet<(Timestamp, KeyHash)>,
    /// All that is in line or being worked on, with its retry.
    known: HashMap<ActionId, u32>,
    length: usize,
    /// How many of them hold their whole action.
    loaded: Loaded,
}

impl Line {
    /// Whether this action is in line, or being worked on, in this retry of it or a later one.
    pub fn knows(&self, action: &Action) -> bool {
        self.known.get(&action.id).is_some_and(|retry| *retry >= action.retry)
    }

    /// Puts an action at the end of its key's line. Answers whether the key is parked: then the newcomer must wait in memory
    /// as well before its offset may pass.
    pub fn push(&mut self, item: Item) -> bool {
        self.count_in(&item);
        let conflict = item.conflict.clone();
        let key = self.keys.entry(conflict.clone()).or_default();
        key.put(item, false);
        let parked = key.due.is_some();
        self.queue(conflict);
        parked
    }

    /// A key that may go stands in line, once, and further ahead as soon as it has become live.
    fn queue(&mut self, conflict: KeyHash) {
        let Some(key) = self.keys.get_mut(&conflict).filter(|key| key.may_go()) else { return };
        match (key.queued, key.way()) {
            (Some(Way::Live), _) | (Some(Way::Bulk), Way::Bulk) => {}
            (_, Way::Live) => {
                key.queued = Some(Way::Live);
                self.ready.push_back(conflict);
            }
            (None, Way::Bulk) => {
                key.queued = Some(Way::Bulk);
                self.ready_bulk.push_back(conflict);
            }
        }
    }

    /// Puts an action that waits in memory at the end of its key's line. The key is due when its first one is.
    pub fn push_parked(&mut self, item: Item, due: Timestamp) {
        self.count_in(&item);
        let conflict = item.conflict.clone();
        let key = self.keys.entry(conflict.clone()).or_default();
        if key.items.is_empty() {
            key.due = Some(due);
            self.due.insert((due, conflict));
        }
        key.put(item, false);
    }

    /// Takes the head of a key that may go now: of a live one, or else, where bulk ones may go, of one of these. The key
    /// stays busy until [`Line::finish`] or [`Line::park`].
    pub fn take(&mut self, now: Timestamp, bulk_too: bool) -> Option<Item> {
        self.wake(now);
        let key = match self.next_ready(Way::Live) {
            None if bulk_too => self.next_ready(Way::Bulk),
            found => found,
        }?;
        let line = self.keys.get_mut(&key).expect("a key that is ready has a line");
        let item = line.take().expect("a key that is ready has an item");
        line.busy = true;
        self.length -= 1;
        *self.loaded.of(item.way) -= usize::from(item.action.is_some());
        Some(item)
    }

    /// The first key in line that still stands there.
    fn next_ready(&mut self, way: Way) -> Option<KeyHash> {
        let ready = match way {
            Way::Live => &mut self.ready,
            Way::Bulk => &mut self.ready_bulk,
        };
        while let Some(conflict) = ready.pop_front() {
            if let Some(key) = self.keys.get_mut(&conflict)
                && key.queued == Some(way)
                && key.may_go()
            {
                key.queued = None;
                return Some(conflict);
            }
        }
        None
    }

    /// Whether a key waits for nothing but the bulk budget.
    pub fn has_ready_bulk(&self) -> bool {
        !self.ready_bulk.is_empty()
    }

    fn wake(&mut self, now: Timestamp) {
        while let Some((at, key)) = self.due.first().cloned()
            && at <= now
        {
            self.due.pop_first();
            if let Some(line) = self.keys.get_mut(&key) {
                line.due = None;
                self.queue(key);
            }
        }
    }

    /// The key's head is settled: the next one may go.
    pub fn finish(&mut self, item: &Item) {
        self.known.remove(&item.id);
        let Some(line) = self.keys.get_mut(&item.conflict) else { return };
        line.busy = false;
        if line.items.is_empty() {
            self.keys.remove(&item.conflict);
        } else {
            self.queue(item.conflict.clone());
        }
    }

    /// The key's head comes back, to wait. It and its followers are parked.
    pub fn park(&mut self, item: Item, due: Timestamp) {
        self.count_in(&item);
        let line = self.keys.entry(item.conflict.clone()).or_default();
        self.due.insert((due, item.conflict.clone()));
        line.put(item, true);
        line.busy = false;
        line.due = Some(due);
    }

    fn count_in(&mut self, item: &Item) {
        self.length += 1;
        *self.loaded.of(item.way) += usize::from(item.action.is_some());
        let retry = self.known.entry(item.id.clone()).or_default();
        *retry = item.retry.max(*retry);
    }

    /// What of a parked key is to be written to memory now: all that does not wait there yet, and when it is due. Nothing
    /// while an earlier write is under way. [`Line::stored`] must follow.
    pub fn begin_store(&mut self, key: &KeyHash) -> Option<(Timestamp, Vec<Item>)> {
        let line = self.keys.get_mut(key).filter(|line| !line.storing)?;
        let due = line.due?;
        let items: Vec<_> = line.items.iter().filter(|item| item.action.is_some()).cloned().collect();
        line.storing = !items.is_empty();
        line.storing.then_some((due, items))
    }

    /// These items of a key wait in memory now: they need neither their action nor their offset.
    pub fn stored(&mut self, key: &KeyHash, ids: &BTreeSet<ActionId>) {
        let Some(line) = self.keys.get_mut(key) else { return };
        line.storing = false;
        for item in line.items.iter_mut().filter(|item| ids.contains(&item.id)) {
            *self.loaded.of(item.way) -= usize::from(item.action.take().is_some());
            item.place = None;
        }
        self.queue(key.clone());
    }

    /// When the next parked key is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    pub fn len(&self) -> usize {
        self.length
    }

    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// How many items of a topic hold their whole action: what bounds the lane's memory.
    pub fn loaded(&self, way: Way) -> usize {
        match way {
            Way::Live => self.loaded.live,
            Way::Bulk => self.loaded.bulk,
        }
    }
}

#[cfg(test)]
mod tests;
