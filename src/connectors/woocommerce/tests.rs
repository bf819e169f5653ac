//! What a shop's webhooks amount to, end to end within the connector. The parts have their tests beside them.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::{
    connectors::contract::{Fact, settings::settings_of},
    model::{
        connection::ConnectionName,
        http::{Headers, Method},
        id::{EventId, Identity, Ids, KeyHash, WebhookId},
    },
    topics::{
        event::{Occurrence, Origin},
        webhook::Arrival,
    },
};

mod facts;
mod fetch;
mod samples;
mod shared;

const SECRET: (&str, &str) = ("secret", "s3cret");
const REST: [(&str, &str); 3] =
    [("base_url", "https://shop.example.cz"), ("consumer_key", "ck"), ("consumer_secret", "cs")];

fn connector(given: &[(&str, &str)]) -> Arc<dyn Connector> {
    open(settings_of(settings::LIST, given)).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn shop() -> Arc<dyn Connector> {
    connector(&[SECRET])
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn pushed(topic: &str, body: &[u8], arrived: Timestamp) -> Webhook {
    arrival(
        Arrival::Pushed {
            method: Method::Post,
            event: None,
            query: Vec::new(),
            headers: Headers::new().with("x-wc-webhook-topic", topic),
        },
        body,
        arrived,
    )
}

fn polled(body: &[u8], arrived: Timestamp) -> Webhook {
    let arrival_of_row =
        Arrival::Polled { poll: poll::NAME.to_owned(), row: "19".to_owned(), version: None, complete: true };
    arrival(arrival_of_row, body, arrived)
}

fn arrival(arrival: Arrival, body: &[u8], arrived: Timestamp) -> Webhook {
    Webhook {
        id: WebhookId::from_text("w-1"),
        connection: ConnectionName::parse("shop-cz").expect("name"),
        arrived,
        arrival,
        body: Bytes::copy_from_slice(body),
        replies: Vec::new(),
        origin: Origin::default(),
        traceparent: None,
        key: KeyHash::from_text("k-1"),
    }
}

fn facts(normalized: Normalized) -> Vec<Fact> {
    match normalized {
        Normalized::Proves { facts, fetches } if fetches.is_empty() => facts,
        other => panic!("no facts: {other:?}"),
    }
}

/// The facts of one snapshot that was pushed.
fn prove(body: &Value, arrived: &str) -> Vec<Fact> {
    facts(shop().normalize(&pushed("order.updated", body.to_string().as_bytes(), at(arrived))))
}

fn names(facts: &[Fact]) -> Vec<&'static str> {
    facts.iter().map(|fact| fact.event_type.name).collect()
}

fn find<'a>(facts: &'a [Fact], name: &str) -> &'a Fact {
    facts.iter().find(|fact| fact.event_type.name == name).unwrap_or_else(|| panic!("no {name} in {:?}", names(facts)))
}

/// The id that the normalizer gives a fact.
fn event_id(fact: &Fact) -> EventId {
    let identity = match fact.event_type.occurrence {
        Occurrence::Once => Identity::Once,
        Occurrence::Counted => Identity::Counted(fact.counted.clone().expect("a counted fact is counted")),
        Occurrence::State => Identity::State(fact.version, fact.content.clone()),
    };
    let shop = ConnectionName::parse("shop-cz").expect("name");
    let event_type = fact.event_type;
    Ids::new(b"test").event(&shop, event_type.entity.as_str(), &fact.entity_id, event_type.name, &identity)
}

fn event_ids(facts: &[Fact]) -> Vec<EventId> {
    facts.iter().map(event_id).collect()
}

/// An order of one course, with everything that the shop prints.
fn order(status: &str, changed: &str) -> Value {
    let mut order = sandbox::build(19, &sandbox::NewOrder::default(), at("2026-11-22T05:29:59Z")).expect("an order");
    sandbox::set_status(&mut order, status, at(changed));
    order
}

fn order_of(fact: &Fact) -> &crate::topics::body::v1::Order {
    match &fact.body {
        crate::topics::body::Body::Order(order) => order,
        other => panic!("no order: {other:?}"),
    }
}

fn payment_of(fact: &Fact) -> &crate::topics::body::v1::Payment {
    match &fact.body {
        crate::topics::body::Body::Payment(payment) => payment,
        other => panic!("no payment: {other:?}"),
    }
}

fn refunds(ids: &[(u64, &str)]) -> Value {
    json!(
        ids.iter()
            .map(|(id, total)| json!({"id": id, "reason": "vráceno", "total": total, "total_tax": "0.00"}))
            .collect::<Vec<_>>()
    )
}
