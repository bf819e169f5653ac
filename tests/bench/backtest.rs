//! How quick a backtest is: `cargo bench --bench backtest`. So many recorded events (`-- --events=N`, 100,000 unless said
//! otherwise) on the embedded log, twenty flows in force and twenty proposed, of which some differ. Each run is a whole one, as
//! the admin port would begin it; the median of five counts.
#![expect(clippy::print_stdout, reason = "the numbers are what it is for")]

use std::{collections::BTreeSet, fmt::Write as _, path::Path, sync::Arc};

use anyhow::{Context as _, ensure};
use serde_json::json;
use spojka::{
    config::{self, Config, FixedEnvironment, Mode},
    connectors::VENDORS,
    model::{
        connection::ConnectionName,
        id::{Identity, WebhookId},
        random::Generator,
        time::{Clock, Since, SystemClock, Timestamp, version_of},
    },
    runtime::{
        self, App, Ground,
        backtest::report::{Backtest, Request},
    },
    topics::{
        body::Body,
        event::{Entity, Event, ORDER_CREATED, ORDER_PAID, Origin},
        replay::State,
    },
};

const SERVICE: &str = r#"
gateway: { listen: "127.0.0.1:0" }
admin: { listen: "127.0.0.1:0" }
log: { embedded: { path: log.db } }
connections:
  shop: { woocommerce: { secret: env:BENCH_SECRET } }
  crm: { anabix: { user: shop, token: env:BENCH_SECRET, base_url: "http://127.0.0.1:9/api", settle: 50ms } }
"#;
const FLOWS: usize = 20;
/// Records of one append.
const BATCH: usize = 1000;
const RUNS: usize = 5;

fn main() -> anyhow::Result<()> {
    // Tests of all targets run this program without `--bench`: then it only shows that it works.
    let measures = std::env::args().any(|argument| argument == "--bench");
    let asked = std::env::args().find_map(|argument| argument.strip_prefix("--events=")?.parse().ok());
    let (events, runs) = if measures { (asked.unwrap_or(100_000), RUNS) } else { (300, 1) };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(events, runs))
}

async fn measure(events: u32, runs: usize) -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).context("no temporary folder")?;
    let config = Arc::new(load(folder.path(), &flows("Buyers"))?);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let random = Arc::new(Generator::from_system());
    let log = runtime::open_log(&config, Arc::clone(&clock))?;
    let ids = runtime::ids_of(&config, random.as_ref())?;
    let ground = Ground::new(&config, log, ids, clock, random);
    let app = App::start(Arc::clone(&config), &BTreeSet::new(), ground, "bench").await?;
    record(&app, events).await?;

    let mut rates = Vec::new();
    for _ in 0..runs {
        let it = backtest(&app).await?;
        let changed: u64 = it.found.steps.iter().map(|step| step.counts.changed).sum();
        ensure!(it.read.events == u64::from(events), "every event is judged: {:?}", it.read);
        ensure!(changed > 0 && it.found.failures.is_empty(), "some differ: {:?}", it.found);
        rates.push(it.read.events * 1_000 / it.took_ms.max(1));
    }
    rates.sort_unstable();
    println!("events backtested: {events}, with {FLOWS} flows on each side");
    println!("events per second: {} (each: {rates:?})", rates[rates.len() / 2]);
    app.stop().await;
    Ok(())
}

fn files(flows: &str) -> [(String, String); 2] {
    [("spojka.yaml".to_owned(), SERVICE.to_owned()), ("flows.yaml".to_owned(), flows.to_owned())]
}

fn load(folder: &Path, flows: &str) -> anyhow::Result<Config> {
    let variables = [("BENCH_SECRET".to_owned(), "bench-secret".to_owned())].into();
    let environment = FixedEnvironment { variables, ..FixedEnvironment::default() };
    config::load_texts(&files(flows), folder, &environment, VENDORS, Mode::Resolve)
        .map_err(|report| anyhow::anyhow!("{report}"))
}

/// Ten flows for each of two types of events, each about one course; one that is about all.
fn flows(list: &str) -> String {
    let mut text = "flows:\n".to_owned();
    for number in 0..FLOWS {
        let on = if number % 2 == 0 { "order.paid" } else { "order.created" };
        let when = match number {
            0 | 1 => "order.customer.email != \"\"".to_owned(),
            _ => format!("order.items.exists(i, i.code == \"COURSE-{number}\") && order.currency == \"CZK\""),
        };
        let list = if number < 4 { list } else { "Others" };
        write!(
            text,
            "  flow-{number}:\n    on: {on}\n    from: shop\n    when: '{when}'\n    do:\n      - crm.add_to_list: \
             {{ email: \"${{order.customer.email}}\", list: {list}, create_list: true, legal_basis: contract }}\n"
        )
        .expect("a text takes more text");
    }
    text
}

/// Writes events as the normalizer would.
async fn record(app: &App, events: u32) -> anyhow::Result<()> {
    let ground = app.ground();
    let shop = ConnectionName::parse("shop")?;
    let topic = ground.names.events(Entity::Order);
    let numbers: Vec<u32> = (1..=events).collect();
    for numbers in numbers.chunks(BATCH) {
        let now = SystemClock.now();
        let event = |number: &u32| Ok(event(ground, &shop, *number, now)?.to_append(topic.clone()));
        ground.log.append(numbers.iter().map(event).collect::<anyhow::Result<_>>()?).await?;
    }
    Ok(())
}

fn event(ground: &Ground, shop: &ConnectionName, number: u32, now: Timestamp) -> anyhow::Result<Event> {
    let event_type = if number.is_multiple_of(2) { ORDER_PAID } else { ORDER_CREATED };
    let id = number.to_string();
    Ok(Event {
        id: ground.ids.event(shop, "order", &id, event_type.name, &Identity::Once),
        event_type,
        connection: shop.clone(),
        entity: ground.ids.entity(shop, "order", &id),
        subject: id,
        since: Since::stated(now, now),
        version: version_of(now),
        arrived: now,
        webhook: WebhookId::from_text(format!("w-{number:032x}")),
        origin: Origin::default(),
        traceparent: None,
        body: order(number)?,
    })
}

/// A paid order of three lines, as a shop's REST API gives it.
fn order(number: u32) -> anyhow::Result<Body> {
    let money = |amount: &str| json!({ "amount": amount, "currency": "CZK" });
    let item = |code: u32| {
        json!({ "code": format!("COURSE-{code}"), "name": "A course about something", "quantity": "1",
            "net": money("1000.00"), "tax": money("210.00"), "gross": money("1210.00"), "taxRate": "21" })
    };
    let order = json!({
        "id": number.to_string(), "number": number.to_string(), "status": "ORDER_STATUS_PROCESSING", "paid": true,
        "sourceStatus": "processing", "createdAt": "2025-10-09T08:53:20Z", "updatedAt": "2025-10-09T08:53:20Z",
        "paidAt": "2025-10-09T08:53:20Z", "currency": "CZK", "total": money("3630.00"), "totalTax": money("630.00"),
        "totalNet": money("3000.00"), "pricesIncludeTax": true, "paymentMethod": "card", "paymentMethodTitle": "Card",
        "customer": { "email": format!("b{number}@example.cz"), "firstName": "Eva", "lastName": "Small",
            "phone": "+420 601 234 567", "address": { "street": "Long 5", "city": "Brno", "postcode": "602 00", "country": "CZ" } },
        "items": [item(number % 20), item(number % 7), item(99)],
    });
    Ok(Body::from_json(Entity::Order, order.to_string().as_bytes())?)
}

async fn backtest(app: &App) -> anyhow::Result<Backtest> {
    let backtester = app.backtester();
    let mut it = backtester.begin(&files(&flows("Customers")), Request::default()).await?;
    while it.state == State::Running {
        SystemClock.sleep(std::time::Duration::from_millis(10)).await;
        it = backtester.show(&it.id)?;
    }
    ensure!(it.state == State::Done, "it comes to its end: {:?}", it.error);
    Ok(it)
}
