//! Loops: two lanes that answer each other's writes with webhooks come to rest, by the ledger or by the bound.

use std::time::Duration;

use serde_json::json;
use spojka::{
    dispatcher::LoopRule,
    model::{code, id::WebhookId},
    topics::{
        action::{Action, Source},
        memory::End,
    },
};

use super::stage::{Stage, at};

const RULE: LoopRule = LoopRule { actions: 5, within: Duration::from_mins(10) };

async fn stage() -> Stage {
    let mut stage = Stage::new().await;
    stage.delivery.loops = Some(RULE);
    stage
}

/// One turn of a mirror: the webhook that the last write gave rise to asks for the next.
fn turn(stage: &Stage, number: i64, value: i64) -> Action {
    let action = stage.action(&format!("a-{number}"), "set", &json!({ "object": "eva", "value": value }), number);
    let source = Source { webhook: WebhookId::from_text(format!("w-{number}")), ..action.source };
    Action { source, ..action }
}

#[tokio::test]
async fn a_mirror_that_writes_the_same_rests_after_one_turn() {
    let stage = stage().await;
    let running = stage.start();
    for number in 0..20 {
        stage.append(&[turn(&stage, number, 1)]).await;
        let end = stage.settled(&format!("a-{number}")).await;
        assert_eq!(end, if number == 0 { End::Done } else { End::Unchanged });
    }
    running.stop().await;
    assert_eq!(stage.wire.effects().len(), 1);
    assert!(stage.dead_letters().await.is_empty());
}

#[tokio::test]
async fn a_mirror_that_writes_something_new_each_turn_is_stopped_with_its_causes() {
    let stage = stage().await;
    let running = stage.start();
    for number in 0..5 {
        stage.append(&[turn(&stage, number, number)]).await;
        assert_eq!(stage.settled(&format!("a-{number}")).await, End::Done);
    }
    stage.append(&[turn(&stage, 5, 5), stage.set("a-other", "other", 1)]).await;
    assert_eq!(stage.settled("a-5").await, End::Dead(code::LOOP_SUSPECTED));
    assert_eq!(stage.settled("a-other").await, End::Done, "other objects go on");
    let letter = stage.dead_letters().await.remove(0);
    assert!(letter.message.contains("`flow/step` for w-1, then"), "{}", letter.message);
    assert!(letter.message.ends_with("for w-5"), "{}", letter.message);
    assert!(stage.metrics.text().contains("spojka_loops_suspected_total{connection=\"toy\"} 1"));

    // A person asks for it again, and later the object may be written again.
    stage.append(&[Action { retry: 1, ..turn(&stage, 5, 5) }]).await;
    stage.until("it was asked for again", || stage.end_of("a-5") == Some(End::Done)).await;
    stage.pass_to(at(601));
    stage.append(&[turn(&stage, 6, 6)]).await;
    assert_eq!(stage.settled("a-6").await, End::Done);
    running.stop().await;
}
