//! The object that is sent, out of a flat mapping: `address.city` is a city in an address.

use serde_json::{Map, Value};

use super::FIELDS;
use crate::{connectors::http::path::Path, topics::action::Parameters};

/// The object that `fields` stand for.
///
/// # Errors
/// Which name cannot be one, or stands in another's way. Names are the flow's own.
pub(super) fn object(parameters: &Parameters) -> Result<Map<String, Value>, String> {
    let Some(Value::Object(given)) = parameters.get(FIELDS.name) else { return Err("`fields` is missing".to_owned()) };
    let mut object = Map::new();
    let mut leaves: Vec<Path> = Vec::new();
    for (name, value) in given {
        let path = Path::parse(name).filter(|path| !path.is_whole());
        let path =
            path.ok_or_else(|| format!("`fields`: `{name}` is no name: a full stop stands between two names"))?;
        if matches!(value, Value::Object(_) | Value::Array(_) | Value::Null) {
            return Err(format!("`fields`: `{name}` takes a text, a number, true or false"));
        }
        if leaves.iter().any(|other| overlap(other.names(), path.names())) {
            return Err(format!("`fields`: `{name}` is both a value and an object"));
        }
        path.put(&mut object, value.clone());
        leaves.push(path);
    }
    Ok(object)
}

fn overlap(one: &[String], other: &[String]) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(fields: Value) -> Result<Value, String> {
        object(&Map::from_iter([("fields".to_owned(), fields)])).map(Value::Object)
    }

    #[test]
    fn names_with_full_stops_make_objects_and_values_keep_their_kind() {
        let fields = json!({"email": "eva@example.cz", "address.city": "Brno", "address.zip": "60200", "vip": true,
            "points": 12.50, "phone": "0042"});
        let object = json!({"email": "eva@example.cz", "address": {"city": "Brno", "zip": "60200"}, "vip": true,
            "points": 12.50, "phone": "0042"});
        assert_eq!(read(fields), Ok(object));
    }

    #[test]
    fn names_that_cannot_be_are_told() {
        for fields in [
            json!({"address": "x", "address.city": "y"}),
            json!({"a.b": 1, "a.b.c": 2}),
            json!({"a": 1, " a": 2}),
            json!({".a": 1}),
            json!({"": 1}),
            json!({"a": ["secret"]}),
        ] {
            let error = read(fields.clone()).expect_err("refused");
            assert!(error.starts_with("`fields`") && !error.contains("secret"), "{fields}: {error}");
        }
    }

    fn leaves(value: &Value) -> usize {
        value.as_object().map_or(1, |members| members.values().map(leaves).sum())
    }

    proptest! {
        #[test]
        fn nothing_is_lost(fields in proptest::collection::btree_map("[ab.]{1,5}", any::<i32>(), 1..5)) {
            let given: Map<String, Value> = fields.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
            if let Ok(object) = read(Value::Object(given)) {
                prop_assert_eq!(leaves(&object), fields.len());
            }
        }
    }
}
