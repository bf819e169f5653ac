//! When an answer is lost, or the process dies before it: each class of operation goes on in its own way.

use spojka::{
    model::{code, http::Unanswered},
    topics::memory::End,
};

use super::{
    stage::{Stage, at},
    toy::SETTLE,
    wire::Say,
};

#[tokio::test]
async fn a_natural_operation_is_repeated() {
    let stage = Stage::new().await;
    stage.wire.say("/set", Say::Lost);
    stage.append(&[stage.set("a-1", "eva", 1)]).await;
    let running = stage.start();
    let waiting = stage.parked("a-1", 1).await;
    assert!(waiting.maybe_done);
    stage.pass_to(waiting.due);
    assert_eq!(stage.settled("a-1").await, End::Done);
    running.stop().await;
    assert_eq!(stage.wire.effects().len(), 2);
}

#[tokio::test]
async fn a_checked_operation_waits_until_a_look_up_can_tell() {
    for happened in [true, false] {
        let stage = Stage::new().await;
        stage.wire.say("/pay", if happened { Say::Lost } else { Say::Fail(Unanswered::Broken) });
        stage.append(&[stage.on("a-1", "pay", "o1")]).await;
        let running = stage.start();
        let waiting = stage.parked("a-1", 1).await;
        assert_eq!((waiting.due, waiting.maybe_done), (at(0) + SETTLE, true));
        stage.pass_to(waiting.due);
        assert_eq!(stage.settled("a-1").await, End::Done);
        running.stop().await;
        assert_eq!(stage.wire.effects(), ["/pay/o1/a-1"]);
        assert_eq!(stage.wire.sent().len(), if happened { 2 } else { 3 });
    }
}

#[tokio::test]
async fn an_unsafe_operation_is_in_doubt_and_never_sent_again() {
    let stage = Stage::new().await;
    stage.wire.say("/charge", Say::Fail(Unanswered::TimedOut));
    stage.append(&[stage.on("a-1", "charge", "o1")]).await;
    let running = stage.start();
    assert_eq!(stage.settled("a-1").await, End::Dead(code::IN_DOUBT));
    running.stop().await;
    assert_eq!(stage.wire.sent().len(), 1);
    assert_eq!(stage.dead_letters().await[0].code, code::IN_DOUBT);
}

#[tokio::test]
async fn an_unsafe_operation_that_never_left_is_tried_again() {
    let stage = Stage::new().await;
    stage.wire.say("/charge", Say::Fail(Unanswered::NotConnected));
    stage.append(&[stage.on("a-1", "charge", "o1")]).await;
    let running = stage.start();
    let waiting = stage.parked("a-1", 1).await;
    running.stop().await;
    let running = stage.start();
    stage.pass_to(waiting.due);
    assert_eq!(stage.settled("a-1").await, End::Done);
    running.stop().await;
}

/// Dies while the vendor has the request, and starts again.
async fn killed_under_way(operation: &str) -> (Stage, super::stage::Running) {
    let stage = Stage::new().await;
    stage.wire.say("/", Say::Hold);
    stage.append(&[stage.on("a-1", operation, "o1")]).await;
    let running = stage.start();
    stage.until("it is under way", || !stage.wire.sent().is_empty()).await;
    running.crash().await;
    let running = stage.start();
    (stage, running)
}

#[tokio::test]
async fn killed_under_way_a_natural_operation_is_repeated() {
    let (stage, running) = killed_under_way("set").await;
    assert_eq!(stage.settled("a-1").await, End::Done);
    running.stop().await;
    assert_eq!(stage.wire.sent().len(), 2);
}

#[tokio::test]
async fn killed_under_way_a_checked_operation_is_looked_up_when_the_vendor_has_settled() {
    let stage = Stage::new().await;
    stage.wire.say("/", Say::Hold);
    stage.append(&[stage.on("a-1", "pay", "o1")]).await;
    let running = stage.start();
    stage.until("it is under way", || !stage.wire.sent().is_empty()).await;
    // The intent is old by now, the request may have gone out only now.
    stage.clock.advance(SETTLE);
    running.crash().await;
    let running = stage.start();
    let waiting = stage.parked("a-1", 0).await;
    assert_eq!((waiting.due, waiting.maybe_done), (at(0) + SETTLE + SETTLE, true));
    stage.pass_to(waiting.due);
    assert_eq!(stage.settled("a-1").await, End::Done);
    running.stop().await;
    assert_eq!(stage.wire.sent()[1..], ["GET /paid/a-1", "POST /pay/o1/a-1"]);
}

#[tokio::test]
async fn killed_under_way_an_unsafe_operation_is_in_doubt() {
    let (stage, running) = killed_under_way("charge").await;
    assert_eq!(stage.settled("a-1").await, End::Dead(code::IN_DOUBT));
    running.stop().await;
    assert_eq!(stage.wire.sent().len(), 1);
}

#[tokio::test]
async fn what_got_through_once_may_be_done_whatever_came_after() {
    let stage = Stage::new().await;
    stage.wire.say("/second", Say::Fail(Unanswered::NotConnected));
    stage.append(&[stage.on("a-1", "pair", "o1")]).await;
    let running = stage.start();
    let waiting = stage.parked("a-1", 1).await;
    assert!(waiting.maybe_done);
    stage.pass_to(waiting.due);
    stage.settled("a-1").await;
    running.stop().await;
    assert_eq!(stage.wire.effects(), ["/first/o1", "/first/o1", "/second/o1"]);
}
