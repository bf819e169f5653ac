//! SalesAutopilot: Hungarian marketing automation with lists, forms, order lists and invoices. A target: data only goes
//! to it. The README beside this file holds the vendor's quirks and every assumption.
//!
//! Every write names a form of a list, and the form decides what else happens (mails, an invoice). So no form is ever
//! guessed here: each has its own setting, and an operation without its form is refused.

mod account;
mod answer;
mod api;
mod limits;
mod normalize;
pub mod operations;
mod record;
mod sandbox;
#[cfg(test)]
mod tests;
mod webhook;
mod wire;

use std::sync::Arc;

use account::Account;
pub use account::SETTINGS;

use super::contract::{
    Accept, Connector, Normalized, Opened, Operation, Pace, Plan, Progress, Repeat, Settings, Target, Vendor, Verdict,
    Work,
};
use crate::{
    model::http::{Inbound, Reply, Request},
    topics::{action::Parameters, webhook::Webhook},
};

/// SalesAutopilot, without any account.
pub const VENDOR: Vendor = Vendor {
    name: "salesautopilot",
    title: "SalesAutopilot",
    doc: "Hungarian marketing automation. A target: subscribes people to a newsletter list, records webshop orders in \
          an order list, marks them paid, and keeps a purchase history in fields of the newsletter list. Every HTTP \
          call counts against the account's monthly quota: 1000 are free, then each further 100,000 cost 2000 HUF + \
          VAT.",
    settings: SETTINGS,
    operations: operations::CATALOGUE,
    events: &[],
    url_events: &[],
    headers: &[],
    // No limit by the second is known; more than one call at a time is not safe to assume.
    pace: Pace { per_second: None, concurrency: 1 },
    limits: limits::LIMITS,
    time_zone: "Europe/Budapest",
    open,
    sandbox: sandbox::open,
    samples: &[],
};

#[expect(clippy::needless_pass_by_value, reason = "the contract hands the settings over")]
fn open(settings: Settings) -> Opened {
    let account = Account::read(&settings)?;
    Ok(Arc::new(SalesAutopilot { account }))
}

struct SalesAutopilot {
    account: Account,
}

impl Connector for SalesAutopilot {
    fn accept(&self, _request: &Inbound) -> Accept {
        webhook::accept()
    }

    fn normalize(&self, _webhook: &Webhook) -> Normalized {
        normalize::normalize()
    }

    fn target(&self, operation: &Operation, parameters: &Parameters) -> Result<Target, String> {
        operations::target(&self.account, operation, parameters)
    }

    fn repeat(&self, operation: &Operation) -> Repeat {
        operations::repeat(&self.account, operation)
    }

    fn plan(&self, work: &Work<'_>, progress: &Progress) -> Plan {
        operations::plan(&self.account, work, progress)
    }

    fn interpret(&self, work: &Work<'_>, progress: &Progress, reply: &Reply) -> Verdict {
        operations::interpret(&self.account, work, progress, reply)
    }

    fn probe(&self) -> Option<Request> {
        Some(self.account.api.lists())
    }

    fn read_probe(&self, reply: &Reply) -> Result<(), String> {
        answer::probe(&self.account, reply)
    }
}
