//! Schedules, wishes of vendors, and clocks that jump.

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use spojka::{
    dispatcher::backoff::Schedule,
    model::{code, http::Reply},
    topics::memory::End,
};

use super::{
    stage::{Stage, at},
    toy::SETTLE,
    wire::Say,
};

const WEEK: Duration = Duration::from_hours(7 * 24);

fn list(seconds: &[u64]) -> Schedule {
    Schedule::List(seconds.iter().copied().map(Duration::from_secs).collect::<Arc<[_]>>())
}

#[tokio::test]
async fn a_list_of_pauses_is_followed_and_what_is_not_there_has_its_own() {
    let mut stage = Stage::new().await;
    stage.delivery.backoff = list(&[60, 300]);
    stage.delivery.not_there = list(&[7, 8]);
    for (path, status, waits) in [("/set/a", 500, [60, 300, 300]), ("/set/b", 404, [7, 8, 8])] {
        let begin = stage.now();
        let id = format!("a{path}");
        for _time in waits {
            stage.wire.say(path, Say::Reply(Reply::new(status)));
        }
        stage.append(&[stage.set(&id, &path[5..], 1)]).await;
        let running = stage.start();
        let mut due = begin;
        for (attempt, wait) in (1..).zip(waits) {
            let waiting = stage.parked(&id, attempt).await;
            due += Duration::from_secs(wait);
            assert_eq!(waiting.due, due, "{path}");
            stage.settle_down().await;
            stage.pass_to(due);
        }
        assert_eq!(stage.settled(&id).await, End::Done);
        running.stop().await;
    }
}

#[tokio::test]
async fn a_wish_beyond_the_age_limit_is_honoured_and_beyond_a_week_is_not() {
    for (wish, waits) in [("259200", Duration::from_hours(72)), ("9999999999", WEEK)] {
        let mut stage = Stage::new().await;
        stage.delivery.max_age = Duration::from_hours(1);
        stage.wire.say("/set", Say::Reply(Reply::new(503).header("Retry-After", wish)));
        stage.append(&[stage.set("a-1", "a", 1)]).await;
        let running = stage.start();
        let waiting = stage.parked("a-1", 1).await;
        assert_eq!(waiting.due, at(0) + waits);
        stage.settle_down().await;
        stage.clock.advance(waits.saturating_sub(Duration::from_secs(1)));
        stage.settle_down().await;
        assert_eq!(stage.wire.sent().len(), 1);
        stage.clock.advance(Duration::from_secs(1));
        assert_eq!(stage.settled("a-1").await, End::Done);
        running.stop().await;
    }
}

/// An action that failed once and waits for a second.
async fn failed_once(stage: &Stage) {
    stage.wire.say("/set/a", Say::Reply(Reply::new(500)));
    stage.append(&[stage.set("a-1", "a", 1)]).await;
}

#[tokio::test]
async fn a_time_of_day_that_jumps_while_the_lane_works_moves_nothing() {
    for shift in [SignedDuration::from_hours(24 * 365), SignedDuration::from_hours(-24 * 365)] {
        let stage = Stage::new().await;
        failed_once(&stage).await;
        stage.wire.say("/set/a", Say::Reply(Reply::new(500)));
        let running = stage.start();
        stage.parked("a-1", 1).await;
        stage.settle_down().await;
        stage.clock.set_wall(shift);
        stage.append(&[stage.set("a-2", "b", 1)]).await;
        stage.settled("a-2").await;
        assert_eq!(stage.wire.sent().len(), 2, "the first one still waits for its second");
        stage.clock.advance(Duration::from_secs(1));
        let waiting = stage.parked("a-1", 2).await;
        assert_eq!(waiting.age, Duration::from_secs(1), "it is no year old");
        stage.settle_down().await;
        stage.clock.advance(Duration::from_secs(2));
        assert_eq!(stage.settled("a-1").await, End::Done);
        running.stop().await;
    }
}

#[tokio::test]
async fn a_time_of_day_that_was_set_between_two_owners_makes_nobody_wait_longer_or_die() {
    for shift in [SignedDuration::from_hours(24 * 365), SignedDuration::from_hours(-24 * 365)] {
        let stage = Stage::new().await;
        failed_once(&stage).await;
        stage.wire.say("/set/a", Say::Reply(Reply::new(500)));
        let running = stage.start();
        stage.parked("a-1", 1).await;
        running.stop().await;
        stage.clock.set_wall(shift);
        let running = stage.start();
        stage.settle_down().await;
        stage.clock.advance(Duration::from_secs(1));
        let waiting = stage.parked("a-1", 2).await;
        assert!(waiting.age <= Duration::from_secs(2), "its planned wait and what passed since: {:?}", waiting.age);
        stage.settle_down().await;
        stage.clock.advance(Duration::from_secs(2));
        assert_eq!(stage.settled("a-1").await, End::Done);
        running.stop().await;
    }
}

#[tokio::test]
async fn age_is_kept_through_restarts_and_reaches_its_limit() {
    let mut stage = Stage::new().await;
    stage.delivery.max_age = Duration::from_secs(100);
    stage.delivery.backoff = list(&[30]);
    stage.wire.down("/set/a", Ok(Reply::new(500)));
    stage.append(&[stage.set("a-1", "a", 1)]).await;
    let mut attempts = 1;
    while stage.end_of("a-1").is_none() {
        let running = stage.start();
        stage
            .until("tried", || {
                stage.end_of("a-1").is_some() || stage.waiting("a-1").is_some_and(|w| w.attempts == attempts)
            })
            .await;
        running.stop().await;
        stage.clock.advance(Duration::from_secs(30));
        attempts += 1;
    }
    assert_eq!(stage.end_of("a-1"), Some(End::Dead(code::EXHAUSTED)));
    assert_eq!(stage.outcome("a-1").unwrap().attempts, 5, "at 0, 30, 60, 90 and 120 seconds");
}

#[tokio::test]
async fn what_waits_for_its_time_does_not_wait_for_ever_when_the_clock_is_set_back() {
    let stage = Stage::new().await;
    let mut action = stage.set("a-1", "a", 1);
    action.not_before = Some(at(60));
    stage.append(&[action]).await;
    let running = stage.start();
    stage.parked("a-1", 0).await;
    stage.settle_down().await;
    stage.clock.set_wall(SignedDuration::from_hours(-24 * 365));
    stage.clock.advance(Duration::from_mins(1));
    assert_eq!(stage.settled("a-1").await, End::Done);
    running.stop().await;
}

#[tokio::test]
async fn a_checked_operation_waits_its_time_whatever_the_time_of_day_says() {
    for shift in [SignedDuration::from_hours(24), SignedDuration::from_hours(-24)] {
        let stage = Stage::new().await;
        stage.wire.say("/pay", Say::Lost);
        stage.append(&[stage.on("a-1", "pay", "o1")]).await;
        let running = stage.start();
        stage.parked("a-1", 1).await;
        running.stop().await;
        stage.clock.set_wall(shift);
        let running = stage.start();
        stage.in_line(1).await;
        stage.clock.advance(SETTLE.saturating_sub(Duration::from_secs(1)));
        stage.settle_down().await;
        assert_eq!(stage.wire.sent().len(), 1, "of another owner's try we know only that it is over");
        stage.clock.advance(Duration::from_secs(1));
        assert_eq!(stage.settled("a-1").await, End::Done);
        running.stop().await;
        assert_eq!(stage.wire.effects(), ["/pay/o1/a-1"]);
    }
}
