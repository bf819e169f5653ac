//! The schema, judged by a small validator that knows the words which our schema uses, and no others.

use std::path::Path;

use regex::Regex;
use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value, json};
use spojka::{config::schema::schema, connectors::VENDORS};

/// What is wrong with a value: the way to it, and which word of the schema says so.
fn validate(value: &Value, schema: &Value, root: &Value, way: &str, wrong: &mut Vec<String>) {
    let schema = schema.as_object().expect("a schema is a mapping");
    for (word, rule) in schema {
        let fits = match word.as_str() {
            "$schema" | "title" | "description" | "definitions" => true,
            "$ref" => {
                let target = root.pointer(rule.as_str().unwrap().trim_start_matches('#')).expect("what it refers to");
                validate(value, target, root, way, wrong);
                true
            }
            "type" => types_of(rule).iter().any(|kind| is_a(value, kind)),
            "enum" => rule.as_array().unwrap().contains(value),
            "pattern" => value.as_str().is_none_or(|text| Regex::new(rule.as_str().unwrap()).unwrap().is_match(text)),
            "minimum" => value.as_i64().is_none_or(|number| number >= rule.as_i64().unwrap()),
            "maximum" => value.as_i64().is_none_or(|number| number <= rule.as_i64().unwrap()),
            "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= rule.as_u64().unwrap()),
            "required" => value.as_object().is_none_or(|members| {
                rule.as_array().unwrap().iter().all(|name| members.contains_key(name.as_str().unwrap()))
            }),
            "anyOf" => rule.as_array().unwrap().iter().any(|one| is_valid(value, one, root)),
            "oneOf" => rule.as_array().unwrap().iter().filter(|one| is_valid(value, one, root)).count() == 1,
            "allOf" => rule.as_array().unwrap().iter().all(|one| is_valid(value, one, root)),
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    validate(item, rule, root, &format!("{way}[{index}]"), wrong);
                }
                true
            }
            "propertyNames" => {
                let names = value.as_object().into_iter().flatten().map(|(name, _)| json!(name));
                names.into_iter().all(|name| is_valid(&name, rule, root))
            }
            "properties" | "patternProperties" | "additionalProperties" => {
                members(value, word, schema, root, way, wrong);
                true
            }
            other => panic!("the validator does not know `{other}`"),
        };
        if !fits {
            wrong.push(format!("{way}: {word}"));
        }
    }
}

/// Judges members by the rule that is theirs.
fn members(value: &Value, word: &str, schema: &Map<String, Value>, root: &Value, way: &str, wrong: &mut Vec<String>) {
    for (name, member) in value.as_object().into_iter().flatten() {
        let way = format!("{way}.{name}");
        let named = schema.get("properties").and_then(|rules| rules.get(name));
        let patterns = schema.get("patternProperties").and_then(Value::as_object);
        let matching: Vec<&Value> = patterns
            .into_iter()
            .flatten()
            .filter(|(pattern, _)| Regex::new(pattern).unwrap().is_match(name))
            .map(|(_, rule)| rule)
            .collect();
        match word {
            "properties" => named.into_iter().for_each(|rule| validate(member, rule, root, &way, wrong)),
            "patternProperties" => matching.iter().for_each(|rule| validate(member, rule, root, &way, wrong)),
            _ if named.is_some() || !matching.is_empty() => {}
            _ => match &schema["additionalProperties"] {
                Value::Bool(false) => wrong.push(format!("{way}: no such key")),
                rule => validate(member, rule, root, &way, wrong),
            },
        }
    }
}

fn is_valid(value: &Value, schema: &Value, root: &Value) -> bool {
    let mut wrong = Vec::new();
    validate(value, schema, root, "", &mut wrong);
    wrong.is_empty()
}

fn types_of(rule: &Value) -> Vec<&str> {
    match rule {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => kind.as_str().into_iter().collect(),
    }
}

fn is_a(value: &Value, kind: &str) -> bool {
    match kind {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no type `{other}`"),
    }
}

/// YAML as editors read it: plain numbers and booleans are such. `None` for what is none.
fn yaml(text: &str) -> Option<Value> {
    let mut open: Vec<(Value, Option<String>)> = Vec::new();
    let mut root = None;
    for event in Parser::new_from_str(text) {
        let (event, _) = event.ok()?;
        let done = match event {
            Event::MappingStart(..) => {
                open.push((json!({}), None));
                None
            }
            Event::SequenceStart(..) => {
                open.push((json!([]), None));
                None
            }
            Event::MappingEnd | Event::SequenceEnd => open.pop().map(|(value, _)| value),
            Event::Scalar(text, style, ..) => Some(scalar(&text, style)),
            _ => None,
        };
        let Some(done) = done else { continue };
        match open.last_mut() {
            None => root = Some(done),
            Some((Value::Array(items), _)) => items.push(done),
            Some((Value::Object(members), key)) => match key.take() {
                None => *key = Some(done.as_str().map_or_else(|| done.to_string(), str::to_owned)),
                Some(key) => {
                    members.insert(key, done);
                }
            },
            Some(_) => return None,
        }
    }
    root
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    let number = || text.parse::<i64>().ok().map(Value::from);
    match (style, text) {
        (ScalarStyle::Plain, "true") => json!(true),
        (ScalarStyle::Plain, "false") => json!(false),
        (ScalarStyle::Plain, "" | "~" | "null") => Value::Null,
        (ScalarStyle::Plain, _) => {
            number().or_else(|| text.parse::<f64>().ok().map(Value::from)).unwrap_or(json!(text))
        }
        _ => json!(text),
    }
}

fn problems_of(path: &Path) -> Option<Vec<String>> {
    problems_in(&std::fs::read_to_string(path).ok()?)
}

fn problems_in(text: &str) -> Option<Vec<String>> {
    let schema = schema(VENDORS);
    let value = yaml(text)?;
    let mut wrong = Vec::new();
    validate(&value, &schema, &schema, "", &mut wrong);
    Some(wrong)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_examples_are_valid() {
    let mut checked = 0;
    for folder in std::fs::read_dir(root().join("deploy/examples")).unwrap() {
        let folder = folder.unwrap().path();
        for file in folder.is_dir().then(|| std::fs::read_dir(&folder).unwrap()).into_iter().flatten() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                assert_eq!(problems_of(&path), Some(Vec::new()), "{}", path.display());
                checked += 1;
            }
        }
    }
    assert!(checked >= 6, "{checked} files");
}

#[test]
fn what_steps_share_is_looked_into() {
    let config = |field_set: &str, defaults: &str| {
        let text = format!(
            "field_sets: {{ buyer: {{ {field_set} }} }}\nconnections:\n  crm:\n    anabix: {{ user: shop, token: \"env:T\" }}\n    \
             defaults: {{ {defaults} }}\n"
        );
        problems_in(&text).expect("YAML")
    };
    let right =
        config("email: \"${order.customer.email}\", phone:", "legal_basis: contract, add_to_list: { list: Buyers }");
    assert_eq!(right, Vec::<String>::new());
    assert_eq!(config("source: { value: shop, on: create }", "source: shop"), Vec::<String>::new());
    assert_eq!(config("emial: x", "source: shop"), [".field_sets.buyer.emial: no such key"]);
    assert_eq!(
        config("source: x", "add_to_lists: { list: x }"),
        [".connections.crm.defaults.add_to_lists: no such key"]
    );
    assert!(!config("source: x", "add_to_list: { lists: x }").is_empty());
}

#[test]
fn what_the_schema_can_see_is_refused() {
    for (name, expected) in [
        ("addresses", ".gateway.public_url"),
        ("connection_vendor_misspelt", ".connections.crm.anabyx: no such key"),
        ("connection_name_with_capitals", ".connections: propertyNames"),
        ("delivery_misspelt", "concurency: no such key"),
        ("event_misspelt", ".flows.buyers.on"),
        ("everything_misspelt", ".flows: propertyNames"),
        ("indent_flow_not_under_flows", ".buyers: no such key"),
        ("indent_missing", ".do[0].email: no such key"),
        ("numbers", ".gateway.max_body_bytes"),
        ("parameters_of_wrong_kind", "crm.add_to_list"),
        ("secret_in_plain_text", ".connections.crm.anabix"),
        ("setting_misspelt", ".connections.eshop.fapi"),
        ("start_in_local_form", ".flows.buyers.start"),
    ] {
        let wrong = problems_of(&root().join(format!("tests/it/broken/{name}.yaml"))).expect("YAML");
        assert!(wrong.iter().any(|problem| problem.contains(expected)), "{name}: {wrong:?}");
    }
}
