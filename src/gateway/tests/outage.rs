//! The log hangs, is slow, refuses, and comes back: every sender has an answer within five seconds, by the clock, and what
//! was acknowledged is in the log in the end, in order.

use super::{bounds::come_again, fake_log::Mode, *};
use crate::{
    gateway::spool::{Spool, SpoolParts, SpoolSettings, Spooling},
    log::{LogError, LogResult},
};

/// What every sender is promised.
const PROMISE: Duration = Duration::from_secs(5);
const TOPIC: &str = "test.webhooks.shop";

/// A gateway with a spool.
struct Spooled {
    rig: Rig,
    spool: Arc<Spool>,
    spooling: Spooling,
    folder: tempfile::TempDir,
}

impl Spooled {
    async fn start() -> Self {
        Self::holding(1 << 20).await
    }

    async fn holding(max_bytes: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let world = World::new();
        let (spool, spooling) = open(&world, &folder, max_bytes).await.expect("a spool");
        let settings = GatewaySettings { workers: 1, ..GatewaySettings::default() };
        let rig = Rig::run(world.gateway(settings, Some(Arc::clone(&spool))));
        Self { rig, spool, spooling, folder }
    }

    async fn send(&self, body: &[u8]) -> u16 {
        self.rig.ask(&signed(body)).await.status
    }

    /// Lets time pass until the spool is empty. No sender waits meanwhile.
    async fn drained(&self) {
        self.until(|| self.spool.remains().records == 0).await;
    }

    async fn until(&self, is_so: impl Fn() -> bool) {
        let passing = async {
            while !is_so() {
                self.rig.clock.advance(Duration::from_millis(100));
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), passing).await.expect("it comes to that");
    }

    /// The bodies in the log, in order.
    fn bodies(&self) -> Vec<bytes::Bytes> {
        self.rig.stored().into_iter().map(|webhook| webhook.body).collect()
    }
}

async fn open(world: &World, folder: &tempfile::TempDir, max_bytes: u64) -> LogResult<(Arc<Spool>, Spooling)> {
    let settings = SpoolSettings {
        path: folder.path().join("spool"),
        max_bytes,
        max_message_bytes: 1 << 20,
        append_timeout: GatewaySettings::default().append_timeout,
    };
    let parts = SpoolParts {
        log: Arc::clone(&world.log) as crate::log::Log,
        health: Arc::clone(&world.health),
        clock: Arc::clone(&world.clock) as Arc<dyn Clock>,
        metrics: Arc::clone(&world.metrics),
    };
    let names = Names::new("test.");
    Spool::open(&settings, &[names.webhooks(&shop()), names.webhooks(&other_shop())], parts).await
}

fn away() -> Mode {
    Mode::Fails(LogError::Unavailable("away".to_owned()))
}

#[tokio::test]
async fn a_log_that_hangs_is_given_up_on_within_the_promise() {
    let rig = Rig::start();
    rig.log.set(Mode::Hangs);
    let mut senders = Vec::new();
    for sender in 1..=20 {
        let mut client = rig.connect().await;
        client.send(&signed(b"x")).await;
        rig.log.handed_over(sender).await;
        senders.push(client);
    }
    rig.has_come_round().await;
    assert!(senders.iter().all(Client::is_quiet));
    rig.clock.advance(GatewaySettings::default().append_timeout);
    for client in &mut senders {
        come_again(&client.answer().await.expect("an answer"));
    }
    assert!(rig.clock.elapsed() < PROMISE);
    assert_eq!(rig.refused(code::LOG_UNAVAILABLE), 20);
    assert_eq!(rig.counted("log_errors_total", "operation=\"append\""), 20);
    assert!(rig.metrics.text().contains("\nspojka_log_available 0\n"));
}

#[tokio::test]
async fn a_log_that_is_slow_is_waited_for_as_long_as_the_promise_lets_us() {
    let rig = Rig::start();
    rig.log.set(Mode::Waits);
    let mut client = rig.connect().await;
    client.send(&signed(b"x")).await;
    rig.log.handed_over(1).await;
    let nearly = GatewaySettings::default().append_timeout.saturating_sub(Duration::from_millis(1));
    rig.clock.advance(nearly);
    rig.has_come_round().await;
    assert!(client.is_quiet());
    rig.log.release();
    assert_eq!(client.answer().await.expect("an answer").status, 202);
}

/// A refused webhook may be in the log all the same: what the log was handed is still on its way. Sent again, it is the same
/// webhook where the vendor has ids for deliveries, and facts absorb it where it has none.
#[tokio::test]
async fn what_was_refused_and_stored_all_the_same_is_the_same_webhook_when_it_is_sent_again() {
    let rig = Rig::start();
    let signature = hmac::sha256_base64(SECRET.as_bytes(), b"x");
    let request = post("/webhooks/shop", &[("x-signature", &signature), ("x-delivery", "d-1")], b"x");
    rig.log.set(Mode::Hangs);
    let mut client = rig.connect().await;
    client.send(&request).await;
    rig.log.handed_over(1).await;
    rig.clock.advance(GatewaySettings::default().append_timeout);
    come_again(&client.answer().await.expect("an answer"));
    rig.log.set(Mode::Takes);
    assert_eq!(rig.ask(&request).await.status, 202);
    let stored = rig.stored();
    assert_eq!((stored.len(), &stored[0].id), (2, &stored[1].id));
}

#[tokio::test]
async fn while_the_log_is_away_webhooks_go_to_the_spool_and_later_into_the_log_in_order() {
    let it = Spooled::start().await;
    assert_eq!(it.send(b"0").await, 202);
    it.rig.log.set(away());
    for body in [b"1", b"2", b"3"] {
        assert_eq!(it.send(body).await, 202);
    }
    assert_eq!(it.bodies(), ["0"]);
    assert_eq!((it.spool.remains().records, it.rig.accepted()), (3, 4));
    assert_eq!(it.rig.counted("webhooks_spooled_total", "connection=\"shop\""), 3);

    it.rig.log.set(Mode::Takes);
    it.drained().await;
    assert_eq!(it.bodies(), ["0", "1", "2", "3"]);
    assert!(
        it.rig.stored().iter().all(|webhook| webhook.arrived.to_string() == NOW),
        "they keep their time of arrival"
    );
    assert_eq!(it.send(b"4").await, 202);
    assert_eq!(it.bodies().last().map(AsRef::as_ref), Some(&b"4"[..]));
    assert_eq!(
        it.rig.counted("webhooks_spooled_total", "connection=\"shop\""),
        3,
        "the last went straight into the log"
    );
    assert!(it.rig.metrics.text().contains("\nspojka_log_available 1\n"));
}

#[tokio::test]
async fn behind_what_is_spooled_later_webhooks_queue_although_the_log_would_take_them() {
    let it = Spooled::start().await;
    it.rig.log.set(away());
    assert_eq!(it.send(b"1").await, 202);
    // The log is back, but the drain has not looked yet: it waits for time to pass.
    it.rig.log.set(Mode::Takes);
    assert_eq!(it.send(b"2").await, 202);
    it.drained().await;
    let position = |body: &[u8]| it.bodies().iter().position(|stored| stored.as_ref() == body).expect("stored");
    assert!(position(b"1") < position(b"2"));
}

#[tokio::test]
async fn a_log_that_hangs_leaves_the_spool_enough_of_the_promise() {
    let it = Spooled::start().await;
    it.rig.log.set(Mode::Hangs);
    let mut client = it.rig.connect().await;
    client.send(&signed(b"x")).await;
    it.rig.log.handed_over(1).await;
    it.rig.clock.advance(GatewaySettings::default().spool_after);
    assert_eq!(client.answer().await.expect("an answer").status, 202);
    assert!(it.rig.clock.elapsed() < PROMISE);
    // The next one of this connection does not wait for the log at all: the clock stands still.
    assert_eq!(it.send(b"y").await, 202);

    // What the log was handed while it hung is in it, and comes again from the spool: the same webhook by its id.
    it.rig.log.set(Mode::Takes);
    it.drained().await;
    let stored = it.rig.stored();
    let twice = stored.iter().filter(|webhook| webhook.body == "x").map(|webhook| &webhook.id).collect::<Vec<_>>();
    assert!(twice.len() >= 2 && twice.iter().all(|id| *id == twice[0]), "{twice:?}");
    assert_eq!(stored.last().expect("stored").body, "y");
}

#[tokio::test]
async fn a_full_spool_refuses_with_a_code_of_its_own_and_takes_again_when_it_has_room() {
    let it = Spooled::holding(2_000).await;
    it.rig.log.set(away());
    let mut taken: u64 = 0;
    while it.send(&[b'x'; 300]).await == 202 {
        taken += 1;
    }
    assert!((1..=6).contains(&taken), "{taken}");
    come_again(&it.rig.ask(&signed(&[b'x'; 300])).await);
    assert_eq!(it.rig.refused(code::SPOOL_FULL), 2);
    assert!(!it.spool.has_room());
    assert_eq!(it.spool.remains().records, taken);

    it.rig.log.set(Mode::Takes);
    it.drained().await;
    assert_eq!((it.send(b"again").await, it.rig.stored().len() as u64), (202, taken + 1));
}

#[tokio::test]
async fn a_connection_whose_topic_cannot_be_written_holds_up_no_other() {
    let it = Spooled::start().await;
    let other = |body: &[u8]| {
        let signature = hmac::sha256_base64(SECRET.as_bytes(), body);
        post("/webhooks/second", &[("x-signature", &signature)], body)
    };
    it.rig.log.set(away());
    assert_eq!(it.send(b"1").await, 202);
    assert_eq!(it.rig.ask(&other(b"o1")).await.status, 202);
    it.rig.log.set(Mode::FailsFor(TOPIC));
    it.until(|| it.spool.remains().records == 1).await;
    assert_eq!(it.rig.ask(&other(b"o2")).await.status, 202);
    assert_eq!(it.bodies(), ["o1", "o2"], "drained, and then straight into the log");
    it.rig.log.set(Mode::Takes);
    it.drained().await;
    assert_eq!(it.bodies(), ["o1", "o2", "1"]);
}

#[tokio::test]
async fn what_a_killed_process_had_spooled_the_next_one_drains() {
    let it = Spooled::start().await;
    it.rig.log.set(away());
    for body in [b"1", b"2"] {
        assert_eq!(it.send(body).await, 202);
    }
    let Spooled { rig, spool, spooling, folder } = it;
    drop((rig, spool, spooling));

    let world = World::new();
    let (log, clock) = (Arc::clone(&world.log), Arc::clone(&world.clock));
    log.set(away());
    let opened = async {
        // The threads of the gateway that is gone hold the file for a moment longer.
        loop {
            match open(&world, &folder, 1 << 20).await {
                Ok(opened) => break opened,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    let (spool, spooling) = tokio::time::timeout(Duration::from_mins(1), opened).await.expect("a spool");
    assert_eq!(spool.remains().records, 2);
    assert!(spool.remains().oldest.is_some() && spool.remains().bytes > 0);
    log.set(Mode::Takes);
    clock.advance(Duration::from_secs(1));
    assert_eq!(spooling.finish(Duration::from_secs(30)).await.records, 0);
    let bodies: Vec<_> = log.records().iter().map(|record| record.value.clone().expect("a value")).collect();
    assert_eq!(bodies, ["1", "2"]);
}

#[tokio::test]
async fn an_end_does_not_wait_for_a_log_that_stays_away_and_tells_what_is_left() {
    let it = Spooled::start().await;
    it.rig.log.set(away());
    assert_eq!(it.send(b"1").await, 202);
    assert!(it.rig.running.stop(Duration::from_secs(30)).await);
    let left = it.spooling.finish(Duration::from_secs(30)).await;
    assert_eq!((left.records, left.oldest.map(|at| at.to_string())), (1, Some(NOW.to_owned())));
}

#[tokio::test]
async fn a_spool_has_one_process() {
    let it = Spooled::start().await;
    let error = open(&World::new(), &it.folder, 1 << 20).await.err().expect("refused");
    assert!(error.to_string().contains("is in use by"), "{error}");
}
