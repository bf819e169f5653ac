//! Values as the operations' parameters take them.
//!
//! What is empty counts as not given: a source that does not tell something must not wipe it out at the target.

use std::str::FromStr as _;

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use crate::connectors::contract::FieldKind;

/// Turns a value into one of a kind; `None` when it is empty.
///
/// # Errors
/// What the kind takes; never the value.
pub fn coerce(kind: FieldKind, value: Value) -> Result<Option<Value>, String> {
    let value = match value {
        Value::String(text) => Value::String(text.trim().to_owned()),
        other => other,
    };
    if is_empty(&value) {
        return Ok(None);
    }
    let coerced = match kind {
        FieldKind::Text => as_text(&value).map(Value::String),
        FieldKind::Email => as_text(&value).filter(|text| is_email(text)).map(Value::String),
        FieldKind::Integer => as_text(&value).and_then(|text| text.parse::<i64>().ok()).map(Value::from),
        FieldKind::Decimal => as_text(&value).filter(|text| Decimal::from_str(text).is_ok()).map(Value::String),
        FieldKind::Boolean => as_text(&value).and_then(|text| text.parse::<bool>().ok()).map(Value::Bool),
        FieldKind::Date => as_text(&value).and_then(|text| day(&text)).map(Value::String),
        FieldKind::Choice(choices) => {
            as_text(&value).filter(|text| choices.contains(&text.as_str())).map(Value::String)
        }
        FieldKind::Texts => as_texts(value),
        FieldKind::Map => as_map(value),
        FieldKind::Message(_) => Some(value).filter(Value::is_object),
    };
    match coerced {
        Some(value) => Ok(Some(value).filter(|value| !is_empty(value))),
        None => Err(format!("expected {}", kind.describe())),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

/// Something that can be an address: what it really is, only the target knows.
fn is_email(text: &str) -> bool {
    let plain = !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == ',' || c == ';');
    let parts: Vec<&str> = text.split('@').collect();
    plain
        && matches!(parts.as_slice(), [user, host] if !user.is_empty() && host.contains('.') && !host.starts_with('.'))
}

fn day(text: &str) -> Option<String> {
    let day = text.get(..10)?;
    let only_day = text.get(10..11).is_none_or(|next| "Tt ".contains(next));
    (only_day && day.parse::<jiff::civil::Date>().is_ok()).then(|| day.to_owned())
}

fn as_texts(value: Value) -> Option<Value> {
    let items = match value {
        Value::Array(items) => items,
        other => vec![other],
    };
    let texts: Vec<String> = items.iter().map(as_text).collect::<Option<_>>()?;
    Some(texts.into_iter().filter(|text| !text.is_empty()).map(Value::String).collect())
}

fn as_map(value: Value) -> Option<Value> {
    let Value::Object(members) = value else { return None };
    let mut out = Map::new();
    for (name, member) in members {
        if matches!(member, Value::Array(_) | Value::Object(_)) {
            return None;
        }
        if !is_empty(&member) {
            out.insert(name, member);
        }
    }
    Some(Value::Object(out))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_become_what_parameters_take() {
        for (kind, value, expected) in [
            (FieldKind::Text, json!(42), json!("42")),
            (FieldKind::Text, json!(" x "), json!("x")),
            (FieldKind::Email, json!("eva@example.cz "), json!("eva@example.cz")),
            (FieldKind::Integer, json!("42"), json!(42)),
            (FieldKind::Decimal, json!("12.50"), json!("12.50")),
            (FieldKind::Decimal, json!(7), json!("7")),
            (FieldKind::Boolean, json!("true"), json!(true)),
            (FieldKind::Date, json!("2025-10-09T08:53:20Z"), json!("2025-10-09")),
            (FieldKind::Choice(&["a", "b"]), json!("b"), json!("b")),
            (FieldKind::Texts, json!(["a", "", 1]), json!(["a", "1"])),
            (FieldKind::Texts, json!("a"), json!(["a"])),
            (FieldKind::Map, json!({"a": "x", "b": "", "c": false}), json!({"a": "x", "c": false})),
        ] {
            assert_eq!(coerce(kind, value), Ok(Some(expected)), "{kind:?}");
        }
    }

    #[test]
    fn what_is_empty_is_not_given() {
        for (kind, value) in [
            (FieldKind::Text, json!("  ")),
            (FieldKind::Email, json!("")),
            (FieldKind::Date, json!(null)),
            (FieldKind::Texts, json!([""])),
            (FieldKind::Map, json!({"a": ""})),
        ] {
            assert_eq!(coerce(kind, value), Ok(None), "{kind:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_without_being_told() {
        for (kind, value) in [
            (FieldKind::Email, json!("secret")),
            (FieldKind::Email, json!("a@b.cz, secret@d.cz")),
            (FieldKind::Integer, json!("1.5")),
            (FieldKind::Decimal, json!("1,5 secret")),
            (FieldKind::Boolean, json!("secret")),
            (FieldKind::Date, json!("2025-13-01")),
            (FieldKind::Date, json!("2025-01-01secret")),
            (FieldKind::Choice(&["a"]), json!("secret")),
            (FieldKind::Texts, json!([["secret"]])),
            (FieldKind::Map, json!({"a": ["secret"]})),
            (FieldKind::Text, json!({"amount": "1"})),
        ] {
            let error = coerce(kind, value).expect_err("refused");
            assert!(error.starts_with("expected ") && !error.contains("secret"), "{error}");
        }
    }
}
