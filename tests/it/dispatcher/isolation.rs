//! What a lane shares with others: nothing but the stated bound. One lane is stuck in each place where it can be.

use super::{stage::Stage, wire::Say};

/// More than a lane, its intake and what stands before it hold together.
const FAR_TOO_MANY: usize = 3_000;
const OTHERS: usize = 20;

/// The other lane's actions, from append to effect, while the first one does not move.
async fn the_other_lane_works(stage: &Stage, other: &spojka::model::connection::ConnectionName) {
    let before = stage.wire.effects().len();
    let of_other = |index: usize| {
        let mut action = stage.on(&format!("a-other-{index}"), "charge", &format!("o{index}"));
        action.connection = other.clone();
        action.conflict = stage.ids.conflict(other, &format!("o{index}"));
        action.to_append(stage.names.actions(other))
    };
    stage.append_records((0..OTHERS).map(of_other).collect()).await;
    stage.until("all of the other's are done", || stage.wire.effects().len() == before + OTHERS).await;
}

#[tokio::test]
async fn a_lane_whose_target_is_silent_and_whose_intake_is_full_holds_up_no_other() {
    let stage = Stage::new().await;
    let other = stage.other_connection().await;
    (0..stage.delivery.concurrency).for_each(|_| stage.wire.say("/set/stuck", Say::Hold));
    let many: Vec<_> = (0..FAR_TOO_MANY).map(|n| stage.set(&format!("a-{n}"), &format!("stuck-{n}"), 1)).collect();
    stage.append(&many).await;
    let running = stage.start_for(&[&stage.name, &other], "one");
    stage.until("all its slots are taken", || stage.wire.sent().len() == stage.delivery.concurrency).await;
    stage.settle_down().await;
    the_other_lane_works(&stage, &other).await;
    assert_eq!(stage.wire.sent().len(), stage.delivery.concurrency + OTHERS, "the first lane has not moved");
    running.crash().await;
}

#[tokio::test]
async fn a_lane_that_stands_before_one_parked_key_after_another_holds_up_no_other() {
    let stage = Stage::new().await;
    let other = stage.other_connection().await;
    let count = 200;
    (0..count).for_each(|_| stage.wire.say("/set/bad", Say::Reply(spojka::model::http::Reply::new(404))));
    let bad: Vec<_> = (0..count).map(|n| stage.set(&format!("a-{n}"), &format!("bad-{n}"), 1)).collect();
    stage.append(&bad).await;
    let running = stage.start_for(&[&stage.name, &other], "one");
    stage.until("all were tried once", || stage.wire.sent().len() == count).await;
    the_other_lane_works(&stage, &other).await;
    running.stop().await;
}

#[tokio::test]
async fn a_lane_whose_outcomes_do_not_come_to_the_log_holds_up_no_other() {
    let stage = Stage::new().await;
    let other = stage.other_connection().await;
    let running = stage.start_for(&[&stage.name, &other], "one");
    stage.append(&[stage.set("a-first", "first", 1)]).await;
    stage.settled("a-first").await;
    stage.faults.silence(stage.names.memory(&stage.name));
    let many: Vec<_> = (0..FAR_TOO_MANY).map(|n| stage.set(&format!("a-{n}"), &format!("x-{n}"), 1)).collect();
    stage.append(&many).await;
    // Conversations end, outcomes do not: so many are under way at most.
    let most = 1 + 2 * stage.delivery.concurrency;
    stage.until("it has all under way that it may", || stage.wire.effects().len() == most).await;
    the_other_lane_works(&stage, &other).await;
    assert_eq!(stage.wire.effects().len(), most + OTHERS, "the first lane has not moved");
    running.crash().await;
}

#[tokio::test]
async fn a_lane_that_cannot_be_taken_over_holds_up_no_other() {
    let stage = Stage::new().await;
    let other = stage.other_connection().await;
    stage.faults.silence(stage.names.memory(&stage.name));
    let many: Vec<_> = (0..FAR_TOO_MANY).map(|n| stage.set(&format!("a-{n}"), &format!("x-{n}"), 1)).collect();
    stage.append(&many).await;
    let running = stage.start_for(&[&stage.name, &other], "one");
    the_other_lane_works(&stage, &other).await;
    assert_eq!(stage.wire.effects().len(), OTHERS);
    running.crash().await;
}

#[tokio::test]
async fn a_lane_whose_bulk_topic_is_silent_holds_up_neither_itself_nor_another() {
    let stage = Stage::new().await;
    let other = stage.other_connection().await;
    let bulk = stage.names.bulk(&stage.name);
    let record = stage.set("a-bulk", "x", 1).to_append(bulk.clone());
    stage.append_records(vec![record]).await;
    stage.faults.silence(bulk);
    let running = stage.start_for(&[&stage.name, &other], "one");
    the_other_lane_works(&stage, &other).await;
    stage.append(&[stage.set("a-live", "y", 1)]).await;
    stage.settled("a-live").await;
    running.crash().await;
}

#[tokio::test]
async fn a_lane_that_stands_still_with_a_full_intake_holds_up_no_other() {
    let stage = Stage::new().await;
    let other = stage.other_connection().await;
    stage.wire.say("/set/rejected", Say::Reply(spojka::model::http::Reply::new(401)));
    stage.wire.say("/login", Say::Reply(spojka::model::http::Reply::new(401)));
    let mut many = vec![stage.set("a-rejected", "rejected", 1)];
    many.extend((0..FAR_TOO_MANY).map(|n| stage.set(&format!("a-{n}"), &format!("x-{n}"), 1)));
    stage.append(&many).await;
    let running = stage.start_for(&[&stage.name, &other], "one");
    stage.until("it is halted", || stage.memory.get(spojka::topics::memory::key::HALT).unwrap().is_some()).await;
    stage.settle_down().await;
    let before = stage.wire.sent().len();
    the_other_lane_works(&stage, &other).await;
    assert_eq!(stage.wire.sent().len(), before + OTHERS, "the first lane stands still");
    running.crash().await;
}
