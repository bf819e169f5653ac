//! A record as it is read back. Numbers may come as texts, checkboxes as `"1"` and `"0"`, empty dates as zeros.

use serde_json::{Map, Value};

use super::{
    api::Key,
    wire::{ACTIVE, EMAIL, ID, NO_DATE},
};
use crate::connectors::kit::number;

/// A record of a list.
#[derive(Clone, PartialEq)]
pub(super) struct Record(pub(super) Map<String, Value>);

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Record({} fields)", self.0.len())
    }
}

impl Record {
    pub(super) fn id(&self) -> Option<String> {
        self.0.get(ID).and_then(number::id)
    }

    /// A field as text; empty when it is empty in whatever way.
    pub(super) fn text(&self, field: &str) -> String {
        self.0.get(field).map(plain).unwrap_or_default()
    }

    /// Whether the person still wants mail. A record without the field is taken as an active one: only some lists may
    /// have it, and the answer to a subscription did not say otherwise.
    pub(super) fn is_active(&self) -> bool {
        self.text(ACTIVE) != "0"
    }

    /// Whether it is one that a look-up by `key` asks for. How exactly the vendor compares is not documented, so what
    /// it found is compared again where the record tells.
    pub(super) fn fits(&self, key: &Key) -> bool {
        let (name, value) = match key {
            Key::Record(id) => (ID, id),
            Key::Field { name, value } => (*name, value),
        };
        let held = self.text(name);
        match name {
            _ if held.is_empty() => true,
            EMAIL => held.to_lowercase() == value.to_lowercase(),
            _ => held == value.trim(),
        }
    }

    /// Whether it holds these values already.
    pub(super) fn holds(&self, fields: &Map<String, Value>) -> bool {
        fields.iter().all(|(name, value)| same(&plain(value), &self.text(name)))
    }
}

fn plain(value: &Value) -> String {
    let text = match value {
        Value::Bool(true) => "1".to_owned(),
        Value::Bool(false) => "0".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
    };
    let is_no_date = text.strip_prefix(NO_DATE).is_some_and(|time| matches!(time, "" | " 00:00:00"));
    if is_no_date { String::new() } else { text }
}

fn same(ours: &str, theirs: &str) -> bool {
    let numbers = || number::parse(ours).zip(number::parse(theirs)).is_some_and(|(ours, theirs)| ours == theirs);
    // A day in a field that keeps a time as well.
    let days = || ours.len() == NO_DATE.len() && theirs.strip_suffix(" 00:00:00") == Some(ours);
    ours == theirs || numbers() || days()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(value: Value) -> Map<String, Value> {
        let Value::Object(fields) = value else { panic!("an object") };
        fields
    }

    #[test]
    fn values_are_the_same_however_they_are_written() {
        let record = Record(fields(json!({
            "count": "3", "sum": "12700.00", "member": "1", "day": "2025-10-09 00:00:00", "name": " Őri ",
            "left": "0000-00-00 00:00:00", "none": null
        })));
        let ours = json!({
            "count": 3, "sum": 12700, "member": true, "day": "2025-10-09", "name": "Őri",
            "left": "0000-00-00", "none": "", "absent": ""
        });
        assert!(record.holds(&fields(ours)));
        for other in [json!({"count": 4}), json!({"name": "Ori"}), json!({"absent": "x"}), json!({"member": false})] {
            assert!(!record.holds(&fields(other)));
        }
    }

    #[test]
    fn only_a_zero_makes_a_person_inactive() {
        for (active, expected) in [(json!("1"), true), (json!(0), false), (json!("0"), false), (json!(null), true)] {
            assert_eq!(Record(fields(json!({ "active": active }))).is_active(), expected);
        }
    }
}
