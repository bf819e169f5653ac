use proptest::prelude::*;

use serde_json::Value;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("time")
}

fn item(id: &str, key: &str) -> Item {
    Item {
        id: ActionId::from_text(id),
        conflict: KeyHash::from_text(key),
        retry: 0,
        action: None,
        bytes: 0,
        way: Way::Live,
        place: None,
        sequence: 0,
        came: at(0),
        stored: None,
        goes: Way::Live,
        calls: 0,
        attempts: 0,
        since: None,
        age: crate::dispatcher::age::Age::default(),
        maybe_done: false,
        progress: Value::Null,
    }
}

/// What waits in memory, beside the line: by key, in order.
#[derive(Default)]
struct Memory(HashMap<String, VecDeque<Item>>);

impl Memory {
    fn take(&mut self, line: &mut Line, second: i64) -> Option<Item> {
        match line.take(at(second), true)? {
            Taken::Item(item) => Some(*item),
            Taken::Stored { key, goes } => {
                let waiting = self.0.get_mut(key.as_str()).expect("it is there");
                let mut item = waiting.pop_front().expect("there is one");
                line.found(&mut item, goes, !waiting.is_empty());
                Some(item)
            }
        }
    }

    /// Parks an item, and its followers behind it.
    fn park(&mut self, line: &mut Line, item: Item, due: i64) {
        let key = item.conflict.clone();
        let waiting = self.0.entry(key.to_string()).or_default();
        line.park(&item, at(due));
        waiting.push_front(item);
        self.store(line, &key);
    }

    fn store(&mut self, line: &mut Line, key: &KeyHash) {
        if let Some(ToStore { items, parked }) = line.begin_store(key) {
            line.stored(key, items.len());
            let waiting = self.0.entry(key.to_string()).or_default();
            waiting.extend(items);
            assert_eq!(parked.count as usize, waiting.len());
        }
    }
}

fn take(line: &mut Line, memory: &mut Memory, second: i64) -> Option<String> {
    memory.take(line, second).map(|item| item.id.to_string())
}

#[test]
fn one_key_goes_one_at_a_time_and_others_beside_it() {
    let (mut line, mut memory) = (Line::default(), Memory::default());
    for (id, key) in [("a1", "a"), ("a2", "a"), ("b1", "b")] {
        assert!(!line.push(item(id, key)));
    }
    assert_eq!(take(&mut line, &mut memory, 0).as_deref(), Some("a1"));
    assert_eq!(take(&mut line, &mut memory, 0).as_deref(), Some("b1"));
    assert_eq!(take(&mut line, &mut memory, 0), None, "a2 waits for a1");
    line.finish(&item("a1", "a"));
    assert_eq!(take(&mut line, &mut memory, 0).as_deref(), Some("a2"));
}

#[test]
fn a_parked_key_holds_its_followers_and_nobody_else() {
    let (mut line, mut memory) = (Line::default(), Memory::default());
    line.push(item("a1", "a"));
    let head = memory.take(&mut line, 0).expect("head");
    memory.park(&mut line, head, 10);
    assert!(line.push(item("a2", "a")));
    assert!(!line.push(item("b1", "b")));
    memory.store(&mut line, &KeyHash::from_text("a"));
    assert_eq!((line.loaded(Way::Live), line.len()), (1, 3), "only b1 is here");
    assert_eq!(take(&mut line, &mut memory, 9).as_deref(), Some("b1"));
    assert_eq!(take(&mut line, &mut memory, 9), None);
    assert_eq!(line.next_due(), Some(at(10)));
    assert_eq!(take(&mut line, &mut memory, 10).as_deref(), Some("a1"));
    line.finish(&item("a1", "a"));
    assert_eq!(take(&mut line, &mut memory, 10).as_deref(), Some("a2"));
}

#[test]
fn bulk_waits_for_its_budget_unless_a_live_one_waits_behind_it() {
    let (mut line, bulk) = (Line::default(), |id: &str, key: &str| Item { way: Way::Bulk, ..item(id, key) });
    line.push(bulk("a1", "a"));
    line.push(bulk("b1", "b"));
    assert!(line.take(at(0), false).is_none());
    line.push(item("b2", "b"));
    let Some(Taken::Item(taken)) = line.take(at(0), false) else { panic!("b1 may go") };
    assert_eq!((taken.id.as_str(), taken.goes), ("b1", Way::Live));
    line.finish(&taken);
    let Some(Taken::Item(taken)) = line.take(at(0), true) else { panic!("b2 may go") };
    assert_eq!(taken.id.as_str(), "b2", "live goes first");
    let Some(Taken::Item(taken)) = line.take(at(0), true) else { panic!("a1 may go") };
    assert_eq!((taken.id.as_str(), taken.goes), ("a1", Way::Bulk));
    assert!(line.take(at(0), true).is_none(), "b stood in both lines, and counts once");
}

#[test]
fn a_count_that_is_wrong_loses_nothing_and_holds_nothing_up() {
    let mut line = Line::default();
    let key = KeyHash::from_text("a");
    line.add_parked(&key, Behind { count: 3, live: 0 }.parked(at(5), at(1)));
    assert_eq!((line.len(), line.oldest()), (3, Some(at(1))));
    let Some(Taken::Stored { goes, .. }) = line.take(at(5), true) else { panic!("it is in memory") };
    let mut first = item("a1", "a");
    line.found(&mut first, goes, true);
    assert_eq!((first.stored.map(|behind| behind.count), line.len()), (Some(2), 2));
    line.finish(&first);
    let Some(Taken::Stored { key, .. }) = line.take(at(5), true) else { panic!("it is in memory") };
    line.found_nothing(&key);
    assert!(line.is_empty());
    line.push(item("a4", "a"));
    assert!(matches!(line.take(at(5), true), Some(Taken::Item(_))));

    line.add_parked(&KeyHash::from_text("b"), Behind { count: 1, live: 0 }.parked(at(5), at(1)));
    let Some(Taken::Stored { goes, .. }) = line.take(at(5), true) else { panic!("it is in memory") };
    let mut first = item("b1", "b");
    line.found(&mut first, goes, true);
    assert_eq!((first.stored.map(|behind| behind.count), line.len()), (Some(1), 1), "there is another one");
}

#[derive(Clone, Debug)]
enum Move {
    Push(u8),
    Take,
    Finish(u8),
    Park(u8, u8),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        (0..4_u8).prop_map(Move::Push),
        Just(Move::Take),
        (0..4_u8).prop_map(Move::Finish),
        (0..4_u8, 0..5_u8).prop_map(|(key, wait)| Move::Park(key, wait)),
    ];
    prop::collection::vec(one, 0..200)
}

proptest! {
    /// Whatever happens: one key has one action out at a time, in the order of arrival, and nothing is lost.
    #[test]
    fn order_holds_whatever_happens(moves in moves()) {
        let (mut line, mut memory) = (Line::default(), Memory::default());
        let mut out: HashMap<u8, Item> = HashMap::new();
        let (mut pushed, mut done): (HashMap<u8, usize>, HashMap<u8, usize>) = Default::default();
        let mut now = 0;
        for step in moves {
            now += 1;
            match step {
                Move::Push(key) => {
                    let count = pushed.entry(key).or_default();
                    let way = if *count % 3 == 0 { Way::Bulk } else { Way::Live };
                    let item = Item { way, ..item(&count.to_string(), &key.to_string()) };
                    let conflict = item.conflict.clone();
                    if line.push(item) {
                        memory.store(&mut line, &conflict);
                    }
                    *count += 1;
                }
                Move::Take => if let Some(taken) = memory.take(&mut line, now) {
                    let key: u8 = taken.conflict.as_str().parse().expect("key");
                    prop_assert_eq!(taken.id.as_str(), done.get(&key).copied().unwrap_or(0).to_string());
                    prop_assert!(out.insert(key, taken).is_none());
                },
                Move::Finish(key) => if let Some(taken) = out.remove(&key) {
                    line.finish(&taken);
                    *done.entry(key).or_default() += 1;
                },
                Move::Park(key, wait) => if let Some(taken) = out.remove(&key) {
                    memory.park(&mut line, taken, now + i64::from(wait));
                },
            }
            let waiting: usize = memory.0.values().map(VecDeque::len).sum();
            let here = line.loaded(Way::Live) + line.loaded(Way::Bulk);
            prop_assert_eq!(line.len(), here + waiting);
        }
        let total: usize = pushed.values().sum();
        prop_assert_eq!(total, done.values().sum::<usize>() + out.len() + line.len());
        for (_, taken) in out.drain() {
            line.finish(&taken);
        }
        while let Some(taken) = memory.take(&mut line, now + 100) {
            line.finish(&taken);
        }
        prop_assert!(line.is_empty());
        prop_assert!(line.keys.is_empty());
    }
}
