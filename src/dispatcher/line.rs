//! Who is next: actions in order within their conflict key, keys beside each other. Pure: it knows no clock and no log.

use std::collections::{BTreeSet, HashMap, VecDeque};

use serde_json::Value;

use crate::{
    model::{
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
    /// The whole action; `None` when it waits in memory and is read again when its time comes.
    pub action: Option<Box<Action>>,
    /// Where it stands in the lane's topic, while its offset is not settled.
    pub offset: Option<u64>,
    /// Its place among its equals.
    pub sequence: u64,
    pub attempts: u32,
    /// When it was first tried or parked.
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
            action: None,
            offset: None,
            sequence: waiting.sequence,
            attempts: waiting.attempts,
            since: Some(waiting.since),
            maybe_done: waiting.maybe_done,
            progress: waiting.progress.clone(),
        }
    }
}

#[derive(Debug, Default)]
struct KeyLine {
    items: VecDeque<Item>,
    /// The head is being worked on.
    busy: bool,
    /// The head is not to be tried before this.
    due: Option<Timestamp>,
}

/// All actions of a lane that are not settled.
#[derive(Debug, Default)]
pub struct Line {
    keys: HashMap<KeyHash, KeyLine>,
    ready: VecDeque<KeyHash>,
    due: BTreeSet<(Timestamp, KeyHash)>,
    length: usize,
    /// How many of them hold their whole action.
    loaded: usize,
}

impl Line {
    /// Puts an action at the end of its key's line. Answers when the key is due, if it is parked: then the newcomer must wait
    /// in memory as well before its offset may pass.
    pub fn push(&mut self, item: Item) -> Option<Timestamp> {
        let conflict = item.conflict.clone();
        self.length += 1;
        self.loaded += usize::from(item.action.is_some());
        let key = self.keys.entry(conflict.clone()).or_default();
        key.items.push_back(item);
        if key.items.len() == 1 && !key.busy && key.due.is_none() {
            self.ready.push_back(conflict);
        }
        key.due
    }

    /// Puts an action that waits in memory at the end of its key's line. The key is due when its first one is.
    pub fn push_parked(&mut self, item: Item, due: Timestamp) {
        let conflict = item.conflict.clone();
        self.length += 1;
        let key = self.keys.entry(conflict.clone()).or_default();
        if key.items.is_empty() {
            key.due = Some(due);
            self.due.insert((due, conflict));
        }
        key.items.push_back(item);
    }

    /// Takes the head of a key that may go now. The key stays busy until [`Line::finish`] or [`Line::park`].
    pub fn take(&mut self, now: Timestamp) -> Option<Item> {
        while let Some((at, key)) = self.due.first().cloned()
            && at <= now
        {
            self.due.pop_first();
            if let Some(line) = self.keys.get_mut(&key) {
                line.due = None;
                self.ready.push_back(key);
            }
        }
        let key = self.ready.pop_front()?;
        let line = self.keys.get_mut(&key)?;
        let item = line.items.pop_front()?;
        line.busy = true;
        self.length -= 1;
        self.loaded -= usize::from(item.action.is_some());
        Some(item)
    }

    /// The key's head is settled: the next one may go.
    pub fn finish(&mut self, key: &KeyHash) {
        let Some(line) = self.keys.get_mut(key) else { return };
        line.busy = false;
        if line.items.is_empty() {
            self.keys.remove(key);
        } else {
            self.ready.push_back(key.clone());
        }
    }

    /// The key's head comes back, to wait. It and its followers are parked.
    pub fn park(&mut self, item: Item, due: Timestamp) {
        let key = item.conflict.clone();
        let line = self.keys.entry(key.clone()).or_default();
        self.length += 1;
        self.loaded += usize::from(item.action.is_some());
        line.items.push_front(item);
        line.busy = false;
        line.due = Some(due);
        self.due.insert((due, key));
    }

    /// The key's head comes back, to go again at once: nothing came of taking it.
    pub fn put_back(&mut self, item: Item) {
        let key = item.conflict.clone();
        let line = self.keys.entry(key.clone()).or_default();
        self.length += 1;
        self.loaded += usize::from(item.action.is_some());
        line.items.push_front(item);
        line.busy = false;
        self.ready.push_front(key);
    }

    /// The items of a key that are in line, in order.
    pub fn items(&self, key: &KeyHash) -> impl Iterator<Item = &Item> {
        self.keys.get(key).into_iter().flat_map(|line| line.items.iter())
    }

    /// These items of a key wait in memory now: they need neither their action nor their offset.
    pub fn stored(&mut self, key: &KeyHash, ids: &[ActionId]) {
        let Some(line) = self.keys.get_mut(key) else { return };
        for item in line.items.iter_mut().filter(|item| ids.contains(&item.id)) {
            self.loaded -= usize::from(item.action.take().is_some());
            item.offset = None;
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
