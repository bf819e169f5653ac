//! What the vendor's records tell: a contact's legal basis, a custom field and its options.

use serde_json::Value;

use super::{
    call::PAGE,
    known::{Basis, CustomField},
};
use crate::connectors::{
    anabix::wire::{Entry, entries},
    kit::number,
};

/// What a record tells of the legal basis. `gdprReason` is the name that the manual gives for writing; for reading it
/// only says that there is `gdpr`, "basis and date", without names.
pub(super) fn shown_basis(entry: &Entry<'_>) -> Basis {
    if let Some(reason) = entry.fields.get("gdprReason") {
        return match number::id(reason).as_deref() {
            None | Some("0") => Basis::None,
            Some("5") => Basis::Consent,
            Some(_) => Basis::Other,
        };
    }
    if entry.fields.get("gdpr").is_some_and(holds_something) { Basis::Some } else { Basis::Unclear }
}

/// What the contacts with a consent tell of one contact. Those on a page that was not read may have one too.
pub(super) fn asked_basis(consents: &[Entry<'_>], id: &str) -> Basis {
    if consents.iter().any(|entry| entry.id == id) {
        Basis::Consent
    } else if consents.len() >= PAGE {
        Basis::Doubtful
    } else {
        Basis::NoConsent
    }
}

fn holds_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.to_string() != "0",
        Value::String(text) => !matches!(text.trim(), "" | "0"),
        Value::Array(items) => items.iter().any(holds_something),
        Value::Object(members) => members.values().any(holds_something),
    }
}

/// The custom field with a title, and the option that a value names.
pub(super) fn custom_field(definitions: &[Entry<'_>], title: &str, value: &Value) -> CustomField {
    let Some(field) = definitions.iter().find(|field| field.text("title").trim() == title) else {
        return CustomField::NoSuchField;
    };
    let options = field.fields.get("options").map(options).unwrap_or_default();
    if field.text("type") != "selectbox" || options.is_empty() {
        return CustomField::Found { id: field.id.clone(), option: None };
    }
    let wanted = number::id(value).unwrap_or_default();
    let named = options.iter().find(|(key, _)| *key == wanted).or_else(|| options.iter().find(|(_, t)| *t == wanted));
    match named {
        Some((key, _)) => CustomField::Found { id: field.id.clone(), option: Some(key.clone()) },
        None => CustomField::NoSuchOption,
    }
}

/// The options of a select box: key and title.
fn options(value: &Value) -> Vec<(String, String)> {
    let records = entries(value, "key").unwrap_or_default();
    records.into_iter().map(|option| (option.id.clone(), option.text("title").trim().to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_basis_is_believed_only_where_it_is_named() {
        let read = |value: Value| {
            let fields = value.as_object().expect("a record").clone();
            shown_basis(&Entry { id: "1".to_owned(), fields: &fields })
        };
        assert_eq!(read(json!({"gdprReason": "5"})), Basis::Consent);
        assert_eq!(read(json!({"gdprReason": 4})), Basis::Other);
        assert_eq!(read(json!({"gdprReason": null})), Basis::None);
        assert_eq!(read(json!({"gdprReason": 0})), Basis::None);
        assert_eq!(read(json!({"gdpr": {"basis": 2, "date": "2025-01-01"}})), Basis::Some);
        assert_eq!(read(json!({"gdpr": {"basis": null, "date": ""}})), Basis::Unclear);
        assert_eq!(read(json!({"gdpr": []})), Basis::Unclear);
        assert_eq!(read(json!({})), Basis::Unclear);
    }
}
