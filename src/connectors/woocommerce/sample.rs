//! Sample webhooks, as the shop sends them: for `send` and `demo`.

use serde_json::{Value, json};
use url::Url;

use super::{
    sandbox::{Delivery, NewOrder, build, set_status},
    settings::Account,
};
use crate::{
    connectors::contract::SampleDoc,
    model::{http::Request, time::Timestamp},
};

pub(super) const DOCS: &[SampleDoc] = &[
    SampleDoc { name: "order.created", doc: "A new order by bank transfer, not paid yet." },
    SampleDoc { name: "order.paid", doc: "An order was paid (the shop calls it `order.updated`)." },
    SampleDoc { name: "order.updated", doc: "An order was completed." },
    SampleDoc { name: "order.deleted", doc: "An order was moved to the bin: nothing but its id." },
    SampleDoc { name: "ping", doc: "The webhook was saved in the shop." },
];

/// A sample for the connection's URL, to which the URL's token is added.
pub(super) fn request(account: &Account, name: &str, url: &Url, now: Timestamp) -> Option<Request> {
    let (topic, body) = match name {
        "order.created" => ("order.created", order("on-hold", now)?),
        "order.paid" => ("order.updated", order("processing", now)?),
        "order.updated" => ("order.updated", order("completed", now)?),
        "order.deleted" => ("order.deleted", json!({ "id": order_id(now) })),
        "ping" => return Some(Delivery::ping().to(with_token(account, url))),
        _ => return None,
    };
    Some(Delivery::signed(topic, &body, account.keys.first(), now).to(with_token(account, url)))
}

/// An order of this minute, so that the samples of one minute tell one order's life.
fn order_id(now: Timestamp) -> u64 {
    u64::try_from(now.as_second() / 60).unwrap_or(1)
}

fn order(status: &str, now: Timestamp) -> Option<Value> {
    let mut order = build(order_id(now), &NewOrder::default(), now).ok()?;
    set_status(&mut order, status, now);
    Some(order)
}

fn with_token(account: &Account, url: &Url) -> Url {
    let mut url = url.clone();
    if let Some(token) = account.url_tokens.first()
        && let Ok(mut segments) = url.path_segments_mut()
    {
        segments.pop_if_empty().push(token.expose());
    }
    url
}
