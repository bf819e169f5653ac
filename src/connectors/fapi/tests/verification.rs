//! Verifying: what a notification must prove before anything is believed, and what needs no proof.

use serde_json::json;

use super::{Account, PAID, at, event_id, invalid, named, names, order, polled, pushed, replied};
use crate::{
    connectors::{
        contract::{Accept, Fact, Normalized},
        fapi::{VENDOR, sandbox::seed},
    },
    model::{code, http::Inbound},
};

#[test]
fn a_document_that_changed_meanwhile_gets_a_second_look_and_no_third() {
    let mut account = Account::new(&[]);
    let mut webhook = account.notified(seed::PAID.id);
    account.command(json!({"edit_invoice": {"id": seed::PAID.id, "number": "other"}}));
    let mut late = webhook.clone();
    let (end, purposes) = account.settle(&mut webhook);
    assert_eq!(
        (invalid(&end), &purposes[..]),
        (Some(code::UNVERIFIED), &["invoice", "invoice_again"].map(str::to_owned)[..])
    );

    // What FAPI was still writing fits at the second look.
    let before = account.now;
    late.replies.push(webhook.replies[0].clone());
    account.command(json!({"edit_invoice": {"id": seed::PAID.id, "number": seed::PAID.number}}));
    let facts = account.facts_of(&mut late);
    assert_eq!(names(&facts), PAID);
    let again = late.reply("invoice_again").expect("a second look");
    assert!(again.at >= before + std::time::Duration::from_secs(5));
}

#[test]
fn the_number_s_variant_is_a_setting() {
    for (variant, digest, fits) in [
        ("raw", "60041e1efeb5ce672286ec4e2352f78622f646cf", true),
        ("raw", "d48c2e902dd42bc03741b4b5ebb1947a7f329e40", false),
        ("int_cast", "d48c2e902dd42bc03741b4b5ebb1947a7f329e40", true),
        ("either", "60041e1efeb5ce672286ec4e2352f78622f646cf", true),
        ("either", "d48c2e902dd42bc03741b4b5ebb1947a7f329e40", true),
    ] {
        let account = Account::new(&[("number_variant", variant), ("read_client", "false")]);
        let body = format!("id=300100203&time=1760000180&security={digest}");
        let mut webhook = pushed(body.as_bytes(), account.now);
        let document = json!({
            "id": 300_100_203, "number": "FV-2025-007", "type": "invoice",
            "items": [{"id": 70004, "name": "Consultation"}],
        });
        webhook.replies.push(replied("invoice", 200, &document, account.now));
        let Normalized::Proves { facts, fetches } = account.connector.normalize(&webhook) else { panic!("no end yet") };
        assert_eq!((facts.is_empty(), fetches.len()), if fits { (false, 0) } else { (true, 1) }, "{variant} {digest}");
    }
}

#[test]
fn what_cannot_be_verified_is_a_dead_letter_before_it_costs_a_call() {
    let account = Account::new(&[("max_age", "1h")]);
    let now = account.now.as_second();
    for (body, end) in [
        (format!("id=1&time={now}"), Some(code::UNVERIFIED)),
        (format!("id=1&security=x&time={}", now - 3601), Some(code::UNVERIFIED)),
        (format!("id=1&security=x&time={}", now + 3601), Some(code::UNVERIFIED)),
        ("id=1&security=x".to_owned(), Some(code::UNVERIFIED)),
        ("id=1&security=x&time=soon".to_owned(), Some(code::UNVERIFIED)),
        ("nothing".to_owned(), Some(code::UNPARSEABLE)),
        (format!("id=1&security=x&time={now}"), None),
    ] {
        assert_eq!(invalid(&account.connector.normalize(&pushed(body.as_bytes(), account.now))), end, "{body}");
    }
    // Without the setting, age does not matter.
    let any_age = Account::new(&[]).connector.normalize(&pushed(b"id=1&security=x&time=1", account.now));
    assert_eq!(invalid(&any_age), None);
}

#[test]
fn a_document_without_id_or_number_is_not_verified() {
    let account = Account::new(&[]);
    for document in [json!({"number": "1"}), json!({"id": 300_100_200}), json!({})] {
        let mut webhook = pushed(b"id=300100200&time=1760000000&security=x", account.now);
        webhook.replies.push(replied("invoice", 200, &document, account.now));
        webhook.replies.push(replied("invoice_again", 200, &document, account.now));
        assert_eq!(invalid(&account.connector.normalize(&webhook)), Some(code::UNVERIFIED), "{document}");
    }
    let mut webhook = pushed(b"id=300100200&time=1760000000&security=x", account.now);
    webhook.replies.push(replied("invoice", 200, &json!([]), account.now));
    assert_eq!(invalid(&account.connector.normalize(&webhook)), Some(code::UNPARSEABLE));
}

#[test]
fn the_client_tells_the_company_unless_it_is_gone_or_not_wanted() {
    let mut account = Account::new(&[]);
    let mut webhook = account.notified(seed::PAID.id);
    let facts = account.facts_of(&mut webhook);
    let customer = |facts: &[Fact]| order(named(facts, "order.paid")).customer.clone().expect("a customer");
    assert_eq!(customer(&facts).company_id, "09876543");
    assert_eq!(customer(&facts).email, "eva.mala@example.cz");
    // Another company is another state of the order, though the document is the same.
    let mut moved = webhook.clone();
    moved.replies.retain(|reply| reply.purpose != "client");
    moved.replies.push(replied("client", 200, &json!({"id": 5_500_123, "company": "Nová s.r.o."}), account.now));
    let changed = account.facts_of(&mut moved);
    assert_ne!(event_id(named(&facts, "order.updated")), event_id(named(&changed, "order.updated")));
    assert_eq!(event_id(named(&facts, "order.paid")), event_id(named(&changed, "order.paid")));

    for (status, body) in [
        (404, json!({"message": "x", "type": "RequestException"})),
        (401, json!({"message": "x", "type": "AuthorizationException"})),
    ] {
        webhook.replies.retain(|reply| reply.purpose != "client");
        webhook.replies.push(replied("client", status, &body, account.now));
        let facts = account.facts_of(&mut webhook);
        assert_eq!((names(&facts), customer(&facts).company_id.as_str()), (PAID.to_vec(), ""));
    }

    let mut account = Account::new(&[("read_client", "false")]);
    let mut webhook = account.notified(seed::PAID.id);
    assert_eq!(account.settle(&mut webhook).1, ["invoice"]);
}

#[test]
fn a_polled_row_needs_no_digest() {
    let mut account = Account::new(&[]);
    let mut row = polled("300100210", false, b"{}", account.now);
    let found = account.facts_of(&mut row);
    assert_eq!(names(&found), PAID);
    // What a notification told already is no news when a poll finds it too.
    let told = account.facts(seed::PAID.id);
    assert!(found.iter().zip(&told).all(|(one, two)| event_id(one) == event_id(two)));
    let mut unreadable = polled("unreadable", false, b"7", account.now);
    assert_eq!(invalid(&account.settle(&mut unreadable).0), Some(code::UNPARSEABLE));

    let state = account.sandbox.state();
    let invoices = state["invoices"].as_array().expect("documents");
    let paid = invoices.iter().find(|one| one["id"] == seed::PAID.id).expect("the paid one").to_string();
    let mut complete = polled("300100210", true, paid.as_bytes(), account.now);
    let (end, purposes) = account.settle(&mut complete);
    let Normalized::Proves { facts, .. } = end else { panic!("facts") };
    assert_eq!((names(&facts), &purposes[..]), (PAID.to_vec(), &["client".to_owned()][..]));
    for body in [&b"{}"[..], b"", b"[]", b"\xff"] {
        let mut bad = polled("1", true, body, account.now);
        assert_eq!(invalid(&account.settle(&mut bad).0), Some(code::UNPARSEABLE));
    }
}

#[test]
fn every_sample_is_taken_and_proven() {
    for sample in VENDOR.samples {
        let mut account = Account::new(&[("url_token", "t")]);
        let url = "http://127.0.0.1/webhooks/shop".parse().expect("a URL");
        let request = account.connector.sample(sample.name, &url, account.now).expect("a sample");
        let inbound = Inbound {
            method: request.method,
            path: request.url.path_segments().expect("a path").skip(2).map(str::to_owned).collect(),
            query: Vec::new(),
            headers: request.headers.clone(),
            body: request.body.clone(),
            received_at: account.now,
        };
        let accepted = account.connector.accept(&inbound);
        assert!(matches!(accepted, Accept::Store { .. }), "{}", sample.name);
        let mut webhook = pushed(&request.body, account.now);
        assert!(!account.facts_of(&mut webhook).is_empty(), "{}", sample.name);
    }
    let url = "http://127.0.0.1/".parse().expect("a URL");
    assert!(Account::new(&[]).connector.sample("other", &url, at("2025-10-10T08:00:00Z")).is_none());
}
