//! Rejected credentials stop a lane until a person or a changed secret says otherwise; so does a person who pauses it.

use std::time::Duration;

use spojka::{
    model::{
        code::{self, Code},
        http::{Reply, Unanswered},
    },
    topics::{
        control::Control,
        memory::{End, Halt, key},
    },
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

/// A person tells the lane something.
async fn tell(stage: &Stage, control: Control) {
    stage.append_records(vec![control.to_append(stage.names.bulk(&stage.name), stage.now())]).await;
}

async fn until_halted(stage: &Stage, code: Option<Code>) {
    let so = || halt(stage).map(|halt| halt.code) == code && stage.says_open() == code.is_some();
    stage.pass_until("it is heard", Duration::from_secs(1), so).await;
}

#[tokio::test]
async fn a_person_pauses_a_lane_through_restarts_and_resumes_it() {
    let mut stage = Stage::of(Toy { polls: true, ..Toy::default() }).await;
    let running = stage.start();
    stage.until("polled", || stage.wire.sent().len() == 1).await;
    tell(&stage, Control::Pause).await;
    until_halted(&stage, Some(code::PAUSED)).await;
    running.stop().await;

    stage.append(&[stage.set("a-1", "a", 1)]).await;
    stage.secret = "changed";
    let running = stage.start();
    until_halted(&stage, Some(code::PAUSED)).await;
    stage.clock.advance(Duration::from_hours(100));
    stage.settle_down().await;
    assert_eq!(stage.wire.sent().len(), 1, "no poll either, and a changed secret is nothing to it");
    tell(&stage, Control::Resume).await;
    until_halted(&stage, None).await;
    assert_eq!(stage.settled("a-1").await, End::Done);
    running.stop().await;
}

#[tokio::test]
async fn a_person_resumes_a_lane_whose_password_was_rejected() {
    let stage = rejected(Toy::default(), "/set/a").await;
    let running = stage.start();
    until_halted(&stage, Some(code::UNAUTHORIZED)).await;
    tell(&stage, Control::Resume).await;
    assert_eq!((settled(&stage, "a-1").await, settled(&stage, "a-2").await), (End::Done, End::Done));
    assert_eq!(halt(&stage), None);
    running.stop().await;
}

#[tokio::test]
async fn a_person_ends_an_announced_wait() {
    let stage = Stage::new().await;
    stage.wire.say("/set/a", Say::Reply(Reply::new(429).header("Retry-After", "600000")));
    stage.append(&[stage.set("a-1", "a", 1)]).await;
    let running = stage.start();
    stage.parked("a-1", 1).await;
    stage.append(&[stage.set("a-2", "b", 1)]).await;
    stage.settle_down().await;
    assert_eq!((stage.wire.sent().len(), stage.says_open()), (1, true));
    tell(&stage, Control::Resume).await;
    assert_eq!(settled(&stage, "a-2").await, End::Done);
    assert!(stage.end_of("a-1").is_none(), "the action that was asked to wait does so by itself");
    running.stop().await;
}

async fn settled(stage: &Stage, id: &str) -> End {
    stage.pass_until("it is settled", Duration::from_secs(1), || stage.end_of(id).is_some()).await;
    stage.end_of(id).expect("settled")
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
