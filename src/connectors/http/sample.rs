//! Sample webhooks, as the connection's own settings say that the other side sends them: for `send` and `simulate`.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use url::Url;

use super::source::Source;
use crate::{
    connectors::contract::SampleDoc,
    model::{
        http::{Method, Request},
        time::Timestamp,
    },
    topics::event::{self, EventType},
};

pub(super) const DOCS: &[SampleDoc] = &[
    SampleDoc { name: "subscribed", doc: "Somebody subscribed on the website (`subscriber.subscribed`)." },
    SampleDoc { name: "paid", doc: "An order was paid (`order.paid`)." },
];

/// A sample for the connection's URL, to which the URL's token is added.
pub(super) fn request(source: &Source, name: &str, url: &Url, now: Timestamp) -> Option<Request> {
    let (event_type, message) = match name {
        "subscribed" => (event::SUBSCRIBER_SUBSCRIBED, subscriber(now)),
        "paid" => (event::ORDER_PAID, order(now)),
        _ => return None,
    };
    let proof = source.proof.as_ref()?;
    let body = Bytes::from(body(source, event_type, &message, now).to_string());
    let mut request = Request::new(Method::Post, with_token(source, url));
    request.headers = proof.sign(&format!("msg_{}_{}", name, now.as_millisecond()), now, &body);
    request.body = body;
    Some(request.header("content-type", "application/json"))
}

fn body(source: &Source, event_type: &'static EventType, message: &Value, now: Timestamp) -> Value {
    let mapping = &source.mapping;
    let content = if mapping.translates(event_type) {
        mapping.theirs(event_type, message)
    } else {
        message.as_object().cloned().unwrap_or_default()
    };
    let mut body = Map::new();
    if source.content_path.is_whole() {
        body = content;
    } else {
        source.content_path.put(&mut body, content.into());
    }
    source.type_path.put(&mut body, mapping.their_name(event_type).into());
    source.time_path.put(&mut body, now.to_string().into());
    Value::Object(body)
}

fn subscriber(now: Timestamp) -> Value {
    json!({
        "id": number(now),
        "party": { "email": "eva.mala@example.cz", "first_name": "Eva", "last_name": "Malá", "language": "cs" },
        "list_name": "Newsletter",
        "subscribed_at": now.to_string(),
    })
}

fn order(now: Timestamp) -> Value {
    let money = |amount: &str| json!({ "amount": amount, "currency": "CZK" });
    json!({
        "id": number(now), "number": number(now), "paid_at": now.to_string(), "currency": "CZK",
        "total": money("1210"), "total_tax": money("210"),
        "customer": { "email": "eva.mala@example.cz", "first_name": "Eva", "last_name": "Malá" },
        "items": [{ "kind": "product", "code": "COURSE-1", "name": "Kurz", "quantity": "1", "net": money("1000"),
                    "tax": money("210"), "gross": money("1210"), "tax_rate": "21" }],
    })
}

/// Of this minute, so that the samples of one minute are about one thing.
fn number(now: Timestamp) -> String {
    (now.as_second() / 60).to_string()
}

fn with_token(source: &Source, url: &Url) -> Url {
    let mut url = url.clone();
    if let Some(token) = source.url_tokens.first()
        && let Ok(mut segments) = url.path_segments_mut()
    {
        segments.pop_if_empty().push(token.expose());
    }
    url
}
