//! A target that fails as a whole: its lane stands still in order, one probe at a time finds out when it is back, and
//! nothing is dropped.

use std::{collections::BTreeSet, time::Duration};

use spojka::{
    model::{
        code,
        http::{Reply, Unanswered},
    },
    topics::{action::Action, memory::End},
};

use super::{
    stage::{Stage, at},
    toy::{SETTLE, Toy},
    wire::Say,
};

const KEYS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// One `set` on each of six objects.
fn sets(stage: &Stage) -> Vec<Action> {
    KEYS.iter().map(|key| stage.set(&format!("a-{key}"), key, 1)).collect()
}

async fn opened(stage: &Stage) {
    stage.pass_until("the circuit is open", Duration::ZERO, || stage.says_open()).await;
    stage.settle_down().await;
}

async fn all_done(stage: &Stage) {
    for key in KEYS {
        assert_eq!(stage.settled(&format!("a-{key}")).await, End::Done);
    }
}

#[tokio::test]
async fn a_target_that_is_down_is_probed_one_key_after_the_other_until_it_is_back() {
    let mut stage = Stage::new().await;
    stage.delivery.concurrency = 1;
    stage.wire.down("/", Err(Unanswered::TimedOut));
    stage.append(&sets(&stage)).await;
    let running = stage.start();
    opened(&stage).await;
    assert_eq!(stage.wire.sent().len(), 5, "the fifth failure opened it, and the sixth action was not started");
    for (probes, wait) in [5, 10, 20, 40].into_iter().enumerate() {
        stage.clock.advance(seconds(wait - 1));
        stage.settle_down().await;
        assert_eq!(stage.wire.sent().len(), 5 + probes, "not before its time");
        stage.clock.advance(seconds(1));
        stage.settle_down().await;
        assert_eq!(stage.wire.sent().len(), 6 + probes, "one probe");
    }
    let probes: BTreeSet<_> = stage.wire.sent()[5..].iter().cloned().collect();
    assert!(probes.len() == 4 && probes.contains("POST /set/f/fields"), "each with another key: {probes:?}");
    stage.wire.up();
    stage.clock.advance(seconds(80));
    all_done(&stage).await;
    assert!(!stage.says_open());
    running.stop().await;
}

#[tokio::test]
async fn days_of_outage_drop_nothing_and_keep_the_order() {
    let stage = Stage::new().await;
    stage.wire.down("/", Err(Unanswered::NotConnected));
    let value =
        |round: i64| KEYS.map(|key| stage.action(&format!("a-{key}-{round}"), "set", &value_of(key, round), round));
    for round in 1..=3 {
        stage.append(&value(round)).await;
    }
    let running = stage.start();
    opened(&stage).await;
    for _hour in 0..72 {
        stage.clock.advance(Duration::from_hours(1));
        stage.settle_down().await;
    }
    running.stop().await;
    assert!(!stage.says_open(), "whoever does not own a lane says nothing about it");

    let running = stage.start();
    opened(&stage).await;
    stage.clock.advance(Duration::from_hours(1));
    stage.settle_down().await;
    stage.wire.up();
    let last = || KEYS.iter().all(|key| stage.end_of(&format!("a-{key}-3")).is_some());
    stage.pass_until("all are settled", seconds(600), last).await;
    running.stop().await;
    for (key, round) in KEYS.iter().flat_map(|key| (1..=3).map(move |round| (key, round))) {
        let outcome = stage.outcome(&format!("a-{key}-{round}")).expect("settled");
        assert_eq!(outcome.end, End::Done, "a-{key}-{round}: its limit is an hour, and days are over");
        assert!(round > 1 || outcome.attempts > 1, "its attempts are counted all the same");
    }
    for key in KEYS {
        let of_key = |effect: &&String| effect.starts_with(&format!("/set/{key}/"));
        let done: Vec<_> = stage.wire.effects().iter().filter(of_key).cloned().collect();
        assert_eq!(done, (1..=3).map(|round| format!("/set/{key}/v{round}")).collect::<Vec<_>>());
    }
    assert!(stage.dead_letters().await.is_empty());
}

/// A field of its own in each round, so that the path tells the round.
fn value_of(key: &str, round: i64) -> serde_json::Value {
    serde_json::json!({ "object": key, "fields": { format!("v{round}"): round } })
}

#[tokio::test]
async fn one_bad_action_blocks_its_key_and_dies_of_age_while_the_lane_goes_on() {
    let stage = Stage::new().await;
    stage.wire.down("/set/bad", Ok(Reply::new(500)));
    stage.append(&[stage.set("a-bad", "bad", 1), stage.set("a-behind", "bad", 2)]).await;
    let running = stage.start();
    let mut others = 0;
    stage.parked("a-bad", 1).await;
    while stage.end_of("a-bad").is_none() {
        let id = format!("a-{others}");
        stage.append(&[stage.set(&id, &id, 1)]).await;
        assert_eq!(stage.settled(&id).await, End::Done);
        assert!(!stage.says_open());
        others += 1;
        stage.clock.advance(Duration::from_mins(5));
        stage.settle_down().await;
    }
    assert_eq!(stage.end_of("a-bad"), Some(End::Dead(code::EXHAUSTED)));
    assert!(others > 6, "it was tried for an hour");
    running.stop().await;
}

#[tokio::test]
async fn a_poisonous_action_keeps_no_circuit_open() {
    let mut stage = Stage::new().await;
    stage.delivery.concurrency = 1;
    stage.wire.down("/", Ok(Reply::new(502)));
    stage.append(&sets(&stage)).await;
    let running = stage.start();
    opened(&stage).await;
    stage.wire.up();
    // Those whose turn comes first stay bad; the others would work.
    for key in ["f", "a"] {
        stage.wire.down(&format!("/set/{key}"), Ok(Reply::new(500)));
    }
    let good = || ["b", "c", "d", "e"].iter().all(|key| stage.end_of(&format!("a-{key}")) == Some(End::Done));
    stage.pass_until("the good ones are done", seconds(5), good).await;
    assert!(!stage.says_open());
    running.stop().await;
}

#[tokio::test]
async fn an_announced_wait_holds_the_whole_lane_from_its_first_word_on() {
    for reply in [Reply::new(429).header("Retry-After", "3600"), Reply::new(503).header("Retry-After", "3600")] {
        let mut stage = Stage::of(Toy { login: true, ..Toy::default() }).await;
        stage.delivery.concurrency = 1;
        stage.delivery.max_age = seconds(60);
        stage.wire.say("/set/a", Say::Reply(reply));
        stage.append(&sets(&stage)).await;
        let running = stage.start();
        opened(&stage).await;
        stage.clock.advance(seconds(3599));
        stage.append(&[stage.on("a-z", "read", "z")]).await;
        stage.settle_down().await;
        assert_eq!(stage.wire.sent(), ["POST /login", "POST /set/a/fields/session-1"], "no login and no fetch either");
        stage.clock.advance(seconds(1));
        all_done(&stage).await;
        running.stop().await;
    }
}

#[tokio::test]
async fn a_lane_that_stands_still_does_not_poll_either_and_may_probe_by_a_poll() {
    let stage = Stage::of(Toy { polls: true, ..Toy::default() }).await;
    stage.wire.set_rows(&[("r1", "s1")]);
    stage.wire.say("/rows", Say::Reply(Reply::new(503)));
    stage.wire.say("/set", Say::Reply(Reply::new(429).header("Retry-After", "7200")));
    let running = stage.start();
    stage.until("polled", || stage.wire.sent().len() == 1).await;
    stage.append(&[stage.set("a-1", "a", 1)]).await;
    opened(&stage).await;
    for _minute in 0..119 {
        stage.clock.advance(Duration::from_mins(1));
        stage.settle_down().await;
    }
    assert_eq!(stage.wire.sent().len(), 2, "neither the poll nor the action");
    stage.clock.advance(Duration::from_mins(1));
    assert_eq!(stage.settled("a-1").await, End::Done);
    stage.until("polled again", || stage.wire.sent().len() == 4).await;
    running.stop().await;
}

#[tokio::test]
async fn a_poll_probes_where_no_action_waits() {
    let stage = Stage::of(Toy { polls: true, ..Toy::default() }).await;
    stage.wire.set_rows(&[("r1", "s1")]);
    stage.wire.down("/rows", Ok(Reply::new(503).header("Retry-After", "5")));
    let running = stage.start();
    opened(&stage).await;
    stage.wire.up();
    stage.pass_until("the poll closed it", seconds(5), || !stage.says_open()).await;
    stage.until("the row is there", || stage.wire.sent().len() == 2).await;
    running.stop().await;
}

#[tokio::test]
async fn being_asked_to_slow_down_ends_no_action() {
    let mut stage = Stage::new().await;
    stage.delivery.max_age = seconds(1);
    stage.wire.say("/set", Say::Fail(Unanswered::Broken));
    for _time in 0..10 {
        stage.wire.say("/set", Say::Reply(Reply::new(429)));
    }
    stage.append(&[stage.set("a-1", "a", 1)]).await;
    let running = stage.start();
    stage.pass_until("it is done", seconds(30), || stage.end_of("a-1").is_some()).await;
    assert_eq!(stage.end_of("a-1"), Some(End::Done));
    assert_eq!(stage.outcome("a-1").unwrap().attempts, 12);
    running.stop().await;
}

#[tokio::test]
async fn what_ends_well_while_it_is_open_closes_it() {
    let stage = Stage::new().await;
    stage.wire.say("/set/slow", Say::Hold);
    stage.append(&[stage.set("a-slow", "slow", 1)]).await;
    let running = stage.start();
    stage.until("it is under way", || stage.wire.sent().len() == 1).await;
    stage.wire.down("/", Err(Unanswered::NotConnected));
    stage.append(&sets(&stage)).await;
    opened(&stage).await;
    stage.wire.up();
    stage.wire.release();
    stage.pass_until("it is closed, and no time has passed", Duration::ZERO, || !stage.says_open()).await;
    // Those that failed before it opened wait for a second of their own.
    stage.clock.advance(seconds(1));
    all_done(&stage).await;
    running.stop().await;
}

#[tokio::test]
async fn the_other_lane_does_not_notice() {
    let stage = Stage::new().await;
    let other = stage.other_connection().await;
    stage.wire.down("/set", Err(Unanswered::TimedOut));
    stage.append(&sets(&stage)).await;
    let running = stage.start_for(&[&stage.name, &other], "one");
    opened(&stage).await;
    let count = 20;
    let of_other = |index: usize| {
        let mut action = stage.on(&format!("a-{index}"), "charge", &format!("o{index}"));
        action.connection = other.clone();
        action.to_append(stage.names.actions(&other))
    };
    stage.append_records((0..count).map(of_other).collect()).await;
    stage.until("all of the other's are done", || stage.wire.effects().len() == count).await;
    assert!(stage.says_open(), "no time has passed");
    assert!(!stage.metrics.text().contains(r#"spojka_circuit_open{connection="other"} 1"#));
    running.stop().await;
}

#[tokio::test]
async fn a_probe_asks_before_it_sends_what_cannot_be_repeated() {
    let stage = Stage::of(Toy { probe: true, ..Toy::default() }).await;
    stage.wire.down("/", Err(Unanswered::NotConnected));
    let charges = KEYS.map(|key| stage.on(&format!("a-{key}"), "charge", key));
    stage.append(&charges).await;
    let running = stage.start();
    opened(&stage).await;
    stage.wire.up();
    // From here on a request that goes out is lost in doubt.
    stage.wire.down("/", Err(Unanswered::TimedOut));
    let before = stage.wire.sent().len();
    for _minute in 0..60 {
        stage.clock.advance(Duration::from_mins(1));
        stage.settle_down().await;
    }
    let probes = stage.wire.sent()[before..].to_vec();
    assert!(probes.len() > 5 && probes.iter().all(|sent| sent == "GET /me"), "{probes:?}");
    stage.wire.up();
    stage.pass_until("the circuit is closed", Duration::from_mins(1), || !stage.says_open()).await;
    all_done(&stage).await;
    running.stop().await;
}

#[tokio::test]
async fn a_look_up_after_an_outage_waits_from_the_end_of_the_lost_try() {
    let mut stage = Stage::new().await;
    stage.delivery.circuit.failures = 1;
    stage.wire.say("/pay", Say::Lost);
    stage.append(&[stage.on("a-1", "pay", "o1")]).await;
    let running = stage.start();
    // One key alone opens nothing: it waits for the vendor to settle.
    let lost = stage.parked("a-1", 1).await;
    assert_eq!(lost.due, at(0) + SETTLE);
    stage.wire.say("/set", Say::Reply(Reply::new(429).header("Retry-After", "600")));
    stage.append(&[stage.set("a-2", "a", 1)]).await;
    opened(&stage).await;
    stage.clock.advance(seconds(600));
    assert_eq!(stage.settled("a-1").await, End::Done, "long settled when the lane goes on: no second wait");
    assert_eq!(stage.wire.effects()[0], "/pay/o1/a-1");
    running.stop().await;
}
