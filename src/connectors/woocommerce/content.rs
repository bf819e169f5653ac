//! The hash of what an order says, without what changes by itself.
//!
//! A webhook and a row read by REST must hash alike, and an order that nobody touched must go on hashing alike. So what
//! is left out here is computed when the body is built, or belongs to the shop rather than to the order.

use serde_json::{Map, Value};

use crate::model::hash::ContentHash;

/// Members of the order that are not its content.
const OF_THE_ORDER: &[&str] = &[
    // Addresses and rights of whoever asks.
    "_links",
    "payment_url",
    // Computed from status, stock and settings at the moment of asking.
    "is_editable",
    "needs_payment",
    "needs_processing",
    // Looked up from the currency; a shop can change its symbols.
    "currency_symbol",
    // The same moments as their `_gmt` twins, in whatever zone the shop is set to today.
    "date_created",
    "date_modified",
    "date_completed",
    "date_paid",
];

/// Members of a line that belong to the product as it is today.
const OF_A_LINE: &[&str] = &["image", "parent_name"];

/// Members of a meta entry that are made for display, in the language of whoever asks.
const OF_META: &[&str] = &["display_key", "display_value"];

/// Housekeeping of the shop that comes and goes without the order's change time moving (seen on 2026-11-22).
const PASSING_META: &[&str] = &["_debug_log_source_pending_deletion"];

const LINES: &[&str] = &["line_items", "shipping_lines", "fee_lines", "tax_lines", "coupon_lines"];

/// See the module's head.
pub(super) fn hash(order: &Value) -> ContentHash {
    let mut order = order.clone();
    if let Value::Object(members) = &mut order {
        remove(members, OF_THE_ORDER);
        tidy_meta(members);
        for name in LINES {
            tidy_lines(members.get_mut(*name));
        }
    }
    ContentHash::of(&order)
}

fn tidy_lines(lines: Option<&mut Value>) {
    for line in lines.and_then(Value::as_array_mut).into_iter().flatten() {
        if let Value::Object(members) = line {
            remove(members, OF_A_LINE);
            tidy_meta(members);
        }
    }
}

/// Meta entries come in no order (seen: the same two swapped between two deliveries), so they are sorted.
fn tidy_meta(owner: &mut Map<String, Value>) {
    let Some(Value::Array(entries)) = owner.get_mut("meta_data") else { return };
    entries.retain(|entry| !PASSING_META.iter().any(|key| entry.get("key").is_some_and(|k| k == key)));
    for entry in entries.iter_mut() {
        if let Value::Object(members) = entry {
            remove(members, OF_META);
        }
    }
    entries.sort_by_cached_key(Value::to_string);
}

fn remove(members: &mut Map<String, Value>, names: &[&str]) {
    for name in names {
        members.remove(*name);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn order() -> Value {
        json!({
            "id": 19, "status": "pending", "total": "10.00", "date_modified": "2026-11-22T06:29:59",
            "date_modified_gmt": "2026-11-22T05:29:59", "needs_payment": true, "payment_url": "https://a/",
            "_links": {"self": []},
            "meta_data": [{"id": 1, "key": "a", "value": "x"}, {"id": 2, "key": "b", "value": "y"}],
            "line_items": [{"id": 1, "total": "10.00", "image": {"id": 3},
                "meta_data": [{"id": 10, "key": "k", "display_key": "K"}]}],
        })
    }

    #[test]
    fn what_the_shop_computes_changes_nothing() {
        let mut later = order();
        for name in OF_THE_ORDER {
            later[*name] = json!("something else");
        }
        later["line_items"][0]["image"] = json!(null);
        later["line_items"][0]["meta_data"][0]["display_key"] = json!("Klíč");
        later["meta_data"] = json!([
            {"id": 2, "key": "b", "value": "y"},
            {"id": 9, "key": "_debug_log_source_pending_deletion", "value": "1"},
            {"id": 1, "key": "a", "value": "x"},
        ]);
        assert_eq!(hash(&later), hash(&order()));
    }

    #[test]
    fn what_people_change_changes_it() {
        for (pointer, value) in [
            ("/status", json!("completed")),
            ("/meta_data/1/value", json!("z")),
            ("/line_items/0/total", json!("11.00")),
            ("/line_items/0/meta_data/0/key", json!("l")),
            ("/date_modified_gmt", json!("2026-11-22T05:30:00")),
        ] {
            let mut changed = order();
            *changed.pointer_mut(pointer).expect("a member") = value;
            assert_ne!(hash(&changed), hash(&order()), "{pointer}");
        }
    }
}
