use proptest::prelude::*;

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
        offset: None,
        sequence: 0,
        attempts: 0,
        since: None,
        age: Age::default(),
        maybe_done: false,
        progress: Value::Null,
    }
}

fn take(line: &mut Line, second: i64) -> Option<String> {
    line.take(at(second)).map(|item| item.id.to_string())
}

#[test]
fn one_key_goes_one_at_a_time_and_others_beside_it() {
    let mut line = Line::default();
    for (id, key) in [("a1", "a"), ("a2", "a"), ("b1", "b")] {
        assert!(!line.push(item(id, key)));
    }
    assert_eq!(take(&mut line, 0).as_deref(), Some("a1"));
    assert_eq!(take(&mut line, 0).as_deref(), Some("b1"));
    assert_eq!(take(&mut line, 0), None, "a2 waits for a1");
    line.finish(&item("a1", "a"));
    assert_eq!(take(&mut line, 0).as_deref(), Some("a2"));
}

#[test]
fn a_parked_key_holds_its_followers_and_nobody_else() {
    let mut line = Line::default();
    line.push(item("a1", "a"));
    let head = line.take(at(0)).expect("head");
    line.park(head, at(10));
    assert!(line.push(item("a2", "a")));
    assert!(!line.push(item("b1", "b")));
    assert_eq!(take(&mut line, 9).as_deref(), Some("b1"));
    assert_eq!(take(&mut line, 9), None);
    assert_eq!(line.next_due(), Some(at(10)));
    assert_eq!(take(&mut line, 10).as_deref(), Some("a1"));
    line.finish(&item("a1", "a"));
    assert_eq!(take(&mut line, 10).as_deref(), Some("a2"));
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
        let mut line = Line::default();
        let mut out: HashMap<u8, Item> = HashMap::new();
        let (mut pushed, mut done): (HashMap<u8, usize>, HashMap<u8, usize>) = Default::default();
        let mut now = 0;
        for step in moves {
            now += 1;
            match step {
                Move::Push(key) => {
                    let count = pushed.entry(key).or_default();
                    line.push(item(&count.to_string(), &key.to_string()));
                    *count += 1;
                }
                Move::Take => if let Some(taken) = line.take(at(now)) {
                    let key: u8 = taken.conflict.as_str().parse().expect("key");
                    prop_assert_eq!(taken.id.as_str(), done.get(&key).copied().unwrap_or(0).to_string());
                    prop_assert!(out.insert(key, taken).is_none());
                },
                Move::Finish(key) => if let Some(taken) = out.remove(&key) {
                    line.finish(&taken);
                    *done.entry(key).or_default() += 1;
                },
                Move::Park(key, wait) => if let Some(taken) = out.remove(&key) {
                    line.park(taken, at(now + i64::from(wait)));
                },
            }
        }
        let total: usize = pushed.values().sum();
        prop_assert_eq!(total, done.values().sum::<usize>() + out.len() + line.len());
        for (_, taken) in out.drain() {
            line.finish(&taken);
        }
        while let Some(taken) = line.take(at(now + 100)) {
            line.finish(&taken);
        }
        prop_assert!(line.is_empty());
    }
}
