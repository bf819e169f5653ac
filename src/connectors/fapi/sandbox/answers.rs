//! The sandbox's answers in FAPI's dress: non-ASCII as `\u`, slashes as `\/`, errors as `{"message", "type"}`.

use std::fmt::Write as _;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::model::http::Reply;

/// An answer, or an error of FAPI's.
pub(super) type Answer = Result<Reply, Reply>;

pub(super) fn ok(value: &Value) -> Reply {
    answer(200, value)
}

pub(super) fn created(value: &Value) -> Reply {
    answer(201, value)
}

pub(super) fn answer(status: u16, value: &Value) -> Reply {
    let mut reply = Reply::new(status).header("content-type", "application/json");
    reply.body = Bytes::from(escaped(&value.to_string()));
    reply
}

pub(super) fn invalid(message: &str) -> Reply {
    answer(400, &json!({"message": message, "type": "ValidationException"}))
}

pub(super) fn unauthenticated() -> Reply {
    answer(401, &json!({"message": "Invalid password.", "type": "AuthenticationException"}))
}

pub(super) fn unauthorized() -> Reply {
    answer(401, &json!({"message": "You are not authorized for this action.", "type": "AuthorizationException"}))
}

pub(super) fn missing() -> Reply {
    answer(404, &json!({"message": "Specified resource does not exist.", "type": "RequestException"}))
}

/// Slashes and non-ASCII stand only inside texts in JSON, so the whole can be escaped at once.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '/' => out.push_str("\\/"),
            c if c.is_ascii() => out.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _infallible = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_and_read_back() {
        let value = json!({"name": "Malá 🙂", "url": "https://x/y"});
        let reply = ok(&value);
        assert_eq!(&reply.body[..], br#"{"name":"Mal\u00e1 \ud83d\ude42","url":"https:\/\/x\/y"}"#);
        assert_eq!(serde_json::from_slice::<Value>(&reply.body).expect("json"), value);
    }
}
