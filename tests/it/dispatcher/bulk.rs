//! The lane's second topic: it is read beside the first, on a budget, and disturbs nothing.

use std::time::Duration;

use serde_json::json;
use spojka::{
    model::{
        code,
        http::{Reply, Unanswered},
    },
    topics::{
        action::{Action, Purpose},
        control::Control,
        event::{Origin, OriginKind},
        memory::{self, BulkPosition, End, key},
        record::{Append, RecordHeaders},
        webhook::{Arrival, Webhook},
    },
};

use super::{
    stage::{Stage, at},
    wire::Say,
};

const SECOND: Duration = Duration::from_secs(1);

fn replayed(action: Action) -> Action {
    Action { origin: Origin::of_run(OriginKind::Replay, "run"), ..action }
}

impl Stage {
    async fn append_bulk(&self, actions: Vec<Action>) {
        let topic = self.names.bulk(&self.name);
        self.append_records(actions.into_iter().map(|action| replayed(action).to_append(topic.clone())).collect())
            .await;
    }

    fn position(&self) -> BulkPosition {
        self.read(key::BULK).unwrap_or_default()
    }

    async fn position_is(&self, next: u64) {
        self.pass_until("the bulk position moves", SECOND, || self.position().next == next).await;
    }
}

#[tokio::test]
async fn it_is_read_beside_the_live_topic_and_the_position_outlives_the_owner() {
    let stage = Stage::new().await;
    stage.append_bulk(vec![stage.set("a-1", "one", 1)]).await;
    let running = stage.start();
    assert_eq!(stage.settled("a-1").await, End::Done);
    stage.append(&[stage.set("a-2", "two", 1)]).await;
    assert_eq!(stage.settled("a-2").await, End::Done);
    running.stop().await;
    assert_eq!(stage.position(), BulkPosition { next: 1, heard: 1 });
    assert_eq!(stage.committed().await, Some(1), "each topic is counted apart");
}

#[tokio::test]
async fn what_comes_later_is_found_within_a_second() {
    let stage = Stage::new().await;
    let running = stage.start();
    stage.append(&[stage.set("a-0", "zero", 1)]).await;
    stage.settled("a-0").await;
    stage.append_bulk(vec![stage.set("a-1", "one", 1)]).await;
    stage.settle_down().await;
    stage.clock.advance(SECOND);
    assert_eq!(stage.settled("a-1").await, End::Done);
    stage.position_is(1).await;
    running.stop().await;
}

#[tokio::test]
async fn an_owner_begins_where_the_last_one_ended() {
    let stage = Stage::new().await;
    stage.append_bulk(vec![stage.set("a-1", "one", 1), stage.set("a-2", "two", 1)]).await;
    let position = BulkPosition { next: 1, heard: 1 };
    let record = memory::put(&stage.names.memory(&stage.name), key::BULK, &position, 0, at(0));
    stage.append_records(vec![record]).await;
    let running = stage.start();
    stage.settled("a-2").await;
    running.stop().await;
    assert_eq!(stage.end_of("a-1"), None, "it was before the position");
}

#[tokio::test]
async fn bulk_keeps_to_its_budget_and_live_actions_do_not_wait_for_it() {
    let mut stage = Stage::new().await;
    stage.delivery.bulk.per_second = Some(2);
    let bulk: Vec<_> = (0..5).map(|n| stage.set(&format!("a-bulk-{n}"), &format!("b{n}"), 1)).collect();
    stage.append_bulk(bulk).await;
    let running = stage.start();
    stage.settled("a-bulk-0").await;
    let live: Vec<_> = (0..20).map(|n| stage.set(&format!("a-{n}"), &format!("l{n}"), 1)).collect();
    stage.append(&live).await;
    for n in 0..20 {
        stage.settled(&format!("a-{n}")).await;
    }
    stage.settle_down().await;
    let done = |stage: &Stage| (0..5).filter(|n| stage.end_of(&format!("a-bulk-{n}")).is_some()).count();
    assert_eq!(done(&stage), 1, "half a second has not passed");
    for expected in 2..=5 {
        stage.clock.advance(Duration::from_millis(499));
        stage.settle_down().await;
        assert_eq!(done(&stage), expected - 1);
        stage.clock.advance(Duration::from_millis(1));
        stage.settled(&format!("a-bulk-{}", expected - 1)).await;
        // The lane hears of it behind the write, and the budget counts from then.
        stage.settle_down().await;
    }
    running.stop().await;
}

#[tokio::test]
async fn one_bulk_action_goes_at_a_time() {
    let mut stage = Stage::new().await;
    stage.delivery.bulk.per_second = None;
    stage.wire.say("/set", Say::Hold);
    stage.append_bulk(vec![stage.set("a-1", "one", 1), stage.set("a-2", "two", 1)]).await;
    let running = stage.start();
    stage.until("the first is under way", || stage.wire.sent().len() == 1).await;
    stage.settle_down().await;
    assert_eq!(stage.wire.sent().len(), 1);
    stage.wire.release();
    stage.settled("a-2").await;
    assert_eq!(stage.wire.most_under_way(), 1);
    running.stop().await;
}

#[tokio::test]
async fn a_key_where_a_live_action_waits_behind_a_bulk_one_is_live_and_keeps_its_order() {
    let stage = Stage::new().await;
    let late = stage.action("a-3", "set", &json!({ "object": "two", "value": 3 }), 2);
    stage.append_bulk(vec![stage.set("a-1", "one", 1), stage.set("a-2", "two", 2)]).await;
    let running = stage.start();
    stage.settled("a-1").await;
    stage.settle_down().await;
    assert_eq!(stage.end_of("a-2"), None, "the budget is used up");
    stage.append(&[late]).await;
    stage.settled("a-3").await;
    assert_eq!(stage.end_of("a-2"), Some(End::Done));
    assert_eq!(stage.wire.effects().len(), 3);
    running.stop().await;
}

#[tokio::test]
async fn what_ledger_or_memory_settle_costs_nothing_of_the_budget() {
    let stage = Stage::new().await;
    let same = |n: i64| stage.action(&format!("a-{n}"), "set", &json!({ "object": "one", "value": 1 }), n);
    stage.append_bulk((0..10).map(same).collect()).await;
    let running = stage.start();
    stage.settled("a-0").await;
    stage.clock.advance(SECOND);
    for n in 1..10 {
        assert_eq!(stage.settled(&format!("a-{n}")).await, End::Unchanged);
    }
    running.stop().await;
}

#[tokio::test]
async fn a_parked_bulk_action_lets_the_position_pass_and_stays_on_the_budget() {
    let stage = Stage::new().await;
    stage.wire.say("/set/one", Say::Fail(Unanswered::NotConnected));
    stage.append_bulk(vec![stage.set("a-1", "one", 1), stage.set("a-2", "one", 2)]).await;
    let running = stage.start();
    let waiting = stage.parked("a-1", 1).await;
    assert!(waiting.bulk);
    stage.until("its follower waits too", || stage.waiting("a-2").is_some()).await;
    running.stop().await;
    assert_eq!(stage.position().next, 2);

    let running = stage.start();
    stage.pass_to(waiting.due);
    stage.settled("a-1").await;
    stage.settle_down().await;
    assert_eq!(stage.end_of("a-2"), None, "the budget is used up");
    stage.clock.advance(SECOND);
    stage.settled("a-2").await;
    running.stop().await;
}

#[tokio::test]
async fn what_cannot_be_read_is_a_dead_letter_of_the_bulk_topic() {
    let stage = Stage::new().await;
    let topic = stage.names.bulk(&stage.name);
    let record = Append {
        topic: topic.clone(),
        partition: Some(0),
        key: "k".into(),
        headers: RecordHeaders::default(),
        value: Some("no action".into()),
        timestamp: at(0),
    };
    let control = Append { value: Some("\"dance\"".into()), ..Control::Pause.to_append(topic.clone(), at(0)) };
    stage.append_records(vec![record, control]).await;
    stage.append_bulk(vec![stage.set("a-1", "one", 1)]).await;
    let running = stage.start();
    stage.settled("a-1").await;
    running.stop().await;
    let letters = stage.dead_letters().await;
    assert_eq!(letters.len(), 2);
    assert!(letters.iter().all(|letter| letter.code == code::UNREADABLE_RECORD && letter.topic == topic));
    assert_eq!(stage.position().next, 3);
}

#[tokio::test]
async fn what_a_bulk_action_gives_rise_to_stays_bulk() {
    let stage = Stage::new().await;
    let origin = replayed(stage.set("a", "one", 1)).origin;
    let webhook = Webhook {
        id: stage.set("a", "one", 1).source.webhook,
        connection: stage.name.clone(),
        arrived: at(0),
        arrival: Arrival::Polled { poll: "rows".to_owned(), row: "1".to_owned(), version: None, complete: false },
        body: "{}".into(),
        replies: Vec::new(),
        origin: origin.clone(),
        traceparent: None,
        key: stage.ids.partition(&stage.name, "1"),
    };
    let purpose = Purpose::Fetch { purpose: "document".to_owned(), webhook: Box::new(webhook) };
    let fetch = Action { purpose, ..stage.on("a-fetch", "read", "doc") };
    let step = super::stage::with_continuation(stage.on("a-step", "set", "two"));
    stage.wire.say("/set/three", Say::Reply(Reply::new(400)));
    stage.append_bulk(vec![fetch, step, stage.set("a-dies", "three", 1)]).await;
    let running = stage.start();
    let all = || ["a-fetch", "a-step", "a-dies"].iter().all(|id| stage.end_of(id).is_some());
    stage.pass_until("all are settled", SECOND, all).await;
    running.stop().await;
    assert_eq!(stage.webhooks().await[0].origin, origin);
    assert_eq!(stage.step_origins().await, [origin]);
    assert_eq!(stage.dead_letters().await[0].topic, stage.names.bulk(&stage.name));
}

/// Whatever waits before it: a person who stops a lane does not wait behind a replay.
#[tokio::test]
async fn a_control_is_heard_ahead_of_what_waits_before_it_and_only_once() {
    let stage = Stage::new().await;
    let bulk = (0..2_000).map(|n| stage.set(&format!("a-{n}"), &format!("o{n}"), 1)).collect();
    stage.append_bulk(bulk).await;
    let topic = stage.names.bulk(&stage.name);
    stage.append_records(vec![Control::Resume.to_append(topic, at(0))]).await;
    let running = stage.start();
    stage.pass_until("all is heard", SECOND, || stage.position().heard == 2_001).await;
    assert!(stage.position().next < 1_000, "most of it still waits");
    running.stop().await;
}
