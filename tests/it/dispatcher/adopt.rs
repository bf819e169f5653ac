//! Adopting: the ledger learns what a vendor holds, and nothing is sent.

use serde_json::{Value, json};
use spojka::topics::{
    action::{Action, Source},
    event::STEP_DONE,
    memory::{End, RegisterEntry, key},
};

use super::stage::{Stage, at, with_continuation};

fn adopted(action: Action) -> Action {
    Action { adopt: true, ..action }
}

fn fields(stage: &Stage, id: &str, fields: &Value, moment: i64) -> Action {
    stage.action(id, "set", &json!({ "object": "eva", "fields": fields }), moment)
}

#[tokio::test]
async fn what_is_adopted_is_not_sent_and_settles_what_comes_later() {
    let stage = Stage::new().await;
    let first = adopted(stage.set("a-1", "eva", 7));
    let same = Action { id: stage.set("a-2", "", 0).id, adopt: false, ..first.clone() };
    stage.append(&[first, same, adopted(stage.on("a-3", "pay", "order")), stage.on("a-4", "pay", "order")]).await;
    let running = stage.start();
    assert_eq!(stage.settled("a-4").await, End::Unchanged, "it happened once");
    running.stop().await;
    let ends = ["a-1", "a-2", "a-3"].map(|id| stage.end_of(id));
    assert_eq!(ends, [Some(End::Adopted), Some(End::Unchanged), Some(End::Adopted)]);
    assert!(stage.wire.sent().is_empty());
}

#[tokio::test]
async fn it_never_stands_over_something_newer() {
    let stage = Stage::new().await;
    let newer = fields(&stage, "a-1", &json!({ "name": "Eva" }), 5);
    let older = adopted(fields(&stage, "a-2", &json!({ "name": "Ev", "city": "Brno" }), 3));
    let oldest = adopted(fields(&stage, "a-3", &json!({ "name": "E" }), 1));
    stage.append(&[newer, older, oldest]).await;
    let running = stage.start();
    assert_eq!(stage.settled("a-3").await, End::Superseded);
    running.stop().await;
    assert_eq!(stage.end_of("a-2"), Some(End::Adopted), "the city is news");
    let object = stage.ids.conflict(&stage.name, "eva");
    let source = |register: &str| -> Source {
        stage.read::<RegisterEntry>(&key::register(&object, register)).expect("written").source
    };
    assert_eq!((source("name").version, source("city").version), (5, 3));
    assert_eq!(stage.wire.sent().len(), 1);
}

#[tokio::test]
async fn the_flow_goes_on_behind_it_and_is_told_how_it_ended() {
    let stage = Stage::new().await;
    stage.append(&[with_continuation(adopted(stage.set("a-1", "eva", 7)))]).await;
    let running = stage.start();
    stage.settled("a-1").await;
    running.stop().await;
    assert_eq!(stage.steps().await, [(STEP_DONE.name.to_owned(), "adopted".to_owned())]);
}

/// A fold keeps contributions: what was adopted is part of the next sum.
#[tokio::test]
async fn an_adopted_contribution_counts_in_the_next_sum() {
    let stage = Stage::new().await;
    let sum = |id: &str, part: &str, value: i64| {
        stage.action(id, "sum", &json!({ "object": "eva", "id": part, "value": value }), 1)
    };
    stage.append(&[adopted(sum("a-1", "one", 40)), sum("a-2", "two", 2)]).await;
    let running = stage.start();
    stage.settled("a-2").await;
    running.stop().await;
    assert_eq!(stage.wire.effects(), ["/sum/eva/42"]);
    assert_eq!(stage.now(), at(0));
}
