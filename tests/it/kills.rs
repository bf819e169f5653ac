//! Kills at named points. Every acknowledged webhook has its effect, exactly once, by the vendors' own records.
//!
//! Needs `--features killpoints`; on Kafka also `SPOJKA_TEST_KAFKA_BROKERS`. The seeds are fixed: the same webhooks are sent
//! and the same points are hit, as far as a machine's scheduling repeats itself.

use std::collections::BTreeMap;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::support::{
    conservation::{FLOWS, Sender, judge, unfinished},
    process::{Process, stopwatch},
    stage::{Stage, eventually},
};

/// The points, and how often each may be hit before it kills: a lane's start hits some of them, each action others.
const POINTS: &[(&str, u32)] = &[
    ("webhook-durable", 4),
    ("outputs-written", 5),
    ("claim-written", 4),
    ("intent-written", 8),
    ("effect-done", 20),
    ("settle-outputs-written", 12),
];

/// Kills at each point, on the embedded log and on Kafka, where the chaos runs kill too.
const ROUNDS: u32 = 25;
const ROUNDS_ON_KAFKA: u32 = 6;

struct Run {
    stage: Stage,
    config: std::path::PathBuf,
    rng: StdRng,
    sender: Sender,
    kills: BTreeMap<&'static str, u32>,
    /// Processes that did their work without reaching the point.
    unreached: u32,
}

impl Run {
    fn new(brokers: Option<String>, seed: u64) -> Self {
        let stage = Stage::new(brokers);
        let config = stage.write_config(FLOWS);
        Self {
            stage,
            config,
            rng: StdRng::seed_from_u64(seed),
            sender: Sender::default(),
            kills: BTreeMap::new(),
            unreached: 0,
        }
    }

    /// One process that is to die at a point: it gets some webhooks, and is gone.
    async fn round(&mut self, point: &'static str, most: u32) {
        let kill_at = format!("{point}:{}", self.rng.random_range(1..=most));
        let Some(mut process) = Process::start(&self.config, Some(&kill_at)) else {
            *self.kills.entry(point).or_default() += 1;
            return;
        };
        for _ in 0..self.rng.random_range(1..=3) {
            self.sender.order(&self.stage, process.gateway).await;
        }
        eventually("it dies, or it is done", || process.is_dead() || self.missing().is_empty()).await;
        // What is done may still be on its way to the point.
        let hit = process.is_dead();
        if hit {
            *self.kills.entry(point).or_default() += 1;
        } else {
            self.unreached += 1;
            process.kill();
        }
    }

    /// What the vendors do not hold yet.
    fn missing(&self) -> Vec<u64> {
        unfinished(&self.stage, &self.sender.orders)
    }

    /// A process that lives until all that was acknowledged is there. Answers how long the first effect took.
    async fn recover(&self) -> std::time::Duration {
        let effects = || self.stage.newsletter.effects().len() + self.stage.anabix.effects().len();
        let (before, pending) = (effects(), self.missing().len());
        let watch = stopwatch();
        let process = Process::start(&self.config, None).expect("it starts");
        let mut first = None;
        eventually("everything acknowledged is there", || {
            if first.is_none() && (pending == 0 || effects() > before) {
                first = Some(watch());
            }
            self.missing().is_empty()
        })
        .await;
        assert!(process.stop(), "it ends in order when it is asked to");
        first.unwrap_or_default()
    }

    /// Exactly once, by the vendors' own records and by the topics.
    async fn check(&self) {
        let mut judgement = judge(&self.stage, &self.sender, true);
        for _ in 0..5 {
            if judgement.is_unfinished() {
                // The vendors showed everything before the last outcomes were written.
                self.recover().await;
                judgement = judge(&self.stage, &self.sender, true);
            }
        }
        assert!(judgement.clean, "{}", judgement.text);
        assert_eq!(Stage::effects(&self.stage.anabix, "list_created").len(), 1, "the list was made once");
    }
}

async fn kills(brokers: Option<String>, seed: u64) {
    let on = if brokers.is_some() { "Kafka" } else { "the embedded log" };
    let rounds = if brokers.is_some() { ROUNDS_ON_KAFKA } else { ROUNDS };
    let mut run = Run::new(brokers, seed);
    let mut slowest = std::time::Duration::ZERO;
    for (point, most) in POINTS {
        while run.kills.get(point).copied().unwrap_or(0) < rounds {
            run.round(point, *most).await;
        }
        slowest = slowest.max(run.recover().await);
    }
    run.check().await;
    crate::support::child::say(&format!(
        "kills on {on}: {:?}, {} processes did not reach their point, {} webhooks acknowledged, each effect exactly once; \
         first effect after a restart within {slowest:?}",
        run.kills,
        run.unreached,
        run.sender.acknowledged()
    ));
    if on != "Kafka" {
        assert!(slowest < std::time::Duration::from_secs(5), "the first action took {slowest:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_the_embedded_log() {
    if cfg!(feature = "killpoints") {
        kills(None, 1).await;
    } else {
        crate::support::child::say("skipped: needs --features killpoints");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_kafka() {
    match crate::support::kafka::variable(crate::support::kafka::BROKERS) {
        Some(brokers) if cfg!(feature = "killpoints") => kills(Some(brokers), 2).await,
        _ => crate::support::child::say("skipped: needs --features killpoints and SPOJKA_TEST_KAFKA_BROKERS"),
    }
}
