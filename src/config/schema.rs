//! The JSON Schema of a config, for editors: from the same lists that checking reads.
//!
//! An editor sees one file and no connections, so the schema says less than `spojka check`: it knows which keys there are and
//! which values have their form, not whether a step's connection is of the vendor that has the operation.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::keys::{CONFIG, CONNECTION, Key, Mapping, STEP, Takes};
use crate::{
    connectors::contract::{
        FieldKind, Need, Operation, Parameter, Setting, SettingKind, Vendor, operation::OperationKind,
    },
    topics::event::{Entity, TYPES},
};

/// The schema of a config with these vendors.
pub fn schema(vendors: &[&Vendor]) -> Value {
    let mut schema = of_mapping(&CONFIG, vendors);
    let about = "A config of Spojka. `spojka check` knows more: connections, expressions, what each vendor can do.";
    if let Value::Object(schema) = &mut schema {
        schema.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
        schema.insert("title".to_owned(), json!("Spojka"));
        schema.insert("description".to_owned(), json!(about));
        schema.insert("definitions".to_owned(), definitions(vendors));
    }
    schema
}

/// What stands for names in many places.
fn definitions(vendors: &[&Vendor]) -> Value {
    let types: Vec<&str> =
        TYPES.iter().filter(|event_type| event_type.entity != Entity::Step).map(|event_type| event_type.name).collect();
    let mut definitions = Map::new();
    definitions.insert("text".to_owned(), json!({ "type": ["string", "number", "boolean"] }));
    definitions.insert("template".to_owned(), json!({ "type": "string", "pattern": r"\$\{" }));
    definitions.insert("texts".to_owned(), one_or_many(&reference("text")));
    definitions.insert("event_type".to_owned(), json!({ "enum": types }));
    let (parameters_of_any, defaults) = shared(vendors);
    definitions.insert("parameters".to_owned(), parameters_of_any);
    definitions.insert("defaults".to_owned(), defaults);
    for vendor in vendors {
        definitions.insert(format!("settings_{}", vendor.name), settings(vendor));
        for operation in written_operations(vendor) {
            let name = format!("operation_{}_{}", vendor.name, operation.name);
            definitions.insert(name, parameters(operation));
        }
    }
    Value::Object(definitions)
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/definitions/{name}") })
}

fn one_or_many(one: &Value) -> Value {
    json!({ "anyOf": [one, { "type": "array", "items": one }] })
}

fn written_operations(vendor: &Vendor) -> impl Iterator<Item = &'static Operation> + use<> {
    vendor.operations.iter().filter(|operation| operation.kind == OperationKind::Write)
}

fn of_mapping(mapping: &Mapping, vendors: &[&Vendor]) -> Value {
    let mut properties: Map<String, Value> =
        mapping.keys.iter().map(|key| (key.name.to_owned(), of_key(key, vendors))).collect();
    let required: Vec<&str> = mapping.keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    let mut schema = json!({ "type": "object", "additionalProperties": false });
    if mapping.name == CONNECTION.name {
        properties.extend(vendors.iter().map(|vendor| (vendor.name.to_owned(), named_settings(vendor))));
        schema["oneOf"] = vendors.iter().map(|vendor| json!({ "required": [vendor.name] })).collect();
    }
    if mapping.name == STEP.name {
        schema["patternProperties"] = operations(vendors);
    }
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema["properties"] = Value::Object(properties);
    schema
}

fn of_key(key: &Key, vendors: &[&Vendor]) -> Value {
    let mut schema = of_takes(key.takes, vendors);
    let default = if key.default.is_empty() { String::new() } else { format!(" By itself: {}.", key.default) };
    schema["description"] = json!(format!("{}{default}", key.doc));
    schema
}

fn of_takes(takes: Takes, vendors: &[&Vendor]) -> Value {
    let named = |mapping: &Mapping, beside: Option<&str>| {
        let inner = of_mapping(mapping, vendors);
        let inner = beside.map_or_else(|| inner.clone(), |word| json!({ "anyOf": [{ "enum": [word] }, inner] }));
        let names = "^[a-z][a-z0-9_-]*$";
        json!({ "type": "object", "additionalProperties": inner, "propertyNames": { "pattern": names } })
    };
    match takes {
        Takes::Kind(kind) => of_setting_kind(kind),
        Takes::Word(words) => json!({ "enum": words }),
        Takes::Condition | Takes::Form(_, "") => json!({ "type": ["string", "boolean"] }),
        Takes::Form(_, pattern) => json!({ "type": ["string", "integer", "number"], "pattern": pattern }),
        Takes::Names => json!({ "anyOf": [reference("texts")] }),
        Takes::EventTypes => one_or_many(&reference("event_type")),
        Takes::Map(mapping) => of_mapping(mapping, vendors),
        Takes::MapOr(mapping, word) => json!({ "anyOf": [{ "enum": [word] }, of_mapping(mapping, vendors)] }),
        Takes::Named(mapping) => named(mapping, None),
        Takes::NamedOr(mapping, word) => named(mapping, Some(word)),
        Takes::List(mapping) => json!({ "type": "array", "minItems": 1, "items": of_mapping(mapping, vendors) }),
        Takes::Texts => json!({ "type": "object", "additionalProperties": reference("text") }),
        Takes::Anything(_) => json!({}),
        Takes::Rows => {
            json!({ "anyOf": [{ "type": "object", "additionalProperties": reference("text") }, { "type": "string" }] })
        }
        Takes::NamedParameters => json!({ "type": "object", "additionalProperties": reference("parameters") }),
        Takes::Defaults => reference("defaults"),
    }
}

fn of_setting_kind(kind: SettingKind) -> Value {
    let secret = json!({ "type": "string", "pattern": "^(env|file):." });
    match kind {
        SettingKind::Text => json!({ "type": ["string", "number", "boolean"] }),
        SettingKind::Secret => secret,
        SettingKind::Secrets => one_or_many(&secret),
        SettingKind::Url => json!({ "type": "string", "pattern": "^https?://" }),
        SettingKind::Integer { min, max } => {
            json!({ "type": ["integer", "string"], "minimum": min, "maximum": max, "pattern": "^-?[0-9]+$" })
        }
        SettingKind::Boolean => json!({ "enum": [true, false, "true", "false"] }),
        SettingKind::Duration => json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$" }),
        SettingKind::Choice(choices) => json!({ "enum": choices }),
        SettingKind::Texts => json!({ "anyOf": [reference("texts")] }),
        SettingKind::TextMap => json!({ "type": "object", "additionalProperties": reference("text") }),
        SettingKind::Zone => json!({ "type": "string", "pattern": "^[A-Za-z0-9_+/-]+$" }),
    }
}

fn named_settings(vendor: &Vendor) -> Value {
    json!({ "allOf": [reference(&format!("settings_{}", vendor.name))], "description": vendor.doc })
}

fn settings(vendor: &Vendor) -> Value {
    let property = |setting: &Setting| {
        let mut schema = of_setting_kind(setting.kind);
        let default = match setting.need {
            Need::Default(default) => format!(" By itself: {default}."),
            Need::Required | Need::Optional => String::new(),
        };
        schema["description"] = json!(format!("{}{default}", setting.doc));
        (setting.name.to_owned(), schema)
    };
    let properties: Map<String, Value> = vendor.settings.iter().map(property).collect();
    let required: Vec<&str> =
        vendor.settings.iter().filter(|setting| setting.need == Need::Required).map(|setting| setting.name).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// `connection.operation`, whatever the connection's name. Operations of one name at several vendors are alternatives.
fn operations(vendors: &[&Vendor]) -> Value {
    let mut alternatives: Map<String, Value> = Map::new();
    for vendor in vendors {
        for operation in written_operations(vendor) {
            let pattern = format!(r"^[a-z][a-z0-9-]*\.{}$", operation.name);
            let one = reference(&format!("operation_{}_{}", vendor.name, operation.name));
            let known = alternatives.entry(pattern).or_insert_with(|| json!({ "anyOf": [] }));
            if let Some(known) = known["anyOf"].as_array_mut() {
                known.push(one);
            }
        }
    }
    Value::Object(alternatives)
}

/// An operation's parameters. None is required here: a step may take it from elsewhere.
fn parameters(operation: &Operation) -> Value {
    let property = |parameter: &Parameter| {
        let required = if parameter.required { " Required." } else { "" };
        let mut schema = json!({ "anyOf": kinds_of(parameter) });
        schema["description"] = json!(format!("{}{required}", parameter.doc));
        (parameter.name.to_owned(), schema)
    };
    let properties: Map<String, Value> = operation.parameters.iter().map(property).collect();
    json!({
        "type": ["object", "null"], "properties": properties, "additionalProperties": false, "description": operation.doc,
    })
}

/// What a parameter takes, as alternatives. Nothing behind the name takes away what comes from further back.
fn kinds_of(parameter: &Parameter) -> Vec<Value> {
    let mut kinds = of_field_kind(parameter.kind, parameter.occasional);
    kinds.push(json!({ "type": "null" }));
    if parameter.occasional {
        kinds.push(occasional(&json!({ "anyOf": of_field_kind(parameter.kind, true) })));
    }
    kinds
}

/// What several steps share: a field set, and the defaults of a connection, which may also stand under an operation's name.
/// Where they are used is not seen here, so they may hold whatever any operation takes.
fn shared(vendors: &[&Vendor]) -> (Value, Value) {
    let mut parameters: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    let mut operations: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for vendor in vendors {
        for operation in written_operations(vendor) {
            let reference = reference(&format!("operation_{}_{}", vendor.name, operation.name));
            operations.entry(operation.name).or_default().push(reference);
            for parameter in operation.parameters {
                let known = parameters.entry(parameter.name).or_default();
                let kinds = kinds_of(parameter).into_iter().filter(|kind| !known.contains(kind)).collect::<Vec<_>>();
                known.extend(kinds);
            }
        }
    }
    let any_of = |(name, kinds): (&str, Vec<Value>)| (name.to_owned(), json!({ "anyOf": kinds }));
    let of = |properties: Map<String, Value>| json!({ "type": "object", "properties": properties, "additionalProperties": false });
    let parameters: Map<String, Value> = parameters.into_iter().map(any_of).collect();
    let beside = operations.into_iter().map(any_of);
    let defaults = beside.chain(parameters.clone()).collect();
    (of(parameters), of(defaults))
}

/// `{ value: …, on: create | update }`.
fn occasional(value: &Value) -> Value {
    json!({
        "type": "object", "properties": { "value": value, "on": { "enum": ["create", "update"] } },
        "required": ["value", "on"], "additionalProperties": false,
    })
}

/// What a parameter takes, as alternatives. Members of a mapping may have an occasion of their own.
fn of_field_kind(kind: FieldKind, occasions: bool) -> Vec<Value> {
    let text = reference("text");
    let member = if occasions { json!({ "anyOf": [&text, occasional(&text)] }) } else { text };
    let template = reference("template");
    match kind {
        FieldKind::Text => vec![reference("text")],
        FieldKind::Email => vec![json!({ "type": "string", "pattern": "@" }), template],
        FieldKind::Integer => vec![json!({ "type": ["integer", "string"], "pattern": "^-?[0-9]+$" }), template],
        FieldKind::Decimal => {
            vec![json!({ "type": ["number", "string"], "pattern": r"^-?[0-9]+(\.[0-9]+)?$" }), template]
        }
        FieldKind::Boolean => vec![json!({ "enum": [true, false, "true", "false"] }), template],
        FieldKind::Date => vec![json!({ "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}" }), template],
        FieldKind::Choice(choices) => vec![json!({ "enum": choices }), template],
        FieldKind::Texts => vec![reference("texts")],
        FieldKind::Map => vec![json!({ "type": "object", "additionalProperties": member }), template],
        FieldKind::Message(_) => vec![template],
    }
}
