//! What fails is tried again by the schedule, and given up in the end.

use std::time::Duration;

use spojka::{
    model::{
        code,
        http::{Reply, Unanswered},
    },
    topics::memory::End,
};

use super::{
    stage::{Stage, at},
    wire::Say,
};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[tokio::test]
async fn waits_double_and_survive_a_restart() {
    let stage = Stage::new().await;
    for _time in 0..3 {
        stage.wire.say("/set", Say::Reply(Reply::new(500)));
    }
    stage.append(&[stage.set("a-1", "eva", 1)]).await;
    let running = stage.start();
    let first = stage.parked("a-1", 1).await;
    assert_eq!((first.due, first.code), (at(1), code::VENDOR_ERROR));
    stage.pass_to(first.due);
    let second = stage.parked("a-1", 2).await;
    assert_eq!(second.due, at(3));
    running.stop().await;

    let running = stage.start();
    stage.settle_down().await;
    assert_eq!(stage.wire.sent().len(), 2, "a restart is no reason to hurry");
    stage.pass_to(second.due);
    let third = stage.parked("a-1", 3).await;
    assert_eq!((third.due, third.since), (at(7), first.since));
    stage.pass_to(third.due);
    assert_eq!(stage.settled("a-1").await, End::Done);
    assert_eq!(stage.outcome("a-1").unwrap().attempts, 4);
    assert!(stage.waiting("a-1").is_none());
    running.stop().await;
}

#[tokio::test]
async fn the_vendors_own_wish_is_honoured_in_full() {
    for wish in ["7200", "Sun, 15 Jun 2025 17:06:40 GMT"] {
        let mut stage = Stage::new().await;
        stage.delivery.max_age = Duration::from_hours(3);
        stage.wire.say("/set", Say::Reply(Reply::new(429).header("Retry-After", wish)));
        stage.append(&[stage.set("a-1", "eva", 1)]).await;
        let running = stage.start();
        let waiting = stage.parked("a-1", 1).await;
        assert_eq!((waiting.due, waiting.code, waiting.maybe_done), (at(7200), code::RATE_LIMITED, false), "{wish}");
        running.stop().await;
    }
}

#[tokio::test]
async fn too_many_requests_never_means_that_it_was_done() {
    let stage = Stage::new().await;
    stage.wire.say("/charge", Say::Reply(Reply::new(429)));
    stage.append(&[stage.on("a-1", "charge", "o1")]).await;
    let running = stage.start();
    let waiting = stage.parked("a-1", 1).await;
    running.stop().await;
    let running = stage.start();
    stage.pass_to(waiting.due);
    assert_eq!(stage.settled("a-1").await, End::Done);
    running.stop().await;
    assert_eq!(stage.wire.sent().len(), 2);
}

#[tokio::test]
async fn what_fails_for_too_long_is_a_dead_letter() {
    let stage = Stage::new().await;
    for _time in 0..2 {
        stage.wire.say("/set", Say::Fail(Unanswered::NotConnected));
    }
    stage.append(&[stage.set("a-1", "eva", 1)]).await;
    let running = stage.start();
    stage.parked("a-1", 1).await;
    stage.clock.advance(Duration::from_hours(1));
    assert_eq!(stage.settled("a-1").await, End::Dead(code::EXHAUSTED));
    running.stop().await;
    let letters = stage.dead_letters().await;
    assert_eq!((letters.len(), letters[0].code, letters[0].attempts), (1, code::EXHAUSTED, 2));
}

#[tokio::test]
async fn what_is_not_there_yet_has_an_age_of_its_own() {
    let stage = Stage::new().await;
    for _time in 0..3 {
        stage.wire.say("/set", Say::Reply(Reply::new(404)));
    }
    stage.append(&[stage.set("a-1", "eva", 1)]).await;
    let running = stage.start();
    assert_eq!(stage.parked("a-1", 1).await.code, code::NOT_THERE);
    stage.clock.advance(Duration::from_hours(9));
    stage.parked("a-1", 2).await;
    stage.clock.advance(Duration::from_hours(1));
    assert_eq!(stage.settled("a-1").await, End::Dead(code::NOT_THERE));
    running.stop().await;
}

#[tokio::test]
async fn what_was_refused_or_makes_no_sense_is_dead_at_once() {
    let stage = Stage::new().await;
    stage.wire.say("/set", Say::Reply(Reply::new(400)));
    stage.wire.say("/set", Say::Fail(Unanswered::TooLarge));
    let actions = [
        stage.set("a-1", "eva", 1),
        stage.set("a-2", "eva", 1),
        stage.on("a-3", "sing", "eva"),
        stage.on("a-4", "set", ""),
    ];
    let mut actions = actions;
    actions[3].parameters.clear();
    stage.append(&actions).await;
    let running = stage.start();
    let expected = [code::REFUSED, code::ANSWER_TOO_LARGE, code::UNKNOWN_OPERATION, code::BAD_PARAMETER];
    for (action, code) in actions.iter().zip(expected) {
        assert_eq!(stage.settled(action.id.as_str()).await, End::Dead(code));
    }
    running.stop().await;
    assert_eq!((stage.wire.sent().len(), stage.dead_letters().await.len()), (2, 4));
}

#[tokio::test]
async fn waiting_for_its_time_makes_no_action_old() {
    let stage = Stage::new().await;
    for _time in 0..2 {
        stage.wire.say("/set", Say::Reply(Reply::new(500)));
    }
    let mut action = stage.set("a-1", "eva", 1);
    action.not_before = Some(at(48 * 3600));
    stage.append(&[action]).await;
    let running = stage.start();
    stage.parked("a-1", 0).await;
    running.stop().await;
    let running = stage.start();
    stage.pass_to(at(48 * 3600));
    let first = stage.parked("a-1", 1).await;
    stage.pass_to(first.due);
    let second = stage.parked("a-1", 2).await;
    stage.pass_to(second.due);
    assert_eq!(stage.settled("a-1").await, End::Done);
    running.stop().await;
}

#[tokio::test]
async fn a_dead_letter_that_is_retried_runs_once_more() {
    let stage = Stage::new().await;
    stage.wire.say("/charge", Say::Reply(Reply::new(400)));
    stage.append(&[stage.on("a-1", "charge", "o1")]).await;
    let running = stage.start();
    stage.settled("a-1").await;
    let revival = stage.dead_letters().await[0].revival(&stage.names).expect("an action");
    stage.append_records(vec![revival.clone(), revival.clone()]).await;
    let second = Duration::from_secs(1);
    stage.pass_until("it is done", second, || stage.end_of("a-1") == Some(End::Done)).await;
    stage.append_records(vec![revival]).await;
    stage.append(&[stage.set("a-9", "end", 1)]).await;
    stage.settled("a-9").await;
    running.stop().await;
    assert_eq!(stage.wire.effects(), ["/charge/o1/charge", "/set/end/fields"]);
}

#[tokio::test]
async fn a_retry_that_dies_again_can_be_retried_again() {
    let stage = Stage::new().await;
    for _time in 0..2 {
        stage.wire.say("/set", Say::Reply(Reply::new(400)));
    }
    stage.append(&[stage.set("a-1", "eva", 1)]).await;
    let running = stage.start();
    stage.settled("a-1").await;
    for retry in 1..=2 {
        let revival = stage.dead_letters().await[0].revival(&stage.names).expect("an action");
        stage.append_records(vec![revival.clone(), revival]).await;
        let settled = || stage.outcome("a-1").is_some_and(|outcome| outcome.retry == retry);
        stage.pass_until("it is settled again", Duration::from_secs(1), settled).await;
    }
    assert_eq!(stage.end_of("a-1"), Some(End::Done));
    running.stop().await;
    assert_eq!(stage.wire.sent().len(), 3);
}

#[tokio::test]
async fn an_object_that_the_vendor_lost_is_looked_up_once_and_written_whole() {
    let stage = Stage::new().await;
    let fields = |id: &str, mail: &str| {
        let fields = serde_json::json!({ "object": "eva", "fields": { "name": "Eva", "mail": mail } });
        stage.action(id, "set", &fields, 1)
    };
    stage.append(&[fields("a-1", "old")]).await;
    let running = stage.start();
    stage.settled("a-1").await;
    stage.wire.say("/set", Say::Reply(Reply::new(404)));
    stage.append(&[fields("a-2", "new")]).await;
    assert_eq!(stage.settled("a-2").await, End::Done);
    running.stop().await;
    let sent = stage.wire.sent();
    assert_eq!(sent[1..], ["POST /set/eva/mail?id=id-1", "POST /set/eva/mail+name"]);
}

#[tokio::test]
async fn a_rejected_credential_halts_its_lane_and_no_other() {
    let mut stage = Stage::new().await;
    stage.delivery.per_second = Some(1);
    stage.wire.say("/charge", Say::Reply(Reply::new(401)));
    stage
        .append(&[stage.on("a-1", "charge", "o1"), stage.on("a-2", "charge", "o2"), stage.on("a-3", "charge", "o3")])
        .await;
    let running = stage.start();
    // The others are under way already, and wait for their turn in the pace.
    stage.until("one is sent", || !stage.wire.sent().is_empty()).await;
    let all = ["a-1", "a-2", "a-3"];
    let wait = || all.iter().all(|id| stage.waiting(id).is_some_and(|waiting| waiting.attempts == 1));
    stage.pass_until("all wait after one attempt", seconds(1), wait).await;
    stage.clock.advance(Duration::from_hours(100));
    stage.settle_down().await;
    assert_eq!(stage.wire.sent().len(), 1);
    running.stop().await;

    stage.secret = "changed";
    let running = stage.start();
    stage.pass_until("all are settled", seconds(1), || all.iter().all(|id| stage.outcome(id).is_some())).await;
    for id in all {
        assert_eq!(stage.settled(id).await, End::Done, "{id}: nothing happened, so it is safe to try again");
    }
    running.stop().await;
    assert_eq!(stage.wire.effects().len(), 3);
}

#[tokio::test]
async fn other_lanes_go_on_beside_a_halted_one() {
    let stage = Stage::new().await;
    let other = stage.other_connection().await;
    stage.wire.say("/set/eva", Say::Reply(Reply::new(401)));
    stage.append(&[stage.set("a-1", "eva", 1)]).await;
    let running = stage.start_for(&[&stage.name, &other], "one");
    stage.parked("a-1", 1).await;
    let mut action = stage.set("a-2", "jan", 1);
    action.connection = other.clone();
    stage.append_records(vec![action.to_append(stage.names.actions(&other))]).await;
    stage.until("the other lane's is done", || !stage.wire.effects().is_empty()).await;
    running.stop().await;
    assert_eq!(stage.wire.effects(), ["/set/jan/fields"]);
}
