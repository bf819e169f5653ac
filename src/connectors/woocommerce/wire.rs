//! The shop's own shapes, read leniently.
//!
//! Bodies pass through the filters of whatever plugins a shop has: a SKU may be text, null or a number, an id `""`, a
//! list missing. So an order is not one rigid type but members read one by one; what is not of the expected kind counts
//! as not there, and only what nothing can do without (the order's id) is demanded, by whoever needs it.

use jiff::{civil::DateTime, tz::TimeZone};
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use crate::{connectors::kit::number, model::time::Timestamp};

/// A JSON object, or nothing where one should be.
#[derive(Clone, Copy)]
pub(super) struct Object<'a>(Option<&'a Map<String, Value>>);

impl<'a> Object<'a> {
    pub(super) fn of(value: &'a Value) -> Self {
        Self(value.as_object())
    }

    pub(super) fn get(self, name: &str) -> Option<&'a Value> {
        self.0.and_then(|members| members.get(name))
    }

    pub(super) fn has(self, name: &str) -> bool {
        self.get(name).is_some_and(|value| !value.is_null())
    }

    /// A text; empty when there is none.
    pub(super) fn text(self, name: &str) -> &'a str {
        self.get(name).and_then(Value::as_str).unwrap_or("")
    }

    /// A text or a number, as text: SKUs come both ways.
    pub(super) fn plain(self, name: &str) -> String {
        self.get(name).and_then(number::id).unwrap_or_default()
    }

    pub(super) fn decimal(self, name: &str) -> Option<Decimal> {
        self.get(name).and_then(number::decimal)
    }

    /// An id: digits that are not all zero (0 is how the shop says "none").
    pub(super) fn id(self, name: &str) -> Option<String> {
        let text = self.plain(name);
        let is_id = text.bytes().all(|b| b.is_ascii_digit()) && text.bytes().any(|b| b != b'0');
        (is_id && text.len() <= 20).then_some(text)
    }

    pub(super) fn flag(self, name: &str) -> bool {
        self.get(name) == Some(&Value::Bool(true))
    }

    /// One of the `_gmt` members: `YYYY-MM-DDTHH:MM:SS`, without an offset, in UTC.
    pub(super) fn moment(self, name: &str) -> Option<Timestamp> {
        moment(self.text(name))
    }

    pub(super) fn object(self, name: &str) -> Object<'a> {
        Self(self.get(name).and_then(Value::as_object))
    }

    pub(super) fn list(self, name: &str) -> impl Iterator<Item = Object<'a>> + use<'a> {
        self.get(name).and_then(Value::as_array).into_iter().flatten().map(Object::of)
    }
}

/// Reads `YYYY-MM-DDTHH:MM:SS` as UTC.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    let civil: DateTime = (text.len() == 19).then(|| text.parse().ok())??;
    civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// Writes a moment as the shop does: UTC, whole seconds (a fraction is cut off), no offset.
pub(super) fn gmt(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_of_other_kinds_count_as_missing() {
        let value = json!({"sku": 7, "id": "", "list": {"a": 1}, "billing": null, "paid": "yes", "total": "x"});
        let object = Object::of(&value);
        assert_eq!(object.plain("sku"), "7");
        assert_eq!(object.id("id"), None);
        assert_eq!(object.list("list").count(), 0);
        assert_eq!(object.object("billing").text("city"), "");
        assert!(!object.flag("paid"));
        assert_eq!(object.decimal("total"), None);
        assert_eq!(Object::of(&json!([])).text("a"), "");
    }

    #[test]
    fn an_id_is_a_positive_whole_number() {
        for (value, id) in [
            (json!(19), Some("19")),
            (json!("19"), Some("19")),
            (json!(0), None),
            (json!(-1), None),
            (json!(1.5), None),
            (json!("1;drop"), None),
            (json!("123456789012345678901"), None),
        ] {
            assert_eq!(Object::of(&json!({"id": value})).id("id").as_deref(), id, "{value}");
        }
    }

    #[test]
    fn moments_are_utc_seconds_in_one_spelling() {
        let at: Timestamp = "2026-11-22T05:29:59.987Z".parse().expect("time");
        assert_eq!(gmt(at), "2026-11-22T05:29:59");
        assert_eq!(moment("2026-11-22T05:29:59"), "2026-11-22T05:29:59Z".parse().ok());
        for bad in ["", "2026-11-22", "2026-11-22T05:29:59Z", "0000-00-00T00:00:00", "2026-13-22T05:29:59"] {
            assert_eq!(moment(bad), None, "{bad}");
        }
    }
}
