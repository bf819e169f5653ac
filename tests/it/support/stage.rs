//! A whole installation on one machine: simulated vendors over real HTTP, a config, and Spojka in this process or in its own.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use serde_json::{Value, json};
use spojka::{
    config::{self, Config, FixedEnvironment, Mode},
    connectors::{self, VENDORS, contract::Settings},
    http::{Client, ClientSettings, Limits},
    model::{
        http::{Method, Reply, Request},
        random::Generator,
        time::{Clock, SystemClock, Timestamp},
    },
    runtime::{self, App, Ground, Role, StartError, reload::ReadConfig},
    sandbox::SandboxServer,
};

use super::vendor::{Apart, Vendor};

/// The secrets of the stage's config.
const SECRETS: &[(&str, &str)] = &[
    ("FAPI_KEY", "fapi-key"),
    ("FAPI_TOKEN", "fapi-url-token"),
    ("SHOP_SECRET", "shop-secret"),
    ("ANABIX_TOKEN", "anabix-token"),
    ("SA_PASSWORD", "sa-password"),
    ("HASH_KEY", "the stage's own key"),
];

/// Three simulated vendors, a folder, and what to do with them.
pub(crate) struct Stage {
    pub folder: tempfile::TempDir,
    pub fapi: Vendor,
    pub anabix: Vendor,
    pub newsletter: Vendor,
    pub brokers: Option<String>,
    prefix: String,
    pub clock: Arc<dyn Clock>,
    pub http: Client,
    /// What the config says otherwise: a part of its text, and what stands there instead.
    changes: Vec<(String, String)>,
    /// Secrets besides those of the stage.
    more_secrets: Vec<(String, String)>,
    /// The flows that a reload reads, where they are others than at the start.
    rewritten: Arc<Mutex<Option<String>>>,
}

impl Stage {
    /// Simulated vendors with nothing of ours in them. The log is a file, unless brokers are named.
    pub fn new(brokers: Option<String>) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let random = Generator::from_system();
        let server = |vendor: &str, given: &[(&str, &str)]| {
            let sandbox = (connectors::find(vendor).expect("a vendor").sandbox)(&settings(vendor, given), clock.now());
            Vendor::Here(SandboxServer::start(sandbox, Arc::clone(&clock)).expect("a sandbox"))
        };
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            fapi: server("fapi", FAPI),
            anabix: server("anabix", ANABIX),
            newsletter: server("salesautopilot", NEWSLETTER),
            brokers,
            prefix: format!("t{}.", spojka::model::hash::short_hex(&spojka::model::random::Random::bytes(&random))),
            clock,
            http: Client::new(&ClientSettings::default()).expect("a client"),
            changes: Vec::new(),
            more_secrets: Vec::new(),
            rewritten: Arc::default(),
        }
    }

    /// The same at another time of day, by which the newsletter vendor counts its calls too.
    #[must_use]
    pub fn under(self, clock: Arc<dyn Clock>) -> Self {
        let vendor = connectors::find("salesautopilot").expect("a vendor");
        let sandbox = (vendor.sandbox)(&settings("salesautopilot", NEWSLETTER), clock.now());
        let newsletter = Vendor::Here(SandboxServer::start(sandbox, Arc::clone(&clock)).expect("a sandbox"));
        Self { newsletter, clock, ..self }
    }

    /// The same with the newsletter vendor in a process of its own.
    #[must_use]
    pub fn with_newsletter_apart(self) -> Self {
        let journal = self.folder.path().join("newsletter.journal");
        Self { newsletter: Vendor::Apart(Apart::start("salesautopilot", NEWSLETTER, &journal)), ..self }
    }

    /// The same with another text in the place of a part of the config.
    #[must_use]
    pub fn saying(mut self, part: &str, instead: &str) -> Self {
        assert!(self.service().contains(part), "the config has no `{part}`");
        self.changes.push((part.to_owned(), instead.to_owned()));
        self
    }

    /// The same with one more secret.
    #[must_use]
    pub fn knowing(mut self, name: &str, secret: &str) -> Self {
        self.more_secrets.push((name.to_owned(), secret.to_owned()));
        self
    }

    /// The connections, the log and the ports; flows are the test's own.
    pub fn service(&self) -> String {
        let delivery = "delivery: { allow_private_addresses: true, per_second: unlimited, timeout: 900ms, \
                        retry: { first: 20ms, cap: 200ms } }";
        let log = match &self.brokers {
            None => "log: { embedded: { path: log.db } }".to_owned(),
            Some(brokers) => format!(
                "log: {{ kafka: {{ brokers: [{brokers}], tables: tables, options: {{ session.timeout.ms: 3000, \
                 heartbeat.interval.ms: 500 }} }} }}"
            ),
        };
        let text = format!(
            "installation: {{ prefix: {prefix}, hash_key: env:HASH_KEY }}\n{log}\n\
             gateway: {{ listen: \"127.0.0.1:0\" }}\nadmin: {{ listen: \"127.0.0.1:0\" }}\n\
             connections:\n\
             \x20 eshop: {{ fapi: {{ user: shop@example.cz, api_key: env:FAPI_KEY, url_token: env:FAPI_TOKEN, \
             base_url: {fapi}, poll_every: 0s }}, {delivery} }}\n\
             \x20 shop: {{ woocommerce: {{ secret: env:SHOP_SECRET }}, {delivery} }}\n\
             \x20 crm: {{ anabix: {{ user: shop, token: env:ANABIX_TOKEN, base_url: {anabix}api, settle: 50ms }}, {delivery} }}\n\
             \x20 news: {{ salesautopilot: {{ user: sa-user, password: env:SA_PASSWORD, base_url: {newsletter}, \
             newsletter_list: 51234, subscribe_form: 88001, update_form: 88002, order_list: 51300, order_form: 88120, \
             status_form: 88125, billing_form: 88130, settle: 50ms, purchase_date_field: last_purchase, \
             purchase_count_field: purchases, purchase_sum_field: spent }}, {delivery} }}\n",
            prefix = self.prefix,
            fapi = self.fapi.base_url(),
            anabix = self.anabix.base_url(),
            newsletter = self.newsletter.base_url(),
        );
        self.changes.iter().fold(text, |text, (part, instead)| text.replacen(part, instead, 1))
    }

    /// The stage's config with these flows.
    pub fn config(&self, flows: &str) -> Config {
        match self.reader(flows)() {
            Ok(config) => config,
            Err(report) => panic!("{report}"),
        }
    }

    /// Reads the config: with these flows, unless others were written since.
    fn reader(&self, flows: &str) -> ReadConfig {
        let (service, flows, rewritten) = (self.service(), flows.to_owned(), Arc::clone(&self.rewritten));
        let folder = self.folder.path().to_owned();
        let mut environment = environment();
        environment.variables.extend(self.more_secrets.iter().cloned());
        Arc::new(move || {
            let flows = rewritten.lock().expect("flows").clone().unwrap_or_else(|| flows.clone());
            let files = [("service.yaml".to_owned(), service.clone()), ("flows.yaml".to_owned(), flows)];
            config::load_texts(&files, &folder, &environment, VENDORS, Mode::Resolve)
        })
    }

    /// Somebody writes other flows, which a reload reads.
    pub fn rewrite(&self, flows: &str) {
        *self.rewritten.lock().expect("flows") = Some(flows.to_owned());
    }

    /// Starts all roles in this process.
    pub async fn start(&self, flows: &str) -> App {
        self.try_start(flows, &[]).await.expect("it starts")
    }

    /// Starts a process with flows, some of whose changed starts are accepted.
    pub async fn try_start(&self, flows: &str, accepted_starts: &[&str]) -> Result<App, StartError> {
        let config = Arc::new(self.config(flows));
        let random = Arc::new(Generator::from_system());
        let log = runtime::open_log(&config, Arc::clone(&self.clock)).expect("a log");
        let ids = runtime::ids_of(&config, random.as_ref()).expect("a key");
        let accepted_starts = accepted_starts.iter().map(|name| (*name).to_owned()).collect();
        let ground = Ground { accepted_starts, ..Ground::new(&config, log, ids, Arc::clone(&self.clock), random) };
        let (read, all) = (Some(self.reader(flows)), BTreeSet::from(Role::ALL));
        App::start_reloadable(config, read, &all, ground, "test").await
    }

    /// Writes the config for a process of its own.
    pub fn write_config(&self, flows: &str) -> PathBuf {
        self.write_config_to("config", flows)
    }

    /// Writes it to a folder of this name: processes beside each other keep their tables apart.
    pub fn write_config_to(&self, name: &str, flows: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("service.yaml"), self.service()).expect("written");
        std::fs::write(folder.join("flows.yaml"), flows).expect("written");
        folder
    }

    /// A webhook of the shop: an order as a REST body, signed.
    pub fn order_webhook(topic: &str, order: &Value) -> Request {
        Self::signed_webhook(topic, order.to_string().into_bytes())
    }

    /// A webhook of the shop with any bytes, signed.
    pub fn signed_webhook(topic: &str, body: Vec<u8>) -> Request {
        let signature = connectors::kit::hmac::sha256_base64(b"shop-secret", &body);
        let mut request = Request::new(Method::Post, url::Url::parse("http://gateway/webhooks/shop").expect("a URL"));
        request.body = Bytes::from(body);
        request
            .header("content-type", "application/json")
            .header("x-wc-webhook-topic", topic)
            .header("x-wc-webhook-resource", "order")
            .header("x-wc-webhook-event", topic.split('.').nth(1).unwrap_or(""))
            .header("x-wc-webhook-source", "http://shop.example/")
            .header("x-wc-webhook-id", "1")
            .header("x-wc-webhook-delivery-id", "0123456789abcdef0123456789abcdef")
            .header("x-wc-webhook-signature", signature)
    }

    /// A notification of the invoicing vendor about a document that its sandbox holds.
    pub fn notification(&self, id: u64) -> Request {
        let time = self.clock.now().as_second();
        let answer = self.fapi.command(&json!({ "notification": { "id": id, "time": time } })).expect("a notification");
        let url = "http://gateway/webhooks/eshop/paid/fapi-url-token";
        let mut request = Request::new(Method::Post, url::Url::parse(url).expect("a URL"));
        request.body = Bytes::from(answer["body"].as_str().expect("a form").to_owned());
        request.header("content-type", "application/x-www-form-urlencoded")
    }

    /// Sends a request to a gateway.
    pub async fn send(&self, gateway: std::net::SocketAddr, mut request: Request) -> Option<Reply> {
        request.url.set_host(Some("127.0.0.1")).expect("a host");
        request.url.set_port(Some(gateway.port())).expect("a port");
        let limits = Limits { timeout: Duration::from_secs(10), allow_private_addresses: true, ..Limits::default() };
        self.http.send(&request, &limits).await.ok()
    }

    /// Orders as the newsletter vendor holds them, by reference: status and invoices issued.
    pub fn orders(&self) -> Vec<(String, String)> {
        let state = self.newsletter.state();
        let lists = state["lists"].as_array().expect("lists").iter();
        let records = lists.filter(|list| text(&list["nl_id"]) == "51300").flat_map(|list| values(&list["records"]));
        records.map(|record| (text(&record["mssys_shoprenter_id"]), text(&record["mssys_order_status"]))).collect()
    }

    /// How often an effect that changed something happened at a vendor, counted by a field.
    pub fn effects(server: &Vendor, effect: &str) -> Vec<Value> {
        let fits = |value: &Value| value["effect"] == effect && value["changed"] == true;
        server.effects().into_iter().filter(fits).collect()
    }
}

/// The machine's clock, put forward by a test.
#[derive(Default)]
pub(crate) struct PutForward(Mutex<Duration>);

impl PutForward {
    /// Only the time of day: nobody who sleeps wakes for it.
    pub fn by(&self, duration: Duration) {
        *self.0.lock().expect("a clock") += duration;
    }
}

impl Clock for PutForward {
    fn now(&self) -> Timestamp {
        SystemClock.now() + *self.0.lock().expect("a clock")
    }

    fn elapsed(&self) -> Duration {
        SystemClock.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// The members of a list or the values of a mapping.
pub(crate) fn values(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.clone(),
        Value::Object(members) => members.values().cloned().collect(),
        _ => Vec::new(),
    }
}

/// A text, or a number as text.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| if value.is_null() { String::new() } else { value.to_string() }, str::to_owned)
}

/// The environment of the stage's config.
pub(crate) fn environment() -> FixedEnvironment {
    let variables = SECRETS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    FixedEnvironment { variables, ..FixedEnvironment::default() }
}

/// The same, for a process of its own.
pub(crate) fn secrets() -> impl Iterator<Item = (&'static str, &'static str)> {
    SECRETS.iter().copied()
}

const FAPI: &[(&str, &str)] = &[("user", "shop@example.cz"), ("api_key", "fapi-key"), ("url_token", "fapi-url-token")];
const ANABIX: &[(&str, &str)] = &[("user", "shop"), ("token", "anabix-token")];
const NEWSLETTER: &[(&str, &str)] = &[
    ("user", "sa-user"),
    ("password", "sa-password"),
    ("newsletter_list", "51234"),
    ("subscribe_form", "88001"),
    ("update_form", "88002"),
    ("order_list", "51300"),
    ("order_form", "88120"),
    ("status_form", "88125"),
    ("billing_form", "88130"),
    ("purchase_date_field", "last_purchase"),
    ("purchase_count_field", "purchases"),
    ("purchase_sum_field", "spent"),
];

fn settings(vendor: &str, given: &[(&str, &str)]) -> Settings {
    connectors::contract::settings::settings_of(connectors::find(vendor).expect("a vendor").settings, given)
}

/// An order as the shop's REST API shows it, paid now.
pub(crate) fn paid_order(id: u64, email: &str, now: Timestamp) -> Value {
    order(id, email, "processing", Some(now), now)
}

/// An order in a status.
pub(crate) fn order(id: u64, email: &str, status: &str, paid: Option<Timestamp>, changed: Timestamp) -> Value {
    let time = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let customer = json!({
        "first_name": "Eva", "last_name": "Malá", "company": "", "address_1": "Dlouhá 5", "address_2": "", "city": "Brno",
        "state": "", "postcode": "602 00", "country": "CZ", "email": email, "phone": "",
    });
    let line = json!({
        "id": 1, "name": "Kurz", "product_id": 7, "variation_id": 0, "quantity": 1, "tax_class": "", "subtotal": "1000.00",
        "subtotal_tax": "210.00", "total": "1000.00", "total_tax": "210.00", "meta_data": [], "sku": "COURSE-1",
        "price": 1000, "taxes": [{ "id": 1, "total": "210.00", "subtotal": "210.00" }],
    });
    let tax = json!({
        "id": 1, "rate_code": "CZ", "rate_id": 1, "label": "DPH", "tax_total": "210.00", "shipping_tax_total": "0.00",
        "rate_percent": 21,
    });
    let sums = json!({
        "currency": "CZK", "prices_include_tax": true, "total": "1210.00", "total_tax": "210.00",
        "discount_total": "0.00", "discount_tax": "0.00", "shipping_total": "0.00", "shipping_tax": "0.00",
    });
    let mut order = json!({
        "id": id, "number": id.to_string(), "status": status, "date_created_gmt": time(changed),
        "date_modified_gmt": time(changed), "date_paid_gmt": paid.map(time), "date_completed_gmt": null,
        "customer_id": 0, "payment_method": "card", "payment_method_title": "Karta", "transaction_id": "",
        "customer_note": "", "billing": customer, "shipping": {}, "meta_data": [], "refunds": [], "fee_lines": [],
        "coupon_lines": [], "shipping_lines": [], "tax_lines": [tax], "line_items": [line],
    });
    if let (Value::Object(order), Value::Object(sums)) = (&mut order, sums) {
        order.extend(sums);
    }
    order
}

/// Waits for something outside to become true. There is nobody to be told by, so it looks again and again, and fails when it
/// takes longer than anything that works.
pub(crate) async fn eventually(what: &str, is_true: impl FnMut() -> bool) {
    assert!(within(Duration::from_mins(3), is_true).await, "not in three minutes: {what}");
}

/// Waits for something outside to become true, and tells whether it did in time.
pub(crate) async fn within(patience: Duration, mut is_true: impl FnMut() -> bool) -> bool {
    let mut look = tokio::time::interval(Duration::from_millis(10));
    let waiting = async {
        while !is_true() {
            look.tick().await;
        }
    };
    tokio::time::timeout(patience, waiting).await.is_ok()
}
