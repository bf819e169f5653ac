//! What answers mean. Nothing but the status and an id is ever taken out of one: its texts are the other side's, and may
//! repeat what was sent.

use serde_json::Value;

use crate::{
    connectors::{
        contract::Verdict,
        http::path::Path,
        kit::{number, status},
    },
    model::http::Reply,
};

/// What a status means that is no success.
pub(super) fn failure(reply: &Reply) -> Verdict {
    if let Some(verdict) = status::verdict(reply) {
        return verdict;
    }
    match reply.status {
        401 => Verdict::Unauthorized,
        status @ 300..=399 => Verdict::Refused(format!(
            "it answered with a redirection ({status}), which is not followed: compare `base_url`"
        )),
        status @ 400..=499 => Verdict::Refused(format!("it answered with status {status}")),
        _ => status::unexpected(),
    }
}

/// The id in an answer, where there is one.
pub(super) fn id(reply: &Reply, path: &Path) -> Option<String> {
    let body: Value = serde_json::from_slice(&reply.body).ok()?;
    path.get(&body).and_then(number::id)
}

/// What a look-up found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    One(String),
    Nothing,
}

/// Reads the answer to a look-up. What cannot be understood is never taken for absence: an object would be made twice.
pub(super) fn found(reply: &Reply, path: &Path) -> Result<Found, Verdict> {
    match reply.status {
        204 | 404 | 410 => return Ok(Found::Nothing),
        200..=299 => {}
        _ => return Err(failure(reply)),
    }
    let refused = |why: &str| Err(Verdict::Refused(format!("the look-up by `find` {why}")));
    let Ok(body) = serde_json::from_slice::<Value>(&reply.body) else { return refused("gave no JSON") };
    let object = match &body {
        Value::Array(items) => match items.as_slice() {
            [] => return Ok(Found::Nothing),
            [one] => one,
            several => return refused(&format!("gave {} objects", several.len())),
        },
        object => object,
    };
    match path.get(object).and_then(number::id) {
        Some(id) => Ok(Found::One(id)),
        None => refused("gave something without an id: compare `id_path`"),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::{connectors::contract::Effect, model::code};

    fn reply(status: u16, body: impl Into<Bytes>) -> Reply {
        Reply { body: body.into(), ..Reply::new(status) }
    }

    fn path() -> Path {
        Path::parse("id").expect("a path")
    }

    #[test]
    fn statuses_mean_what_http_says() {
        let retry = |code, effect| Verdict::Retry { code, effect, after: None };
        assert_eq!(failure(&reply(401, "")), Verdict::Unauthorized);
        assert_eq!(failure(&reply(429, "")), retry(code::RATE_LIMITED, Effect::None));
        for status in [408, 500, 502, 503, 504] {
            assert_eq!(failure(&reply(status, "")), retry(code::VENDOR_ERROR, Effect::Possible));
        }
        for status in [300, 301, 302, 304, 307, 308] {
            let Verdict::Refused(text) = failure(&reply(status, "")) else { panic!("refused") };
            assert!(text.contains("redirection"), "{text}");
        }
        for status in [400, 403, 404, 405, 409, 410, 418, 422, 451] {
            let Verdict::Refused(text) = failure(&reply(status, "eva@example.cz is taken")) else { panic!("refused") };
            assert!(text.contains(&status.to_string()) && !text.contains('@'), "{text}");
        }
        assert_eq!(failure(&reply(101, "")), retry(code::UNEXPECTED_ANSWER, Effect::Possible));
    }

    #[test]
    fn a_look_up_finds_one_or_nothing_or_is_not_believed() {
        for body in [r#"{"id":7}"#, r#"{"id":"7","email":"x"}"#, r#"[{"id":7}]"#] {
            assert_eq!(found(&reply(200, body), &path()), Ok(Found::One("7".to_owned())), "{body}");
        }
        for (status, body) in [(200, "[]"), (204, ""), (404, "whatever"), (410, "")] {
            assert_eq!(found(&reply(status, body), &path()), Ok(Found::Nothing), "{status} {body}");
        }
        for body in ["", "<html>", "null", "{}", r#"{"users":[]}"#, r#"{"id":null}"#, r#"[{"id":1},{"id":2}]"#, "[7]"] {
            assert!(matches!(found(&reply(200, body), &path()), Err(Verdict::Refused(_))), "{body}");
        }
        assert_eq!(found(&reply(401, "[]"), &path()), Err(Verdict::Unauthorized));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_and_none_are_absence(body in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assume!(serde_json::from_slice::<Value>(&body).ok() != Some(Value::Array(Vec::new())));
            prop_assert_ne!(found(&reply(200, body.clone()), &path()), Ok(Found::Nothing));
            let _id = id(&reply(200, body), &path());
        }
    }
}
