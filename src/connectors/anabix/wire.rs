//! The vendor's own shapes: the envelope of a call, the answer's status, and records in the three forms that they come
//! in.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::settings::{Account, BodyForm};
use crate::{
    connectors::{
        contract::{Effect, Verdict},
        kit::{number, status},
    },
    model::{
        hash::ContentHash,
        http::{Method, Reply, Request},
    },
};

/// One call: what the vendor dispatches by, and its data. Personal, so it does not print.
pub(super) struct Message {
    pub component: &'static str,
    pub method: &'static str,
    pub data: Value,
}

impl Message {
    /// The cheapest call there is. The vendor has none to check credentials with; that this one does is assumed.
    pub(super) fn check() -> Self {
        Self { component: "lists", method: "getAll", data: json!({"limit": 1, "offset": 0, "idAsKey": 0}) }
    }

    /// The request that carries it.
    pub(super) fn request(&self, account: &Account) -> Request {
        let envelope = json!({
            "username": account.user,
            "token": account.token.expose(),
            "requestType": self.component,
            "requestMethod": self.method,
            "data": self.data,
        });
        let request = Request::new(Method::Post, account.base_url.clone());
        match account.body {
            BodyForm::Json => request.json(&envelope),
            BodyForm::Form => form(request, &envelope.to_string()),
        }
    }
}

/// A multipart form with the one field `json`.
fn form(mut request: Request, json: &str) -> Request {
    // Made from the content, so that the same call is the same bytes, and no content can hold its own boundary.
    let boundary = format!("spojka-{}", ContentHash::from_bytes(json.as_bytes()).as_str().replace(':', "-"));
    request.body = Bytes::from(format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"json\"\r\n\r\n{json}\r\n--{boundary}--\r\n"
    ));
    request.header("content-type", format!("multipart/form-data; boundary={boundary}"))
}

/// An id as the manual's samples send it: a number where it is one.
pub(super) fn id_value(id: &str) -> Value {
    id.parse::<u64>().map_or_else(|_| Value::from(id), Value::from)
}

/// What an answer says.
pub(super) enum Answer {
    /// With its `data`; null when there is none.
    Success(Value),
    /// The vendor did not do it. Its text is never passed on: it may repeat what we sent.
    Error { credentials: bool },
    /// No answer of the vendor's.
    Failed(Verdict),
}

impl Answer {
    /// Judges by `status` in the body, since nothing is documented about HTTP's own; only 429 is clear by itself.
    pub(super) fn read(reply: &Reply, effect: Effect, account: &Account) -> Self {
        let body = match serde_json::from_slice::<Value>(&reply.body) {
            Ok(Value::Object(body)) if reply.status != 429 => body,
            _ => Map::new(),
        };
        match body.get("status").and_then(Value::as_str) {
            Some("SUCCESS") => Self::Success(body.get("data").cloned().unwrap_or(Value::Null)),
            Some("ERROR") => Self::Error { credentials: reply.status == 401 || names_credentials(&body, account) },
            _ if reply.status == 401 => Self::Failed(Verdict::Unauthorized),
            _ => Self::Failed(failed(reply, effect)),
        }
    }
}

/// What to do about an answer without a `status`. `effect` is what the call could have done.
fn failed(reply: &Reply, effect: Effect) -> Verdict {
    match status::verdict(reply).unwrap_or_else(status::unexpected) {
        Verdict::Retry { code, after, .. } if effect == Effect::None => Verdict::Retry { code, effect, after },
        verdict => verdict,
    }
}

/// The verdict for a SUCCESS whose data is not what the manual describes.
pub(super) fn unexpected(effect: Effect) -> Verdict {
    failed(&Reply::new(200), effect)
}

/// The manual puts the text into `data`; client code also reads the other two.
fn names_credentials(body: &Map<String, Value>, account: &Account) -> bool {
    let text = ["data", "message", "errorMessage"].iter().find_map(|name| body.get(*name).and_then(Value::as_str));
    let text = text.unwrap_or("").to_lowercase();
    account.credential_errors.iter().any(|part| !part.is_empty() && text.contains(part.as_str()))
}

/// One record of an answer.
pub(super) struct Entry<'a> {
    pub id: String,
    pub fields: &'a Map<String, Value>,
}

impl Entry<'_> {
    /// A field as text; empty when it is missing, null, or no text and no number.
    pub(super) fn text(&self, name: &str) -> String {
        self.fields.get(name).and_then(number::id).unwrap_or_default()
    }
}

/// The records in `data`: a list, an object by id, or one bare record. `None` for anything else: a search that cannot
/// be read must not pass for one that found nothing.
pub(super) fn entries<'a>(data: &'a Value, id_key: &str) -> Option<Vec<Entry<'a>>> {
    match data {
        Value::Array(items) => items.iter().map(|item| entry(item.as_object()?, id_key, None)).collect(),
        Value::Object(record) if record.contains_key(id_key) => Some(vec![entry(record, id_key, None)?]),
        Value::Object(by_id) => by_id.iter().map(|(id, item)| entry(item.as_object()?, id_key, Some(id))).collect(),
        _ => None,
    }
}

/// The one record of an answer to `get`, `create` or `update`.
pub(super) fn only_entry<'a>(data: &'a Value, id_key: &str) -> Option<Entry<'a>> {
    let mut entries = entries(data, id_key)?;
    if entries.len() == 1 { entries.pop() } else { None }
}

fn entry<'a>(fields: &'a Map<String, Value>, id_key: &str, key: Option<&String>) -> Option<Entry<'a>> {
    let id = fields.get(id_key).and_then(number::id).or_else(|| key.cloned())?;
    Some(Entry { id, fields })
}

/// Orders ids: numbers by value, before anything else.
pub(super) fn id_order(id: &str) -> (u64, String) {
    (id.parse().unwrap_or(u64::MAX), id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_in_three_forms() {
        let list = json!([{"idContact": 9041}, {"idContact": "9042"}]);
        let by_id = json!({"9041": {"idContact": 9041}, "9042": {"title": "without"}});
        let bare = json!({"idContact": "9041", "revisionInfo": {"createdUsername": "router"}});
        let ids = |data: &Value| -> Option<Vec<String>> {
            entries(data, "idContact").map(|all| all.into_iter().map(|entry| entry.id).collect())
        };
        assert_eq!(ids(&list), Some(vec!["9041".to_owned(), "9042".to_owned()]));
        assert_eq!(ids(&by_id), Some(vec!["9041".to_owned(), "9042".to_owned()]));
        assert_eq!(ids(&bare), Some(vec!["9041".to_owned()]));
        assert_eq!(ids(&json!([])), Some(vec![]));
        assert_eq!(ids(&json!({})), Some(vec![]));
    }

    #[test]
    fn what_cannot_be_read_is_not_an_empty_search() {
        for data in [json!(null), json!("none"), json!(0), json!([1]), json!([{"title": "no id"}]), json!({"a": 1})] {
            assert!(entries(&data, "idContact").is_none(), "{data}");
        }
    }

    #[test]
    fn ids_are_ordered_by_value() {
        let mut ids = vec!["10", "9", "x", "100"];
        ids.sort_by_key(|id| id_order(id));
        assert_eq!(ids, ["9", "10", "100", "x"]);
    }
}
