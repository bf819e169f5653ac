//! Order within a conflict key, parallelism across keys, and what a waiting key holds up: nothing but itself.

use std::time::Duration;

use spojka::model::http::Reply;

use super::{stage::Stage, wire::Say};

#[tokio::test]
async fn one_key_goes_one_by_one_and_keys_beside_each_other() {
    let stage = Stage::new().await;
    for _time in 0..10 {
        stage.wire.say("/set", Say::Hold);
    }
    let keys = ["a", "b", "c", "d", "e"].into_iter().cycle();
    let actions: Vec<_> = (0..10_i64).zip(keys).map(|(n, key)| stage.set(&format!("a-{n}"), key, n)).collect();
    stage.append(&actions).await;
    let running = stage.start();
    stage.until("all that may go are under way", || stage.wire.sent().len() == 4).await;
    stage.settle_down().await;
    assert_eq!(stage.wire.sent().len(), 4, "no more than the connection takes");
    stage.wire.release();
    for n in 0..10 {
        stage.settled(&format!("a-{n}")).await;
    }
    running.stop().await;
    assert_eq!((stage.wire.most_under_way(), stage.wire.effects().len()), (4, 10));
}

#[tokio::test]
async fn a_waiting_action_and_its_followers_let_the_offset_pass() {
    let stage = Stage::new().await;
    stage.wire.say("/sum/bad", Say::Reply(Reply::new(500)));
    let follower = |id: &str, value: i64| {
        let parameters = serde_json::json!({ "object": "bad", "id": id, "value": value });
        stage.action(id, "sum", &parameters, value)
    };
    stage.append(&[follower("a-1", 1), follower("a-2", 10), stage.set("a-3", "good", 1), follower("a-4", 100)]).await;
    let running = stage.start();
    let head = stage.parked("a-1", 1).await;
    stage.parked("a-2", 0).await;
    stage.parked("a-4", 0).await;
    stage.settled("a-3").await;
    assert_eq!(stage.waiting("a-2").unwrap().due, head.due);
    running.stop().await;
    assert_eq!(stage.committed().await, Some(4));

    // They come from memory now, in their order, before what came later.
    stage.append(&[follower("a-5", 1000)]).await;
    let running = stage.start();
    stage.parked("a-5", 0).await;
    stage.pass_to(head.due);
    stage.settled("a-5").await;
    running.stop().await;
    let effects: Vec<_> = stage.wire.effects().into_iter().filter(|path| path.starts_with("/sum")).collect();
    assert_eq!(effects, ["/sum/bad/1", "/sum/bad/11", "/sum/bad/111", "/sum/bad/1111"]);
}

#[tokio::test]
async fn an_open_action_holds_the_offset_back() {
    let stage = Stage::new().await;
    stage.wire.say("/set/slow", Say::Hold);
    stage.append(&[stage.set("a-1", "slow", 1), stage.set("a-2", "fast", 1)]).await;
    let running = stage.start();
    stage.settled("a-2").await;
    stage.clock.advance(Duration::from_secs(5));
    stage.settle_down().await;
    stage.clock.advance(Duration::from_secs(5));
    stage.settle_down().await;
    assert!(stage.committed().await.unwrap_or(0) == 0);
    running.crash().await;
    let running = stage.start();
    stage.settled("a-1").await;
    running.stop().await;
    assert_eq!(stage.committed().await, Some(2));
}

#[tokio::test]
async fn more_than_a_lane_holds_gets_done_on_one_key_and_on_many() {
    for many in [false, true] {
        let stage = Stage::new().await;
        let key = |n: i64| if many { format!("o{n}") } else { "o".to_owned() };
        let actions: Vec<_> = (0..1500_i64).map(|n| stage.set(&format!("a-{n}"), &key(n), n)).collect();
        stage.append(&actions).await;
        let running = stage.start();
        // In steps: a busy machine takes its time for so many.
        for n in (0..1500).step_by(250).chain((0..1500).rev()) {
            stage.settled(&format!("a-{n}")).await;
        }
        running.stop().await;
        assert_eq!((stage.wire.effects().len(), stage.committed().await), (1500, Some(1500)));
    }
}

#[tokio::test]
async fn followers_without_end_wait_in_memory_and_are_written_once_each() {
    let stage = Stage::new().await;
    stage.wire.say("/set/bad", Say::Reply(Reply::new(500).header("retry-after", "1000")));
    let actions: Vec<_> = (0..2500_i64).map(|n| stage.set(&format!("a-{n}"), "bad", n)).collect();
    stage.append(&actions).await;
    let running = stage.start();
    stage.parked("a-2499", 0).await;
    let waits = stage.faults.written().concat().into_iter().filter(|name| name.contains(" w/")).count();
    assert_eq!(waits, 2500);
    running.stop().await;
    assert_eq!(stage.committed().await, Some(2500));
}

#[tokio::test]
async fn a_record_that_is_no_action_is_a_dead_letter_and_holds_nobody_up() {
    let stage = Stage::new().await;
    let mut record = stage.set("a-1", "eva", 1).to_append(stage.names.actions(&stage.name));
    record.value = Some("not an action".into());
    stage.append_records(vec![record]).await;
    stage.append(&[stage.set("a-2", "eva", 1)]).await;
    let running = stage.start();
    stage.settled("a-2").await;
    running.stop().await;
    let letters = stage.dead_letters().await;
    assert_eq!((letters.len(), letters[0].value.as_ref()), (1, &b"not an action"[..]));
    assert_eq!(stage.committed().await, Some(2));
}
