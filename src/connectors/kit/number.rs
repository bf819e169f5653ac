//! Numbers as vendors write them, kept as the decimals they are. JSON numbers keep their text (`arbitrary_precision`), so no
//! amount ever passes through a float.

use rust_decimal::Decimal;
use serde_json::Value;

use crate::topics::body::v1;

/// A decimal from a JSON number or a text; nothing from anything else, and nothing from text that is no number.
pub fn decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::Number(number) => parse(&number.to_string()),
        Value::String(text) => parse(text.trim()),
        _ => None,
    }
}

/// A decimal from text, plain or with an exponent.
pub fn parse(text: &str) -> Option<Decimal> {
    text.parse::<Decimal>().ok().or_else(|| Decimal::from_scientific(text).ok())
}

/// An amount of money, written plainly.
pub fn money(amount: Decimal, currency: &str) -> v1::Money {
    v1::Money { amount: amount.to_string(), currency: currency.to_ascii_uppercase() }
}

/// A whole number or text as text: many vendors send ids both ways.
pub fn id(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn amounts_keep_every_digit() {
        let value: Value = serde_json::from_str("[267.8541666666667, \"-99.90\", 1e3, null, \"x\"]").expect("json");
        let read: Vec<_> = value.as_array().expect("list").iter().map(|v| decimal(v).map(|d| d.to_string())).collect();
        assert_eq!(read, [Some("267.8541666666667".into()), Some("-99.90".into()), Some("1000".into()), None, None]);
    }

    #[test]
    fn ids_come_as_numbers_or_texts() {
        assert_eq!(id(&json!(42)), Some("42".to_owned()));
        assert_eq!(id(&json!("a")), Some("a".to_owned()));
        assert_eq!(id(&json!("")), None);
        assert_eq!(id(&json!(null)), None);
    }
}
