//! Who is next: actions in order within their conflict key, keys beside each other, live ones before bulk ones. Pure: it
//! knows no clock and no log.
//!
//! Order within a key holds across the lane's two topics. A key in which a live action waits counts as live, whatever stands
//! at its head: else live traffic would wait for the bulk budget.
//!
//! What is parked stands in memory only. Here a parked key is a few numbers, so that a lane may hold a million waiting
//! actions: their order is that of memory's keys, and the lane reads one when its turn has come ([`Taken::Stored`]).

mod item;
mod key;

use std::collections::{BTreeSet, HashMap, VecDeque};

pub use self::item::{Behind, Item};
use self::key::CompactKey;
use super::offsets::Way;
use crate::{
    model::{
        id::{ActionId, KeyHash, WebhookId},
        time::Timestamp,
    },
    topics::{action::Action, memory::Parked},
};

/// Whose turn it is.
#[derive(Debug)]
pub enum Taken {
    Item(Box<Item>),
    /// The first of this key that waits in memory: [`Line::found`] or [`Line::found_nothing`] must follow.
    Stored {
        key: KeyHash,
        goes: Way,
    },
}

/// What of a parked key is to be written to memory.
#[derive(Debug)]
pub struct ToStore {
    pub items: Vec<Item>,
    /// The key, with these in it.
    pub parked: Parked,
}

#[derive(Debug, Default)]
struct KeyLine {
    /// Those that wait in memory: before all others.
    stored: Behind,
    /// Those that are here, whole.
    items: VecDeque<Item>,
    /// How many of these came live.
    live: u32,
    /// Where the key stands in line, when it does.
    queued: Option<Way>,
    /// The head is being worked on.
    busy: bool,
    /// Some of the items are being written to memory. Nothing of the key goes before they are: a late write would undo
    /// what an attempt has written meanwhile.
    storing: bool,
    /// The head is not to be tried before this.
    due: Option<Timestamp>,
    /// Since when the first of those in memory has waited.
    since: Option<Timestamp>,
}

impl KeyLine {
    fn is_empty(&self) -> bool {
        self.items.is_empty() && self.stored.count == 0
    }

    fn may_go(&self) -> bool {
        !self.busy && !self.storing && self.due.is_none() && !self.is_empty()
    }

    fn way(&self) -> Way {
        if self.live > 0 || self.stored.live > 0 { Way::Live } else { Way::Bulk }
    }

    fn pop(&mut self) -> Option<Item> {
        let goes = self.way();
        let mut item = self.items.pop_front()?;
        self.live -= u32::from(item.way == Way::Live);
        item.goes = goes;
        Some(item)
    }

    fn oldest(&self) -> Option<Timestamp> {
        let stored = self.since.filter(|_| self.stored.count > 0);
        stored.into_iter().chain(self.items.front().map(|item| item.came)).min()
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
    keys: HashMap<CompactKey, KeyLine>,
    /// Keys that may go. One that has become live since stands in both, and counts where `KeyLine::queued` says.
    ready: VecDeque<CompactKey>,
    ready_bulk: VecDeque<CompactKey>,
    due: BTreeSet<(Timestamp, CompactKey)>,
    /// All that is here or being worked on, with its retry and whose wish it is.
    known: HashMap<ActionId, (u32, WebhookId)>,
    length: usize,
    /// How many are here, whole.
    loaded: Loaded,
}

impl Line {
    /// Whether this action is here, or being worked on, in this retry of it or a later one. What waits in memory is known
    /// there. A state that comes back has the same id and another webhook: whether it is settled is judged at its turn.
    pub fn knows(&self, action: &Action) -> bool {
        let same = |(retry, webhook): &(u32, WebhookId)| *retry >= action.retry && *webhook == action.source.webhook;
        self.known.get(&action.id).is_some_and(same)
    }

    /// Puts an action at the end of its key's line. Answers whether the key is parked: then the newcomer must wait in memory
    /// as well before its offset may pass.
    pub fn push(&mut self, item: Item) -> bool {
        self.length += 1;
        *self.loaded.of(item.way) += 1;
        self.know(&item);
        let compact = CompactKey::of(&item.conflict);
        let key = self.keys.entry(compact.clone()).or_default();
        key.live += u32::from(item.way == Way::Live);
        key.items.push_back(item);
        let parked = key.due.is_some();
        self.queue(compact);
        parked
    }

    fn know(&mut self, item: &Item) {
        let webhook = item.action.as_ref().map(|action| action.source.webhook.clone());
        let Some(webhook) = webhook else { return };
        let known = self.known.entry(item.id.clone()).or_insert_with(|| (item.retry, webhook.clone()));
        *known = (item.retry.max(known.0), webhook);
    }

    /// A key whose actions wait in memory, as the lane finds it when it begins.
    pub fn add_parked(&mut self, key: &KeyHash, parked: Parked) {
        let compact = CompactKey::of(key);
        self.length += parked.count as usize;
        self.due.insert((parked.due, compact.clone()));
        let stored = Behind { count: parked.count, live: parked.live };
        let line = KeyLine { stored, due: Some(parked.due), since: Some(parked.since), ..KeyLine::default() };
        self.keys.insert(compact, line);
    }

    /// A key that may go stands in line, once, and further ahead as soon as it has become live.
    fn queue(&mut self, compact: CompactKey) {
        let Some(key) = self.keys.get_mut(&compact).filter(|key| key.may_go()) else { return };
        match (key.queued, key.way()) {
            (Some(Way::Live), _) | (Some(Way::Bulk), Way::Bulk) => {}
            (_, Way::Live) => {
                key.queued = Some(Way::Live);
                self.ready.push_back(compact);
            }
            (None, Way::Bulk) => {
                key.queued = Some(Way::Bulk);
                self.ready_bulk.push_back(compact);
            }
        }
    }

    /// Takes the head of a key that may go now: of a live one, or else, where bulk ones may go, of one of these. The key
    /// stays busy until [`Line::finish`] or [`Line::park`].
    pub fn take(&mut self, now: Timestamp, bulk_too: bool) -> Option<Taken> {
        self.wake(now);
        let compact = match self.next_ready(Way::Live) {
            None if bulk_too => self.next_ready(Way::Bulk),
            found => found,
        }?;
        let key = self.keys.get_mut(&compact).expect("a key that is ready has a line");
        key.busy = true;
        if key.stored.count > 0 {
            return Some(Taken::Stored { key: compact.to_key(), goes: key.way() });
        }
        let item = key.pop().expect("a key that is ready has an item");
        self.length -= 1;
        *self.loaded.of(item.way) -= 1;
        Some(Taken::Item(Box::new(item)))
    }

    /// The first key in line that still stands there.
    fn next_ready(&mut self, way: Way) -> Option<CompactKey> {
        let ready = match way {
            Way::Live => &mut self.ready,
            Way::Bulk => &mut self.ready_bulk,
        };
        while let Some(compact) = ready.pop_front() {
            if let Some(key) = self.keys.get_mut(&compact)
                && key.queued == Some(way)
                && key.may_go()
            {
                key.queued = None;
                return Some(compact);
            }
        }
        None
    }

    /// The head of a key whose turn it is was read from memory, and whether more wait there behind it: that is believed, and
    /// not the count, because with the last of them the key is forgotten.
    pub fn found(&mut self, item: &mut Item, goes: Way, more: bool) {
        self.know(item);
        item.goes = goes;
        if let Some(key) = self.keys.get_mut(&CompactKey::of(&item.conflict)) {
            let counted = key.stored.count as usize;
            key.stored = key.stored.without(item.way);
            match (more, key.stored.count) {
                (true, 0) => key.stored = key.stored.with(Way::Live),
                (false, _) => key.stored = Behind::default(),
                (true, _) => {}
            }
            self.length = self.length + key.stored.count as usize - counted;
            item.stored = Some(key.stored);
        }
    }

    /// Nothing of a key waits in memory: what it was counted as was settled before.
    pub fn found_nothing(&mut self, key: &KeyHash) {
        let compact = CompactKey::of(key);
        if let Some(line) = self.keys.get_mut(&compact) {
            self.length -= line.stored.count as usize;
            line.stored = Behind::default();
            self.free(compact);
        }
    }

    /// Whether a key waits for nothing but the bulk budget.
    pub fn has_ready_bulk(&self) -> bool {
        !self.ready_bulk.is_empty()
    }

    fn wake(&mut self, now: Timestamp) {
        while let Some((at, compact)) = self.due.first().cloned()
            && at <= now
        {
            self.due.pop_first();
            if let Some(key) = self.keys.get_mut(&compact) {
                key.due = None;
                self.queue(compact);
            }
        }
    }

    /// The key's head is settled: the next one may go.
    pub fn finish(&mut self, item: &Item) {
        self.known.remove(&item.id);
        self.free(CompactKey::of(&item.conflict));
    }

    fn free(&mut self, compact: CompactKey) {
        let Some(key) = self.keys.get_mut(&compact) else { return };
        key.busy = false;
        if key.is_empty() {
            self.keys.remove(&compact);
        } else {
            self.queue(compact);
        }
    }

    /// The key's head waits in memory. It and its followers are parked.
    pub fn park(&mut self, item: &Item, due: Timestamp) {
        self.known.remove(&item.id);
        self.length += 1;
        let compact = CompactKey::of(&item.conflict);
        self.due.insert((due, compact.clone()));
        let key = self.keys.entry(compact).or_default();
        key.stored = key.stored.with(item.way);
        key.busy = false;
        key.due = Some(due);
        key.since = Some(item.since.unwrap_or(item.came));
    }

    /// What of a parked key is to be written to memory now: all that does not wait there yet. Nothing while an earlier write
    /// is under way. [`Line::stored`] must follow.
    pub fn begin_store(&mut self, key: &KeyHash) -> Option<ToStore> {
        let key = self.keys.get_mut(&CompactKey::of(key)).filter(|key| !key.storing && !key.items.is_empty())?;
        let (due, since) = (key.due?, key.since?);
        key.storing = true;
        let items: Vec<_> = key.items.iter().cloned().collect();
        let stored = items.iter().fold(key.stored, |stored, item| stored.with(item.way));
        Some(ToStore { items, parked: stored.parked(due, since) })
    }

    /// The first so many items of a key wait in memory now.
    pub fn stored(&mut self, key: &KeyHash, count: usize) {
        let compact = CompactKey::of(key);
        let Some(key) = self.keys.get_mut(&compact) else { return };
        key.storing = false;
        for item in key.items.drain(..count) {
            key.stored = key.stored.with(item.way);
            key.live -= u32::from(item.way == Way::Live);
            *self.loaded.of(item.way) -= 1;
            self.known.remove(&item.id);
        }
        self.queue(compact);
    }

    /// When the next parked key is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Since when the one has waited that waits longest. Looks at every key.
    pub fn oldest(&self) -> Option<Timestamp> {
        self.keys.values().filter_map(KeyLine::oldest).min()
    }

    pub fn len(&self) -> usize {
        self.length
    }

    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// How many of a topic are here, whole: what bounds the lane's memory.
    pub fn loaded(&self, way: Way) -> usize {
        match way {
            Way::Live => self.loaded.live,
            Way::Bulk => self.loaded.bulk,
        }
    }
}

#[cfg(test)]
mod tests;
