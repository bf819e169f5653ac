//! An installation that is hurt and healed: processes, simulated vendors behind a network of ours, and brokers.

use std::{fs, path::PathBuf, time::Duration};

use rand::{RngExt as _, rngs::StdRng};
use rustix::process::Signal;

use super::faults::{Tally, choose, of_network, of_vendor};
use crate::support::{
    child::say,
    conservation::{FLOWS, Judgement, Sender, judge, unfinished},
    kafka::Cluster,
    process::{Launch, Process},
    proxy::{Network, Proxy},
    stage::{Stage, within},
    vendor::Vendor,
};

/// The flows are in force since long before any clock of ours is set wrong.
const FIRST_SHIFT: i64 = -2 * 86_400;
/// How far clocks jump, in seconds. Brokers refuse records from more than an hour ahead.
const JUMPS: &[i64] = &[-3_000, -60, 45, 3_000];
/// All that is acknowledged is finished within this, once everything is healed.
const PATIENCE: Duration = Duration::from_mins(3);

const POINTS: &[&str] = &[
    "webhook-durable",
    "outputs-written",
    "claim-written",
    "intent-written",
    "effect-done",
    "settle-outputs-written",
    "outcome-written",
];

/// A place for a process: its config with tables of its own, its clock, its roles.
struct Slot {
    config: PathBuf,
    clock: PathBuf,
    log: PathBuf,
    roles: &'static [&'static str],
    process: Option<Process>,
    standing_still: bool,
    /// Where it is to die.
    dies_at: Option<&'static str>,
}

impl Slot {
    fn launch(&self) -> Launch {
        Launch {
            roles: self.roles.to_vec(),
            clock_shift: Some(self.clock.clone()),
            log: Some(self.log.clone()),
            ..Launch::default()
        }
    }

    fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
    }

    fn is_alive(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| !process.is_dead())
    }

    fn shift_clock(&self, seconds: i64) {
        fs::write(&self.clock, seconds.to_string()).expect("the clock is set");
    }
}

/// Brokers, each behind a network of ours.
struct Brokers {
    cluster: Cluster,
    proxies: Vec<Proxy>,
    killed: Option<u32>,
}

/// Everything that can be hurt.
pub(super) struct Installation {
    stage: Stage,
    seed: u64,
    slots: Vec<Slot>,
    /// In front of `crm` and `news`.
    networks: Vec<Proxy>,
    brokers: Option<Brokers>,
    /// The newsletter vendor dies while they work.
    vendor_dies: bool,
    sender: Sender,
}

impl Installation {
    pub fn embedded(seed: u64) -> Self {
        Self::new(seed, None, &[&[]])
    }

    /// Two processes that do everything, one that takes in, one that delivers.
    pub fn on_kafka(seed: u64, cluster: Cluster, proxies: Vec<Proxy>) -> Self {
        let brokers = Brokers { cluster, proxies, killed: None };
        let roles: &[&[&str]] = &[&[], &[], &["gateway", "normalizer", "router"], &["dispatcher"]];
        Self::new(seed, Some(brokers), roles)
    }

    fn new(seed: u64, brokers: Option<Brokers>, roles: &[&'static [&'static str]]) -> Self {
        let addresses = brokers.as_ref().map(|brokers| {
            let addresses: Vec<_> = brokers.proxies.iter().map(|proxy| proxy.address.to_string()).collect();
            addresses.join(", ")
        });
        let mut stage = Stage::new(addresses).with_newsletter_apart();
        let mut networks = Vec::new();
        for vendor in [stage.anabix.base_url().clone(), stage.newsletter.base_url().clone()] {
            let port = vendor.port().expect("a sandbox's port");
            let proxy = Proxy::start(([127, 0, 0, 1], port).into());
            stage = stage.saying(&format!("base_url: {vendor}"), &format!("base_url: http://{}/", proxy.address));
            networks.push(proxy);
        }
        stage.write_config(FLOWS);
        let folder = stage.folder.path().to_owned();
        let slot = |(number, roles): (usize, &&'static [&'static str])| Slot {
            config: stage.write_config_to(&format!("config-{number}"), FLOWS),
            clock: folder.join(format!("clock-{number}")),
            log: folder.join(format!("process-{number}.log")),
            roles,
            process: None,
            standing_still: false,
            dies_at: None,
        };
        let slots: Vec<_> = roles.iter().enumerate().map(slot).collect();
        if brokers.is_none() {
            // One log, for the checker too.
            for slot in &slots {
                let service = fs::read_to_string(slot.config.join("service.yaml")).expect("a config");
                let log = folder.join("config/log.db");
                let service = service.replace("path: log.db", &format!("path: {}", log.display()));
                fs::write(slot.config.join("service.yaml"), service).expect("a config");
            }
        }
        Self { stage, seed, slots, networks, brokers, vendor_dies: false, sender: Sender::default() }
    }

    pub fn name(&self) -> &'static str {
        if self.brokers.is_some() { "Kafka" } else { "the embedded log" }
    }

    pub fn acknowledged(&self) -> usize {
        self.sender.acknowledged()
    }

    /// The first start of all: the flows come into force.
    pub async fn begin(&mut self) {
        for slot in &self.slots {
            slot.shift_clock(FIRST_SHIFT);
        }
        let first = self.slots[0].launch().start(&self.slots[0].config).expect("it starts");
        let says_so = || fs::read_to_string(&self.slots[0].log).is_ok_and(|log| log.contains("flows in force"));
        assert!(within(PATIENCE, says_so).await, "the flows come into force");
        assert!(first.stop(), "it ends in order");
        self.set_clocks();
        self.wake();
    }

    /// Clocks are apart, by some minutes.
    fn set_clocks(&self) {
        for (number, slot) in self.slots.iter().enumerate() {
            let apart = [0, 95, -95, 200];
            slot.shift_clock(apart[number % apart.len()]);
        }
    }

    /// Everything that is dead lives again.
    fn wake(&mut self) {
        for slot in &mut self.slots {
            if !slot.is_alive() {
                slot.process = None;
                slot.process = slot.launch().start(&slot.config);
            }
        }
    }

    /// One to four things go wrong.
    pub fn hurt(&mut self, random: &mut StdRng, tally: &mut Tally) {
        for _ in 0..random.random_range(0..=2) {
            let fault = of_vendor(random);
            self.vendor(random).fault(fault);
        }
        if random.random_bool(0.4) {
            let (name, network) = of_network(random);
            self.networks[random.random_range(0..self.networks.len())].set(network);
            tally.count(format!("network to a vendor: {name}"));
        }
        self.vendor_dies = random.random_bool(0.15);
        if random.random_bool(0.3) {
            let slot = random.random_range(0..self.slots.len());
            self.slots[slot].shift_clock(choose(random, JUMPS));
            tally.count("clock jump");
        }
        if random.random_bool(0.6) {
            self.hurt_process(random, tally);
        }
        self.hurt_brokers(random, tally);
    }

    fn vendor(&self, random: &mut StdRng) -> &Vendor {
        if random.random_bool(0.5) { &self.stage.anabix } else { &self.stage.newsletter }
    }

    fn hurt_process(&mut self, random: &mut StdRng, tally: &mut Tally) {
        let several = self.slots.len() > 1;
        let number = random.random_range(0..self.slots.len());
        let full = self.full_disk();
        let slot = &mut self.slots[number];
        match random.random_range(0..10) {
            // Right now.
            0..=1 => {
                slot.kill();
                slot.dies_at = None;
                tally.count("process: kill -9");
            }
            // At a point of its next life.
            2..=5 => {
                slot.kill();
                let point = choose(random, POINTS);
                let launch =
                    Launch { kill_at: Some(format!("{point}:{}", random.random_range(1..=8))), ..slot.launch() };
                slot.process = launch.start(&slot.config);
                slot.dies_at = Some(point);
                tally.count("process: kill -9");
            }
            6 => {
                if let Some(process) = slot.process.take().filter(|_| several) {
                    slot.dies_at = None;
                    process.stop();
                    tally.count("process: stopped in order");
                }
            }
            7 if !several => {
                slot.kill();
                slot.dies_at = None;
                let launch = Launch { file_blocks: Some(full), ..slot.launch() };
                slot.process = launch.start(&slot.config);
                tally.count("disk: full");
            }
            _ => {
                if let Some(process) = &slot.process {
                    process.signal(Signal::STOP);
                    slot.standing_still = true;
                    tally.count("process: stands still");
                }
            }
        }
    }

    /// So many blocks that the log can hardly grow.
    fn full_disk(&self) -> u64 {
        let folder = self.stage.folder.path().join("config");
        let size = |name: &str| fs::metadata(folder.join(name)).map_or(0, |file| file.len());
        let largest = size("log.db").max(size("log.db-wal"));
        largest / 512 + 64
    }

    fn hurt_brokers(&mut self, random: &mut StdRng, tally: &mut Tally) {
        if random.random_bool(0.1) {
            self.kill_a_broker(random, tally);
        }
        let Some(brokers) = &mut self.brokers else { return };
        if random.random_bool(0.25) {
            let (name, network) = of_network(random);
            brokers.proxies[random.random_range(0..brokers.proxies.len())].set(network);
            tally.count(format!("network to a broker: {name}"));
        }
    }

    /// One of the brokers, if there are any and none is dead.
    pub fn kill_a_broker(&mut self, random: &mut StdRng, tally: &mut Tally) {
        let Some(brokers) = self.brokers.as_mut().filter(|brokers| brokers.killed.is_none()) else { return };
        let number = random.random_range(1..=3);
        tokio::task::block_in_place(|| brokers.cluster.broker("kill", number));
        brokers.killed = Some(number);
        tally.count("broker: kill -9");
    }

    /// Orders come in, wherever somebody takes them.
    pub async fn send(&mut self, random: &mut StdRng, orders: u32) {
        for _ in 0..orders {
            let gateways: Vec<_> = self.slots.iter().filter(|slot| !slot.standing_still).collect();
            let gateways: Vec<_> = gateways.iter().filter_map(|slot| slot.process.as_ref()).collect();
            let gateways: Vec<_> = gateways.iter().map(|process| process.gateway).filter(|at| at.port() > 0).collect();
            if !gateways.is_empty() {
                let gateway = choose(random, &gateways);
                self.sender.order(&self.stage, gateway).await;
            }
        }
    }

    /// Lets them work for a while, or until everything is done.
    pub async fn work(&mut self, patience: Duration, tally: &mut Tally) {
        if std::mem::take(&mut self.vendor_dies) {
            // Amidst of what it is asked: some of it was done, and its answer never came.
            within(patience / 3, || self.is_finished()).await;
            if self.stage.newsletter.kill() {
                tally.count("news: kill -9");
            }
        }
        let longest = if self.slots.iter().any(|slot| slot.standing_still) && self.brokers.is_some() {
            // Past the session timeout.
            Duration::from_millis(4_500)
        } else {
            patience
        };
        within(longest, || self.is_finished()).await;
    }

    fn is_finished(&self) -> bool {
        unfinished(&self.stage, &self.sender.orders).is_empty()
    }

    /// The network is good again, whoever stood still goes on, whoever died lives again.
    pub fn heal(&mut self, tally: &mut Tally) {
        for slot in &mut self.slots {
            if let Some(point) = slot.dies_at
                && !slot.is_alive()
            {
                slot.dies_at = None;
                tally.count(format!("process: kill -9 at {point}"));
            }
        }
        tally.count_struck("crm", &self.stage.anabix.struck());
        tally.count_struck("news", &self.stage.newsletter.struck());
        for network in &self.networks {
            network.set(Network::Good);
        }
        tokio::task::block_in_place(|| self.stage.newsletter.revive());
        if let Some(brokers) = &mut self.brokers {
            brokers.proxies.iter().for_each(|proxy| proxy.set(Network::Good));
            if let Some(number) = brokers.killed.take() {
                tokio::task::block_in_place(|| brokers.cluster.broker("revive", number));
            }
        }
        for slot in &mut self.slots {
            if std::mem::take(&mut slot.standing_still)
                && let Some(process) = &slot.process
            {
                process.signal(Signal::CONT);
            }
        }
        if self.brokers.is_none() && self.slots[0].process.as_ref().is_some_and(|_| self.disk_is_full()) {
            self.slots[0].kill();
        }
        tokio::task::block_in_place(|| self.wake());
    }

    /// Whether the only process runs with a full disk: room comes with its next life.
    fn disk_is_full(&self) -> bool {
        self.slots[0].process.as_ref().is_some_and(|process| process.is_limited)
    }

    /// Everything is healed and finished; the checker finds nothing.
    pub async fn finish_and_judge(&mut self, tally: &mut Tally) {
        self.stage.anabix.clear_faults();
        self.stage.newsletter.clear_faults();
        for slot in self.slots.iter_mut().filter(|slot| slot.dies_at.is_some()) {
            // It would still die at its point.
            slot.kill();
        }
        self.heal(tally);
        // No clock goes back further than it was: what waits for its time would wait for the difference.
        for slot in &self.slots {
            slot.shift_clock(3_300);
        }
        let watched = within(PATIENCE, || self.is_finished()).await;
        let missing = unfinished(&self.stage, &self.sender.orders);
        let mut judgement = self.judge().await;
        for _ in 0..10 {
            if judgement.is_unfinished() {
                // The vendors showed everything before the last outcomes were written.
                self.wake();
                judgement = self.judge().await;
            }
        }
        assert!(watched, "seed {}: not done after {PATIENCE:?}: {missing:?}\n{}", self.seed, judgement.text);
        assert!(judgement.clean, "seed {}: {}", self.seed, judgement.text);
        self.set_clocks();
        self.wake();
    }

    /// Everybody has a moment to write down what was done, and ends in order; then the checker judges.
    async fn judge(&mut self) -> Judgement {
        within(Duration::from_secs(1), || false).await;
        for slot in &mut self.slots {
            let ended = slot.process.take().map(Process::stop);
            assert!(ended != Some(false), "seed {}: a process did not end in order", self.seed);
        }
        judge(&self.stage, &self.sender, true)
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let empty = tempfile::tempdir().expect("a folder");
            let folder = std::mem::replace(&mut self.stage.folder, empty).keep();
            say(&format!("chaos failed with seed {}: see {}", self.seed, folder.display()));
        }
    }
}
