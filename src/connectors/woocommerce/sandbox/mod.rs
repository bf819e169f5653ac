//! A simulated shop: reads by REST, and what somebody at the shop's screens can do, with the webhooks that follow.
//!
//! It sends nothing itself: a command returns the requests that the shop would send, and whoever gave the command sends
//! them. Nothing can be written by REST here: we only read.

mod api;
mod commands;
mod delivery;
mod order;

use std::collections::BTreeMap;

use serde_json::{Value, json};

pub(super) use self::{
    delivery::Delivery,
    order::{NewOrder, build, set_status},
};
use super::entities;
use crate::{
    connectors::contract::{Sandbox, Settings, sandbox::SandboxRequest},
    model::{http::Reply, secret::Secret, time::Timestamp},
};

/// See the module's head.
struct Shop {
    orders: BTreeMap<u64, Value>,
    /// Orders and refunds share one sequence.
    next_id: u64,
    consumer_key: String,
    consumer_secret: Secret,
    /// What signs; the first of several.
    key: Option<Secret>,
}

/// A shop with one paid order of an hour ago in it.
pub(super) fn open(settings: &Settings, now: Timestamp) -> Box<dyn Sandbox> {
    let mut shop = Shop {
        orders: BTreeMap::new(),
        next_id: 19,
        consumer_key: settings.text("consumer_key").to_owned(),
        consumer_secret: settings.secret("consumer_secret"),
        key: settings.secrets("secret").first().map(|secret| Secret::new(entities::decode(secret.expose()))),
    };
    let earlier = now.checked_sub(std::time::Duration::from_hours(1)).unwrap_or(now);
    let new = NewOrder { status: "processing".to_owned(), ..NewOrder::default() };
    if let Ok(order) = build(shop.take_id(), &new, earlier) {
        shop.put(order);
    }
    Box::new(shop)
}

impl Shop {
    fn take_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }

    fn put(&mut self, order: Value) {
        if let Some(id) = order["id"].as_u64() {
            self.orders.insert(id, order);
        }
    }
}

impl Sandbox for Shop {
    fn answer(&mut self, request: &SandboxRequest, _now: Timestamp) -> Reply {
        api::answer(self, request)
    }

    fn effects(&self) -> &[Value] {
        &[]
    }

    fn state(&self) -> Value {
        json!({ "orders": self.orders.values().collect::<Vec<_>>() })
    }

    fn command(&mut self, command: &Value, now: Timestamp) -> Result<Value, String> {
        commands::run(self, command, now)
    }
}

#[cfg(test)]
mod tests;
