//! Requests that a real shop sent, and the order of the vendor's documentation, where the recordings are at hand.

use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rust_decimal::Decimal;

use super::*;
use crate::{
    connectors::kit::number,
    model::{code, http::Inbound},
    topics::body::v1::{Item, ItemKind, Money, Order},
};

/// A recording's folder; says so and gives nothing where the recordings are not at hand.
#[expect(clippy::print_stderr, reason = "a test that checks nothing must say so")]
fn folder() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures/woocommerce");
    if !folder.is_dir() {
        eprintln!("skipped: no recordings in ../shared/fixtures");
        return None;
    }
    Some(folder)
}

struct Recording {
    name: String,
    secret: Option<String>,
    request: Inbound,
}

fn recordings() -> Vec<Recording> {
    let Some(folder) = folder() else { return Vec::new() };
    let files = std::fs::read_dir(folder.join("observed")).expect("a folder");
    let mut paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    paths.sort();
    paths.iter().map(|path| recording(path)).collect()
}

fn recording(path: &std::path::Path) -> Recording {
    let value: Value = serde_json::from_slice(&std::fs::read(path).expect("readable")).expect("json");
    let text = |name: &str| value[name].as_str();
    Recording {
        name: path.file_name().expect("a name").to_string_lossy().into_owned(),
        secret: text("secret_as_stored").map(str::to_owned),
        request: Inbound {
            method: Method::parse(text("method").expect("a method")).expect("a method"),
            path: Vec::new(),
            query: Vec::new(),
            headers: serde_json::from_value(value["headers"].clone()).expect("headers"),
            body: STANDARD.decode(text("body_base64").expect("a body")).expect("base64").into(),
            received_at: at(text("arrived_utc").expect("a time")),
        },
    }
}

/// What each recording must come to.
fn expected(name: &str) -> &'static [&'static str] {
    match name.split('-').next().unwrap_or("") {
        "0001" => &["ping"],
        "0055" | "0056" | "0135" | "0158" | "0160" | "0165" | "0213" | "0214" => &["order.created", "order.updated"],
        "0063" => {
            &["order.created", "order.updated", "order.paid", "order.completed", "payment.received", "payment.refunded"]
        }
        "0065" => &[
            "order.created",
            "order.updated",
            "order.paid",
            "order.completed",
            "payment.received",
            "payment.refunded",
            "payment.refunded",
        ],
        "0066" => &[
            "order.created",
            "order.updated",
            "order.paid",
            "order.completed",
            "order.refunded",
            "payment.received",
            "payment.refunded",
            "payment.refunded",
            "payment.refunded",
        ],
        "0115" | "0117" | "0154" => &["order.deleted"],
        "0131" => &["order.updated"],
        "0151" => &["source-error"],
        "0168" => &["order.created", "order.updated", "order.paid", "order.completed", "payment.received"],
        "0180" => &["unwanted-topic"],
        _ => panic!("{name} is new: say what it must come to"),
    }
}

#[test]
fn every_recording_comes_to_what_it_must() {
    for Recording { name, secret, request } in recordings() {
        let connector = connector(&[("secret", secret.as_deref().unwrap_or("any"))]);
        let result = match connector.accept(&request) {
            Accept::Answer { code, reply } => {
                assert_eq!(reply.status, 200, "{name}");
                vec![code.as_str()]
            }
            Accept::Store { answer, .. } => {
                assert_eq!(answer.status, 200, "{name}");
                match connector.normalize(&stored(&request)) {
                    Normalized::Nothing(code) => vec![code.as_str()],
                    proved => {
                        let facts = facts(proved);
                        check(&name, &request, &facts);
                        names(&facts)
                    }
                }
            }
            refused @ Accept::Refuse(_) => panic!("{name}: {refused:?}"),
        };
        assert_eq!(result, expected(&name), "{name}");
    }
}

fn stored(request: &Inbound) -> Webhook {
    pushed(request.headers.get("x-wc-webhook-topic").unwrap_or(""), &request.body, request.received_at)
}

#[test]
fn no_recording_is_taken_with_another_secret_or_another_body() {
    for Recording { name, secret, mut request } in recordings() {
        let Some(secret) = secret else { continue };
        let refused = Accept::refuse(401, code::SIGNATURE_MISMATCH);
        assert_eq!(connector(&[("secret", "another")]).accept(&request), refused, "{name}");
        request.body = [request.body.as_ref(), b" "].concat().into();
        assert_eq!(connector(&[("secret", &secret)]).accept(&request), refused, "{name}");
    }
}

#[test]
fn recordings_of_one_state_are_one_fact_and_of_two_states_two() {
    let facts_of = |number: &str| {
        let recording = recordings().into_iter().find(|recording| recording.name.starts_with(number)).expect("it");
        let connector = connector(&[("secret", recording.secret.as_deref().expect("a secret"))]);
        facts(connector.normalize(&stored(&recording.request)))
    };
    if folder().is_none() {
        return;
    }
    assert_eq!(event_ids(&facts_of("0055")), event_ids(&facts_of("0056")), "created and updated");
    assert_eq!(event_ids(&facts_of("0158")), event_ids(&facts_of("0160")), "updated before created");
    assert_ne!(event_ids(&facts_of("0115")), event_ids(&facts_of("0117")), "deleted, restored, deleted");
    let edits = [facts_of("0213"), facts_of("0214")];
    assert_eq!(edits[0][1].version, edits[1][1].version, "two edits of one second");
    assert_ne!(event_id(&edits[0][1]), event_id(&edits[1][1]));
    let refunds = [facts_of("0063"), facts_of("0065"), facts_of("0066")];
    let counted = |facts: &[Fact]| facts.iter().filter_map(|f| f.counted.clone()).collect::<Vec<_>>();
    assert_eq!(
        refunds.each_ref().map(|facts| counted(facts)),
        [vec!["paid", "20"], vec!["paid", "21", "20"], vec!["paid", "22", "21", "20"],]
    );
}

#[test]
fn the_order_of_the_documentation_is_read_whole() {
    let Some(folder) = folder() else { return };
    let body = std::fs::read(folder.join("order.json")).expect("readable");
    let facts = facts(shop().normalize(&pushed("order.updated", &body, at("2017-03-22T19:28:10Z"))));
    assert_eq!(names(&facts), ["order.created", "order.updated", "order.paid", "payment.received"]);
    let order = order_of(&facts[1]);
    compare("order.json", &serde_json::from_slice(&body).expect("json"), order);
    assert_eq!(order.items[0].tax_rate, "7.5", "computed: this shop is too old to print it");
    assert_eq!(order.items[1].unit_price.as_ref().map(|price| price.amount.as_str()), Some("12.00"));
}

/// Compares a fact with the body that proved it, if the body is a whole order.
fn check(name: &str, request: &Inbound, facts: &[Fact]) {
    let body: Value = serde_json::from_slice(&request.body).expect("json");
    if body.get("status").is_some() {
        for fact in facts.iter().filter(|fact| fact.counted.is_none()) {
            compare(name, &body, order_of(fact));
        }
    }
}

/// Every mapped member, compared with the parsed body.
fn compare(name: &str, body: &Value, order: &Order) {
    let texts = [
        (&order.number, "/number"),
        (&order.source_status, "/status"),
        (&order.currency, "/currency"),
        (&order.payment_method, "/payment_method"),
        (&order.payment_method_title, "/payment_method_title"),
        (&order.transaction_id, "/transaction_id"),
        (&order.note, "/customer_note"),
        (&order.form, "/created_via"),
    ];
    for (own, pointer) in texts {
        assert_eq!(Some(own.as_str()), body.pointer(pointer).and_then(Value::as_str), "{name} {pointer}");
    }
    for (own, pointer) in [
        (&order.created_at, "/date_created_gmt"),
        (&order.updated_at, "/date_modified_gmt"),
        (&order.paid_at, "/date_paid_gmt"),
        (&order.completed_at, "/date_completed_gmt"),
    ] {
        let theirs = body.pointer(pointer).and_then(Value::as_str).map(|text| format!("{text}Z"));
        assert_eq!(*own, theirs.unwrap_or_default(), "{name} {pointer}");
    }
    for (own, pointer) in [
        (&order.total, "/total"),
        (&order.total_tax, "/total_tax"),
        (&order.shipping_total, "/shipping_total"),
        (&order.discount_total, "/discount_total"),
    ] {
        same_money(name, own.as_ref(), body, pointer);
    }
    compare_people(name, body, order);
    compare_lines(name, body, order);
    compare_meta(name, body, order);
}

fn compare_people(name: &str, body: &Value, order: &Order) {
    let customer = order.customer.as_ref().expect("a customer");
    let address = customer.address.clone().unwrap_or_default();
    let shipping = customer.shipping_address.clone().unwrap_or_default();
    for (own, pointer) in [
        (&customer.first_name, "/billing/first_name"),
        (&customer.last_name, "/billing/last_name"),
        (&customer.email, "/billing/email"),
        (&customer.phone, "/billing/phone"),
        (&customer.company, "/billing/company"),
        (&address.street, "/billing/address_1"),
        (&address.street2, "/billing/address_2"),
        (&address.city, "/billing/city"),
        (&address.postcode, "/billing/postcode"),
        (&address.region, "/billing/state"),
        (&address.country, "/billing/country"),
        (&shipping.street, "/shipping/address_1"),
        (&shipping.city, "/shipping/city"),
        (&shipping.country, "/shipping/country"),
    ] {
        assert_eq!(Some(own.as_str()), body.pointer(pointer).and_then(Value::as_str), "{name} {pointer}");
    }
    let meta = |key: &str| {
        let entry = body["meta_data"].as_array().and_then(|entries| entries.iter().find(|entry| entry["key"] == key));
        entry.and_then(|entry| entry["value"].as_str()).unwrap_or("").to_owned()
    };
    assert_eq!(customer.company_id, meta("_billing_ic"), "{name}");
    assert_eq!(customer.tax_id, meta("_billing_dic"), "{name}");
}

fn compare_lines(name: &str, body: &Value, order: &Order) {
    let kinds = [
        (ItemKind::Product, "line_items", "name"),
        (ItemKind::Shipping, "shipping_lines", "method_title"),
        (ItemKind::Fee, "fee_lines", "name"),
    ];
    for (kind, list, title) in kinds {
        let items: Vec<&Item> = order.items.iter().filter(|item| item.kind == kind as i32).collect();
        let lines = body[list].as_array().expect("a list");
        assert_eq!(items.len(), lines.len(), "{name} {list}");
        for (item, line) in items.into_iter().zip(lines) {
            assert_eq!(Some(item.name.as_str()), line[title].as_str(), "{name}");
            assert_eq!(item.id, line["id"].to_string(), "{name}");
            same_money(name, item.net.as_ref(), line, "/total");
            same_money(name, item.tax.as_ref(), line, "/total_tax");
            if kind == ItemKind::Product {
                assert_eq!(Some(item.code.as_str()), line["sku"].as_str(), "{name}");
                assert_eq!(item.quantity, line["quantity"].to_string(), "{name}");
                let again = amount(item.unit_price.as_ref()) * number::decimal(&line["quantity"]).expect("a quantity");
                assert_eq!(again.round_dp(2), amount(item.net.as_ref()).round_dp(2), "{name}: price times quantity");
            }
        }
    }
    assert!(order.items.iter().all(|item| item.kind != ItemKind::Rounding as i32), "{name}: the lines are the total");
    let sum: Decimal = order.items.iter().map(|item| amount(item.gross.as_ref())).sum();
    assert_eq!(sum, amount(order.total.as_ref()), "{name}");
    let taxes: Decimal = order.taxes.iter().map(|tax| amount(tax.amount.as_ref())).sum();
    assert_eq!(taxes, amount(order.total_tax.as_ref()), "{name}");
    assert_eq!(order.discounts.len(), body["coupon_lines"].as_array().map_or(0, Vec::len), "{name}");
    assert_eq!(order.refunds.len(), body["refunds"].as_array().map_or(0, Vec::len), "{name}");
    let refunded: Decimal = order.refunds.iter().map(|refund| amount(refund.amount.as_ref())).sum();
    assert_eq!(amount(order.total_kept.as_ref()), amount(order.total.as_ref()) - refunded, "{name}");
}

fn compare_meta(name: &str, body: &Value, order: &Order) {
    let own: Vec<_> = order.custom_fields.iter().map(|field| (field.name.as_str(), field.value.as_str())).collect();
    let entries = body["meta_data"].as_array().expect("a list");
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let theirs: Vec<_> = entries.iter().map(|entry| (text(&entry["key"]), text(&entry["value"]))).collect();
    assert_eq!(own, theirs.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect::<Vec<_>>(), "{name}");
}

fn amount(money: Option<&Money>) -> Decimal {
    money.expect("an amount").amount.parse().expect("a number")
}

fn same_money(name: &str, own: Option<&Money>, body: &Value, pointer: &str) {
    let theirs = body.pointer(pointer).and_then(Value::as_str);
    assert_eq!(own.map(|money| money.amount.as_str()), theirs, "{name} {pointer}");
}
