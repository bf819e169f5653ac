//! `meta_data`: what plugins and owners add to an order or a line. Entries are found by key, never by place: their
//! order changes between two deliveries of one order.

use serde_json::Value;

use super::wire::Object;
use crate::{connectors::kit::number, topics::body::v1::CustomField};

/// All entries.
pub(super) fn fields(owner: Object<'_>) -> Vec<CustomField> {
    owner.list("meta_data").map(field).collect()
}

/// The first of several keys that is filled.
pub(super) fn first(owner: Object<'_>, keys: &[String]) -> String {
    let filled = |key: &String| {
        let entries = owner.list("meta_data").filter(|entry| entry.text("key") == key);
        entries.map(|entry| entry.plain("value").trim().to_owned()).find(|value| !value.is_empty())
    };
    keys.iter().find_map(filled).unwrap_or_default()
}

fn field(entry: Object<'_>) -> CustomField {
    let parts = match entry.get("value") {
        Some(Value::Array(parts)) => parts.iter().map(text).collect(),
        _ => Vec::new(),
    };
    let value = if parts.is_empty() { entry.get("value").map(text).unwrap_or_default() } else { parts.join(", ") };
    CustomField {
        id: entry.id("id").unwrap_or_default(),
        name: entry.text("key").to_owned(),
        value,
        values: parts,
        ..CustomField::default()
    }
}

/// A value as text; what is neither text, number nor truth stays JSON.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Array(parts) if parts.is_empty() => String::new(),
        other => number::id(other).unwrap_or_else(|| match other {
            Value::String(_) => String::new(),
            other => other.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_filled_key_counts_wherever_it_stands() {
        let order = json!({"meta_data": [
            {"key": "_billing_dic", "value": " CZ27082440 "},
            {"key": "_billing_ic", "value": ""}, {"key": "ico", "value": 270_824}]});
        let order = Object::of(&order);
        let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
        assert_eq!(first(order, &keys(&["_billing_ic", "ico"])), "270824");
        assert_eq!(first(order, &keys(&["_billing_dic"])), "CZ27082440");
        assert_eq!(first(order, &keys(&["none"])), "");
    }

    #[test]
    fn values_of_every_kind_become_text() {
        let order = json!({"meta_data": [
            {"id": 1, "key": "a", "value": "x"}, {"id": 2, "key": "b", "value": ["x", 2, true]},
            {"id": 3, "key": "c", "value": {"d": 1}},
            {"id": 4, "key": "e", "value": null}, {"key": "f", "value": []}]});
        let fields = fields(Object::of(&order));
        let values: Vec<_> = fields.iter().map(|field| field.value.as_str()).collect();
        assert_eq!(values, ["x", "x, 2, true", "{\"d\":1}", "", ""]);
        assert_eq!(fields[1].values, ["x", "2", "true"]);
        assert_eq!(fields[1].id, "2");
    }
}
