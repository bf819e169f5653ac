//! What waits in a lane is bounded only by its memory's file: a parked key is a few numbers here, and an owner takes over
//! without reading what waits.

use std::time::Duration;

use spojka::{
    model::{code, http::Reply, id::ActionId},
    topics::{
        action::Action,
        memory::{self, Clocks, End, Parked, Waiting, key},
        record::Append,
    },
};

use super::{
    stage::{Stage, at},
    wire::Say,
};

impl Stage {
    fn put<T: serde::Serialize>(&self, key: &str, value: &T) -> Append {
        memory::put(&self.names.memory(&self.name), key, value, 0, at(0))
    }

    /// The records of an action that waits, as its owner writes them.
    fn waiting_records(&self, action: Action, sequence: u64, due: i64, count: u32) -> Vec<Append> {
        let parked = Parked { due: at(due), parked: at(0), since: at(0), count, live: count };
        let (id, conflict) = (action.id.clone(), action.conflict.clone());
        let waiting = Waiting {
            parked: at(0),
            age: Duration::ZERO,
            clocks: Clocks::default(),
            action,
            due: at(due),
            sequence,
            attempts: 1,
            since: at(0),
            code: code::NOT_THERE,
            maybe_done: false,
            progress: serde_json::Value::Null,
            bulk: false,
        };
        vec![
            self.put(&key::parked(&conflict), &parked),
            self.put(&key::place(&conflict, sequence), &id),
            self.put(&key::waiting(&id), &waiting),
        ]
    }

    fn keys(&self, prefix: &str) -> Vec<String> {
        let page = self.memory.scan(prefix, None, 10_000).expect("memory");
        page.into_iter().map(|(key, _)| key).collect()
    }

    fn nothing_waits(&self) -> bool {
        ["p/", "o/", "w/"].iter().all(|prefix| self.keys(prefix).is_empty())
    }
}

#[tokio::test]
async fn followers_wait_in_memory_go_in_order_and_leave_nothing_behind() {
    let stage = Stage::new().await;
    stage.wire.say("/set", Say::Reply(Reply::new(503).header("retry-after", "1000")));
    let actions: Vec<_> = (0..300).map(|n| stage.action(&format!("a-{n}"), "set", &object(n), n)).collect();
    stage.append(&actions).await;
    let running = stage.start();
    let all_wait = || stage.keys("w/").len() == 300;
    stage.until("all wait in memory", all_wait).await;
    assert_eq!((stage.keys("p/").len(), stage.keys("o/").len()), (1, 300));
    stage.until_committed(300).await;
    let due = stage.waiting("a-0").expect("the head waits").due;
    stage.pass_to(due);
    stage.settled("a-299").await;
    running.stop().await;
    assert!(stage.nothing_waits());
    let sent: Vec<_> = stage.wire.effects();
    assert_eq!(sent.len(), 300, "every value differs from the one before, and all are sent in order");
}

fn object(value: i64) -> serde_json::Value {
    serde_json::json!({ "object": "one", "value": value })
}

/// Fenced by its key's place: what a process that died wrote of a key, and what it did not come to write.
#[tokio::test]
async fn whatever_a_crash_cut_off_of_the_waiting_records_nothing_is_lost_and_nothing_stands_still() {
    let stage = Stage::new().await;
    let set = |id: &str, object: &str| stage.set(id, object, 1);
    let whole = |id: &str, object: &str| stage.waiting_records(set(id, object), 7, 10, 1);
    let mut records = Vec::new();
    // A key alone; a key with a place; a place that another record of its action has replaced; a count that is too low.
    records.extend(whole("a-1", "one").into_iter().take(1));
    records.extend(whole("a-2", "two").into_iter().take(2));
    records.extend(whole("a-3", "three"));
    records.push(stage.put(&key::place(&stage.ids.conflict(&stage.name, "three"), 3), &ActionId::from_text("a-3")));
    records.extend(stage.waiting_records(set("a-4", "four"), 8, 10, 9));
    records.extend(stage.waiting_records(set("a-5", "four"), 9, 10, 1));
    stage.append_records(records).await;
    // The offset of the first two was not committed: they come again.
    stage.append(&[set("a-1", "one"), set("a-2", "two")]).await;
    let running = stage.start();
    stage.until_committed(2).await;
    stage.pass_to(at(10));
    for id in ["a-1", "a-2", "a-3", "a-4", "a-5"] {
        assert!(matches!(stage.settled(id).await, End::Done | End::Unchanged), "{id}");
    }
    stage.settle_down().await;
    running.stop().await;
    assert!(stage.nothing_waits());
}

/// The first of a million is not special: here are as many as a test may take, and not one of them is read at the start.
#[tokio::test]
async fn an_owner_takes_over_without_reading_what_waits() {
    let stage = Stage::new().await;
    let mut records = Vec::new();
    for n in 0..2_000_u64 {
        let action = stage.set(&format!("a-{n}"), &format!("o{}", n % 200), 1);
        records.extend(stage.waiting_records(action, n, 100, 10));
    }
    for batch in records.chunks(1_000) {
        stage.append_records(batch.to_vec()).await;
    }
    // Were it read, this would end the lane: memory that cannot be read is no reason to act.
    stage.append_records(vec![stage.put(&key::waiting(&ActionId::from_text("a-unread")), &"no action")]).await;
    let running = stage.start();
    stage.append(&[stage.set("a-live", "live", 1)]).await;
    assert_eq!(stage.settled("a-live").await, End::Done);
    stage.until("the gauges tell", || stage.metrics.text().contains("waiting{connection=\"toy\"} 2000")).await;
    assert_eq!(stage.wire.sent().len(), 1, "nothing is due");
    running.stop().await;
    assert!(!stage.metrics.text().contains("waiting{connection=\"toy\"}"), "it is told by the next owner");
}

#[tokio::test]
async fn the_age_of_the_oldest_is_told() {
    let stage = Stage::new().await;
    stage.wire.say("/set", Say::Reply(Reply::new(503).header("retry-after", "600")));
    stage.append(&[stage.set("a-1", "one", 1)]).await;
    let running = stage.start();
    stage.parked("a-1", 1).await;
    let told =
        |age: &str| stage.metrics.text().contains(&format!("oldest_waiting_seconds{{connection=\"toy\"}} {age}\n"));
    for age in ["10", "20"] {
        stage.settle_down().await;
        stage.clock.advance(Duration::from_secs(10));
        stage.settle_down().await;
        assert!(told(age), "{age}");
    }
    running.stop().await;
}
