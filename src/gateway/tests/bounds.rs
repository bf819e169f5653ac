//! What happens at the gateway's bounds: bytes, time, and the log's own troubles.

use super::{fake_log::Mode, *};
use crate::log::LogError;

/// A refusal that says when to come again.
pub(super) fn come_again(answer: &Answer) {
    assert_eq!((answer.status, answer.header("retry-after"), answer.body.as_str()), (503, Some("10"), ""));
}

#[tokio::test]
async fn a_log_that_is_down_sends_senders_away_until_it_is_back() {
    let rig = Rig::start();
    rig.log.set(Mode::Fails(LogError::Unavailable("disk full".to_owned())));
    come_again(&rig.ask(&signed(b"x")).await);
    assert_eq!(rig.refused(code::LOG_UNAVAILABLE), 1);
    assert_eq!(rig.counted("log_errors_total", "operation=\"append\""), 1);
    rig.log.set(Mode::Takes);
    rig.is_healthy().await;
}

#[tokio::test]
async fn a_record_that_the_topic_does_not_take_is_too_large() {
    let rig = Rig::start();
    rig.log.set(Mode::Fails(LogError::TooLarge { topic: "webhooks.shop".to_owned() }));
    assert_eq!(rig.ask(&signed(b"x")).await.status, 413);
    assert_eq!(rig.refused(code::BODY_TOO_LARGE), 1);
}

#[tokio::test]
async fn a_log_whose_queue_fills_up_sends_senders_away_before_it_is_full() {
    let rig = Rig::start();
    rig.log.set_queued(51);
    come_again(&rig.ask(&signed(b"x")).await);
    assert_eq!((rig.refused(code::OVERLOADED), rig.stored().len()), (1, 0));
    rig.log.set_queued(50);
    rig.is_healthy().await;
}

#[tokio::test]
async fn bodies_are_held_within_a_bound_and_the_room_comes_back() {
    let rig = Rig::with(GatewaySettings { max_held_bytes: 15, ..GatewaySettings::default() });
    rig.log.set(Mode::Waits);
    let mut first = rig.connect().await;
    first.send(&signed(b"0123456789")).await;
    rig.log.handed_over(1).await;
    assert_eq!(rig.metrics.gateway_queue_bytes().get(), 10);
    come_again(&rig.ask(&signed(b"0123456789")).await);
    assert_eq!(rig.refused(code::OVERLOADED), 1);
    assert!(first.is_quiet());
    rig.log.release();
    assert_eq!(first.answer().await.expect("an answer").status, 202);
    assert_eq!(rig.metrics.gateway_queue_bytes().get(), 0);
    rig.log.set(Mode::Takes);
    rig.is_healthy().await;
}

#[tokio::test]
async fn a_slow_body_is_cut_off() {
    let body_timeout = Duration::from_millis(50);
    let rig = Rig::with(GatewaySettings { body_timeout, ..GatewaySettings::default() });
    let whole = signed(b"0123456789");
    let mut client = rig.connect().await;
    client.send(&whole[..whole.len() - 3]).await;
    assert_eq!(client.answer().await.expect("an answer").status, 408);
    assert_eq!(rig.refused(code::TOO_SLOW), 1);
    rig.is_healthy().await;
}

#[tokio::test]
async fn a_slow_head_is_cut_off() {
    let head_timeout = Duration::from_millis(50);
    let rig = Rig::with(GatewaySettings { head_timeout, ..GatewaySettings::default() });
    let mut client = rig.connect().await;
    client.send(b"POST /webhooks/shop HTTP/1.1\r\nhost: x\r\n").await;
    assert_eq!(client.answer().await.expect("an answer").status, 408);
    assert!(client.answer().await.is_none(), "the connection is closed");
}

/// The HTTP server times the first head of a connection only.
#[tokio::test]
async fn a_slow_second_head_is_cut_off_too() {
    // The log may take as long as it likes: time passes quickly here.
    let append_timeout = Duration::from_hours(1_000);
    let rig = Rig::with(GatewaySettings { append_timeout, ..GatewaySettings::default() });
    let mut slow = rig.connect().await;
    slow.send(&signed(b"x")).await;
    assert_eq!(slow.answer().await.expect("an answer").status, 202);
    slow.send(b"POST /webhooks/shop HTTP/1.1\r\nhost: x\r\n").await;

    let mut busy = rig.connect().await;
    rig.log.set(Mode::Waits);
    busy.send(&signed(b"y")).await;
    rig.log.handed_over(2).await;
    let time_passes = async {
        loop {
            rig.clock.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        answer = slow.answer() => assert!(answer.is_none(), "the connection is closed"),
        () = time_passes => unreachable!("it passes for ever"),
    }
    rig.has_come_round().await;
    assert!(busy.is_quiet(), "what is in flight is not cut off, however long it takes");
    rig.log.release();
    assert_eq!(busy.answer().await.expect("an answer").status, 202);
}

#[tokio::test]
async fn stopping_lets_what_is_in_flight_end() {
    let rig = Rig::start();
    rig.log.set(Mode::Waits);
    let mut idle = rig.connect().await;
    idle.send(&signed(b"idle")).await;
    rig.log.handed_over(1).await;
    rig.log.release();
    assert_eq!(idle.answer().await.expect("an answer").status, 202);
    let mut client = rig.connect().await;
    client.send(&signed(b"x")).await;
    rig.log.handed_over(2).await;

    let address = rig.running.address();
    let (log, stopped) = (Arc::clone(&rig.log), rig.running.stop(Duration::from_secs(30)));
    let ending = async {
        // The port closes first; what is in flight goes on.
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        assert!(client.is_quiet());
        log.release();
        client.answer().await.expect("an answer").status
    };
    let (all_ended, status) = tokio::join!(stopped, ending);
    assert!(all_ended && status == 202);
    assert!(idle.answer().await.is_none(), "idle connections do not hold us up");
}

#[tokio::test]
async fn stopping_does_not_wait_longer_than_it_may() {
    let rig = Rig::start();
    rig.log.set(Mode::Hangs);
    let mut client = rig.connect().await;
    client.send(&signed(b"x")).await;
    rig.log.handed_over(1).await;
    assert!(!rig.running.stop(Duration::from_millis(50)).await);
}
