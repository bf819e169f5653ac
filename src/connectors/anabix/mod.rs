//! Anabix, a Czech CRM: contacts are written, and put on lists and taken off them. It is a target only; see
//! `webhook`.
//!
//! One URL takes all calls; success and failure stand in the body, and failures are free text. `README.md` has the
//! quirks, and every assumption with its setting.

mod operations;
mod sandbox;
mod settings;
mod webhook;
mod wire;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::{
    settings::{Account, SETTINGS},
    wire::{Answer, Message},
};
use super::contract::{
    Accept, Connector, Effect, Normalized, Operation, Plan, Progress, Repeat, Settings, Target, Vendor, Verdict, Work,
};
use crate::{
    connectors::contract::{Opened, Pace},
    model::http::{Inbound, Reply, Request},
    topics::{action::Parameters, webhook::Webhook},
};

/// The registry's entry.
pub const VENDOR: Vendor = Vendor {
    name: "anabix",
    title: "Anabix",
    doc: "A Czech CRM. Data goes to it: contacts with their fields and legal basis, membership of lists, notes.",
    settings: SETTINGS,
    operations: operations::OPERATIONS,
    events: &[],
    url_events: &[],
    headers: &[],
    // No limit is documented; public client code waits 0.2 to 0.5 s between calls.
    pace: Pace { per_second: Some(2), concurrency: 1 },
    limits: &[],
    time_zone: "Europe/Prague",
    open,
    sandbox: |settings, now| Box::new(sandbox::Anabix::new(settings, now)),
    samples: &[],
};

#[expect(clippy::needless_pass_by_value, reason = "the registry's shape: a connector may keep its settings")]
fn open(settings: Settings) -> Opened {
    Ok(Arc::new(Anabix { account: Account::read(&settings)? }))
}

/// One account.
struct Anabix {
    account: Account,
}

impl Connector for Anabix {
    fn accept(&self, _request: &Inbound) -> Accept {
        webhook::accept()
    }

    fn normalize(&self, _webhook: &Webhook) -> Normalized {
        webhook::normalize()
    }

    fn target(&self, operation: &Operation, parameters: &Parameters) -> Result<Target, String> {
        operations::target(&self.account, operation, parameters)
    }

    fn repeat(&self, operation: &Operation) -> Repeat {
        match operation.repeat {
            Repeat::Checked { .. } => Repeat::Checked { settle: self.account.settle },
            other => other,
        }
    }

    fn plan(&self, work: &Work<'_>, progress: &Progress) -> Plan {
        operations::plan(&self.account, work, progress)
    }

    fn interpret(&self, work: &Work<'_>, progress: &Progress, reply: &Reply) -> Verdict {
        operations::interpret(&self.account, work, progress, reply)
    }

    fn probe(&self) -> Option<Request> {
        Some(Message::check().request(&self.account))
    }

    fn read_probe(&self, reply: &Reply) -> Result<(), String> {
        match Answer::read(reply, Effect::None, &self.account) {
            Answer::Success(_) => Ok(()),
            Answer::Error { .. } | Answer::Failed(Verdict::Unauthorized) => {
                Err("the vendor answered ERROR to lists.getAll: compare `user` and `token` with \
                     Nastavení > Hlavní nastavení > API token"
                    .to_owned())
            }
            Answer::Failed(_) => Err(format!(
                "expected an answer with a `status`, got HTTP {}: compare `base_url` with the address of your account",
                reply.status
            )),
        }
    }
}
