//! What a webhook or a polled row proves.
//!
//! `created` means "exists", the status means "now": bodies are built when they are sent, so the topic tells nothing
//! that the snapshot does not tell better. The topic is not signed either: it only says what `{"id": n}` stands for,
//! and cannot turn a signed order into a deletion. Every snapshot yields all that it proves; ids make the repetition
//! harmless.

use serde_json::Value;

use super::{operations, order, settings::Account, snapshot::Snapshot, webhook, wire::Object};
use crate::{
    connectors::contract::{Fact, Normalized},
    model::{
        code,
        hash::ContentHash,
        time::{Since, Timestamp, version_of},
    },
    topics::{
        body::Body,
        event,
        webhook::{Arrival, Webhook},
    },
};

/// See the module's head.
pub(super) fn normalize(account: &Account, webhook: &Webhook) -> Normalized {
    let topic = match &webhook.arrival {
        Arrival::Pushed { headers, .. } => webhook::topic(headers),
        Arrival::Polled { .. } => String::new(),
    };
    let Ok(body) = serde_json::from_slice::<Value>(&webhook.body) else {
        return Normalized::invalid(code::UNPARSEABLE, "the body is no JSON");
    };
    let order = Object::of(&body);
    match order.id("id") {
        None if is_error(order) => Normalized::Nothing(code::SOURCE_ERROR),
        None => Normalized::invalid(code::UNPARSEABLE, "the body has no order id"),
        Some(id) if topic == "order.deleted" && !order.has("status") => {
            Normalized::facts(vec![gone(&id, webhook.arrived)])
        }
        Some(_) if order.has("status") => prove(account, &body, webhook.arrived),
        Some(id) => read_back(account, webhook, &id),
    }
}

fn prove(account: &Account, body: &Value, arrived: Timestamp) -> Normalized {
    match Snapshot::read(account, body, arrived) {
        Some(snapshot) => Normalized::facts(snapshot.facts()),
        None => Normalized::invalid(code::UNPARSEABLE, "the body has no order id"),
    }
}

/// A body with an id and no more: a plugin has thinned the shop's webhooks out. The order is read by REST.
fn read_back(account: &Account, webhook: &Webhook, id: &str) -> Normalized {
    let Some(reply) = webhook.reply(operations::PURPOSE) else {
        return match account.rest {
            Some(_) => Normalized::fetch(operations::fetch(id)),
            None => Normalized::invalid(code::UNPARSEABLE, "the body is no order, and there are no REST credentials"),
        };
    };
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let order = Object::of(&body);
    match order.id("id") {
        // It stands for a later moment than the webhook: when it was read.
        Some(read) if read == id && order.has("status") => prove(account, &body, reply.at),
        None if is_error(order) => Normalized::Nothing(code::SOURCE_ERROR),
        _ => Normalized::invalid(code::UNPARSEABLE, "the order that was read back is none"),
    }
}

/// A REST error in the place of the order: it was gone, or the webhook's user may no longer read it, when the body was
/// built. It does not say which order; what still exists is found by the poll.
fn is_error(body: Object<'_>) -> bool {
    !body.text("code").is_empty() && body.object("data").has("status")
}

/// A deletion of which only the id is told. Its version is the arrival, so a second one after a restore is a second
/// fact.
fn gone(id: &str, arrived: Timestamp) -> Fact {
    Fact {
        event_type: event::ORDER_DELETED,
        entity_id: id.to_owned(),
        counted: None,
        version: version_of(arrived),
        content: ContentHash::of(&serde_json::json!({ "id": id })),
        since: Since::arrival(arrived),
        personal_id: false,
        body: Body::Order(Box::new(order::deleted(id))),
    }
}
