//! WooCommerce: a source. Fat order webhooks, signed; REST as the safety net. See `README.md` for its quirks.
//!
//! Nothing is ever written to the shop.

mod content;
mod entities;
mod lines;
mod meta;
mod normalize;
mod operations;
mod order;
mod poll;
mod rest;
mod sample;
mod sandbox;
mod settings;
mod snapshot;
mod status;
mod webhook;
mod wire;

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;

use self::{poll::OrdersPoll, settings::Account};
use super::contract::{
    Accept, Connector, Listed, Normalized, Opened, Operation, Plan, Poll, PollRead, Progress, Settings, Target, Vendor,
    Verdict, Work,
};
use crate::{
    connectors::contract::Pace,
    model::{
        code,
        http::{Inbound, Reply, Request},
        time::Timestamp,
    },
    topics::{action::Parameters, event, webhook::Webhook},
};

/// WooCommerce in the registry.
pub const VENDOR: Vendor = Vendor {
    name: "woocommerce",
    title: "WooCommerce",
    doc: "Webshop plugin for WordPress. A source: it pushes whole orders whenever they change, signed; with REST \
          credentials we also look every now and then for orders whose webhooks never came.",
    settings: settings::LIST,
    operations: operations::CATALOGUE,
    events: &[
        event::ORDER_CREATED,
        event::ORDER_UPDATED,
        event::ORDER_PAID,
        event::ORDER_COMPLETED,
        event::ORDER_CANCELLED,
        event::ORDER_REFUNDED,
        event::ORDER_DELETED,
        event::PAYMENT_RECEIVED,
        event::PAYMENT_REFUNDED,
    ],
    url_events: &[],
    headers: webhook::KEPT,
    // The core has no limit; most shops are small machines, so one request at a time.
    pace: Pace { per_second: None, concurrency: 1 },
    limits: &[],
    time_zone: "UTC",
    open,
    sandbox: sandbox::open,
    samples: sample::DOCS,
};

#[expect(clippy::needless_pass_by_value, reason = "the contract's signature")]
fn open(settings: Settings) -> Opened {
    Ok(Arc::new(WooCommerce { account: Account::read(&settings)? }))
}

/// One shop.
struct WooCommerce {
    account: Account,
}

impl WooCommerce {
    fn orders_poll(&self) -> Option<OrdersPoll<'_>> {
        let rest = self.account.rest.as_ref()?;
        Some(OrdersPoll { rest, overlap: self.account.poll_overlap })
    }
}

impl Connector for WooCommerce {
    fn accept(&self, request: &Inbound) -> Accept {
        webhook::accept(&self.account, request)
    }

    fn normalize(&self, webhook: &Webhook) -> Normalized {
        normalize::normalize(&self.account, webhook)
    }

    fn polls(&self) -> Vec<Poll> {
        let every = self.account.poll_every;
        self.orders_poll().map(|_| Poll { name: poll::NAME, every }).into_iter().collect()
    }

    fn poll(&self, poll: &str, cursor: Option<&Value>, now: Timestamp) -> Option<Request> {
        self.orders_poll().filter(|_| poll == poll::NAME).map(|orders| orders.request(cursor, now))
    }

    fn read(&self, poll: &str, cursor: Option<&Value>, now: Timestamp, reply: &Reply) -> PollRead {
        match self.orders_poll().filter(|_| poll == poll::NAME) {
            Some(orders) => orders.read(cursor, now, reply),
            None => PollRead::Failed(code::UNKNOWN_OPERATION),
        }
    }

    fn pushed_key(&self, _poll: &str, row: &str) -> Option<String> {
        let pushed = !self.account.keys.is_empty() || self.account.unverified;
        pushed.then(|| format!("order/{row}"))
    }

    fn lists(&self) -> Vec<&'static str> {
        self.orders_poll().map(|_| poll::NAME).into_iter().collect()
    }

    /// What changed since then is all that was made since then, and more.
    fn list(&self, list: &str, since: Timestamp, cursor: Option<&Value>, now: Timestamp) -> Option<Request> {
        let begin = OrdersPoll::since(since);
        self.poll(list, Some(cursor.unwrap_or(&begin)), now)
    }

    fn read_list(
        &self,
        list: &str,
        since: Timestamp,
        cursor: Option<&Value>,
        now: Timestamp,
        reply: &Reply,
    ) -> PollRead {
        let begin = OrdersPoll::since(since);
        self.read(list, Some(cursor.unwrap_or(&begin)), now, reply)
    }

    fn target(&self, _operation: &Operation, parameters: &Parameters) -> Result<Target, String> {
        operations::target(parameters)
    }

    fn plan(&self, work: &Work<'_>, _progress: &Progress) -> Plan {
        operations::plan(self.account.rest.as_ref(), work)
    }

    fn interpret(&self, _work: &Work<'_>, _progress: &Progress, reply: &Reply) -> Verdict {
        operations::interpret(reply)
    }

    fn probe(&self) -> Option<Request> {
        self.account.rest.as_ref().map(|rest| rest.get(&["orders"], &[("per_page", "1")]))
    }

    fn read_probe(&self, reply: &Reply) -> Result<(), String> {
        self.account.rest.as_ref().map_or(Ok(()), |rest| rest.explain(reply))
    }

    fn listed(&self) -> Vec<Listed> {
        self.account.rest.iter().map(|rest| Listed { field: status::FIELD, request: rest.statuses() }).collect()
    }

    fn read_listed(&self, _field: &str, reply: &Reply) -> Result<BTreeSet<String>, String> {
        self.account.rest.as_ref().map_or_else(|| Ok(BTreeSet::new()), |rest| rest.read_statuses(reply))
    }

    fn sample(&self, name: &str, url: &url::Url, now: Timestamp) -> Option<Request> {
        sample::request(&self.account, name, url, now)
    }
}

#[cfg(test)]
mod tests;
