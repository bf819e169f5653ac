//! Who is next: actions in order within their conflict key, keys beside each other. Pure: it knows no clock and no log.

use std::collections::{BTreeSet, HashMap, VecDeque};

use serde_json::Value;

use crate::{
    model::{
        code::{self, Class},
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
    /// Where it stands in the lane's topic, while its offset is not settled.
    pub offset: Option<u64>,
    /// Its place among its equals.
    pub sequence: u64,
    pub attempts: u32,
    /// When it first failed.
    pub since: Option<Timestamp>,
    pub maybe_done: bool,
    pub progress: Value,
}

impl Item {
    /// A new one, from the topic.
    pub fn new(action: Action, offset: u64) -> Self {
        Self {
            id: action.id.clone(),
            conflict: action.conflict.clone(),
            retry: action.retry,
            action: Some(Box::new(action)),
            offset: Some(offset),
            sequence: offset,
            attempts: 0,
            since: None,
            maybe_done: false,
            progress: Value::Null,
        }
    }

    /// One that waits in memory.
    pub fn parked(waiting: &Waiting) -> Self {
        Self {
            id: waiting.action.id.clone(),
            conflict: waiting.action.conflict.clone(),
            retry: waiting.action.retry,
            action: None,
            offset: None,
            sequence: waiting.sequence,
            attempts: waiting.attempts,
            since: failing_since(waiting),
            maybe_done: waiting.maybe_done,
            progress: waiting.progress.clone(),
        }
    }
}

/// Since when it has been failing. An action that only waits has not failed yet, and while a lane stood still for its
/// configuration or for a limit, no time passed for what stood in it.
fn failing_since(waiting: &Waiting) -> Option<Timestamp> {
    let stood_still = waiting.code.page().class == Class::Config || waiting.code == code::LIMIT_REACHED;
    (waiting.attempts > 0 && !stood_still).then_some(waiting.since)
}

#[derive(Debug, Default)]
struct KeyLine {
    items: VecDeque<Item>,
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
}

/// All actions of a lane that are not settled.
#[derive(Debug, Default)]
pub struct Line {
    keys: HashMap<KeyHash, KeyLine>,
    ready: VecDeque<KeyHash>,
    due: BTreeSet<(Timestamp, KeyHash)>,
    /// All that is in line or being worked on, with its retry.
    known: HashMap<ActionId, u32>,
    length: usize,
    /// How many of them hold their whole action.
    loaded: usize,
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
        key.items.push_back(item);
        if key.items.len() == 1 && key.may_go() {
            self.ready.push_back(conflict);
        }
        key.due.is_some()
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
        key.items.push_back(item);
    }

    /// Takes the head of a key that may go now. The key stays busy until [`Line::finish`] or [`Line::park`].
    pub fn take(&mut self, now: Timestamp) -> Option<Item> {
        self.wake(now);
        let key = self.ready.pop_front()?;
        let line = self.keys.get_mut(&key).expect("a key that is ready has a line");
        let item = line.items.pop_front().expect("a key that is ready has an item");
        line.busy = true;
        self.length -= 1;
        self.loaded -= usize::from(item.action.is_some());
        Some(item)
    }

    fn wake(&mut self, now: Timestamp) {
        while let Some((at, key)) = self.due.first().cloned()
            && at <= now
        {
            self.due.pop_first();
            if let Some(line) = self.keys.get_mut(&key) {
                line.due = None;
                if line.may_go() {
                    self.ready.push_back(key);
                }
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
        } else if line.may_go() {
            self.ready.push_back(item.conflict.clone());
        }
    }

    /// The key's head comes back, to wait. It and its followers are parked.
    pub fn park(&mut self, item: Item, due: Timestamp) {
        self.count_in(&item);
        let line = self.keys.entry(item.conflict.clone()).or_default();
        self.due.insert((due, item.conflict.clone()));
        line.items.push_front(item);
        line.busy = false;
        line.due = Some(due);
    }

    fn count_in(&mut self, item: &Item) {
        self.length += 1;
        self.loaded += usize::from(item.action.is_some());
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
            self.loaded -= usize::from(item.action.take().is_some());
            item.offset = None;
        }
        if line.may_go() {
            self.ready.push_back(key.clone());
        }
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

    /// How many items hold their whole action: what bounds the lane's memory.
    pub fn loaded(&self) -> usize {
        self.loaded
    }
}

#[cfg(test)]
mod tests;
