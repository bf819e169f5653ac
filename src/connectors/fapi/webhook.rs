//! What arrives: a thin notification that says only "look". The gateway cannot verify it, because its digest is over a
//! document that must be fetched first; what keeps strangers out at the door is the URL's token.

use serde_json::{Value, json};

use super::settings::Config;
use crate::{
    connectors::{
        contract::Accept,
        kit::{form, number, token},
    },
    model::{
        code,
        http::{Inbound, Method, Reply},
    },
};

/// What a notification is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Invoice(String),
    Voucher(String),
}

/// A notification, read but not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Notification {
    pub(super) subject: Subject,
    /// Unix seconds.
    pub(super) time: Option<u64>,
    pub(super) security: String,
}

impl Notification {
    /// Reads a body as a form, whatever its header says, else as JSON (FAPI's global webhooks are not documented).
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let pairs = form::pairs(body);
        Self::from_fields(|name| form::value(&pairs, name).map(str::to_owned)).or_else(|| {
            let json: Value = serde_json::from_slice(body).ok()?;
            Self::from_fields(|name| json.get(name).and_then(number::id))
        })
    }

    fn from_fields(field: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let id = |name: &str| field(name).filter(|id| is_id(id));
        // FAPI's own receiver looks at the voucher first.
        let subject = match id("voucher") {
            Some(voucher) => Subject::Voucher(voucher),
            None => Subject::Invoice(id("id").or_else(|| id("invoice"))?),
        };
        let time = field("time").and_then(|time| time.parse().ok());
        Some(Self { subject, time, security: field("security").unwrap_or_default() })
    }
}

/// An id of FAPI's: digits, which go into paths.
pub(super) fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= 19 && text.bytes().all(|b| b.is_ascii_digit())
}

/// Decides over a request at the gateway.
pub(super) fn accept(config: &Config, request: &Inbound) -> Accept {
    if request.method != Method::Post {
        return Accept::refuse(405, code::METHOD_NOT_ALLOWED);
    }
    if config.tokens.is_empty() && !config.unverified_urls {
        return Accept::refuse(401, code::NO_SECRET);
    }
    let located = token::locate(request, &config.url_events(), &config.tokens);
    if !config.tokens.is_empty() && !located.token_fits {
        return Accept::refuse(401, code::TOKEN_MISMATCH);
    }
    if located.stray {
        return Accept::refuse(404, code::UNKNOWN_EVENT);
    }
    let Some(notification) = Notification::read(&request.body) else {
        return Accept::refuse(400, code::MALFORMED_REQUEST);
    };
    let key = match notification.subject {
        Subject::Invoice(id) => format!("invoice/{id}"),
        Subject::Voucher(id) => format!("voucher/{id}"),
    };
    let answer = Reply::new(200).json(&json!({ "received": true }));
    // No delivery id: `time` and `security` may be new in a repeat, and the same in a second real change.
    Accept::Store { delivery: None, key, event: located.event, query: located.query, answer }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        connectors::fapi::tests::config,
        model::{http::Headers, time::Timestamp},
    };

    const BODY: &str = "id=300100200&time=1760000000&security=0dc61a85c005d7c5eb868738517fed066dfde9fa";

    fn post(path: &[&str], query: &[(&str, &str)], body: &[u8]) -> Inbound {
        Inbound {
            method: Method::Post,
            path: path.iter().map(|part| (*part).to_owned()).collect(),
            query: query.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
            headers: Headers::new().with("content-type", "text/plain"),
            body: Bytes::copy_from_slice(body),
            received_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn refused(accept: &Accept) -> Option<(u16, crate::model::code::Code)> {
        match accept {
            Accept::Refuse(refusal) => Some((refusal.status, refusal.code)),
            _ => None,
        }
    }

    #[test]
    fn a_notification_with_the_token_is_stored_and_answered() {
        let config = config(&[("url_token", "9f2c")]);
        let Accept::Store { delivery, key, event, query, answer } =
            accept(&config, &post(&["paid"], &[("k", "9f2c"), ("days", "30")], BODY.as_bytes()))
        else {
            panic!("stored")
        };
        assert_eq!((delivery, key.as_str(), event.as_deref()), (None, "invoice/300100200", Some("paid")));
        assert_eq!(query, [("days".to_owned(), "30".to_owned())]);
        assert_eq!((answer.status, &answer.body[..]), (200, &br#"{"received":true}"#[..]));
    }

    #[test]
    fn bodies_come_as_forms_or_json_under_two_names() {
        let read = |body: &str| Notification::read(body.as_bytes());
        let whole = read(BODY).expect("a form");
        assert_eq!(whole.subject, Subject::Invoice("300100200".to_owned()));
        assert_eq!(whole.time, Some(1_760_000_000));
        assert_eq!(read(&BODY.replacen("id=", "invoice=", 1)), Some(whole.clone()));
        let json = r#"{"id":300100200,"time":1760000000,"security":"0dc61a85c005d7c5eb868738517fed066dfde9fa"}"#;
        assert_eq!(read(json), Some(whole.clone()));
        assert_eq!(read(&json.replace("\"id\":300100200", "\"invoice\":\"300100200\"")), Some(whole));
        assert_eq!(read("id=1&voucher=4471").expect("a form").subject, Subject::Voucher("4471".to_owned()));
        assert_eq!(read("id=1&voucher=").expect("a form").subject, Subject::Invoice("1".to_owned()));
    }

    #[test]
    fn nothing_gets_in_without_a_token_unless_the_owner_says_so() {
        let body = BODY.as_bytes();
        assert_eq!(refused(&accept(&config(&[]), &post(&["paid"], &[], body))), Some((401, code::NO_SECRET)));
        let with = config(&[("url_token", "9f2c")]);
        for (path, query) in [(&["paid"][..], &[][..]), (&["paid", "x"], &[]), (&["x"], &[]), (&[], &[("k", "")])] {
            assert_eq!(
                refused(&accept(&with, &post(path, query, body))),
                Some((401, code::TOKEN_MISMATCH)),
                "{path:?}"
            );
        }
        let open = config(&[("unverified_urls", "true")]);
        assert!(matches!(accept(&open, &post(&["paid"], &[], body)), Accept::Store { .. }));
        // Who has a token set is asked for it, whatever else is set.
        let both = config(&[("unverified_urls", "true"), ("url_token", "9f2c")]);
        assert_eq!(refused(&accept(&both, &post(&["paid"], &[], body))), Some((401, code::TOKEN_MISMATCH)));
    }

    #[test]
    fn further_events_are_a_setting() {
        let known = config(&[("unverified_urls", "true")]);
        let path = &["course_done"][..];
        assert_eq!(refused(&accept(&known, &post(path, &[], BODY.as_bytes()))), Some((404, code::UNKNOWN_EVENT)));
        let told = config(&[("unverified_urls", "true"), ("events", "course_done")]);
        assert!(matches!(accept(&told, &post(path, &[], BODY.as_bytes())), Accept::Store { event: Some(_), .. }));
    }

    #[test]
    fn what_is_no_notification_is_refused() {
        let config = config(&[("url_token", "t")]);
        for body in
            ["", "time=1&security=x", "id=", "id=abc", "id=-1", "id=1.5", "{}", "[1]", "{\"id\":{}}", "id=1/../2"]
        {
            let refusal = refused(&accept(&config, &post(&["t"], &[], body.as_bytes())));
            assert_eq!(refusal, Some((400, code::MALFORMED_REQUEST)), "{body}");
        }
        for method in [Method::Get, Method::Head, Method::Options, Method::Put] {
            let request = Inbound { method, ..post(&["t"], &[], BODY.as_bytes()) };
            assert_eq!(refused(&accept(&config, &request)), Some((405, code::METHOD_NOT_ALLOWED)));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_decided_over_and_only_ids_get_in(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let config = config(&[("unverified_urls", "true")]);
            if let Accept::Store { key, .. } = accept(&config, &post(&[], &[], &body)) {
                let (_, id) = key.split_once('/').expect("a key of two parts");
                prop_assert!(is_id(id));
            }
        }
    }
}
