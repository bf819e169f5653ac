//! Kills at named points. Every acknowledged webhook has its effect, exactly once, by the vendors' own records.
//!
//! Needs `--features killpoints`; on Kafka also `SPOJKA_TEST_KAFKA_BROKERS`. The seeds are fixed: the same webhooks are sent
//! and the same points are hit, as far as a machine's scheduling repeats itself.

use std::collections::BTreeMap;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::support::{
    process::{Process, stopwatch},
    stage::{self, Stage, eventually, text},
};

const FLOWS: &str = r#"
flows:
  buyer-to-crm:
    on: order.paid
    from: shop
    do:
      - crm.add_to_list:
          email: ${order.customer.email}
          first_name: ${order.customer.first_name}
          list: Buyers
          create_list: true
          legal_basis: contract
  buyer-to-newsletter:
    on: order.paid
    from: shop
    do:
      - news.subscribe: { email: "${order.customer.email}" }
  order-to-newsletter:
    on: order.paid
    from: shop
    do:
      - news.record_order: { order: "${order}" }
      - news.mark_paid: { order_reference: "${order.number}", paid_on: "${order.paid_at}" }
"#;

/// The points, and how often each may be hit before it kills: a lane's start hits some of them, each action others.
const POINTS: &[(&str, u32)] = &[
    ("webhook-durable", 4),
    ("outputs-written", 5),
    ("claim-written", 4),
    ("intent-written", 8),
    ("effect-done", 20),
    ("settle-outputs-written", 12),
];

/// Kills at each point.
const ROUNDS: u32 = 25;

struct Run {
    stage: Stage,
    config: std::path::PathBuf,
    rng: StdRng,
    next_order: u64,
    acknowledged: Vec<u64>,
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
            next_order: 1_000,
            acknowledged: Vec::new(),
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
            self.next_order += 1;
            let id = self.next_order;
            let order = stage::paid_order(id, &format!("buyer{id}@example.cz"), self.stage.clock.now());
            let request = Stage::order_webhook("order.created", &order);
            if self.stage.send(process.gateway, request).await.is_some_and(|reply| reply.status == 200) {
                self.acknowledged.push(id);
            }
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
        let held: BTreeMap<String, String> = self.stage.orders().into_iter().collect();
        let crm = self.stage.anabix.state();
        let contacts = stage::values(&crm["contacts"]);
        let listed = |email: &str| {
            contacts
                .iter()
                .any(|contact| text(&contact["email"]) == email && !stage::values(&contact["lists"]).is_empty())
        };
        let subscribed = self.subscribers();
        let is_missing = |id: &&u64| {
            let email = format!("buyer{id}@example.cz");
            held.get(&id.to_string()).is_none_or(|status| status != "2")
                || !listed(&email)
                || !subscribed.contains_key(&email)
        };
        self.acknowledged.iter().filter(is_missing).copied().collect()
    }

    fn subscribers(&self) -> BTreeMap<String, u32> {
        let state = self.stage.newsletter.state();
        let lists = stage::values(&state["lists"]);
        let newsletter = lists.iter().filter(|list| text(&list["nl_id"]) == "51234");
        let mut count = BTreeMap::new();
        for record in newsletter.flat_map(|list| stage::values(&list["records"])) {
            *count.entry(text(&record["email"])).or_default() += 1;
        }
        count
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

    /// Exactly once, by the vendors' own records.
    fn check(&self) {
        let mut orders: BTreeMap<String, u32> = BTreeMap::new();
        for (reference, _) in self.stage.orders() {
            *orders.entry(reference).or_default() += 1;
        }
        let mut invoices: BTreeMap<String, u32> = BTreeMap::new();
        for invoice in Stage::effects(&self.stage.newsletter, "invoice") {
            *invoices.entry(text(&invoice["order"])).or_default() += 1;
        }
        let mut contacts: BTreeMap<String, u32> = BTreeMap::new();
        for contact in stage::values(&self.stage.anabix.state()["contacts"]) {
            *contacts.entry(text(&contact["email"])).or_default() += 1;
        }
        let subscribers = self.subscribers();
        for id in &self.acknowledged {
            let email = format!("buyer{id}@example.cz");
            let held = [
                orders.get(&id.to_string()),
                invoices.get(&id.to_string()),
                contacts.get(&email),
                subscribers.get(&email),
            ];
            assert_eq!(
                held.map(|count| count.copied().unwrap_or(0)),
                [1; 4],
                "order {id}: orders, invoices, contacts, subscribers"
            );
        }
        assert_eq!(Stage::effects(&self.stage.anabix, "list_created").len(), 1, "the list was made once");
    }
}

async fn kills(brokers: Option<String>, seed: u64) {
    let on = if brokers.is_some() { "Kafka" } else { "the embedded log" };
    let mut run = Run::new(brokers, seed);
    let mut slowest = std::time::Duration::ZERO;
    for (point, most) in POINTS {
        while run.kills.get(point).copied().unwrap_or(0) < ROUNDS {
            run.round(point, *most).await;
        }
        slowest = slowest.max(run.recover().await);
    }
    run.check();
    crate::support::child::say(&format!(
        "kills on {on}: {:?}, {} processes did not reach their point, {} webhooks acknowledged, each effect exactly once; \
         first effect after a restart within {slowest:?}",
        run.kills,
        run.unreached,
        run.acknowledged.len()
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
