//! What bodies prove, in our words and in theirs.

use super::*;
use crate::{
    connectors::contract::Fact,
    model::time::{How, version_of},
};

fn source(more: &[(&str, &str)]) -> Arc<dyn Connector> {
    connector(&[&[("secret", SECRET)], more].concat())
}

#[track_caller]
fn fact(connector: &dyn Connector, body: &Value) -> Fact {
    match normalized(connector, body.to_string()) {
        Normalized::Proves { facts, fetches } if facts.len() == 1 && fetches.is_empty() => {
            facts.into_iter().next().expect("a fact")
        }
        other => panic!("no fact: {other:?}"),
    }
}

#[track_caller]
fn wrong(connector: &dyn Connector, body: &Value) -> String {
    match normalized(connector, body.to_string()) {
        Normalized::Invalid { code, message } => {
            assert_eq!(code.as_str(), "unparseable");
            message
        }
        other => panic!("not refused: {other:?}"),
    }
}

fn subscribed(data: &Value) -> Value {
    json!({ "type": "subscriber.subscribed", "timestamp": "2025-10-09T08:00:00Z", "data": data })
}

#[test]
fn a_message_in_our_words_is_a_fact() {
    let body = subscribed(&json!({
        "id": 42, "party": { "email": "Eva@example.cz", "firstName": "Eva", "last_name": "Malá" },
        "subscribed_at": "2025-10-09T07:00:00Z", "updated_at": "2025-10-09T07:30:00Z",
    }));
    let fact = fact(source(&[]).as_ref(), &body);
    assert_eq!(
        (fact.event_type.name, fact.entity_id.as_str(), fact.personal_id),
        ("subscriber.subscribed", "42", false)
    );
    let at = |text: &str| text.parse::<Timestamp>().expect("a time");
    assert_eq!((fact.since.at, fact.since.how), (at("2025-10-09T07:00:00Z"), How::Stated));
    assert_eq!(fact.version, version_of(at("2025-10-09T07:30:00Z")));
    assert_eq!(
        fact.body.to_json(),
        json!({"id": "42", "party": {"email": "Eva@example.cz", "firstName": "Eva", "lastName": "Malá"},
            "subscribed": true, "subscribedAt": "2025-10-09T07:00:00Z", "updatedAt": "2025-10-09T07:30:00Z"})
    );
}

#[test]
fn a_person_without_an_id_is_known_by_the_e_mail_which_nobody_sees() {
    for data in [json!({"party": {"email": " Eva@Example.cz "}}), json!({"id": "eva@example.cz"})] {
        let fact = fact(source(&[]).as_ref(), &subscribed(&data));
        assert_eq!((fact.entity_id.as_str(), fact.personal_id), ("eva@example.cz", true));
    }
}

#[test]
fn what_the_field_does_not_date_the_envelope_does_and_else_the_arrival() {
    let source = source(&[("zone", "Europe/Prague")]);
    let since = |body: &Value| {
        let since = fact(source.as_ref(), body).since;
        (since.at.to_string(), since.how)
    };
    let order = |time: Value, data: Value| json!({ "type": "order.paid", "timestamp": time, "data": data });
    let stated = since(&order(json!("2025-10-09T08:00:00Z"), json!({"id": 1, "paid_at": "2025-10-08T10:00:00+02:00"})));
    assert_eq!(stated, ("2025-10-08T08:00:00Z".to_owned(), How::Stated));
    let by_day = since(&order(json!("2025-10-09T08:00:00Z"), json!({"id": 1, "paid_at": "2025-10-07"})));
    assert_eq!(by_day, ("2025-10-07T22:00:00Z".to_owned(), How::Day));
    let around = since(&order(json!(1_759_990_000), json!({"id": 1})));
    assert_eq!(around, ("2025-10-09T06:06:40Z".to_owned(), How::Stated));
    for time in [json!(null), json!("")] {
        assert_eq!(since(&order(time, json!({"id": 1}))), (now().to_string(), How::Arrival));
    }
    let of_the_future = since(&order(json!("2030-01-01T00:00:00Z"), json!({"id": 1})));
    assert_eq!(of_the_future.0, now().to_string());
    let version = |body: &Value| fact(source.as_ref(), body).version;
    assert_eq!(version(&order(json!(1_759_990_000), json!({"id": 1}))), 1_759_990_000_000_000);
    assert_eq!(version(&order(json!(null), json!({"id": 1}))), version_of(now()));
}

#[test]
fn payments_belong_to_their_sale_and_are_counted_by_their_own_id() {
    let source = source(&[]);
    let body = json!({"type": "payment.received", "data": {"id": "p-1", "order": {"id": 7},
        "amount": {"amount": 100, "currency": "CZK"}}});
    let payment = fact(source.as_ref(), &body);
    assert_eq!((payment.entity_id.as_str(), payment.counted.as_deref()), ("7", Some("p-1")));
    assert_eq!(payment.body.to_json()["kind"], "PAYMENT_KIND_PAYMENT");
    let voucher = json!({"type": "subscriber.voucher_applied", "data": {"id": 5, "voucher": {"id": "v-1"}}});
    assert_eq!(fact(source.as_ref(), &voucher).counted.as_deref(), Some("v-1"));
}

#[test]
fn what_nobody_understands_is_told_by_its_place() {
    let source = source(&[]);
    for (body, told) in [
        (subscribed(&json!({"id": 1, "emial": "secret@example.cz"})), "`emial`"),
        (subscribed(&json!({"id": 1, "party": {"email": ["secret"]}})), "`party.email`"),
        (subscribed(&json!({"party": {"first_name": "secret"}})), "`id` or `party.email` is missing"),
        (subscribed(&json!({"id": 1, "subscribed": false})), "contrary"),
        (json!({"type": "order.paid", "data": {"number": 1}}), "`id` is missing"),
        (json!({"type": "order.paid", "data": {"id": 1, "paid": false}}), "contrary"),
        (json!({"type": "payment.received", "data": {"order": {"id": 1}}}), "`id` is missing"),
        (json!({"type": "subscriber.voucher_applied", "data": {"id": 1}}), "`voucher.id` is missing"),
        (json!({"type": "order.paid", "data": [1]}), "no object at `data`"),
        (json!({"type": "order.paid"}), "no object at `data`"),
        (json!({"type": "order.paid", "timestamp": "9.10.2025", "data": {"id": 1}}), "`timestamp` is no time"),
        (json!({"data": {"id": 1}}), "no type at `type`"),
        (json!({"type": 7, "data": {"id": 1}}), "no type at `type`"),
        (json!([]), "no JSON object"),
    ] {
        let message = wrong(source.as_ref(), &body);
        assert!(message.contains(told) && !message.contains("secret"), "{body}: {message}");
    }
    assert!(matches!(normalized(source.as_ref(), "<html>"), Normalized::Invalid { .. }));
}

#[test]
fn types_that_nobody_named_are_kept_and_tell_nothing() {
    for body in [json!({"type": "user.deleted", "data": {}}), json!({"type": "step.done", "data": {}})] {
        let amounts = normalized(source(&[]).as_ref(), body.to_string());
        assert_eq!(amounts, Normalized::Nothing(crate::model::code::UNWANTED_TOPIC));
    }
}

const THEIRS: &[(&str, &str)] = &[
    ("type_path", "event"),
    ("time_path", "sent"),
    ("content_path", "payload"),
    ("types", "user.created: subscriber.subscribed"),
    (
        "fields",
        "id: user.number, party.email: user.mail, party.first_name: user.name.given, party.last_name: user.name.family, \
         subscriber.subscribed/subscribed_at: newsletter.since, list_name: newsletter.label, party.phone: user.phone",
    ),
];

#[test]
fn a_body_in_their_words_is_translated_and_the_rest_of_it_left_alone() {
    let body: Value = serde_json::from_str(include_str!("../fixtures/user-created.json")).expect("JSON");
    let fact = fact(source(THEIRS).as_ref(), &body);
    assert_eq!(
        fact.body.to_json(),
        json!({"id": "42", "party": {"firstName": "Eva", "lastName": "Malá", "email": "Eva.Mala@example.cz"},
            "listName": "Novinky", "subscribed": true, "subscribedAt": "2025-10-09T10:50:00+02:00"})
    );
    assert_eq!(fact.since.at.to_string(), "2025-10-09T08:50:00Z");
    assert_eq!(fact.version, 1_760_000_000_000_000);
}

#[test]
fn what_they_send_in_the_wrong_kind_is_told_by_our_name() {
    let mut body: Value = serde_json::from_str(include_str!("../fixtures/user-created.json")).expect("JSON");
    body["payload"]["user"]["mail"] = json!({"secret": 1});
    let message = wrong(source(THEIRS).as_ref(), &body);
    assert!(message.contains("`party.email`") && !message.contains("secret"), "{message}");
}

#[test]
fn the_whole_body_may_be_the_content() {
    let source = source(&[("content_path", ""), ("type_path", "meta.type"), ("time_path", "meta.at")]);
    let body = json!({"meta": {"type": "order.paid", "at": 1_759_990_000}, "id": 7, "number": "7"});
    let fact = fact(source.as_ref(), &body);
    assert_eq!(fact.body.to_json(), json!({"id": "7", "number": "7", "paid": true}));
}

#[test]
fn the_same_words_in_another_order_are_the_same_content() {
    let source = source(&[]);
    let one = fact(source.as_ref(), &subscribed(&json!({"id": 1, "list_name": "a", "party": {"first_name": "E"}})));
    let other = fact(source.as_ref(), &subscribed(&json!({"party": {"firstName": "E"}, "listName": "a", "id": "1"})));
    let changed = fact(source.as_ref(), &subscribed(&json!({"id": 1, "list_name": "b"})));
    assert_eq!(one.content, other.content);
    assert_ne!(one.content, changed.content);
}
