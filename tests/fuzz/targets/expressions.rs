//! A condition or a template of any text is compiled or refused; what was compiled is evaluated over an order.

#![no_main]

use std::{collections::BTreeMap, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use spojka::{
    expr::{Expression, Facts, Results, Scope, Template},
    model::{
        connection::ConnectionName,
        id::{EventId, KeyHash, WebhookId},
        time::Since,
    },
    topics::{
        body::Body,
        event::{Entity, Event, ORDER_PAID, Origin},
    },
};
use spojka_fuzz::now;

const ORDER: &[u8] = br#"{"id":"42","number":"N-42","paid":true,"customer":{"email":"eva@example.cz"},
    "total":{"amount":"1210.00","currency":"CZK"},"paidAt":"2025-10-09T08:00:00Z",
    "items":[{"code":"COURSE-1","quantity":"2"},{"code":"","name":"x"}]}"#;

static EVENT: LazyLock<Event> = LazyLock::new(|| Event {
    id: EventId::from_text("e-1"),
    event_type: ORDER_PAID,
    connection: ConnectionName::parse("shop").expect("a name"),
    entity: KeyHash::from_text("k-1"),
    subject: "42".to_owned(),
    since: Since::arrival(now()),
    version: 1,
    arrived: now(),
    webhook: WebhookId::from_text("w-1"),
    origin: Origin::default(),
    traceparent: None,
    body: Body::from_json(Entity::Order, ORDER).expect("an order"),
});

static SCOPE: LazyLock<Scope> = LazyLock::new(|| Scope::new(Some(Entity::Order), &BTreeMap::new()));

fuzz_target!(|text: &str| {
    let facts = Facts::of(&EVENT, &Results::new());
    if let Ok(condition) = Expression::condition(text, &SCOPE) {
        let _held = condition.holds(&facts);
    }
    if let Ok(template) = Template::compile(text, &SCOPE) {
        let _value = template.evaluate(&facts);
    }
});
