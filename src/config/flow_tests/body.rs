//! An event's body as people write it: by the schema's names, as expressions have them, into canonical JSON.
//!
//! Numbers and texts may stand without quotes; a choice is its name in expressions (`processing`) or in the schema; an amount
//! may be short (`1210 CZK`).

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value as Json, json};

use super::super::{
    fields::{list, text_of},
    report::Problems,
    tree::{Entry, Key, Node, Value},
};
use crate::{
    expr::{
        schema::{self, MONEY, Type},
        suggest,
    },
    model::code,
};

/// Reads a message. What is wrong in it is left out, and told.
pub(crate) fn read(node: &Node, message: &MessageDescriptor, problems: &mut Problems) -> Json {
    match &node.value {
        Value::Map(entries) => {
            let members = entries.iter().filter_map(|entry| member(entry, message, problems));
            Json::Object(members.collect::<Map<_, _>>())
        }
        Value::Null => json!({}),
        Value::Scalar(text) if message.full_name() == MONEY => short_amount(node, &text.text, problems),
        other => {
            let found = other.describe();
            let text = format!("expected the fields of `{}`, found {found}", message.name());
            problems.add(&node.place, code::WRONG_KIND, text);
            json!({})
        }
    }
}

fn member(entry: &Entry, message: &MessageDescriptor, problems: &mut Problems) -> Option<(String, Json)> {
    let name = entry.key.text.as_str();
    let field = message.get_field_by_name(name).or_else(|| message.get_field_by_json_name(name));
    let Some(field) = field else {
        unknown_field(&entry.key, message, problems);
        return None;
    };
    let value = value(&entry.value, &field, problems)?;
    Some((field.json_name().to_owned(), value))
}

/// Complains about a field that a message does not have.
pub(super) fn unknown_field(key: &Key, message: &MessageDescriptor, problems: &mut Problems) {
    let names: Vec<String> = message.fields().map(|field| field.name().to_owned()).collect();
    let known = || names.iter().map(String::as_str);
    let hint = match suggest::nearest(&key.text, known()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("it has {}", list(known())),
    };
    let text = format!("`{}` has no field `{}`", message.name(), key.text);
    problems.add(&key.place, code::UNKNOWN_FIELD, text).hint(hint);
}

fn value(node: &Node, field: &FieldDescriptor, problems: &mut Problems) -> Option<Json> {
    if matches!(node.value, Value::Null) {
        return None;
    }
    if field.is_map() {
        return texts_by_name(node, field, problems);
    }
    if !field.is_list() {
        return single(node, field, problems);
    }
    let Value::List(items) = &node.value else {
        let text = format!("`{}` is a list, found {}", field.name(), node.value.describe());
        problems
            .add(&node.place, code::WRONG_KIND, text)
            .hint("write it in `[` and `]`, or begin each member with `- `");
        return None;
    };
    Some(items.iter().filter_map(|item| single(item, field, problems)).collect())
}

fn texts_by_name(node: &Node, field: &FieldDescriptor, problems: &mut Problems) -> Option<Json> {
    let Value::Map(entries) = &node.value else {
        let text = format!("`{}` is a mapping, found {}", field.name(), node.value.describe());
        problems.add(&node.place, code::WRONG_KIND, text);
        return None;
    };
    let member = |entry: &Entry| Some((entry.key.text.clone(), Json::from(text_of(&entry.value, problems)?)));
    Some(Json::Object(entries.iter().filter_map(member).collect()))
}

/// One value, of a list or alone.
fn single(node: &Node, field: &FieldDescriptor, problems: &mut Problems) -> Option<Json> {
    if let Kind::Message(message) = field.kind() {
        return Some(read(node, &message, problems));
    }
    let text = text_of(node, problems)?;
    let (found, expected) = scalar(text, field);
    if found.is_none() {
        let added = problems.add(&node.place, code::WRONG_KIND, format!("`{}` is {expected}", field.name()));
        if let Kind::Enum(choice) = field.kind() {
            let names = schema::choices(&choice);
            let known = || names.iter().map(String::as_str).filter(|name| !name.is_empty());
            match suggest::nearest(text, known()) {
                Some(near) => added.hint(format!("did you mean `{near}`?")),
                None => added.hint(format!("it is one of {}", list(known()))),
            }
        }
    }
    found
}

/// The value, and what is expected where it is none.
fn scalar(text: &str, field: &FieldDescriptor) -> (Option<Json>, &'static str) {
    let kind = field.kind();
    let of = if field.is_list() { Type::Unknown } else { schema::field_type(field) };
    match kind {
        Kind::String if of == Type::Decimal => {
            let decimal = text.is_empty() || text.parse::<rust_decimal::Decimal>().is_ok();
            (decimal.then(|| Json::from(text)), "a decimal number with a point")
        }
        Kind::String => (Some(Json::from(text)), "a text"),
        Kind::Bool => (text.parse::<bool>().ok().map(Json::from), "`true` or `false`"),
        Kind::Enum(choice) => {
            let value = choice.values().find(|value| {
                value.name() == text || schema::choice_name(&choice, value.number()) == text.to_lowercase()
            });
            (value.map(|value| Json::from(value.name())), "a choice")
        }
        Kind::Uint32 | Kind::Uint64 => (text.parse::<u64>().ok().map(Json::from), "a whole number"),
        _ => (text.parse::<i64>().ok().map(Json::from), "a whole number"),
    }
}

/// `1210 CZK`.
fn short_amount(node: &Node, text: &str, problems: &mut Problems) -> Json {
    let parts: Vec<&str> = text.split_whitespace().collect();
    match parts.as_slice() {
        [amount, currency] if amount.parse::<rust_decimal::Decimal>().is_ok() => {
            json!({ "amount": amount, "currency": currency })
        }
        _ => {
            let added = problems.add(&node.place, code::WRONG_KIND, "expected an amount with its currency");
            added.hint("write `1210 CZK`, or `{ amount: 1210, currency: CZK }`");
            json!({})
        }
    }
}
