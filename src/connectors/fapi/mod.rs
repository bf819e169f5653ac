//! FAPI (fapi.cz): Czech sales forms and invoices. A source only: it notifies by a thin POST, and everything is read and
//! verified through its REST API. `README.md` beside this file has the quirks, the assumptions and the links.
//!
//! The way of a webhook: `webhook` (accept) -> `normalize` (fetch and verify) -> `sale` (relatives) -> `facts`, with `bodies`
//! built of `parts`, `lines` and `paid`; vouchers go through `voucher`.

mod bodies;
mod digest;
mod facts;
mod lenient;
mod lines;
mod local;
mod normalize;
mod operations;
mod paid;
mod parts;
mod poll;
mod sale;
mod sample;
mod sandbox;
mod settings;
mod voucher;
mod webhook;
mod wire;

use std::sync::Arc;

use serde_json::Value;
use url::Url;

use self::{
    operations::{Failed, failure},
    settings::Config,
};
use super::contract::{
    Accept, Connector, Normalized, Opened, Operation, Pace, Plan, Poll, PollRead, Progress, Settings, Target, Vendor,
    Verdict, Work,
};
use crate::{
    model::{
        http::{Inbound, Reply, Request},
        time::Timestamp,
    },
    topics::{
        action::Parameters,
        event::{
            INVOICE_CANCELLED, INVOICE_ISSUED, INVOICE_PAID, INVOICE_UPDATED, ORDER_CANCELLED, ORDER_CREATED,
            ORDER_PAID, ORDER_UPDATED, PAYMENT_RECEIVED, PAYMENT_REFUNDED, VOUCHER_APPLIED,
        },
        webhook::Webhook,
    },
};

/// The names that an owner may give to the URLs of form rules and global webhooks. They are ours, except the three codes of
/// global webhooks (`ordered`, `invoice_update`, `paid`).
const URL_EVENTS: &[&str] = &[
    "ordered",
    "paid",
    "cancelled",
    "invoice_update",
    "credit_note",
    "item_ordered",
    "item_paid",
    "item_cancelled",
    "voucher",
];

pub const VENDOR: Vendor = Vendor {
    name: "fapi",
    title: "FAPI",
    doc: "Czech sales forms and invoices (fapi.cz). A source: form rules and global webhooks call a URL, and each document \
          is read back, verified and turned into facts about the order, the document and the money. Lost notifications \
          are found by a poll.",
    settings: settings::SETTINGS,
    operations: operations::OPERATIONS,
    events: &[
        ORDER_CREATED,
        ORDER_UPDATED,
        ORDER_PAID,
        ORDER_CANCELLED,
        INVOICE_ISSUED,
        INVOICE_UPDATED,
        INVOICE_PAID,
        INVOICE_CANCELLED,
        PAYMENT_RECEIVED,
        PAYMENT_REFUNDED,
        VOUCHER_APPLIED,
    ],
    url_events: URL_EVENTS,
    headers: &["content-type", "user-agent"],
    // No limit is documented; one request a second is what users report as safe.
    pace: Pace { per_second: Some(1), concurrency: 1 },
    // None is documented; the sixty calls a minute that users report as safe are kept by the pace.
    limits: &[],
    time_zone: "Europe/Prague",
    open,
    sandbox: sandbox::open,
    samples: sample::SAMPLES,
};

#[expect(clippy::needless_pass_by_value, reason = "the contract gives settings away")]
fn open(settings: Settings) -> Opened {
    Ok(Arc::new(Fapi { config: Config::read(&settings)? }))
}

/// One account at FAPI.
struct Fapi {
    config: Config,
}

impl Connector for Fapi {
    fn accept(&self, request: &Inbound) -> Accept {
        webhook::accept(&self.config, request)
    }

    fn normalize(&self, webhook: &Webhook) -> Normalized {
        normalize::normalize(&self.config, webhook)
    }

    fn polls(&self) -> Vec<Poll> {
        poll::polls(&self.config)
    }

    fn poll(&self, poll: &str, cursor: Option<&Value>, now: Timestamp) -> Option<Request> {
        (poll == poll::INVOICES).then(|| poll::request(&self.config, cursor, now))
    }

    fn read(&self, _poll: &str, cursor: Option<&Value>, now: Timestamp, reply: &Reply) -> PollRead {
        poll::read(&self.config, cursor, now, reply)
    }

    fn pushed_key(&self, _poll: &str, row: &str) -> Option<String> {
        let pushed = !self.config.tokens.is_empty() || self.config.unverified_urls;
        pushed.then(|| format!("invoice/{row}"))
    }

    fn lists(&self) -> Vec<&'static str> {
        vec![poll::INVOICES]
    }

    fn list(&self, list: &str, since: Timestamp, cursor: Option<&Value>, now: Timestamp) -> Option<Request> {
        let begin = poll::since(since);
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
        let begin = poll::since(since);
        match list {
            poll::INVOICES => poll::read_list(&self.config, cursor.unwrap_or(&begin), now, reply),
            _ => PollRead::Failed(crate::model::code::UNKNOWN_OPERATION),
        }
    }

    fn target(&self, operation: &Operation, parameters: &Parameters) -> Result<Target, String> {
        operations::target(operation, parameters)
    }

    fn plan(&self, work: &Work<'_>, _progress: &Progress) -> Plan {
        operations::plan(&self.config, work)
    }

    fn interpret(&self, work: &Work<'_>, _progress: &Progress, reply: &Reply) -> Verdict {
        operations::interpret(work, reply)
    }

    fn probe(&self) -> Option<Request> {
        Some(operations::get(&self.config, &[""], &[]))
    }

    fn read_probe(&self, reply: &Reply) -> Result<(), String> {
        match failure(reply) {
            None if reply.status == 200 => Ok(()),
            None => Err(format!("expected 200, got {}: try again later, and look at `base_url`", reply.status)),
            Some(Failed::Unauthorized) => Err(format!(
                "expected 200, got {}: FAPI rejects `user` and `api_key`; make a key at Můj účet > API klíče > Nový API klíč",
                reply.status
            )),
            Some(Failed::Missing(why) | Failed::Refused(why)) => {
                Err(format!("expected 200, got {why}: look at `base_url`"))
            }
        }
    }

    fn sample(&self, name: &str, url: &Url, now: Timestamp) -> Option<Request> {
        sample::request(&self.config, name, url, now)
    }
}

#[cfg(test)]
mod tests;
