//! Who owns the lane: claims, predecessors that may still be alive, proofs, and giving back.

use std::{sync::atomic::Ordering, time::Duration};

use serde_json::Value;
use spojka::{
    log::LogError,
    topics::{
        memory::{self, Claim, key},
        record::Append,
    },
};

use super::{
    stage::{LEASE, REQUEST_TIMEOUT, Stage},
    wire::Say,
};

fn claim(stage: &Stage) -> Claim {
    stage.read(key::CLAIM).expect("a claim")
}

/// Puts a predecessor's claim there.
async fn claimed_by_another(stage: &Stage, epoch: u64, released: bool) {
    let claim = Claim { epoch, owner: "another".to_owned(), at: stage.now(), released };
    put(stage, key::CLAIM, &serde_json::to_value(claim).unwrap(), epoch).await;
}

async fn put(stage: &Stage, key: &str, value: &Value, epoch: u64) {
    let record: Append = memory::put(&stage.names.memory(&stage.name), key, value, epoch, stage.now());
    stage.append_records(vec![record]).await;
}

#[tokio::test]
async fn each_owner_claims_under_a_higher_epoch_and_gives_back() {
    let stage = Stage::new().await;
    for epoch in 1..=3 {
        let running = stage.start();
        stage.until("claimed", || stage.read::<Claim>(key::CLAIM).is_some_and(|claim| claim.epoch == epoch)).await;
        assert!(!claim(&stage).released);
        stage.settle_down().await;
        running.stop().await;
        assert_eq!((claim(&stage).epoch, claim(&stage).released), (epoch, true));
    }
}

#[tokio::test]
async fn what_a_predecessor_writes_late_is_ignored_and_written_over() {
    let stage = Stage::new().await;
    claimed_by_another(&stage, 7, false).await;
    put(&stage, "s/rows/r1", &"ours".into(), 7).await;
    claimed_by_another(&stage, 8, true).await;
    put(&stage, "s/rows/r1", &"late".into(), 7).await;
    put(&stage, "s/rows/r2", &"late".into(), 7).await;
    stage.memory.catch_up().await.unwrap();
    assert_eq!(stage.memory.ignored().len(), 2);
    stage.append(&[stage.set("a-1", "eva", 1)]).await;
    let running = stage.start();
    stage.settled("a-1").await;
    running.stop().await;
    stage.memory.catch_up().await.unwrap();
    assert_eq!((claim(&stage).epoch, stage.memory.ignored().len()), (9, 0));
    assert_eq!(stage.read::<String>("s/rows/r1").as_deref(), Some("ours"));
    assert_eq!(stage.read::<String>("s/rows/r2"), None);
}

#[tokio::test]
async fn a_predecessor_that_may_live_is_waited_out_and_one_that_gave_back_is_not() {
    for released in [false, true] {
        let stage = Stage::new().await;
        stage.faults.exclusive.store(false, Ordering::SeqCst);
        claimed_by_another(&stage, 7, released).await;
        stage.append(&[stage.set("a-1", "eva", 1)]).await;
        let running = stage.start();
        stage.until("claimed", || claim(&stage).epoch == 8).await;
        if !released {
            stage.settle_down().await;
            stage.clock.advance(REQUEST_TIMEOUT.saturating_sub(Duration::from_millis(1)));
            stage.settle_down().await;
            assert_eq!(stage.wire.sent().len(), 0, "its last request may be under way");
            stage.clock.advance(Duration::from_millis(1));
        }
        stage.settled("a-1").await;
        running.stop().await;
    }
}

#[tokio::test]
async fn of_two_claimants_the_one_that_was_claimed_over_gives_up() {
    let stage = Stage::new().await;
    stage.faults.exclusive.store(false, Ordering::SeqCst);
    claimed_by_another(&stage, 7, false).await;
    stage.append(&[stage.set("a-1", "eva", 1)]).await;
    let running = stage.start();
    stage.until("claimed", || claim(&stage).epoch == 8).await;
    stage.settle_down().await;
    claimed_by_another(&stage, 9, false).await;
    stage.clock.advance(REQUEST_TIMEOUT);
    // Its group still takes it for the owner: it ends, so that it is begun afresh.
    stage.settle_down().await;
    stage.clock.advance(LEASE);
    assert_eq!(running.end().await, Err(LogError::Lost));
    assert_eq!(stage.wire.sent().len(), 0);
    assert_eq!(claim(&stage).epoch, 9);
}

#[tokio::test]
async fn an_owner_that_was_claimed_over_notices_when_it_writes() {
    let stage = Stage::new().await;
    stage.wire.say("/set", Say::Hold);
    stage.append(&[stage.set("a-1", "eva", 1), stage.set("a-2", "eva", 2)]).await;
    let running = stage.start();
    stage.until("it is under way", || !stage.wire.sent().is_empty()).await;
    claimed_by_another(&stage, 9, false).await;
    stage.wire.release();
    stage.settle_down().await;
    stage.clock.advance(LEASE);
    assert_eq!(running.end().await, Err(LogError::Lost));
    assert_eq!(stage.wire.sent().len(), 1, "it sends nothing more");
}

#[tokio::test]
async fn nothing_is_sent_while_nobody_proves_who_owns_the_lane() {
    for refusal in [LogError::Unavailable("no brokers".to_owned()), LogError::Lost] {
        let stage = Stage::new().await;
        stage.append(&[stage.set("a-1", "eva", 1)]).await;
        let running = stage.start();
        stage.settled("a-1").await;
        stage.faults.answer_commits(Some(refusal));
        // The machine slept.
        stage.clock.advance(LEASE + Duration::from_hours(1));
        stage.append(&[stage.set("a-2", "eva", 2)]).await;
        stage.settle_down().await;
        assert_eq!(stage.wire.sent().len(), 1);
        stage.faults.answer_commits(None);
        stage.clock.advance(LEASE);
        stage.settled("a-2").await;
        running.stop().await;
    }
}

#[tokio::test]
async fn a_lane_is_not_claimed_before_ownership_is_proved() {
    let stage = Stage::new().await;
    stage.faults.answer_commits(Some(LogError::Lost));
    let running = stage.start();
    stage.settle_down().await;
    assert_eq!(stage.read::<Claim>(key::CLAIM), None);
    stage.faults.answer_commits(None);
    stage.clock.advance(LEASE);
    stage.until("claimed", || stage.read::<Claim>(key::CLAIM).is_some()).await;
    running.stop().await;
}

#[tokio::test]
async fn a_log_that_is_away_at_the_beginning_is_waited_for() {
    let stage = Stage::new().await;
    stage.append(&[stage.set("a-1", "eva", 1)]).await;
    stage.faults.be_away_for(2);
    let running = stage.start();
    stage.log_is_away_for(2, Duration::from_secs(1)).await;
    stage.settled("a-1").await;
    running.stop().await;
}

#[tokio::test]
async fn a_stop_lets_what_is_under_way_end_and_begins_nothing() {
    let stage = Stage::new().await;
    stage.wire.say("/set", Say::Hold);
    stage.append(&[stage.set("a-1", "eva", 1), stage.set("a-2", "eva", 2)]).await;
    let running = stage.start();
    stage.until("it is under way", || !stage.wire.sent().is_empty()).await;
    running.ask();
    stage.settle_down().await;
    assert!(!claim(&stage).released, "something is in flight");
    stage.wire.release();
    running.end().await.expect("it stops in order");
    assert_eq!((stage.wire.sent().len(), claim(&stage).released), (1, true));
    assert!(stage.outcome("a-1").is_some() && stage.outcome("a-2").is_none());
    assert_eq!(stage.committed().await, Some(1));
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let stage = Stage::new().await;
    stage.wire.say("/set", Say::Hold);
    stage.append(&[stage.set("a-1", "eva", 1)]).await;
    let running = stage.start();
    stage.until("it is under way", || !stage.wire.sent().is_empty()).await;
    running.ask();
    stage.settle_down().await;
    stage.clock.advance(Duration::from_mins(1));
    running.end().await.expect("it stops");
    assert!(!claim(&stage).released, "its request may be under way");
    assert_eq!(stage.committed().await.unwrap_or(0), 0);
}
