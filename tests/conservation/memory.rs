//! What lanes remember, held against the topics: those who wait stand in the order in which they came, nobody has overtaken
//! them, and every row that a poll has seen became a webhook.

use std::collections::{BTreeMap, BTreeSet};

use spojka::{
    model::{
        connection::ConnectionName,
        id::{ActionId, KeyHash},
    },
    topics::memory::{self, Waiting, key},
};

use super::{
    books::{Books, Standing},
    report::Wrong,
    topics::Place,
};

pub fn check(books: &mut Books<'_>) {
    for connection in books.topics.connections.clone() {
        waiting(books, &connection);
        seen(books, &connection);
    }
}

/// An action that waits, by its place in the lane's live topic.
struct InLine {
    id: ActionId,
    sequence: u64,
    place: Option<u64>,
}

fn waiting(books: &mut Books<'_>, connection: &ConnectionName) {
    let Some(memory) = books.topics.memory.get(connection) else { return };
    let mut keys: BTreeMap<KeyHash, Vec<InLine>> = BTreeMap::new();
    for (name, bytes) in memory.entries.range(key::WAITING.to_owned()..).take_while(|(name, _)| is_waiting(name)) {
        match memory::read::<Waiting>(bytes) {
            Ok(waiting) => {
                let (conflict, sequence) = (&waiting.action.conflict, waiting.sequence);
                let found_by = [key::parked(conflict), key::place(conflict, sequence)];
                if !found_by.iter().all(|name| memory.entries.contains_key(name)) {
                    let text = "it waits in memory, without the place or the key by which it would be found";
                    books.report.violate(Wrong::Lost, connection, &waiting.action.id, text);
                }
                let place = live_place(books, connection, &waiting.action.id);
                let in_line = InLine { id: waiting.action.id, sequence: waiting.sequence, place };
                keys.entry(waiting.action.conflict).or_default().push(in_line);
            }
            Err(error) => books.report.violate(Wrong::Disordered, connection, &name, error.to_string()),
        }
    }
    for (key, mut line) in keys {
        line.sort_by_key(|waiting| waiting.sequence);
        in_order(books, connection, &line);
        overtaken(books, connection, &key, &line);
    }
}

fn is_waiting(name: &str) -> bool {
    name.starts_with(key::WAITING)
}

/// The newest record of an action in its lane's live topic.
fn live_place(books: &Books<'_>, connection: &ConnectionName, id: &ActionId) -> Option<u64> {
    let live = books.topics.names.actions(connection);
    let records = books.topics.actions_by_id.get(id)?.iter().map(|index| &books.topics.actions[*index].place);
    records.filter(|place| *place.at.topic == live).map(|place| place.offset).next_back()
}

fn in_order(books: &mut Books<'_>, connection: &ConnectionName, line: &[InLine]) {
    for pair in line.windows(2) {
        if let [first, second] = pair
            && first.place.zip(second.place).is_some_and(|(first, second)| first > second)
        {
            let text = format!("it waits behind {}, which came later", first.id);
            books.report.violate(Wrong::Disordered, connection, &second.id, text);
        }
    }
}

/// Nobody that came later on the same key is settled while an earlier one waits.
fn overtaken(books: &mut Books<'_>, connection: &ConnectionName, key: &KeyHash, line: &[InLine]) {
    let Some((first, from)) = line.first().and_then(|first| Some((first.id.clone(), first.place?))) else { return };
    let topic = books.topics.names.actions(connection);
    let behind = |place: &Place| *place.at.topic == topic && place.offset > from;
    let of_key = books.topics.actions.iter().filter(|action| action.it.conflict == *key);
    let later: BTreeSet<ActionId> =
        of_key.filter(|action| behind(&action.place)).map(|action| action.it.id.clone()).collect();
    for id in later {
        let came_later = live_first(books, connection, &id).is_some_and(|offset| offset > from);
        if came_later && matches!(books.standing(connection, &id), Standing::Settled(_)) {
            let text = format!("it was settled while {first}, which came before it, waits");
            books.report.violate(Wrong::Disordered, connection, &id, text);
        }
    }
}

/// The oldest record of an action in its lane's live topic.
fn live_first(books: &Books<'_>, connection: &ConnectionName, id: &ActionId) -> Option<u64> {
    let live = books.topics.names.actions(connection);
    let mut records = books.topics.actions_by_id.get(id)?.iter().map(|index| &books.topics.actions[*index].place);
    records.find(|place| *place.at.topic == live).map(|place| place.offset)
}

/// Memory says that a poll has seen a row in a state: then that state is a webhook.
fn seen(books: &mut Books<'_>, connection: &ConnectionName) {
    let Some(memory) = books.topics.memory.get(connection).filter(|_| !books.topics.trimmed) else { return };
    let stored: BTreeSet<_> = books.topics.webhooks.iter().map(|webhook| &webhook.it.id).collect();
    for (name, bytes) in &memory.entries {
        let Some((poll, row)) = name.strip_prefix("s/").and_then(|rest| rest.split_once('/')) else { continue };
        let Ok(state) = memory::read::<String>(bytes) else { continue };
        let id = books.world.ids.polled(connection, poll, row, &state);
        if !stored.contains(&id) {
            let text = format!("the poll `{poll}` has seen the row {row}, and no webhook tells of it");
            books.report.violate(Wrong::Lost, connection, &id, text);
        }
    }
}
