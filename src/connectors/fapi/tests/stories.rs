//! Whole stories: something happens at FAPI, it notifies, we fetch, and facts come out.

use serde_json::json;

use super::{Account, PAID, at, event_id, invoice, named, names, order, payment, pushed};
use crate::{
    connectors::{contract::Normalized, fapi::sandbox::seed},
    model::time::How,
    topics::body::v1,
};

#[test]
fn the_printed_notification_is_proven_by_the_printed_document() {
    let mut account = Account::new(&[("read_client", "false")]);
    let body = "id=300100200&time=1760000000&security=0dc61a85c005d7c5eb868738517fed066dfde9fa";
    let mut webhook = pushed(body.as_bytes(), account.now);
    let facts = account.facts_of(&mut webhook);
    assert_eq!(names(&facts), PAID);
    let paid = named(&facts, "order.paid");
    assert_eq!((paid.entity_id.as_str(), paid.since.how), ("300100200", How::Day));
    // The end of the day in Prague, not the hour of the notification.
    assert_eq!(paid.since.at, at("2025-10-09T22:00:00Z"));
    let order = order(paid);
    assert_eq!((order.number.as_str(), order.paid_at.as_str()), ("2025100042", "2025-10-09"));
    assert_eq!(order.created_at, "2025-10-09T10:52:11+02:00");
    assert_eq!(order.total, Some(v1::Money { amount: "1210".to_owned(), currency: "CZK".to_owned() }));
    assert_eq!(order.total_net.as_ref().map(|net| net.amount.as_str()), Some("1000"));
    assert_eq!((order.items[0].code.as_str(), order.custom_fields[0].value.as_str()), ("OC-1", "M"));
    let counted = named(&facts, "payment.received").counted.as_deref();
    assert_eq!(counted, Some("300100200"));
}

#[test]
fn an_unpaid_order_is_only_created() {
    let mut account = Account::new(&[]);
    let facts = account.facts(seed::UNPAID.id);
    assert_eq!(names(&facts), ["invoice.issued", "invoice.updated", "order.created", "order.updated"]);
    let order = order(named(&facts, "order.created"));
    assert_eq!((order.status(), order.paid, order.paid_at.as_str()), (v1::OrderStatus::Pending, false, ""));
}

#[test]
fn a_late_fetch_finds_what_is_true_by_then() {
    let mut account = Account::new(&[]);
    let mut webhook = account.notified(seed::UNPAID.id);
    account.wait(1800);
    account.command(json!({"pay_invoice": seed::UNPAID.id}));
    account.wait(60);
    let facts = account.facts_of(&mut webhook);
    assert_eq!(names(&facts), PAID);
    // It became true after the notification arrived, and at the latest when it was read.
    let paid = named(&facts, "order.paid").since;
    assert!(paid.at > webhook.arrived && paid.at <= webhook.read_at(), "{paid:?}");
}

#[test]
fn a_two_year_old_paid_order_that_is_edited_today_was_paid_two_years_ago() {
    let mut account = Account::new(&[]);
    let id = account.create(json!({
        "client": 5_500_124, "items": [{"name": "Kurz", "price": 100}], "created_on": "2023-10-01 09:00:00",
        "paid": true, "paid_on": "2023-10-02 00:00:00", "notes": "a",
    }));
    account.wait(60);
    account.command(json!({"edit_invoice": {"id": id, "notes": "b"}}));
    let facts = account.facts(id);
    for (name, since) in [
        ("order.created", "2023-10-01T07:00:00Z"),
        ("invoice.issued", "2023-10-01T07:00:00Z"),
        ("order.paid", "2023-10-02T22:00:00Z"),
        ("invoice.paid", "2023-10-02T22:00:00Z"),
        ("payment.received", "2023-10-02T22:00:00Z"),
        ("order.updated", "2025-10-10T08:01:00Z"),
    ] {
        assert_eq!(named(&facts, name).since.at, at(since), "{name}");
    }
}

#[test]
fn a_replay_reads_the_stored_reply_and_nothing_else() {
    let mut account = Account::new(&[]);
    let mut webhook = account.notified(seed::PAID.id);
    let facts = account.facts_of(&mut webhook);
    account.wait(3600);
    account.command(json!({"cancel_invoice": seed::PAID.id}));
    let (replayed, fetched) = account.settle(&mut webhook);
    assert_eq!((replayed, fetched.len()), (Normalized::facts(facts), 0));
}

#[test]
fn a_pro_forma_and_its_invoice_are_one_sale_paid_once() {
    let mut account = Account::new(&[]);
    let id = account.create(json!({"client": 5_500_124, "items": [{"name": "Kurz", "price": 100}]}));
    account.wait(86_400);
    account.command(json!({"pay_invoice": id}));
    let first = account.facts(id);
    account.wait(86_400);
    let made = account.command(json!({"follow_up": id}))["id"].as_u64().expect("an id");
    let mut webhook = account.notified(made);
    let (Normalized::Proves { facts: second, .. }, purposes) = account.settle(&mut webhook) else { panic!("facts") };
    assert_eq!(purposes, ["invoice", "sequence", "root", "client"]);
    for name in ["order.created", "order.paid", "payment.received"] {
        let (one, two) = (named(&first, name), named(&second, name));
        assert_eq!(event_id(one), event_id(two), "{name}");
        // The day of a payment is known no closer: it ended after the first reading and before the second.
        assert!(two.since.at.duration_since(one.since.at).abs() < jiff::SignedDuration::from_hours(24), "{name}");
    }
    for name in ["invoice.issued", "invoice.paid", "order.updated"] {
        assert_ne!(event_id(named(&first, name)), event_id(named(&second, name)), "{name}");
    }
    let order = order(named(&second, "order.updated"));
    assert_eq!(order.id, id.to_string());
    assert_eq!(order.documents.iter().map(|one| one.r#type.as_str()).collect::<Vec<_>>(), ["proforma", "invoice"]);
    assert!(order.documents.iter().all(|document| !document.number.is_empty()));
    let document = invoice(named(&second, "invoice.issued"));
    assert_eq!((&document.order_id, &document.parent_id), (&id.to_string(), &id.to_string()));
}

#[test]
fn a_follow_up_stands_without_its_root_where_that_is_gone() {
    let mut account = Account::new(&[]);
    let id = account.create(json!({"client": 5_500_124, "items": [{"name": "Kurz", "price": 100}], "paid": true}));
    let made = account.command(json!({"follow_up": id}))["id"].as_u64().expect("an id");
    let mut webhook = account.notified(made);
    let facts = account.facts_of(&mut webhook);
    let root = webhook.replies.iter_mut().find(|reply| reply.purpose == "root").expect("a root");
    root.status = 404;
    root.body = br#"{"message":"Specified resource does not exist.","type":"RequestException"}"#[..].into();
    let without = account.facts_of(&mut webhook);
    assert_eq!(names(&facts), names(&without));
    assert_eq!(named(&without, "order.paid").entity_id, id.to_string());
}

#[test]
fn instalments_pay_the_sale_by_the_first_or_by_all() {
    let [first, second, third] = &seed::INSTALMENTS;
    for (paid_when, paid_by_first) in [("first_instalment", true), ("all", false)] {
        let mut account = Account::new(&[("paid_when", paid_when)]);
        let one = account.facts(first.id);
        assert_eq!(one.iter().any(|fact| fact.event_type.name == "order.paid"), paid_by_first, "{paid_when}");
        assert_eq!(order(named(&one, "order.updated")).paid, paid_by_first);
        let received = payment(named(&one, "payment.received"));
        assert_eq!(received.instalment, Some(v1::Instalment { number: 1, count: 3, of: first.id.to_string() }));

        account.wait(86_400);
        account.command(json!({"pay_invoice": second.id}));
        let two = account.facts(second.id);
        account.wait(86_400);
        account.command(json!({"pay_invoice": third.id}));
        let three = account.facts(third.id);
        assert!(names(&three).contains(&"order.paid"), "{paid_when}");

        let mut received: Vec<_> =
            [&one, &two, &three].map(|facts| event_id(named(facts, "payment.received"))).to_vec();
        received.dedup();
        assert_eq!(received.len(), 3, "each instalment is money of its own");
        let created = [&one, &two, &three].map(|facts| event_id(named(facts, "order.created")));
        assert!(created.iter().all(|id| *id == created[0]), "one sale");

        let since = named(&three, "order.paid").since.at;
        let (from, to) = if paid_by_first {
            ("2025-10-10T22:00:00Z", "2025-10-10T22:00:00Z")
        } else {
            ("2025-10-12T08:00:00Z", "2025-10-12T08:01:00Z")
        };
        assert!(since >= at(from) && since <= at(to), "{paid_when}: {since}");
    }
}

#[test]
fn an_instalment_s_own_invoice_is_the_same_money() {
    let mut account = Account::new(&[("paid_when", "all")]);
    let [first, ..] = &seed::INSTALMENTS;
    let one = account.facts(first.id);
    let made = account.command(json!({"follow_up": first.id}))["id"].as_u64().expect("an id");
    let again = account.facts(made);
    assert_eq!(event_id(named(&one, "payment.received")), event_id(named(&again, "payment.received")));
    // Two paid documents of one instalment are not two paid instalments.
    assert!(!names(&again).contains(&"order.paid"));
}

#[test]
fn one_cancelled_instalment_cancels_no_sale() {
    let mut account = Account::new(&[]);
    let third = seed::INSTALMENTS[2].id;
    account.command(json!({"cancel_invoice": third}));
    let facts = account.facts(third);
    assert!(names(&facts).contains(&"invoice.cancelled") && !names(&facts).contains(&"order.cancelled"));
    for document in &seed::INSTALMENTS {
        account.command(json!({"cancel_invoice": document.id}));
    }
    assert!(names(&account.facts(third)).contains(&"order.cancelled"));
}

#[test]
fn a_cancelled_document_cancels_the_order() {
    let mut account = Account::new(&[]);
    account.wait(60);
    account.command(json!({"cancel_invoice": seed::UNPAID.id}));
    let facts = account.facts(seed::UNPAID.id);
    let cancelled = named(&facts, "order.cancelled");
    assert_eq!(order(cancelled).status(), v1::OrderStatus::Cancelled);
    assert_eq!(cancelled.since.at, at("2025-10-10T08:01:00Z"));
    assert!(invoice(named(&facts, "invoice.cancelled")).cancelled);
}

#[test]
fn a_credit_note_is_a_refund_of_the_root_s_sale_and_nothing_more() {
    let mut account = Account::new(&[]);
    account.wait(60);
    let note = account.command(json!({"credit_note": seed::FOLLOW_UP.id}));
    let id = note["id"].as_u64().expect("an id");
    let facts = account.facts(id);
    assert_eq!(names(&facts), ["invoice.issued", "invoice.updated", "order.updated", "payment.refunded"]);
    let refunded = named(&facts, "payment.refunded");
    assert_eq!(refunded.counted, Some(id.to_string()));
    let body = payment(refunded);
    assert_eq!(body.kind(), v1::PaymentKind::Refund);
    assert_eq!(body.amount.as_ref().map(|amount| amount.amount.as_str()), Some("1815"));
    let updated = named(&facts, "order.updated");
    assert_eq!(updated.entity_id, "300100220");
    let order = order(updated);
    // The sale as it is, not as the credit note negates it.
    assert_eq!(order.total.as_ref().map(|total| total.amount.as_str()), Some("1815"));
    assert_eq!((order.paid, order.refunds.len(), order.refunds[0].id.as_str()), (true, 1, id.to_string().as_str()));
    assert_eq!(updated.version, named(&facts, "invoice.updated").version, "as new as the credit note");
}

#[test]
fn a_credit_note_of_nothing_that_we_know_is_a_refund_only() {
    let mut account = Account::new(&[]);
    let items = json!([{"name": "Kurz", "price": -100}]);
    let id = account.create(json!({"client": 5_500_124, "items": items, "credit_note": true, "paid": true}));
    let facts = account.facts(id);
    assert_eq!(names(&facts), ["invoice.issued", "invoice.updated", "payment.refunded"]);
    assert_eq!(payment(named(&facts, "payment.refunded")).order, None);
    account.command(json!({"cancel_invoice": id}));
    assert_eq!(names(&account.facts(id)), ["invoice.cancelled", "invoice.issued", "invoice.updated"]);
}

#[test]
fn a_document_that_is_paid_and_cancelled_says_both() {
    let mut account = Account::new(&[]);
    account.command(json!({"cancel_invoice": seed::PAID.id}));
    let facts = account.facts(seed::PAID.id);
    let order = order(named(&facts, "order.paid"));
    assert_eq!((order.paid, order.cancelled, order.status()), (true, true, v1::OrderStatus::Cancelled));
    assert!(names(&facts).contains(&"order.cancelled"));
}

#[test]
fn an_unknown_kind_of_document_is_never_a_success() {
    let mut account = Account::new(&[]);
    let id = account.create(json!({
        "client": 5_500_124, "items": [{"name": "Kurz", "price": 100}], "type": "corrective_tax_document",
        "proforma": false, "paid": true,
    }));
    let facts = account.facts(id);
    assert_eq!(names(&facts), ["invoice.issued", "invoice.updated"]);
    let document = invoice(named(&facts, "invoice.updated"));
    assert_eq!((document.kind(), document.paid), (v1::InvoiceKind::Unknown, false));
    assert_eq!(document.source_kind, "corrective_tax_document");
}

#[test]
fn there_and_back_again_are_three_states() {
    let mut account = Account::new(&[]);
    let mut ids = Vec::new();
    for note in ["a", "b", "a"] {
        account.wait(10);
        account.command(json!({"edit_invoice": {"id": seed::PAID.id, "notes": note}}));
        ids.push(event_id(named(&account.facts(seed::PAID.id), "order.updated")));
    }
    // The same document once more is the same fact.
    ids.push(event_id(named(&account.facts(seed::PAID.id), "order.updated")));
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
    assert_eq!(ids[2], ids[3]);
}

#[test]
fn two_contents_of_one_second_are_two_states() {
    let mut account = Account::new(&[]);
    let mut facts = Vec::new();
    for note in ["a", "b"] {
        let stamp = "2025-10-10 10:00:05";
        account.command(json!({"edit_invoice": {"id": seed::PAID.id, "notes": note, "last_modified_on": stamp}}));
        facts.push(account.facts(seed::PAID.id));
    }
    let [one, two] = [0, 1].map(|index| named(&facts[index], "order.updated"));
    assert_eq!(one.version, two.version);
    assert_ne!(event_id(one), event_id(two));
}

#[test]
fn a_document_without_a_change_time_has_the_version_of_its_reading() {
    let mut account = Account::new(&[]);
    account.command(json!({"edit_invoice": {"id": seed::PAID.id, "last_modified_on": null}}));
    let mut webhook = account.notified(seed::PAID.id);
    let facts = account.facts_of(&mut webhook);
    let read = webhook.reply("invoice").expect("a reply").at;
    let updated = named(&facts, "order.updated");
    assert_eq!((updated.version, updated.since.how), (read.as_microsecond(), How::Arrival));
}
