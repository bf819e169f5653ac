//! The vendor's recordings, where they lie beside the repository; and arbitrary bytes.

use std::path::Path;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::Value;

use super::{Account, at, config, invoice, named, polled, pushed, replied};
use crate::{
    connectors::contract::Normalized,
    topics::webhook::{FetchedReply, Webhook},
};

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn skipped() {
    eprintln!("skipped: no recordings beside the repository");
}

fn recordings(name: &str) -> Option<Vec<Value>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures/fapi").join(name);
    let bytes = std::fs::read(path).ok()?;
    Some(serde_json::from_slice(&bytes).expect("recordings are JSON"))
}

fn documents() -> Vec<Value> {
    let recordings = recordings("Invoices_create_and_next.json").unwrap_or_default();
    let bodies = recordings.into_iter().map(|exchange| exchange["response"]["body"].clone());
    bodies
        .flat_map(|body| match body["invoices"].as_array() {
            Some(rows) => rows.clone(),
            None => vec![body],
        })
        .filter(|document| document["id"].is_u64())
        .collect()
}

#[test]
fn recorded_documents_lose_no_field_that_we_map() {
    let documents = documents();
    if documents.is_empty() {
        skipped();
        return;
    }
    let account = Account::new(&[("read_client", "false")]);
    for document in documents {
        let row = polled(&document["id"].to_string(), true, document.to_string().as_bytes(), account.now);
        let Normalized::Proves { facts, .. } = account.connector.normalize(&row) else { panic!("facts") };
        let mapped = invoice(named(&facts, "invoice.updated"));
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let money = |money: &Option<crate::topics::body::v1::Money>| money.as_ref().map(|money| money.amount.clone());
        for (ours, theirs) in [
            (&mapped.id, &document["id"]),
            (&mapped.number, &document["number"]),
            (&mapped.source_kind, &document["type"]),
            (&mapped.issue_date, &document["create_date"]),
            (&mapped.due_date, &document["payday_date"]),
            (&mapped.currency, &document["currency"]),
            (&mapped.exchange_rate, &document["exchange_rate"]),
            (&mapped.language, &document["language"]),
            (&mapped.payment_method, &document["payment_type"]),
            (&mapped.payment_reference, &document["variable_symbol"]),
            (&mapped.project, &document["project"]),
            (&mapped.iban, &document["supplier"]["iban"]),
            (&mapped.bic, &document["supplier"]["swift"]),
            (&mapped.vendor_ids["new_order"], &document["new_order"]),
            (&mapped.vendor_ids["path"], &document["path"]),
            (&mapped.customer.as_ref().expect("a customer").id, &document["client"]),
            (&mapped.customer.as_ref().expect("a customer").email, &document["customer"]["email"]),
            (&mapped.supplier.as_ref().expect("a supplier").company_id, &document["supplier"]["ic"]),
            (&mapped.items[0].id, &document["items"][0]["id"]),
            (&mapped.items[0].name, &document["items"][0]["name"]),
            (&mapped.items[0].quantity, &document["items"][0]["count"]),
        ] {
            assert_eq!(*ours, text(theirs));
        }
        assert_eq!(mapped.note, document["notes"].as_str().unwrap_or(""));
        assert_eq!(money(&mapped.total), Some(document["total"].to_string()));
        assert_eq!(money(&mapped.total_home), Some(document["total_czk"].to_string()));
        assert_eq!(money(&mapped.items[0].gross), Some(document["items"][0]["price"].to_string()));
        assert_eq!(mapped.created_at.replace('T', " ").replace("+02:00", ""), text(&document["created_on"]));
    }
}

#[test]
fn recorded_probes_are_understood() {
    let Some(exchanges) = recordings("Root.json") else {
        skipped();
        return;
    };
    let account = Account::new(&[]);
    for exchange in exchanges {
        let status = u16::try_from(exchange["response"]["status"].as_u64().expect("a status")).expect("a status");
        let mut reply = crate::model::http::Reply::new(status);
        reply.body = Bytes::from(exchange["response"]["body"].to_string());
        assert_eq!(account.connector.read_probe(&reply).is_ok(), status == 200);
    }
}

/// A document with odd values in the places that we read.
fn odd() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[0-9.eE-]{0,30}".prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        "[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}".prop_map(Value::from),
        Just(Value::from("99999999999999999999999999999")),
        "[0-9]{1,40}".prop_filter_map("a number", |text| serde_json::from_str(&text).ok()),
    ];
    let names = proptest::sample::select(vec![
        "id",
        "number",
        "type",
        "paid",
        "cancelled",
        "parent",
        "partial_parent",
        "repayment_number",
        "paid_on",
        "created_on",
        "last_modified_on",
        "create_date",
        "client",
        "total",
        "total_vat",
        "exchange_rate",
        "items",
        "price",
        "count",
        "vat",
        "including_vat",
        "customer",
        "supplier",
        "address",
        "custom_fields",
        "value",
        "credit_note",
        "proforma",
        "invoices",
        "currency",
        "path",
        "status",
        "applicant",
        "email",
        "item_template_code",
    ]);
    leaf.prop_recursive(3, 60, 12, move |inner| {
        let object = proptest::collection::vec((names.clone(), inner.clone()), 0..12);
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Value::from),
            object.prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

const PURPOSES: [&str; 9] =
    ["invoice", "invoice_again", "sequence", "sale", "root", "instalments", "client", "voucher", "item_template"];

fn with_replies(mut webhook: Webhook, bodies: &[Vec<u8>]) -> Webhook {
    webhook.replies = PURPOSES
        .iter()
        .zip(bodies.iter().cycle())
        .map(|(purpose, body)| FetchedReply {
            body: Bytes::copy_from_slice(body),
            ..replied(purpose, 200, &Value::Null, at("2025-10-10T08:00:00Z"))
        })
        .collect();
    webhook
}

proptest! {
    #[test]
    fn arbitrary_bytes_prove_nothing_and_break_nothing(
        body in proptest::collection::vec(any::<u8>(), 0..120),
        replies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..120), 1..5),
    ) {
        let config = config(&[]);
        for webhook in [pushed(&body, at("2025-10-10T08:00:00Z")), pushed(b"id=1&time=1&security=0", at("2025-10-10T08:00:00Z"))] {
            let end = crate::connectors::fapi::normalize::normalize(&config, &with_replies(webhook, &replies));
            if let Normalized::Proves { facts, .. } = end {
                prop_assert!(facts.is_empty());
            }
        }
    }

    #[test]
    fn odd_documents_break_nothing(documents in proptest::collection::vec(odd(), 1..5), all in any::<bool>()) {
        let config = config(&[("paid_when", if all { "all" } else { "first_instalment" })]);
        let bodies: Vec<Vec<u8>> = documents.iter().map(|document| document.to_string().into_bytes()).collect();
        let row = polled("1", true, &bodies[0], at("2025-10-10T08:00:00Z"));
        let end = crate::connectors::fapi::normalize::normalize(&config, &with_replies(row, &bodies));
        if let Normalized::Proves { facts, .. } = end {
            for fact in facts {
                prop_assert!(fact.since.at <= at("2025-10-10T08:00:00Z"));
                fact.body.to_json();
            }
        }
    }
}
