//! What a replay of webhooks costs that are all done, and what live webhooks notice of it: `cargo bench --bench replay`.
//!
//! The roles run in this process on the embedded log. So many webhooks of a shop (`-- --webhooks=N`, 100,000 unless
//! said otherwise) go through normalizer and router, and each action is remembered as done, as its lane's owner would. Then live
//! webhooks are posted at a steady rate, in turn with nothing beside them and with a replay of everything: medians of the
//! pairs.
#![recursion_limit = "256"]
#![expect(clippy::print_stdout, reason = "the numbers are what it is for")]

use std::{collections::BTreeSet, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use hdrhistogram::Histogram;
use serde_json::Value;
use spojka::{
    config::{self, Config, FixedEnvironment, Mode},
    connectors::{VENDORS, kit::hmac},
    http::{Client, ClientSettings, Limits},
    log::{Bound, Signal, TopicPartition},
    model::{
        connection::ConnectionName,
        http::{Headers, Method, Request},
        id::{KeyHash, WebhookId},
        random::Generator,
        time::{Clock, SystemClock, Timestamp},
    },
    runtime::{self, App, Ground, Role},
    topics::{
        action::Action,
        event::{Entity, Origin},
        memory::{self, ActionState, End, Outcome, key},
        replay::{self, Replay, State},
        webhook::{Arrival, Webhook},
    },
};
use tokio::task::JoinSet;

const CONFIG: &str = r#"
gateway: { listen: "127.0.0.1:0" }
admin: { listen: "127.0.0.1:0" }
log: { embedded: { path: log.db } }
connections:
  shop: { woocommerce: { secret: env:BENCH_SECRET } }
  crm: { anabix: { user: shop, token: env:BENCH_SECRET, base_url: "http://127.0.0.1:9/api", settle: 50ms } }
flows:
  buyers:
    on: order.paid
    from: shop
    do:
      - crm.add_to_list: { email: "${order.customer.email}", list: Buyers, create_list: true, legal_basis: contract }
"#;
const SECRET: &str = "bench-secret";
/// Records of one append.
const BATCH: usize = 1000;
/// Live webhooks a second.
const LIVE: u32 = 200;
const PAIRS: usize = 5;

fn main() -> anyhow::Result<()> {
    // Tests of all targets run this program without `--bench`: then it only shows that it works.
    let measures = std::env::args().any(|argument| argument == "--bench");
    let asked = std::env::args().find_map(|argument| argument.strip_prefix("--webhooks=")?.parse().ok());
    let (webhooks, pairs) = if measures { (asked.unwrap_or(100_000), PAIRS) } else { (200, 1) };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(webhooks, pairs))
}

async fn measure(webhooks: u32, pairs: usize) -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).context("no temporary folder")?;
    let config = Arc::new(load(folder.path())?);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let random = Arc::new(Generator::from_system());
    let log = runtime::open_log(&config, Arc::clone(&clock))?;
    let ids = runtime::ids_of(&config, random.as_ref())?;
    let ground = Ground::new(&config, log, ids, clock, random);
    let roles = BTreeSet::from([Role::Gateway, Role::Normalizer, Role::Router]);
    let app = App::start(Arc::clone(&config), &roles, ground, "bench").await?;
    let bench = Bench { app, shop: ConnectionName::parse("shop")?, crm: ConnectionName::parse("crm")? };
    bench.tell(webhooks).await?;
    bench.settle(webhooks).await?;
    let until = SystemClock.now();

    let (mut alone, mut beside, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    for pair in 0..pairs {
        alone.push(
            bench
                .live(pair * 2, async {
                    SystemClock.sleep(Duration::from_secs(3)).await;
                    Ok(())
                })
                .await?
                .0,
        );
        let (p99, replay) = bench.live(pair * 2 + 1, bench.replay(until)).await?;
        let (replay, took) = replay;
        ensure!(replay.counts.actions.done == u64::from(webhooks), "all are done: {:?}", replay.counts);
        ensure!(replay.counts.appended == 0, "nothing is appended");
        rates.push(u64::from(webhooks) * 1_000_000 / u64::try_from(took.as_micros())?.max(1));
        beside.push(p99);
    }
    println!("webhooks replayed, all done: {webhooks}");
    println!("webhooks per second: {} (each: {rates:?})", median(&rates));
    println!("p99 of live webhooks alone, us: {} (each: {alone:?})", median(&alone));
    println!("p99 of live webhooks beside a replay, us: {} (each: {beside:?})", median(&beside));
    bench.app.stop().await;
    Ok(())
}

fn load(folder: &Path) -> anyhow::Result<Config> {
    let variables = [("BENCH_SECRET".to_owned(), SECRET.to_owned())].into();
    let environment = FixedEnvironment { variables, ..FixedEnvironment::default() };
    let files = [("spojka.yaml".to_owned(), CONFIG.to_owned())];
    config::load_texts(&files, folder, &environment, VENDORS, Mode::Resolve)
        .map_err(|report| anyhow::anyhow!("{report}"))
}

fn median(values: &[u64]) -> u64 {
    let mut values = values.to_vec();
    values.sort_unstable();
    values[values.len() / 2]
}

struct Bench {
    app: App,
    shop: ConnectionName,
    crm: ConnectionName,
}

impl Bench {
    /// Writes webhooks as the gateway would, and waits until every action is routed.
    async fn tell(&self, webhooks: u32) -> anyhow::Result<()> {
        let ground = self.app.ground();
        let topic = ground.names.webhooks(&self.shop);
        // No order has the number 0.
        let numbers: Vec<u32> = (1..=webhooks).collect();
        for numbers in numbers.chunks(BATCH) {
            let records = numbers.iter().map(|number| self.webhook(*number).to_append(topic.clone())).collect();
            ground.log.append(records).await?;
        }
        while self.routed().await? < u64::from(webhooks) {
            SystemClock.sleep(Duration::from_millis(100)).await;
        }
        // Behind the actions, the events are committed a little later.
        SystemClock.sleep(Duration::from_secs(1)).await;
        let events = ground.log.describe(&ground.names.events(Entity::Order)).await?;
        ensure!(events.partitions.iter().any(|(_, end)| *end > 0), "there are events");
        Ok(())
    }

    async fn routed(&self) -> anyhow::Result<u64> {
        let ground = self.app.ground();
        Ok(ground.log.describe(&ground.names.actions(&self.crm)).await?.partitions[0].1)
    }

    fn webhook(&self, number: u32) -> Webhook {
        let headers = Headers::new().with("x-wc-webhook-topic", "order.updated");
        Webhook {
            id: WebhookId::from_text(format!("w-{number:032x}")),
            connection: self.shop.clone(),
            arrived: SystemClock.now(),
            arrival: Arrival::Pushed { method: Method::Post, event: None, query: Vec::new(), headers },
            body: Bytes::from(order(number, SystemClock.now()).to_string()),
            replies: Vec::new(),
            origin: Origin::default(),
            traceparent: None,
            key: KeyHash::from_text(format!("k-{number:032x}")),
        }
    }

    /// Remembers every action as done, and commits, as the lane's owner would.
    async fn settle(&self, webhooks: u32) -> anyhow::Result<()> {
        let ground = self.app.ground();
        let (actions, memory) = (ground.names.actions(&self.crm), ground.names.memory(&self.crm));
        let mut reader = ground.log.read(&actions, 0, Bound::Edge, Bound::Edge).await?;
        loop {
            let records = reader.next().await?;
            if records.is_empty() {
                break;
            }
            let outcomes = records.iter().map(|record| {
                let at = SystemClock.now();
                let Action { id, source, .. } = Action::from_record(record).expect("an action");
                let webhook = Some(source.webhook);
                let outcome = Outcome { end: End::Done, at, attempts: 1, retry: 0, result: [].into(), webhook };
                memory::put(&memory, &key::action(&id), &ActionState::Settled(outcome), 1, at)
            });
            ground.log.append(outcomes.collect()).await?;
        }
        let mut consumer =
            ground.log.consumer(&ground.names.group("dispatcher"), std::slice::from_ref(&actions)).await?;
        let mut next = 0;
        while next < u64::from(webhooks) {
            if let Signal::Records(records) = consumer.next().await? {
                next = records.last().map_or(next, |record| record.offset + 1);
            }
        }
        consumer.store(&TopicPartition { topic: actions.as_str().into(), partition: 0 }, next);
        consumer.commit().await?;
        Ok(consumer.leave().await?)
    }

    async fn replay(&self, until: Timestamp) -> anyhow::Result<(Replay, Duration)> {
        let request = replay::Request { until: Some(until), per_second: 1_000, ..replay::Request::default() };
        let begun = SystemClock.elapsed();
        let mut replay = self.app.replayer().begin(request, false).await?;
        while replay.state == State::Running {
            SystemClock.sleep(Duration::from_millis(10)).await;
            replay = self.app.replayer().show(&replay.id).await?;
        }
        Ok((replay, SystemClock.elapsed().saturating_sub(begun)))
    }

    /// Posts live webhooks while something else goes on; the 99th percentile of the time to their acknowledgement in
    /// microseconds, and what the other thing came to.
    async fn live<T>(&self, turn: usize, beside: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<(u64, T)> {
        let client = Client::new(&ClientSettings::default())?;
        let gateway = self.app.gateway_address().context("a gateway")?;
        let mut times = Histogram::<u64>::new(3)?;
        let mut beside = std::pin::pin!(beside);
        let mut number = 1_000_000 * u32::try_from(turn + 1)?;
        let mut due = tokio::time::interval(Duration::from_secs(1) / LIVE);
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
        let mut posts = JoinSet::new();
        let ended = loop {
            tokio::select! {
                biased;
                planned = due.tick() => {
                    posts.spawn(post(client.clone(), gateway, number, planned));
                    number += 1;
                }
                Some(took) = posts.join_next() => times.record(took??)?,
                ended = &mut beside => break ended?,
            }
        };
        while let Some(took) = posts.join_next().await {
            times.record(took??)?;
        }
        Ok((times.value_at_quantile(0.99), ended))
    }
}

/// Microseconds from when it was due to its acknowledgement.
async fn post(client: Client, gateway: SocketAddr, number: u32, due: tokio::time::Instant) -> anyhow::Result<u64> {
    let body = order(number, SystemClock.now()).to_string().into_bytes();
    let signature = hmac::sha256_base64(SECRET.as_bytes(), &body);
    let mut request = Request::new(Method::Post, url::Url::parse(&format!("http://{gateway}/webhooks/shop"))?);
    request.body = Bytes::from(body);
    let request = request
        .header("content-type", "application/json")
        .header("x-wc-webhook-topic", "order.updated")
        .header("x-wc-webhook-signature", signature);
    let limits = Limits { timeout: Duration::from_secs(10), allow_private_addresses: true, ..Limits::default() };
    let reply = client.send(&request, &limits).await.map_err(|error| anyhow::anyhow!("{error:?}"))?;
    ensure!(reply.is_success(), "status {}", reply.status);
    Ok(u64::try_from(due.elapsed().as_micros())?)
}

/// A paid order as the shop's REST API shows it.
fn order(id: u32, now: Timestamp) -> Value {
    let at = now.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    serde_json::json!({
        "id": id, "number": id.to_string(), "status": "processing", "currency": "CZK", "total": "1210.00",
        "total_tax": "210.00", "prices_include_tax": true, "discount_total": "0.00", "discount_tax": "0.00",
        "shipping_total": "0.00", "shipping_tax": "0.00", "date_created_gmt": at, "date_modified_gmt": at,
        "date_paid_gmt": at, "date_completed_gmt": null, "customer_id": 0, "payment_method": "card",
        "payment_method_title": "Card", "transaction_id": "", "customer_note": "", "shipping": {}, "meta_data": [],
        "refunds": [], "fee_lines": [], "coupon_lines": [], "shipping_lines": [], "tax_lines": [],
        "billing": { "first_name": "Eva", "last_name": "Small", "company": "", "address_1": "Long 5", "address_2": "",
            "city": "Brno", "state": "", "postcode": "602 00", "country": "CZ", "email": format!("b{id}@example.cz"),
            "phone": "" },
        "line_items": [{ "id": 1, "name": "Course", "product_id": 7, "variation_id": 0, "quantity": 1, "tax_class": "",
            "subtotal": "1000.00", "subtotal_tax": "210.00", "total": "1000.00", "total_tax": "210.00", "meta_data": [],
            "sku": "COURSE-1", "price": 1000, "taxes": [] }],
    })
}
