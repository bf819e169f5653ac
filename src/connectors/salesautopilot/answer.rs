//! What an answer means: one total function for writes and one for reads.
//!
//! The vendor's answers are mostly a bare number, as text, JSON number or JSON text; a refusal may hide in a 200 or come as
//! 406, with the same codes, so both are read alike everywhere. Texts of the vendor are never passed on: their shape is not
//! documented, and they may echo what was sent.

use rust_decimal::{Decimal, prelude::ToPrimitive as _};
use serde_json::{Map, Value};

use super::{account::Account, api::Key, record::Record};
use crate::{
    connectors::{
        contract::{Effect, Verdict},
        kit::{number, status},
    },
    model::{code, http::Reply},
};

/// An answer to a write that was neither refused as a whole nor an error of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Number(Decimal),
    /// Anything else, in a success.
    Text,
}

/// Reads the answer to a write.
pub(super) fn write(reply: &Reply) -> Result<Answer, Verdict> {
    let number = bare_number(&reply.body);
    match reply.status {
        200..=299 => Ok(number.map_or(Answer::Text, Answer::Number)),
        406 => match number {
            Some(number) if number < Decimal::ONE => Ok(Answer::Number(number)),
            _ => Err(Verdict::Refused("406: the vendor does not accept the parameters".to_owned())),
        },
        _ => Err(failure(reply)),
    }
}

/// Reads the answer to an update: how many records were changed. Never negative.
pub(super) fn changed(reply: &Reply) -> Result<i64, Verdict> {
    match whole(write(reply)?) {
        Some(count) if count >= 0 => Ok(count),
        Some(code) => Err(refused(code)),
        None => Err(status::unexpected()),
    }
}

/// Reads the answer to a look-up by `key`: the records that it fits.
pub(super) fn records(reply: &Reply, key: &Key) -> Result<Vec<Record>, Verdict> {
    match reply.status {
        // ASSUMED: a record that is gone is an unknown resource.
        404 if matches!(key, Key::Record(_)) => return Ok(Vec::new()),
        200..=299 => {}
        406 => return Err(Verdict::Refused("406: the vendor does not accept the look-up".to_owned())),
        _ => return Err(failure(reply)),
    }
    if let Some(number) = bare_number(&reply.body) {
        return if number.is_zero() { Ok(Vec::new()) } else { Err(not_understood()) };
    }
    let found = match serde_json::from_slice(&reply.body) {
        Ok(Value::Array(items)) => items.into_iter().map(object).collect::<Option<Vec<_>>>(),
        Ok(Value::Object(fields)) if fields.is_empty() => Some(Vec::new()),
        Ok(Value::Object(fields)) => Some(vec![fields]),
        Ok(Value::Null | Value::Bool(false)) => Some(Vec::new()),
        _ if reply.body.trim_ascii().is_empty() => Some(Vec::new()),
        _ => None,
    };
    let found = found.ok_or_else(not_understood)?;
    Ok(found.into_iter().map(Record).filter(|record| record.fits(key)).collect())
}

/// The code that a write was refused with.
pub(super) fn refused(code: i64) -> Verdict {
    Verdict::Refused(format!("the vendor answered {code}"))
}

/// A number as a whole one.
pub(super) fn whole(answer: Answer) -> Option<i64> {
    match answer {
        Answer::Number(number) if number.is_integer() => number.to_i64(),
        Answer::Number(_) | Answer::Text => None,
    }
}

/// What the answer to the probe means.
pub(super) fn probe(account: &Account, reply: &Reply) -> Result<(), String> {
    match reply.status {
        200..=299 => {}
        401 => return Err("the key pair is rejected: compare `user` and `password` with the account's API keys".into()),
        status => return Err(format!("expected 200 with the account's lists, got {status}: compare `base_url`")),
    }
    let Ok(Value::Array(lists)) = serde_json::from_slice(&reply.body) else {
        return Err("expected the account's lists, got something else: compare `base_url`".to_owned());
    };
    let known: Vec<String> = lists.iter().filter_map(|list| list.get("nl_id").and_then(number::id)).collect();
    for (setting, place) in [("newsletter_list", account.newsletter_list), ("order_list", account.order_list)] {
        if place.id().is_some_and(|id| !known.contains(&id.to_string())) {
            return Err(format!("the account has no list with the id that `{setting}` gives"));
        }
    }
    Ok(())
}

/// A number that is the whole body: `90412`, `"90412"`, ` -1 `. Nothing cleverer than digits: no exponent, no
/// separators.
fn bare_number(body: &[u8]) -> Option<Decimal> {
    let text = str::from_utf8(body).ok()?.trim_start_matches('\u{feff}').trim();
    let text = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text).trim();
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| (1..=18).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    (plain(whole) && plain(fraction)).then(|| text.parse().ok()).flatten()
}

/// What any other status means.
fn failure(reply: &Reply) -> Verdict {
    if let Some(verdict) = status::verdict(reply) {
        return verdict;
    }
    match reply.status {
        401 => Verdict::Unauthorized,
        404 => Verdict::Refused("404: the vendor does not know the list, the form or the field".to_owned()),
        405 => Verdict::Refused("405: the vendor does not take the method; see the setting `update_method`".to_owned()),
        status @ 400..=499 => Verdict::Refused(format!("the vendor answered with status {status}")),
        _ => status::unexpected(),
    }
}

/// A look-up does nothing, so nothing was done when its answer cannot be read.
fn not_understood() -> Verdict {
    Verdict::Retry { code: code::UNEXPECTED_ANSWER, effect: Effect::None, after: None }
}

fn object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(fields) => Some(fields),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn reply(status: u16, body: impl Into<Bytes>) -> Reply {
        Reply { body: body.into(), ..Reply::new(status) }
    }

    fn by_email() -> Key {
        Key::field("email", "a@example.hu")
    }

    #[test]
    fn a_number_comes_bare_quoted_or_with_space_around_it() {
        for body in ["90412", "\"90412\"", " 90412\n", "\u{feff}90412", "90412.0", "\" 90412 \""] {
            assert_eq!(changed(&reply(200, body)), Ok(90412), "{body:?}");
        }
    }

    #[test]
    fn what_only_looks_like_a_number_is_none() {
        for body in ["", "+1", "1e3", "1_000", "0x1", "1,5", "--1", "1.", ".5", "[1]", "\"1", "٣", &"9".repeat(19)] {
            assert_eq!(write(&reply(200, body.to_owned())), Ok(Answer::Text), "{body:?}");
            assert_eq!(changed(&reply(200, body.to_owned())), Err(status::unexpected()), "{body:?}");
        }
    }

    #[test]
    fn a_refusal_is_understood_in_a_200_and_in_a_406() {
        for status in [200, 406] {
            for code in [-1, -2, -99] {
                assert_eq!(changed(&reply(status, code.to_string())), Err(refused(code)));
            }
            assert_eq!(changed(&reply(status, "0")), Ok(0));
        }
        for body in ["7", "wrong parameters for kis.borbala@example.hu", ""] {
            let Err(Verdict::Refused(text)) = write(&reply(406, body)) else { panic!("refused") };
            assert!(text.starts_with("406") && !text.contains('@'), "{text}");
        }
    }

    #[test]
    fn statuses_mean_what_the_vendor_documents() {
        assert_eq!(write(&reply(401, "")), Err(Verdict::Unauthorized));
        for status in [400, 403, 404, 405, 418] {
            assert!(matches!(write(&reply(status, "5")), Err(Verdict::Refused(_))), "{status}");
        }
        let retry = |code, effect| Err(Verdict::Retry { code, effect, after: None });
        assert_eq!(write(&reply(429, "")), retry(code::RATE_LIMITED, Effect::None));
        assert_eq!(write(&reply(500, "1")), retry(code::VENDOR_ERROR, Effect::Possible));
        assert_eq!(write(&reply(302, "1")), retry(code::UNEXPECTED_ANSWER, Effect::Possible));
    }

    #[test]
    fn nothing_found_has_many_forms() {
        for body in ["[]", "{}", "null", "false", "0", "\"0\"", "", " \n"] {
            assert_eq!(records(&reply(200, body), &by_email()), Ok(Vec::new()), "{body:?}");
        }
        assert_eq!(records(&reply(404, ""), &Key::Record("7".to_owned())), Ok(Vec::new()));
        assert!(matches!(records(&reply(404, ""), &by_email()), Err(Verdict::Refused(_))));
    }

    #[test]
    fn records_of_somebody_else_are_not_taken() {
        let body = r#"[{"id":1,"email":"A@Example.hu"},{"id":"2","email":"ba@example.hu"},{"id":3}]"#;
        let found = records(&reply(200, body), &by_email()).expect("records");
        assert_eq!(found.iter().filter_map(Record::id).collect::<Vec<_>>(), ["1", "3"]);
    }

    #[test]
    fn what_is_no_record_is_not_read_as_absence() {
        for body in ["<html>", "[1]", "true", "\"gone\"", "-1", "5", "[{\"id\":1}, null]"] {
            assert_eq!(records(&reply(200, body), &by_email()), Err(not_understood()), "{body:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic_and_garbage_is_no_number(
            status in 100_u16..600,
            body in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            let reply = reply(status, body.clone());
            let read = write(&reply);
            let _records = records(&reply, &by_email());
            if read.as_ref().is_ok_and(|answer| matches!(answer, Answer::Number(_))) {
                let allowed = |byte: &u8| byte.is_ascii_digit() || b"-.\" \t\r\n\x0b\x0c\xef\xbb\xbf".contains(byte);
                prop_assert!(body.iter().all(allowed), "{body:?}");
            }
            prop_assert!(!matches!(read, Err(Verdict::Done(_) | Verdict::Next(_))));
        }

        #[test]
        fn every_whole_number_is_read_back(number in -999_999_999_999_i64..999_999_999_999, quoted in any::<bool>()) {
            let body = if quoted { format!("\"{number}\"") } else { number.to_string() };
            prop_assert_eq!(write(&reply(200, body)), Ok(Answer::Number(number.into())));
        }
    }
}
