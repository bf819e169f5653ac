//! Reading parameters: what is required is there, and everything has the shape that the vendor takes.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::Value;

use super::super::{account::Account, api::fits_path};
use crate::topics::{action::Parameters, body::v1};

/// A text, trimmed; nothing when it is empty or not given. A number is taken as its text.
pub(super) fn text(parameters: &Parameters, name: &str) -> Option<String> {
    match parameters.get(name) {
        Some(Value::String(text)) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    }
}

/// An e-mail, and in lower case the object that it stands for.
pub(super) fn email(parameters: &Parameters) -> Result<String, String> {
    let email = text(parameters, "email").ok_or("`email` is missing")?;
    let has_shape = email.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.'));
    let is_plain = !email.chars().any(|c| c.is_whitespace() || c.is_control());
    if has_shape && is_plain { Ok(email) } else { Err("`email` takes an e-mail address".to_owned()) }
}

/// The conflict object of a person.
pub(super) fn subscriber(email: &str) -> String {
    format!("subscriber:{}", email.to_lowercase())
}

/// The conflict object of an order.
pub(super) fn order_object(reference: &str) -> String {
    format!("order:{reference}")
}

pub(super) fn flag(parameters: &Parameters, name: &str) -> Result<bool, String> {
    match parameters.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(format!("`{name}` takes true or false")),
    }
}

/// A whole order, where one is given.
pub(super) fn order(parameters: &Parameters) -> Result<Option<v1::Order>, String> {
    match parameters.get("order") {
        None | Some(Value::Null) => Ok(None),
        Some(order) => serde_json::from_value(order.clone())
            .map(Some)
            .map_err(|_| "`order` takes a whole `spojka.v1.Order`".to_owned()),
    }
}

/// A reference that can stand in a path.
pub(super) fn path_text(parameters: &Parameters, name: &str) -> Result<Option<String>, String> {
    match text(parameters, name) {
        Some(text) if !fits_path(&text) => Err(format!("`{name}` cannot be `.` or `..`")),
        text => Ok(text),
    }
}

/// What an order is known by there: the parameter, else what the account's setting picks from the order. The other one
/// is never taken instead: the same order would then be two.
pub(super) fn reference(
    account: &Account,
    parameters: &Parameters,
    name: &str,
    order: Option<&v1::Order>,
) -> Result<String, String> {
    if let Some(given) = path_text(parameters, name)? {
        return Ok(given);
    }
    let Some(order) = order else { return Err(format!("`{name}` is missing")) };
    let (member, value) = if account.orders.by_id { ("id", &order.id) } else { ("number", &order.number) };
    let value = value.trim();
    if fits_path(value) {
        Ok(value.to_owned())
    } else {
        Err(format!("`order.{member}` is missing; give `{name}`, or change the setting `order_reference`"))
    }
}

/// A day: `YYYY-MM-DD`, or the day on which a moment falls in the account's zone.
pub(super) fn day(text: &str, zone: &TimeZone) -> Option<Date> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment.to_zoned(zone.clone()).date());
    }
    let is_bare = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    is_bare.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn given(value: Value) -> Parameters {
        let Value::Object(parameters) = value else { panic!("an object") };
        parameters
    }

    #[test]
    fn a_moment_late_in_the_evening_belongs_to_the_next_day_in_budapest() {
        let zone = TimeZone::get("Europe/Budapest").expect("zone");
        for (text, expected) in [
            ("2025-10-09", Some("2025-10-09")),
            ("2025-10-09T22:30:00Z", Some("2025-10-10")),
            ("2025-10-09T23:30:00+02:00", Some("2025-10-09")),
            ("2025-13-09", None),
            ("9. 10. 2025", None),
            ("", None),
        ] {
            assert_eq!(day(text, &zone).map(|day| day.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn an_email_must_look_like_one() {
        for good in ["a@b.hu", " borbala.kis@example.hu ", "Őri@példa.hu"] {
            assert!(email(&given(json!({ "email": good }))).is_ok(), "{good}");
        }
        for bad in
            [json!(""), json!("a"), json!("@b.hu"), json!("a@b"), json!("a b@c.hu"), json!(null), json!(["a@b.hu"])]
        {
            assert!(email(&given(json!({ "email": bad }))).is_err());
        }
    }

    proptest! {
        #[test]
        fn any_text_as_a_day_or_an_email_is_read_or_refused(text in "\\PC{0,40}") {
            let _day = day(&text, &TimeZone::UTC);
            if let Ok(email) = email(&given(json!({ "email": text }))) {
                prop_assert!(email.contains('@') && !email.contains(' '));
            }
        }
    }
}
