//! Decides over a request at the gateway.
//!
//! The shop never tries twice, and disables the webhook at the seventh failure in a row: whatever is authentic gets
//! exactly 200, also what nobody wants. The only unsigned request that gets a 200 is the ping, in exactly its form.

use serde::Deserialize;
use serde_json::Value;

use super::{settings::Account, wire::Object};
use crate::{
    connectors::{
        contract::Accept,
        kit::{hmac, token},
    },
    model::{
        code,
        http::{Headers, Inbound, Method, Reply},
    },
};

pub(super) const TOPIC: &str = "X-WC-Webhook-Topic";
pub(super) const SIGNATURE: &str = "X-WC-Webhook-Signature";
const PREFIX: &str = "x-wc-webhook-";

/// The headers worth keeping. Not the signature: with the body beside it, it would let whoever reads the log send it
/// again.
pub(super) const KEPT: &[&str] = &[
    "content-type",
    "user-agent",
    "x-wc-webhook-source",
    "x-wc-webhook-topic",
    "x-wc-webhook-resource",
    "x-wc-webhook-event",
    "x-wc-webhook-id",
    "x-wc-webhook-delivery-id",
];

/// See the module's head.
pub(super) fn accept(account: &Account, request: &Inbound) -> Accept {
    if request.method != Method::Post {
        return Accept::refuse(405, code::METHOD_NOT_ALLOWED);
    }
    let located = token::locate(request, &[], &account.url_tokens);
    if account.url_tokens.is_empty() && located.stray {
        return Accept::refuse(404, code::UNKNOWN_EVENT);
    }
    if !account.url_tokens.is_empty() && (!located.token_fits || located.stray) {
        return Accept::refuse(401, code::TOKEN_MISMATCH);
    }
    if is_ping(request) {
        return Accept::Answer { reply: Reply::new(200), code: code::PING };
    }
    if let Some(refusal) = doubt(account, request) {
        return refusal;
    }
    if !is_wanted(&topic(&request.headers)) {
        return Accept::Answer { reply: Reply::new(200), code: code::UNWANTED_TOPIC };
    }
    Accept::Store {
        // Documented as a delivery id, but made from webhook and second: two orders changed in one second share it, and
        // there are no repeats that would have to carry the same one.
        delivery: None,
        key: key(request),
        event: None,
        query: located.query,
        answer: Reply::new(200),
    }
}

/// Why the request is not proved to come from the shop, if it is not.
fn doubt(account: &Account, request: &Inbound) -> Option<Accept> {
    let signatures: Vec<&str> = request.headers.all(SIGNATURE).collect();
    if account.keys.is_empty() {
        return (!account.unverified).then(|| Accept::refuse(503, code::NO_SECRET));
    }
    match signatures[..] {
        [] => Some(Accept::refuse(401, code::SIGNATURE_MISSING)),
        [signature] if hmac::verify_sha256_base64(&account.keys, &request.body, signature) => None,
        // Two signatures: which of them the shop sent nobody knows.
        _ => Some(Accept::refuse(401, code::SIGNATURE_MISMATCH)),
    }
}

/// `webhook_id=<number>` as a form, without any of the shop's headers: sent when a webhook is saved and beside every
/// delivery until one is answered with exactly 200.
fn is_ping(request: &Inbound) -> bool {
    let is_form = request.headers.get("content-type").is_some_and(|value| {
        value.split(';').next().unwrap_or("").trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
    });
    let number = request.body.strip_prefix(b"webhook_id=").unwrap_or(b"");
    let is_number = (1..=20).contains(&number.len()) && number.iter().all(u8::is_ascii_digit);
    let is_own = |name: &str| name.to_ascii_lowercase().starts_with(PREFIX);
    is_form && is_number && !request.headers.0.iter().any(|(name, _)| is_own(name))
}

/// The topic: `order.updated`. Without its header, put together from the two that say the same; else empty.
pub(super) fn topic(headers: &Headers) -> String {
    if let Some(topic) = headers.get(TOPIC) {
        return topic.trim().to_ascii_lowercase();
    }
    match (headers.get("X-WC-Webhook-Resource"), headers.get("X-WC-Webhook-Event")) {
        (Some(resource), Some(event)) => format!("{}.{}", resource.trim(), event.trim()).to_ascii_lowercase(),
        _ => String::new(),
    }
}

/// Whether a topic is stored. One that is missing (a proxy dropped the header) is: the shop will not send it again.
fn is_wanted(topic: &str) -> bool {
    topic.is_empty() || topic.starts_with("order.")
}

#[derive(Deserialize)]
struct OnlyId {
    id: Value,
}

/// The order; for a body without an id the webhook's own number.
fn key(request: &Inbound) -> String {
    let order = serde_json::from_slice::<OnlyId>(&request.body).ok().and_then(|only| {
        let value = serde_json::json!({ "id": only.id });
        Object::of(&value).id("id")
    });
    match order {
        Some(id) => format!("order/{id}"),
        None => format!("webhook/{}", request.headers.get("X-WC-Webhook-ID").unwrap_or("")),
    }
}

#[cfg(test)]
mod tests;
