//! Chaos: processes, vendors, brokers, network, disk and clocks fail by a seed's choice while orders come in. After each
//! stretch everything is healed and finished, and the conservation checker must find nothing.
//!
//! Needs `--features bugs` (for kill points and clocks); on Kafka also `SPOJKA_TEST_KAFKA_CLUSTER=1`. A short run by default;
//! `SPOJKA_TEST_CHAOS_ROUNDS=400` makes a long one (about three faults a round), `SPOJKA_TEST_CHAOS_SEED` another
//! one. A run that fails names its seed and its folder, which stays.

mod faults;
mod installation;

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use self::{faults::Tally, installation::Installation};
use crate::support::{
    child::say,
    kafka::{Cluster, variable},
};

const ROUNDS: &str = "SPOJKA_TEST_CHAOS_ROUNDS";
const SEED: &str = "SPOJKA_TEST_CHAOS_SEED";

/// After so many rounds everything is healed, finished and judged.
const STRETCH: u32 = 20;
/// Every so many rounds a broker dies, whatever else the dice say.
const BROKER_DIES: u32 = 8;

fn number(name: &str, otherwise: u32) -> u32 {
    variable(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

async fn chaos(mut installation: Installation, rounds: u32, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut tally = Tally::default();
    installation.begin().await;
    for round in 1..=rounds {
        installation.hurt(&mut random, &mut tally);
        if round % BROKER_DIES == 0 {
            installation.kill_a_broker(&mut random, &mut tally);
        }
        let orders = random.random_range(1..=4);
        installation.send(&mut random, orders).await;
        let patience = Duration::from_millis(random.random_range(100..900));
        installation.work(patience, &mut tally).await;
        installation.heal(&mut tally);
        if round % STRETCH == 0 || round == rounds {
            installation.finish_and_judge(&mut tally).await;
        }
    }
    say(&format!(
        "chaos on {}, seed {seed}: {} faults in {rounds} rounds ({tally}); {} webhooks acknowledged, none lost, nothing repeated",
        installation.name(),
        tally.total(),
        installation.acknowledged()
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_the_embedded_log() {
    if !cfg!(feature = "bugs") {
        return say("skipped: needs --features bugs");
    }
    let seed = u64::from(number(SEED, 1));
    chaos(Installation::embedded(seed), number(ROUNDS, 60), seed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_kafka() {
    if !cfg!(feature = "bugs") {
        return say("skipped: needs --features bugs");
    }
    let Some((cluster, proxies)) = Cluster::behind_proxies(3) else { return };
    let seed = u64::from(number(SEED, 2));
    chaos(Installation::on_kafka(seed, cluster, proxies), number(ROUNDS, 20), seed).await;
}
