//! A company's own website or in-house system, and anybody who speaks Standard Webhooks or a plain HMAC: a source of signed
//! JSON webhooks, and a target that takes JSON over HTTP. It knows no vendor, so its settings say how the other side does
//! things. See `README.md`.
//!
//! What must not happen here: a guess at what a body means. A name that nobody knows is a dead letter that says so.

mod api;
mod event;
mod mapping;
mod message;
mod normalize;
mod operations;
mod path;
mod place;
mod proof;
mod sample;
mod sandbox;
mod settings;
mod source;
mod webhook;

use std::sync::Arc;

use self::settings::Account;
use super::contract::{
    Accept, Connector, Normalized, Opened, Operation, Pace, Plan, Progress, Repeat, Settings, Target, Vendor, Verdict,
    Work,
};
use crate::{
    model::{
        http::{Inbound, Reply, Request},
        time::Timestamp,
    },
    topics::{action::Parameters, event as events, webhook::Webhook},
};

/// The registry's entry.
pub const VENDOR: Vendor = Vendor {
    name: "http",
    title: "Own system",
    doc: "A company's own website or in-house system, or anybody who speaks Standard Webhooks or a plain HMAC. It tells \
          us things by signed webhooks with JSON, and is called with JSON: objects are created, updated and deleted.",
    settings: settings::SETTINGS,
    operations: operations::CATALOGUE,
    events: &[
        events::ORDER_CREATED,
        events::ORDER_UPDATED,
        events::ORDER_PAID,
        events::ORDER_COMPLETED,
        events::ORDER_CANCELLED,
        events::ORDER_REFUNDED,
        events::ORDER_DELETED,
        events::INVOICE_ISSUED,
        events::INVOICE_UPDATED,
        events::INVOICE_PAID,
        events::INVOICE_CANCELLED,
        events::PAYMENT_RECEIVED,
        events::PAYMENT_REFUNDED,
        events::CUSTOMER_CREATED,
        events::CUSTOMER_UPDATED,
        events::SUBSCRIBER_SUBSCRIBED,
        events::SUBSCRIBER_UNSUBSCRIBED,
        events::SUBSCRIBER_UPDATED,
        events::VOUCHER_APPLIED,
    ],
    url_events: &[],
    headers: webhook::KEPT,
    // Nobody knows what the machine behind it bears: no more than a second visitor would ask of it.
    pace: Pace { per_second: None, concurrency: 2 },
    limits: &[],
    time_zone: "UTC",
    open,
    sandbox: sandbox::open,
    samples: sample::DOCS,
};

#[expect(clippy::needless_pass_by_value, reason = "the contract's signature")]
fn open(settings: Settings) -> Opened {
    Ok(Arc::new(Http { account: Account::read(&settings)? }))
}

/// One other side.
struct Http {
    account: Account,
}

impl Connector for Http {
    fn accept(&self, request: &Inbound) -> Accept {
        webhook::accept(&self.account.source, request)
    }

    fn normalize(&self, webhook: &Webhook) -> Normalized {
        normalize::normalize(&self.account.source, webhook)
    }

    fn target(&self, operation: &Operation, parameters: &Parameters) -> Result<Target, String> {
        operations::target(&self.account, operation, parameters)
    }

    fn repeat(&self, operation: &Operation) -> Repeat {
        match &self.account.api {
            Some(api) if operations::is_create(operation) => api.repeat_of_create(),
            _ => operation.repeat,
        }
    }

    fn plan(&self, work: &Work<'_>, progress: &Progress) -> Plan {
        operations::plan(&self.account, work, progress)
    }

    fn interpret(&self, work: &Work<'_>, progress: &Progress, reply: &Reply) -> Verdict {
        operations::interpret(&self.account, work, progress, reply)
    }

    fn probe(&self) -> Option<Request> {
        self.account.api.as_ref()?.probe()
    }

    fn read_probe(&self, reply: &Reply) -> Result<(), String> {
        self.account.api.as_ref().map_or(Ok(()), |api| api.read_probe(reply))
    }

    fn sample(&self, name: &str, url: &url::Url, now: Timestamp) -> Option<Request> {
        sample::request(&self.account.source, name, url, now)
    }
}

#[cfg(test)]
mod tests;
