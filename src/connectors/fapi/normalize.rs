//! From a webhook to what it proves: read the notification, fetch what it points at, verify, read the relatives, and only
//! then say something. A pure function of the webhook with the replies that it has so far: each call either asks for the
//! next fetch, or has all it needs. The fetches go one after the other, because each reply travels on with the webhook.

use std::time::Duration;

use serde_json::Value;

use super::{
    digest, facts, operations,
    sale::{Document, Sale},
    settings::Config,
    voucher,
    webhook::{Notification, Subject, is_id},
};
use crate::{
    connectors::contract::{Fetch, Normalized},
    model::code,
    topics::{
        action::Parameters,
        webhook::{Arrival, FetchedReply, Webhook},
    },
};

/// FAPI may still be writing a document when it tells of it, so what does not fit is read again after this long.
const SECOND_LOOK: Duration = Duration::from_secs(5);

/// A value, or what the webhook amounts to without it: a fetch to wait for, or a dead end.
pub(super) type Step<T> = Result<T, Normalized>;

/// What a stored webhook proves.
pub(super) fn normalize(config: &Config, webhook: &Webhook) -> Normalized {
    let amounts = match &webhook.arrival {
        Arrival::Pushed { .. } => pushed(config, webhook),
        Arrival::Polled { row, complete, .. } => {
            polled(webhook, row, *complete).and_then(|it| proven(config, webhook, it))
        }
    };
    amounts.unwrap_or_else(|step| step)
}

fn pushed(config: &Config, webhook: &Webhook) -> Step<Normalized> {
    let Some(notification) = Notification::read(&webhook.body) else {
        return Err(Normalized::invalid(code::UNPARSEABLE, "the body has neither `id` nor `voucher`"));
    };
    let time = fresh_time(config, webhook, &notification)?;
    match &notification.subject {
        Subject::Voucher(id) => voucher::applied(config, webhook, id, time, &notification.security),
        Subject::Invoice(id) => {
            let document = verified(config, webhook, id, time, &notification.security)?;
            proven(config, webhook, document)
        }
    }
}

fn proven(config: &Config, webhook: &Webhook, document: Document) -> Step<Normalized> {
    Ok(Normalized::facts(facts::of(config, &Sale::gather(config, webhook, document)?)))
}

fn fresh_time(config: &Config, webhook: &Webhook, notification: &Notification) -> Step<u64> {
    let unverified = |why: &str| Normalized::invalid(code::UNVERIFIED, why);
    let time = notification.time.ok_or_else(|| unverified("`time` is missing or no number"))?;
    if notification.security.is_empty() {
        return Err(unverified("`security` is missing"));
    }
    let arrived = u64::try_from(webhook.arrived.as_second()).unwrap_or(0);
    match config.max_age {
        Some(age) if arrived.abs_diff(time) > age.as_secs() => {
            Err(unverified("`time` is further from the arrival than `max_age`"))
        }
        _ => Ok(time),
    }
}

/// The document that a notification is about, if the digest fits it: at once, or at a second look.
fn verified(config: &Config, webhook: &Webhook, id: &str, time: u64, security: &str) -> Step<Document> {
    let fits = |document: &Document| digest::proves_invoice(config.number_variant, time, &document.invoice, security);
    let document = Document::fetched(reply(webhook, fetch("invoice", operations::GET_INVOICE, by_id(id)))?)?;
    if fits(&document) {
        return Ok(document);
    }
    let second = Fetch { delay: SECOND_LOOK, ..fetch("invoice_again", operations::GET_INVOICE, by_id(id)) };
    let document = Document::fetched(reply(webhook, second)?)?;
    if fits(&document) {
        return Ok(document);
    }
    Err(Normalized::invalid(code::UNVERIFIED, "`security` does not fit the document, nor did it 5 seconds later"))
}

/// The document of a polled row. It needs no digest: we read it with our own credentials.
fn polled(webhook: &Webhook, row: &str, complete: bool) -> Step<Document> {
    let document = if complete {
        Document::read(&webhook.body, webhook.arrived)?
    } else if is_id(row) {
        Document::fetched(reply(webhook, fetch("invoice", operations::GET_INVOICE, by_id(row)))?)?
    } else {
        return Err(Normalized::invalid(code::UNPARSEABLE, "the row has no id"));
    };
    if document.invoice.id.is_empty() {
        return Err(Normalized::invalid(code::UNPARSEABLE, "the document has no id"));
    }
    Ok(document)
}

/// The reply to a fetch, or the fetch.
pub(super) fn reply(webhook: &Webhook, fetch: Fetch) -> Step<&FetchedReply> {
    match webhook.reply(&fetch.purpose) {
        Some(reply) => Ok(reply),
        None => Err(Normalized::fetch(fetch)),
    }
}

/// Reads a reply's body.
pub(super) fn json(reply: &FetchedReply) -> Step<Value> {
    serde_json::from_slice(&reply.body)
        .map_err(|_| Normalized::invalid(code::UNPARSEABLE, format!("the reply for `{}` is no JSON", reply.purpose)))
}

pub(super) fn fetch(purpose: &str, operation: &'static str, parameters: Parameters) -> Fetch {
    Fetch { purpose: purpose.to_owned(), operation, parameters, delay: Duration::ZERO }
}

/// The parameter of most fetches.
pub(super) fn by_id(id: &str) -> Parameters {
    let id = id.parse::<u64>().map_or_else(|_| Value::from(id), Value::from);
    Parameters::from_iter([("id".to_owned(), id)])
}
