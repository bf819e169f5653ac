//! What an action comes to, what is written about it and in which order, and what a crash in between leaves to do.

use bytes::Bytes;
use serde_json::json;
use spojka::{
    model::{
        code,
        http::{Headers, Method, Reply},
        id::{KeyHash, WebhookId},
    },
    topics::{
        action::{Action, Purpose, Source},
        event::Origin,
        memory::{End, Link, RegisterEntry, key},
        webhook::{Arrival, Webhook},
    },
};

use super::{
    stage::{Stage, at, with_continuation},
    wire::Say,
};

#[tokio::test]
async fn a_state_is_done_then_unchanged_then_superseded() {
    let stage = Stage::new().await;
    let set = |id: &str, value: i64, version: i64| {
        stage.action(id, "set", &json!({ "object": "eva", "value": value }), version)
    };
    stage.append(&[set("a-1", 1, 5), set("a-2", 1, 6), set("a-3", 2, 4), set("a-4", 3, 6)]).await;
    let running = stage.start();
    assert_eq!(stage.settled("a-4").await, End::Done);
    let ends = ["a-1", "a-2", "a-3"].map(|id| stage.end_of(id));
    assert_eq!(ends, [Some(End::Done), Some(End::Unchanged), Some(End::Superseded)]);
    assert_eq!(stage.wire.effects(), ["/set/eva/fields", "/set/eva/fields"]);
    running.stop().await;
    assert_eq!(stage.committed().await, Some(4));
}

#[tokio::test]
async fn once_is_settled_by_any_success() {
    let stage = Stage::new().await;
    let later = stage.action("a-2", "charge", &json!({ "object": "o1", "value": 2 }), 9);
    stage
        .append(&[stage.on("a-1", "charge", "o1"), later, stage.on("a-3", "pay", "o2"), stage.on("a-4", "pay", "o2")])
        .await;
    let running = stage.start();
    assert_eq!((stage.settled("a-2").await, stage.settled("a-4").await), (End::Unchanged, End::Unchanged));
    assert_eq!(stage.outcome("a-2").unwrap().result, stage.outcome("a-1").unwrap().result, "the first one's result");
    running.stop().await;
    assert_eq!(stage.wire.effects().len(), 2);
}

#[tokio::test]
async fn contributions_add_up_and_each_counts_once() {
    let stage = Stage::new().await;
    let sum = |id: &str, contribution: &str, value: i64| {
        stage.action(id, "sum", &json!({ "object": "eva", "id": contribution, "value": value }), 1)
    };
    stage.append(&[sum("a-1", "o1", 100), sum("a-2", "o2", 20), sum("a-3", "o1", 100), sum("a-4", "o1", 50)]).await;
    let running = stage.start();
    assert_eq!(stage.settled("a-4").await, End::Done);
    assert_eq!(stage.end_of("a-3"), Some(End::Unchanged));
    running.stop().await;
    assert_eq!(stage.wire.effects(), ["/sum/eva/100", "/sum/eva/120", "/sum/eva/70"]);
}

#[tokio::test]
async fn one_id_has_one_effect_however_often_it_comes() {
    let stage = Stage::new().await;
    let charge = stage.on("a-1", "charge", "o1");
    // In line beside itself, while it is under way.
    stage.wire.say("/charge", Say::Hold);
    stage.append(&[charge.clone(), charge.clone()]).await;
    let running = stage.start();
    stage.until("it is under way", || !stage.wire.sent().is_empty()).await;
    stage.append(std::slice::from_ref(&charge)).await;
    stage.wire.release();
    stage.settled("a-1").await;
    stage.append(&[charge, stage.on("a-2", "charge", "o2")]).await;
    stage.settled("a-2").await;
    running.stop().await;
    assert_eq!(stage.wire.effects(), ["/charge/o1/charge", "/charge/o2/charge"]);
    assert_eq!(stage.committed().await, Some(5));
}

#[tokio::test]
async fn a_copy_of_a_waiting_action_does_not_make_it_forget_its_attempts() {
    let stage = Stage::new().await;
    stage.wire.say("/charge", Say::Fail(spojka::model::http::Unanswered::NotConnected));
    let charge = stage.on("a-1", "charge", "o1");
    stage.append(&[charge.clone(), charge]).await;
    let running = stage.start();
    stage.parked("a-1", 1).await;
    stage.settle_down().await;
    assert_eq!(stage.waiting("a-1").unwrap().attempts, 1);
    running.stop().await;
    assert_eq!(stage.committed().await, Some(2));
}

#[tokio::test]
async fn reading_the_topic_again_does_nothing_again() {
    let stage = Stage::new().await;
    let actions = [stage.set("a-1", "eva", 1), stage.on("a-2", "charge", "o1"), stage.on("a-3", "pay", "o1")];
    stage.wire.say("/set", Say::Reply(Reply::new(400)));
    stage.append(&actions).await;
    let running = stage.start();
    for id in ["a-1", "a-2", "a-3"] {
        stage.settled(id).await;
    }
    running.stop().await;
    let sent = stage.wire.sent();
    stage.rewind().await;
    stage.append(&[stage.set("a-9", "end", 1)]).await;
    let running = stage.start();
    stage.settled("a-9").await;
    running.stop().await;
    assert_eq!(stage.wire.sent()[..sent.len()], sent);
    assert_eq!(stage.wire.sent().len(), sent.len() + 1, "only the new one");
    assert_eq!(stage.committed().await, Some(4));
}

fn fetch(stage: &Stage) -> Action {
    let webhook = Webhook {
        id: WebhookId::from_text("w-1"),
        connection: stage.name.clone(),
        arrived: at(0),
        arrival: Arrival::Pushed { method: Method::Post, event: None, query: Vec::new(), headers: Headers::new() },
        body: Bytes::from_static(b"thin"),
        replies: Vec::new(),
        origin: Origin::default(),
        traceparent: None,
        key: KeyHash::from_text("k-1"),
    };
    let purpose = Purpose::Fetch { purpose: "document".to_owned(), webhook: Box::new(webhook) };
    Action { purpose, ..stage.on("a-1", "read", "w-1") }
}

#[tokio::test]
async fn a_fetched_reply_goes_back_behind_its_webhook() {
    let stage = Stage::new().await;
    stage.wire.say("/read", Say::Reply(Reply::new(200).text("the document")));
    stage.append(&[fetch(&stage), fetch(&stage)]).await;
    let running = stage.start();
    stage.settled("a-1").await;
    running.stop().await;
    let webhooks = stage.webhooks().await;
    assert_eq!(webhooks.len(), 1);
    let reply = webhooks[0].reply("document").expect("the reply");
    assert_eq!((webhooks[0].body.as_ref(), reply.body.as_ref()), (&b"thin"[..], &b"the document"[..]));
}

#[tokio::test]
async fn a_reply_that_the_log_has_no_room_for_is_a_dead_letter_and_the_lane_goes_on() {
    let stage = Stage::new().await;
    stage.wire.say("/read", Say::Reply(Reply::new(200).text("x".repeat(20 << 20))));
    stage.append(&[fetch(&stage), stage.set("a-2", "eva", 1)]).await;
    let running = stage.start();
    assert_eq!(stage.settled("a-1").await, End::Dead(code::ANSWER_TOO_LARGE));
    stage.settled("a-2").await;
    running.stop().await;
}

#[tokio::test]
async fn what_comes_of_an_action_stands_before_its_ledger_and_that_before_its_outcome() {
    let stage = Stage::new().await;
    stage.append(&[with_continuation(stage.set("a-1", "eva", 1))]).await;
    let running = stage.start();
    stage.settled("a-1").await;
    running.stop().await;
    let object = stage.ids.conflict(&stage.name, "eva");
    let own: Vec<_> = stage.faults.written().concat().into_iter().filter(|name| name != "t.memory.toy claim").collect();
    let memory = |key: String| format!("t.memory.toy {key}");
    let expected = [
        "t.actions.toy ".to_owned() + object.as_str(),
        "t.events.step k-source".to_owned(),
        memory(key::register(&object, "fields")),
        memory(key::link(&object)),
        memory("a/a-1".to_owned()),
    ];
    assert_eq!(own, expected);
    assert_eq!(stage.read::<Link>(&key::link(&object)).unwrap().vendor_id, "id-1");
    assert_eq!(stage.read::<RegisterEntry>(&key::register(&object, "fields")).unwrap().action.as_str(), "a-1");
}

/// Runs an action, dies in the write that begins with a record of this name behind so many of its records, and runs again.
async fn cut_at(operation: &str, begins_with: &'static str, count: usize) -> Stage {
    let stage = Stage::new().await;
    stage.faults.cut(move |records| {
        let name = format!("{} {}", records[0].topic, String::from_utf8_lossy(&records[0].key));
        name.starts_with(begins_with).then_some(count)
    });
    stage.append(&[with_continuation(stage.on("a-1", operation, "o1"))]).await;
    let running = stage.start();
    stage.until("it is cut off", || stage.faults.is_cut()).await;
    running.crash().await;
    stage.faults.mend();
    let running = stage.start();
    // Time may pass before the new owner begins to wait, on a busy machine: then it passes once more.
    stage.pass_until("a-1 is settled", super::toy::SETTLE, || stage.outcome("a-1").is_some()).await;
    running.stop().await;
    stage
}

const OUTPUTS: &str = "t.events.step";
const LEDGER: &str = "t.memory.toy r/";

#[tokio::test]
async fn cut_off_before_anything_was_written_a_checked_action_is_looked_up() {
    let stage = cut_at("pay", OUTPUTS, 0).await;
    assert_eq!(stage.wire.effects(), ["/pay/o1/a-1"]);
    assert_eq!(stage.wire.sent(), ["POST /pay/o1/a-1", "GET /paid/a-1"]);
    assert_eq!(stage.steps().await, [("step.done".to_owned(), "done".to_owned())]);
}

#[tokio::test]
async fn cut_off_behind_the_step_event_it_is_told_again_and_done_once() {
    let stage = cut_at("pay", LEDGER, 0).await;
    assert_eq!(stage.wire.effects(), ["/pay/o1/a-1"]);
    let done = ("step.done".to_owned(), "done".to_owned());
    assert_eq!(stage.steps().await, [done.clone(), done], "the same event, with the same id");
}

#[tokio::test]
async fn cut_off_behind_the_ledger_nothing_is_sent_again() {
    for operation in ["set", "pay", "charge"] {
        let stage = cut_at(operation, LEDGER, 1).await;
        assert_eq!(stage.wire.sent().len(), 1, "{operation}");
        assert_eq!(stage.end_of("a-1"), Some(End::Done), "{operation}");
        assert_eq!(stage.outcome("a-1").unwrap().result["id"], "id-1", "{operation}");
        assert!(stage.dead_letters().await.is_empty(), "{operation}");
    }
}

#[tokio::test]
async fn cut_off_behind_the_outcome_nothing_is_left_to_do() {
    let stage = cut_at("charge", LEDGER, 3).await;
    assert_eq!(stage.wire.sent().len(), 1);
    assert!(stage.waiting("a-1").is_none());
}

#[tokio::test]
async fn cut_off_behind_its_dead_letter_an_action_dies_once_more_under_the_same_name() {
    let stage = Stage::new().await;
    for _time in 0..2 {
        stage.wire.say("/set", Say::Reply(Reply::new(400)));
    }
    stage.faults.cut(|records| records[0].key.starts_with(b"a/").then_some(0));
    stage.append(&[stage.set("a-1", "eva", 1)]).await;
    let running = stage.start();
    stage.until("it is cut off", || stage.faults.is_cut()).await;
    running.crash().await;
    stage.faults.mend();
    let running = stage.start();
    assert_eq!(stage.settled("a-1").await, End::Dead(code::REFUSED));
    running.stop().await;
    assert_eq!(stage.dead_letters().await.len(), 1);
}

#[tokio::test]
async fn a_log_that_is_away_for_a_while_loses_nothing() {
    let stage = Stage::new().await;
    stage.wire.say("/charge", Say::Hold);
    stage.append(&[with_continuation(stage.on("a-1", "charge", "o1"))]).await;
    let running = stage.start();
    stage.until("it is under way", || !stage.wire.sent().is_empty()).await;
    stage.faults.be_away_for(3);
    stage.wire.release();
    stage.log_is_away_for(3, std::time::Duration::from_secs(4)).await;
    assert_eq!(stage.settled("a-1").await, End::Done);
    running.stop().await;
    assert_eq!(stage.wire.effects().len(), 1);
    assert_eq!(stage.steps().await.len(), 1);
}

/// A state that comes back within the second has the id of its first coming.
#[tokio::test]
async fn a_b_a_within_one_second_ends_at_a_and_nothing_is_done_a_fourth_time() {
    let stage = Stage::new().await;
    let turn = |id: &str, value: i64, webhook: &str, arrived: i64| {
        let action = stage.set(id, "eva", value);
        let webhook = WebhookId::from_text(webhook);
        Action { source: Source { webhook, arrived: at(arrived), ..action.source.clone() }, ..action }
    };
    let all = [turn("a-a", 1, "w-1", 1), turn("a-b", 2, "w-2", 2), turn("a-a", 1, "w-3", 3)];
    stage.append(&all).await;
    stage.append(&[stage.set("a-9", "end", 1)]).await;
    let running = stage.start();
    stage
        .until("the last one is done", || stage.wire.effects().iter().filter(|path| path.contains("eva")).count() == 3)
        .await;
    // Whatever comes again afterwards, in any order, is settled: also a new telling of the first state by a poll.
    stage.append(&all).await;
    stage.append(&[turn("a-a", 1, "w-4", 4), stage.set("a-10", "end", 2)]).await;
    stage.settled("a-10").await;
    running.stop().await;
    assert_eq!(stage.wire.effects().iter().filter(|path| path.contains("eva")).count(), 3);
    let object = stage.ids.conflict(&stage.name, "eva");
    let entry: RegisterEntry = stage.read(&key::register(&object, "fields")).expect("written");
    assert_eq!(entry.source.webhook.as_str(), "w-3");
}
