//! Logins: one at a time, used as long as they last, and kept where they must be.

use spojka::{model::http::Reply, topics::memory::key};

use super::{
    stage::Stage,
    toy::{SESSION, Toy},
    wire::Say,
};

fn logins(stage: &Stage) -> usize {
    stage.wire.sent().iter().filter(|sent| sent.ends_with("/login")).count()
}

#[tokio::test]
async fn one_login_serves_all_until_it_expires() {
    let stage = Stage::of(Toy { login: true, ..Toy::default() }).await;
    stage.append(&[stage.set("a-1", "a", 1), stage.set("a-2", "b", 1), stage.set("a-3", "c", 1)]).await;
    let running = stage.start();
    for id in ["a-1", "a-2", "a-3"] {
        stage.settled(id).await;
    }
    assert_eq!((logins(&stage), stage.wire.sent()[0].as_str()), (1, "POST /login"));
    stage.clock.advance(SESSION);
    stage.append(&[stage.set("a-4", "d", 1)]).await;
    stage.settled("a-4").await;
    assert_eq!(logins(&stage), 2);
    assert_eq!(stage.wire.effects()[3], "/set/d/fields/session-2");
    running.stop().await;
    assert!(stage.memory.get(key::SESSION).unwrap().is_none(), "it need not outlive the process");
}

#[tokio::test]
async fn a_session_that_must_not_be_lost_is_stored_before_it_is_used() {
    let stage = Stage::of(Toy { login: true, durable: true, ..Toy::default() }).await;
    stage.faults.cut(|records| (records[0].key == key::SESSION).then_some(1));
    stage.append(&[stage.set("a-1", "eva", 1)]).await;
    let running = stage.start();
    stage.until("it is cut off", || stage.faults.is_cut()).await;
    assert_eq!(stage.wire.sent(), ["POST /login"], "stored, and not used yet");
    running.crash().await;
    stage.faults.mend();
    let running = stage.start();
    stage.settled("a-1").await;
    running.stop().await;
    assert_eq!(stage.wire.sent(), ["POST /login", "POST /set/eva/fields/session-1"]);
}

#[tokio::test]
async fn a_rejected_login_is_not_repeated_by_those_who_wait_for_it() {
    let stage = Stage::of(Toy { login: true, ..Toy::default() }).await;
    stage.wire.say("/login", Say::Reply(Reply::new(401)));
    stage.append(&[stage.set("a-1", "a", 1), stage.set("a-2", "b", 1), stage.set("a-3", "c", 1)]).await;
    let running = stage.start();
    for id in ["a-1", "a-2", "a-3"] {
        stage.parked(id, 1).await;
    }
    running.stop().await;
    assert_eq!(stage.wire.sent(), ["POST /login"]);
}
