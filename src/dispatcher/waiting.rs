//! Actions that wait, as memory holds them: the action itself, its place among its equals, and for each key when it is due.
//!
//! They are written in this order: the key, the place, the action; and forgotten the other way round. So an action that is
//! there has its place and its key, whatever a crash cut off; a place or a key without actions is found when its turn
//! comes, and forgotten.

use super::{
    context::LaneContext,
    ledger::{self, read_as},
    line::{Behind, Item, Line},
    offsets::Way,
};
use crate::{
    log::LogResult,
    model::{
        code::Code,
        id::{ActionId, KeyHash},
        time::Timestamp,
    },
    topics::{
        action::Action,
        memory::{self, Parked, Waiting, key},
        record::Append,
    },
};

/// Keys of one look into memory.
const PAGE: usize = 200;
/// Places of one key: the first is nearly always the one.
const PLACES: usize = 4;

/// Puts the keys whose actions wait in line. The actions are not read. With a hundred thousand keys it takes a second or two:
/// other lanes get their turns in between.
pub(super) async fn load(context: &LaneContext, line: &mut Line) -> LogResult<()> {
    let mut after = None;
    loop {
        let page = context.memory.scan(key::PARKED, after.as_deref(), PAGE)?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = Some(last.clone());
        for (name, bytes) in &page {
            let parked: Parked = memory::read(bytes).map_err(|error| ledger::broken(&error))?;
            let conflict = name.strip_prefix(key::PARKED).unwrap_or(name);
            let due = context.circuit.timeline.due(parked.parked, parked.due);
            line.add_parked(&KeyHash::from_text(conflict), Parked { due, ..parked });
        }
        tokio::task::yield_now().await;
    }
}

/// What stands first among the waiting actions of a key.
pub(super) struct First {
    pub item: Option<Item>,
    /// There are more places behind it.
    pub more: bool,
    /// Places before it that belong to nobody any more.
    pub stale: Vec<String>,
}

/// Reads the first waiting action of a key.
pub(super) fn first(context: &LaneContext, conflict: &KeyHash) -> LogResult<First> {
    let memory = context.memory.as_ref();
    let prefix = key::places(conflict);
    let mut stale = Vec::new();
    loop {
        let page = memory.scan(&prefix, stale.last().map(String::as_str), PLACES)?;
        if page.is_empty() {
            return Ok(First { item: None, more: false, stale });
        }
        let mut places = page.iter();
        while let Some((name, bytes)) = places.next() {
            let action: ActionId = memory::read(bytes).map_err(|error| ledger::broken(&error))?;
            let waiting = read_as::<Waiting>(memory, &key::waiting(&action))?;
            let Some(waiting) = waiting.filter(|waiting| key::place(conflict, waiting.sequence) == *name) else {
                stale.push(name.clone());
                continue;
            };
            let more = places.len() > 0 || !memory.scan(&prefix, Some(name), 1)?.is_empty();
            let age = context.restored_age(&waiting);
            return Ok(First { item: Some(Item::parked(waiting, age)), more, stale });
        }
    }
}

/// The records of an action that begins to wait, or goes on waiting, until then on the lane's timeline.
pub(super) fn park(context: &LaneContext, item: &Item, action: Action, due: Timestamp, code: Code) -> Vec<Append> {
    let behind = item.stored.unwrap_or_default().with(item.way);
    let since = item.since.unwrap_or(item.came);
    let mut records = vec![parked(context, &item.conflict, behind.parked(due, since))];
    records.extend(waiting(context, item, action, due, code));
    records
}

/// The record of a key whose actions wait, until then on the lane's timeline.
pub(super) fn parked(context: &LaneContext, conflict: &KeyHash, parked: Parked) -> Append {
    let due = context.circuit.timeline.time_of_day(parked.due);
    let parked = Parked { due, parked: context.now(), ..parked };
    memory::put(&context.memory_topic, &key::parked(conflict), &parked, context.epoch, context.now())
}

/// The records of the action itself: its place, where it has none yet, and all of it.
pub(super) fn waiting(context: &LaneContext, item: &Item, action: Action, due: Timestamp, code: Code) -> Vec<Append> {
    let now = context.now();
    let put_place = || {
        let place = key::place(&item.conflict, item.sequence);
        memory::put(&context.memory_topic, &place, &item.id, context.epoch, now)
    };
    let place = item.stored.is_none().then(put_place);
    let waiting = Waiting {
        due: context.circuit.timeline.time_of_day(due),
        parked: now,
        sequence: item.sequence,
        attempts: item.attempts,
        since: item.since.unwrap_or(now),
        age: context.age(item),
        clocks: context.clocks(item),
        code,
        maybe_done: item.maybe_done,
        progress: item.progress.clone(),
        bulk: item.way == Way::Bulk,
        action,
    };
    let waiting = memory::put(&context.memory_topic, &key::waiting(&item.id), &waiting, context.epoch, now);
    place.into_iter().chain([waiting]).collect()
}

/// What is to be forgotten of an action that has waited: with the last of its key, the key.
pub(super) fn forget(context: &LaneContext, item: &Item) -> Vec<Append> {
    let Some(Behind { count, .. }) = item.stored else { return Vec::new() };
    let mut keys = vec![key::waiting(&item.id), key::place(&item.conflict, item.sequence)];
    if count == 0 {
        keys.push(key::parked(&item.conflict));
    }
    forget_all(context, &keys)
}

pub(super) fn forget_all(context: &LaneContext, keys: &[String]) -> Vec<Append> {
    keys.iter().map(|key| memory::forget(&context.memory_topic, key, context.epoch, context.now())).collect()
}
