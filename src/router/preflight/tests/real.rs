//! Documents of real shops, where the recordings are at hand: none of them is refused.

use std::path::{Path, PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{INVOICE, ORDER};
use crate::{
    connectors::{
        self,
        contract::{Normalized, settings::settings_of},
    },
    model::{
        connection::ConnectionName,
        http::{Headers, Method},
        id::{KeyHash, WebhookId},
    },
    router::preflight::{Preflight, check},
    topics::{
        body::Body,
        event::Origin,
        webhook::{Arrival, Webhook},
    },
};

/// The recordings of a vendor; says so and gives nothing where they are not at hand.
#[expect(clippy::print_stderr, reason = "a test that checks nothing must say so")]
fn recordings(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures").join(path);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: no recordings in ../shared/fixtures");
    None
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("readable")).expect("json")
}

fn webhook(arrival: Arrival, body: &[u8]) -> Webhook {
    Webhook {
        id: WebhookId::from_text("w-1"),
        connection: ConnectionName::parse("source").expect("a name"),
        arrived: "2026-01-01T00:00:00Z".parse().expect("a time"),
        arrival,
        body: Bytes::copy_from_slice(body),
        replies: Vec::new(),
        origin: Origin::default(),
        traceparent: None,
        key: KeyHash::from_text("k-1"),
    }
}

/// The documents that a webhook proves, as parameters of an operation.
fn documents(vendor: &str, given: &[(&str, &str)], webhook: &Webhook) -> Vec<Body> {
    let vendor = connectors::find(vendor).expect("a vendor");
    let connector = (vendor.open)(settings_of(vendor.settings, given)).unwrap_or_else(|wrong| panic!("{wrong:?}"));
    match connector.normalize(webhook) {
        Normalized::Proves { facts, .. } => facts.into_iter().map(|fact| fact.body).collect(),
        _ => Vec::new(),
    }
}

/// Checks documents, and answers how many there were.
fn none_is_refused(name: &str, bodies: &[Body]) -> usize {
    let kind = |body: &Body| match body {
        Body::Order(_) => Some(ORDER),
        Body::Invoice(_) => Some(INVOICE),
        _ => None,
    };
    let mut checked = 0;
    for body in bodies {
        let Some(kind) = kind(body) else { continue };
        let findings = check(&Preflight::default(), kind, &body.to_json());
        let refused: Vec<_> = findings.iter().filter(|finding| finding.refused).collect();
        assert!(refused.is_empty(), "{name}: {refused:?}");
        checked += 1;
    }
    checked
}

fn topic(name: &str) -> Arrival {
    let headers = Headers::new().with("x-wc-webhook-topic", name);
    Arrival::Pushed { method: Method::Post, event: None, query: Vec::new(), headers }
}

#[test]
fn orders_of_a_real_shop_pass() {
    let Some(folder) = recordings("woocommerce/observed") else { return };
    let mut checked = 0;
    for file in std::fs::read_dir(folder).expect("a folder") {
        let path = file.expect("a file").path();
        let recording = read(&path);
        let body = STANDARD.decode(recording["body_base64"].as_str().expect("a body")).expect("base64");
        let kind = recording["headers"].as_array().into_iter().flatten().find_map(|header| {
            let is_topic = header[0].as_str()?.eq_ignore_ascii_case("x-wc-webhook-topic");
            is_topic.then(|| header[1].as_str()).flatten()
        });
        let webhook = webhook(topic(kind.unwrap_or("order.updated")), &body);
        let bodies = documents("woocommerce", &[("secret", "s3cret")], &webhook);
        checked += none_is_refused(&path.display().to_string(), &bodies);
    }
    assert!(checked > 10, "{checked} orders: with coupons, fees, refunds, taxes included and not");
}

#[test]
fn a_documented_order_passes() {
    let Some(path) = recordings("woocommerce/order.json") else { return };
    let body = read(&path);
    let order = body.as_array().map_or(&body, |all| &all[0]).to_string();
    let bodies = documents("woocommerce", &[("secret", "s3cret")], &webhook(topic("order.updated"), order.as_bytes()));
    assert!(none_is_refused("order.json", &bodies) > 0);
}

#[test]
fn documents_of_a_real_fapi_account_pass() {
    let Some(path) = recordings("fapi/Invoices_create_and_next.json") else { return };
    let exchanges = read(&path);
    let bodies = exchanges.as_array().expect("exchanges").iter().map(|exchange| &exchange["response"]["body"]);
    let rows = bodies.flat_map(|body| body["invoices"].as_array().cloned().unwrap_or_else(|| vec![body.clone()]));
    let given = [("user", "a@example.cz"), ("api_key", "key"), ("security", "s"), ("read_client", "false")];
    let mut checked = 0;
    for row in rows.filter(|row| row["id"].is_u64()) {
        let polled =
            Arrival::Polled { poll: "invoices".to_owned(), row: row["id"].to_string(), version: None, complete: true };
        let bodies = documents("fapi", &given, &webhook(polled, row.to_string().as_bytes()));
        checked += none_is_refused(&row["number"].to_string(), &bodies);
    }
    assert!(checked > 0);
}

/// A vendor without a connector so far: its order, written down by hand as one would map it.
#[test]
fn an_order_in_forints_with_a_discount_and_a_fee_passes() {
    let Some(path) = recordings("unas/webhook_order.json") else { return };
    let theirs = read(&path);
    let money = |value: &Value| json!({ "amount": value.to_string(), "currency": theirs["currencyCode"] });
    let products = theirs["products"].as_object().expect("products").values();
    let mut items: Vec<Value> = products
        .map(|product| json!({ "kind": "ITEM_KIND_PRODUCT", "net": money(&product["netPrice"]), "gross": money(&product["grossPrice"]) }))
        .collect();
    items.push(json!({ "kind": "ITEM_KIND_SHIPPING", "gross": money(&theirs["shipping"]["cost"]) }));
    let off =
        json!({ "amount": format!("-{}", theirs["discountPercent"]["price"]), "currency": theirs["currencyCode"] });
    items.push(json!({ "kind": "ITEM_KIND_DISCOUNT", "gross": off }));
    let mut order =
        json!({ "currency": theirs["currencyCode"], "items": items, "total": money(&theirs["grandTotal"]) });
    assert_eq!(check(&Preflight::default(), ORDER, &order), []);
    order["items"].as_array_mut().expect("items").pop();
    let findings = check(&Preflight::default(), ORDER, &order);
    assert!(findings.len() == 1 && findings[0].message.contains("-13335"), "{findings:?}");
}
