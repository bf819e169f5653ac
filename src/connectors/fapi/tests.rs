//! What the tests of this folder share: an account, its sandbox, and the engine's part between them.

mod fixtures;
mod operations;
mod recorded;
mod stories;
mod verification;
mod vouchers;

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{VENDOR, operations::OPERATIONS, settings::Config};
use crate::{
    connectors::{
        contract::{Connector, Fact, Normalized, Sandbox, Settings, settings::settings_of},
        kit::testing::Drive,
    },
    model::{
        code::Code,
        connection::ConnectionName,
        http::{Headers, Method},
        id::{ActionId, EventId, Identity, Ids, KeyHash, WebhookId},
        time::Timestamp,
    },
    topics::{
        body::{Body, v1},
        event::{Occurrence, Origin},
        webhook::{Arrival, FetchedReply, Webhook},
    },
};

/// Facts of a paid document that is no follow-up.
pub(super) const PAID: [&str; 7] = [
    "invoice.issued",
    "invoice.paid",
    "invoice.updated",
    "order.created",
    "order.paid",
    "order.updated",
    "payment.received",
];

/// An account with the given settings over the defaults.
pub(super) fn config(given: &[(&str, &str)]) -> Config {
    Config::read(&settings(given)).expect("settings without problems")
}

pub(super) fn settings(given: &[(&str, &str)]) -> Settings {
    let account = [("user", "shop@example.cz"), ("api_key", "k3y")];
    let own = account.into_iter().filter(|(name, _)| !given.iter().any(|(other, _)| other == name));
    settings_of(VENDOR.settings, &own.chain(given.iter().copied()).collect::<Vec<_>>())
}

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// A webhook as the gateway stores it.
pub(super) fn pushed(body: &[u8], arrived: Timestamp) -> Webhook {
    let event = Some("paid".to_owned());
    let arrival = Arrival::Pushed { method: Method::Post, event, query: Vec::new(), headers: Headers::new() };
    webhook(arrival, body, arrived)
}

/// A webhook as the dispatcher stores a polled row.
pub(super) fn polled(row: &str, complete: bool, body: &[u8], arrived: Timestamp) -> Webhook {
    let arrival = Arrival::Polled { poll: "invoices".to_owned(), row: row.to_owned(), version: None, complete };
    webhook(arrival, body, arrived)
}

fn webhook(arrival: Arrival, body: &[u8], arrived: Timestamp) -> Webhook {
    Webhook {
        id: WebhookId::from_text("w-1"),
        connection: ConnectionName::parse("shop").expect("a name"),
        arrived,
        arrival,
        body: Bytes::copy_from_slice(body),
        replies: Vec::new(),
        origin: Origin::default(),
        traceparent: None,
        key: KeyHash::from_text("k-1"),
    }
}

/// A reply as the dispatcher records it.
pub(super) fn replied(purpose: &str, status: u16, body: &Value, at: Timestamp) -> FetchedReply {
    FetchedReply {
        purpose: purpose.to_owned(),
        action: ActionId::from_text("a-1"),
        at,
        status,
        body: Bytes::from(body.to_string()),
    }
}

/// What makes a fact this fact: its event's id.
pub(super) fn event_id(fact: &Fact) -> EventId {
    let identity = match fact.event_type.occurrence {
        Occurrence::Once => Identity::Once,
        Occurrence::Counted => Identity::Counted(fact.counted.clone().expect("a counted fact has a count")),
        Occurrence::State => Identity::State(fact.version, fact.content.clone()),
    };
    let name = ConnectionName::parse("shop").expect("a name");
    let entity = fact.event_type.entity.as_str();
    Ids::new(b"key").event(&name, entity, &fact.entity_id, fact.event_type.name, &identity)
}

pub(super) fn names(facts: &[Fact]) -> Vec<&'static str> {
    let mut names: Vec<_> = facts.iter().map(|fact| fact.event_type.name).collect();
    names.sort_unstable();
    names
}

pub(super) fn named<'a>(facts: &'a [Fact], name: &str) -> &'a Fact {
    let mut found = facts.iter().filter(|fact| fact.event_type.name == name);
    let fact = found.next().unwrap_or_else(|| panic!("no {name} in {:?}", names(facts)));
    assert!(found.next().is_none(), "{name} twice");
    fact
}

pub(super) fn order(fact: &Fact) -> &v1::Order {
    match &fact.body {
        Body::Order(order) => order,
        _ => panic!("{} carries no order", fact.event_type.name),
    }
}

pub(super) fn invoice(fact: &Fact) -> &v1::Invoice {
    match &fact.body {
        Body::Invoice(invoice) => invoice,
        _ => panic!("{} carries no document", fact.event_type.name),
    }
}

pub(super) fn payment(fact: &Fact) -> &v1::Payment {
    match &fact.body {
        Body::Payment(payment) => payment,
        _ => panic!("{} carries no payment", fact.event_type.name),
    }
}

/// An account, its sandbox, and a clock that only tests move.
pub(super) struct Account {
    pub(super) connector: Arc<dyn Connector>,
    pub(super) sandbox: Box<dyn Sandbox>,
    pub(super) now: Timestamp,
}

impl Account {
    pub(super) fn new(given: &[(&str, &str)]) -> Self {
        let now = at("2025-10-10T08:00:00Z");
        let connector = (VENDOR.open)(settings(given)).expect("settings without problems");
        Self { connector, sandbox: (VENDOR.sandbox)(&settings(given), now), now }
    }

    #[expect(clippy::needless_pass_by_value, reason = "tests write commands in place")]
    pub(super) fn command(&mut self, command: Value) -> Value {
        self.sandbox.command(&command, self.now).expect("a command")
    }

    /// Makes a document and gives its id.
    #[expect(clippy::needless_pass_by_value, reason = "tests write fields in place")]
    pub(super) fn create(&mut self, fields: Value) -> u64 {
        self.command(json!({"create_invoice": fields}))["id"].as_u64().expect("an id")
    }

    pub(super) fn wait(&mut self, seconds: i64) {
        self.now += jiff::SignedDuration::from_secs(seconds);
    }

    /// The webhook that FAPI would send about a document now.
    pub(super) fn notified(&mut self, id: u64) -> Webhook {
        let reply = self.command(json!({"notification": {"id": id}}));
        pushed(reply["body"].as_str().expect("a body").as_bytes(), self.now)
    }

    /// Does what the engine would: fetches until nothing is left to fetch. Gives the purposes in order.
    pub(super) fn settle(&mut self, webhook: &mut Webhook) -> (Normalized, Vec<String>) {
        let mut purposes = Vec::new();
        for _ in 0..10 {
            let fetch = match self.connector.normalize(webhook) {
                Normalized::Proves { facts, mut fetches } if facts.is_empty() && fetches.len() == 1 => {
                    fetches.remove(0)
                }
                end => return (end, purposes),
            };
            self.now += fetch.delay + std::time::Duration::from_secs(1);
            let parameters = Value::Object(fetch.parameters);
            let drive = Drive::new(self.connector.as_ref(), OPERATIONS, fetch.operation, parameters, self.now);
            let driven = drive.run(self.sandbox.as_mut());
            let crate::connectors::contract::Verdict::Done(_) = driven.verdict else {
                panic!("{} ended with {:?}", fetch.operation, driven.verdict)
            };
            let reply = driven.reply.expect("a reply");
            let mut recorded = replied(&fetch.purpose, reply.status, &Value::Null, self.now);
            recorded.body = reply.body;
            webhook.replies.push(recorded);
            purposes.push(fetch.purpose);
        }
        panic!("it does not come to an end")
    }

    pub(super) fn facts_of(&mut self, webhook: &mut Webhook) -> Vec<Fact> {
        match self.settle(webhook).0 {
            Normalized::Proves { facts, .. } => facts,
            other => panic!("no facts but {other:?}"),
        }
    }

    /// What a notification about a document proves.
    pub(super) fn facts(&mut self, id: u64) -> Vec<Fact> {
        let mut webhook = self.notified(id);
        self.facts_of(&mut webhook)
    }
}

pub(super) fn invalid(normalized: &Normalized) -> Option<Code> {
    match normalized {
        Normalized::Invalid { code, .. } => Some(*code),
        _ => None,
    }
}
