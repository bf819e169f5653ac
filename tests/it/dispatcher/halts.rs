//! Rejected credentials stop a lane until a person or a changed secret says otherwise; so does a person who pauses it.

use std::time::Duration;

use spojka::{
    model::{
        code,
        http::{Reply, Unanswered},
    },
    topics::memory::{End, Halt, key},
};

use super::{stage::Stage, toy::Toy, wire::Say};

fn halt(stage: &Stage) -> Option<Halt> {
    stage.read(key::HALT)
}

/// A lane whose password was rejected once.
async fn rejected(toy: Toy, path: &str) -> Stage {
    let stage = Stage::of(toy).await;
    stage.wire.say(path, Say::Reply(Reply::new(401)));
    stage.append(&[stage.set("a-1", "a", 1), stage.set("a-2", "b", 1)]).await;
    let running = stage.start();
    stage.until("it is remembered", || halt(&stage).is_some()).await;
    stage.parked("a-1", 1).await;
    running.stop().await;
    stage
}

#[tokio::test]
async fn no_restart_sends_a_rejected_password_again() {
    for (toy, path) in [(Toy::default(), "/set/a"), (Toy { login: true, ..Toy::default() }, "/login")] {
        let mut stage = rejected(toy, path).await;
        let sent = stage.wire.sent();
        for _restart in 0..3 {
            let running = stage.start();
            stage.pass_until("it says so", Duration::ZERO, || stage.says_open()).await;
            stage.clock.advance(Duration::from_hours(100));
            stage.settle_down().await;
            running.stop().await;
        }
        assert_eq!(stage.wire.sent(), sent);
        assert_eq!(halt(&stage).map(|halt| halt.code), Some(code::UNAUTHORIZED));

        stage.secret = "changed";
        let running = stage.start();
        assert_eq!((stage.settled("a-1").await, stage.settled("a-2").await), (End::Done, End::Done));
        assert_eq!((halt(&stage), stage.says_open()), (None, false));
        running.stop().await;
    }
}

#[tokio::test]
async fn a_halt_is_remembered_before_what_it_stopped() {
    let stage = rejected(Toy::default(), "/set/a").await;
    let keys = stage.faults.written().concat();
    let place = |key: &str| keys.iter().position(|written| written.ends_with(key)).expect("written");
    assert!(place(" halt") < place(" w/a-1"), "{keys:?}");
    assert!(format!("{:?}", halt(&stage)).contains("k-"), "a keyed hash, and not the secret");
    assert!(!format!("{:?}", halt(&stage)).contains(stage.secret));
}

#[tokio::test]
async fn nothing_is_sent_while_the_log_does_not_take_the_halt() {
    let stage = Stage::new().await;
    stage.wire.say("/set/a", Say::Reply(Reply::new(401)));
    stage.append(&[stage.set("a-0", "z", 1)]).await;
    let running = stage.start();
    stage.settled("a-0").await;
    stage.append(&[stage.set("a-1", "a", 1)]).await;
    stage.faults.be_away_for(3);
    stage.until("it is rejected", || stage.wire.sent().len() == 2).await;
    stage.log_is_away_for(3, Duration::from_secs(4)).await;
    stage.append(&[stage.set("a-2", "b", 1)]).await;
    stage.until("it is remembered", || halt(&stage).is_some()).await;
    stage.settle_down().await;
    assert_eq!(stage.wire.sent().len(), 2);
    running.stop().await;
}

#[tokio::test]
async fn a_forbidden_address_is_tried_anew_at_the_next_start() {
    let stage = Stage::new().await;
    stage.wire.say("/set", Say::Fail(Unanswered::Blocked));
    stage.append(&[stage.set("a-1", "a", 1)]).await;
    let running = stage.start();
    stage.parked("a-1", 1).await;
    assert!(stage.says_open());
    running.stop().await;
    assert_eq!(halt(&stage), None, "nothing left the house");
    let running = stage.start();
    assert_eq!(stage.settled("a-1").await, End::Done);
    running.stop().await;
}

fn logins(stage: &Stage) -> usize {
    stage.wire.sent().iter().filter(|sent| sent.ends_with("/login")).count()
}

#[tokio::test]
async fn a_session_that_the_vendor_ended_early_is_renewed_once() {
    for durable in [false, true] {
        let stage = Stage::of(Toy { login: true, durable, ..Toy::default() }).await;
        stage.append(&[stage.set("a-1", "a", 1)]).await;
        let running = stage.start();
        stage.settled("a-1").await;
        stage.wire.say("/set/b", Say::Reply(Reply::new(401)));
        stage.append(&[stage.set("a-2", "b", 1)]).await;
        assert_eq!(stage.settled("a-2").await, End::Done);
        assert_eq!(stage.outcome("a-2").unwrap().attempts, 1, "one attempt");
        running.stop().await;
        assert_eq!(logins(&stage), 2);
        assert_eq!(stage.wire.effects()[1], "/set/b/fields/session-2");
        assert_eq!(halt(&stage), None);
    }
}

#[tokio::test]
async fn a_fresh_session_that_is_rejected_proves_the_credentials_wrong() {
    let stage = rejected(Toy { login: true, ..Toy::default() }, "/set/a").await;
    assert_eq!(logins(&stage), 1, "no second login");
    assert_eq!(halt(&stage).map(|halt| halt.code), Some(code::UNAUTHORIZED));
}

#[tokio::test]
async fn a_renewed_session_that_is_rejected_too_halts_the_lane() {
    let stage = Stage::of(Toy { login: true, ..Toy::default() }).await;
    stage.append(&[stage.set("a-1", "a", 1)]).await;
    let running = stage.start();
    stage.settled("a-1").await;
    stage.wire.down("/set/b", Ok(Reply::new(401)));
    stage.append(&[stage.set("a-2", "b", 1)]).await;
    stage.parked("a-2", 1).await;
    assert_eq!((logins(&stage), halt(&stage).map(|halt| halt.code)), (2, Some(code::UNAUTHORIZED)));
    running.stop().await;
}

#[tokio::test]
async fn a_stored_session_belongs_to_the_credentials_it_was_got_with() {
    let mut stage = Stage::of(Toy { login: true, durable: true, ..Toy::default() }).await;
    stage.append(&[stage.set("a-1", "a", 1)]).await;
    let running = stage.start();
    stage.settled("a-1").await;
    running.stop().await;
    stage.secret = "of another account";
    stage.append(&[stage.set("a-2", "b", 1)]).await;
    let running = stage.start();
    stage.settled("a-2").await;
    running.stop().await;
    assert_eq!(logins(&stage), 2);
}
