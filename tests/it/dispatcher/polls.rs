//! Polls: what the vendor lists becomes webhooks, each state of a row once.

use std::time::Duration;

use spojka::{
    model::http::Reply,
    topics::{memory::key, webhook::Arrival},
};

use super::{
    stage::Stage,
    toy::{POLL_EVERY, Toy},
    wire::Say,
};

async fn polling() -> Stage {
    let stage = Stage::of(Toy { polls: true, ..Toy::default() }).await;
    stage.wire.set_rows(&[("r1", "s1"), ("r2", "s1")]);
    stage
}

/// Waits until so many polls have been recorded.
async fn polled(stage: &Stage, count: u64) {
    stage.until("polled", || stage.read::<u64>(&key::cursor("rows")) == Some(count)).await;
}

async fn rows(stage: &Stage) -> Vec<String> {
    let row = |arrival: Arrival| match arrival {
        Arrival::Polled { row, .. } => row,
        Arrival::Pushed { .. } => panic!("nobody pushes"),
    };
    stage.webhooks().await.into_iter().map(|webhook| row(webhook.arrival)).collect()
}

#[tokio::test]
async fn a_row_becomes_a_webhook_once_and_again_when_its_state_changes() {
    let stage = polling().await;
    let running = stage.start();
    polled(&stage, 1).await;
    stage.wire.set_rows(&[("r1", "s1"), ("r2", "s2"), ("r3", "s1"), ("r3", "s1")]);
    // The next one is due that long after the lane has heard of the end of this one.
    stage.settle_down().await;
    stage.clock.advance(POLL_EVERY);
    polled(&stage, 2).await;
    running.stop().await;
    assert_eq!(rows(&stage).await, ["r1", "r2", "r2", "r3"]);
}

#[tokio::test]
async fn the_cursor_and_what_was_seen_outlive_the_process() {
    let stage = polling().await;
    let running = stage.start();
    polled(&stage, 1).await;
    running.crash().await;
    let running = stage.start();
    polled(&stage, 2).await;
    running.stop().await;
    assert_eq!(stage.wire.sent(), ["GET /rows?after=start", "GET /rows?after=1"]);
    assert_eq!(rows(&stage).await, ["r1", "r2"]);
}

#[tokio::test]
async fn cut_off_behind_its_webhooks_a_poll_tells_the_same_webhooks_again() {
    let stage = polling().await;
    stage.faults.cut(|records| records[0].key.starts_with(b"s/").then_some(0));
    let running = stage.start();
    stage.until("it is cut off", || stage.faults.is_cut()).await;
    running.crash().await;
    stage.faults.mend();
    let running = stage.start();
    polled(&stage, 2).await;
    running.stop().await;
    let ids: Vec<_> = stage.webhooks().await.into_iter().map(|webhook| webhook.id).collect();
    assert_eq!((ids.len(), &ids[..2]), (4, &ids[2..]));
}

#[tokio::test]
async fn a_poll_that_fails_waits_longer_each_time_and_as_long_as_it_is_told() {
    let stage = polling().await;
    for reply in [Reply::new(500), Reply::new(500), Reply::new(503).header("retry-after", "100")] {
        stage.wire.say("/rows", Say::Reply(reply));
    }
    let running = stage.start();
    for (expected, wait) in [(1, 1), (2, 2), (3, 100)] {
        stage.until("polled", || stage.wire.sent().len() == expected).await;
        stage.settle_down().await;
        stage.clock.advance(Duration::from_millis(wait * 1000 - 1));
        stage.settle_down().await;
        assert_eq!(stage.wire.sent().len(), expected, "not before {wait} s");
        stage.clock.advance(Duration::from_millis(1));
    }
    polled(&stage, 4).await;
    running.stop().await;
}

#[tokio::test]
async fn a_poll_with_a_rejected_credential_halts_the_lane() {
    let stage = polling().await;
    stage.wire.say("/rows", Say::Reply(Reply::new(401)));
    let running = stage.start();
    stage.until("polled", || !stage.wire.sent().is_empty()).await;
    stage.settle_down().await;
    stage.append(&[stage.set("a-1", "eva", 1)]).await;
    stage.clock.advance(Duration::from_hours(10));
    stage.settle_down().await;
    assert_eq!(stage.wire.sent().len(), 1);
    running.stop().await;
}
