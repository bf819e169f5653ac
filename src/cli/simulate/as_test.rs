//! What was simulated, as a test to put beside the flows: the event as it is, and what happens now as its expectation.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use prost_reflect::{Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::tell::{Told, ToldAction};
use crate::{
    cli::output::Output,
    config::Config,
    connectors::contract::FieldKind,
    expr::schema::{self, MONEY},
    router::Ending,
};

pub(super) fn print(
    config: &Config,
    told: &[Told],
    ends: &BTreeMap<String, Ending>,
    output: &mut Output<'_>,
) -> io::Result<()> {
    let concerned: Vec<&Told> = told.iter().filter(|told| told.concerns()).collect();
    let told: Vec<&Told> = if concerned.is_empty() { told.iter().collect() } else { concerned };
    let tests: Vec<Members> = told.iter().map(|told| test(config, told, ends)).collect();
    let as_json = |test: &Members| Value::Object(test.iter().cloned().collect());
    let json: Map<String, Value> = told.iter().map(|told| name(told)).zip(tests.iter().map(as_json)).collect();
    output.show(&json!({ "tests": json }), |out, _| {
        writeln!(out, "tests:")?;
        for (told, test) in told.iter().zip(&tests) {
            writeln!(out, "  {}:", name(told))?;
            for (key, value) in test {
                write!(out, "    {key}:")?;
                write_member(out, value, 3)?;
            }
        }
        Ok(())
    })
}

/// In the order in which people read them.
type Members = Vec<(String, Value)>;

fn name(told: &Told) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    format!("{}-{}", told.event, told.subject).chars().map(safe).collect()
}

fn test(config: &Config, told: &Told, ends: &BTreeMap<String, Ending>) -> Members {
    let message = schema::entity(told.source.event_type.entity);
    let event = json!({
        "type": told.event, "from": told.from, "time": told.source.since.at.to_string(),
        "body": readable(&told.source.body.to_json(), &message),
    });
    let mut test = vec![("event".to_owned(), event)];
    let used = results_used(config, told, ends);
    if !used.is_empty() {
        test.push(("results".to_owned(), Value::Object(used)));
    }
    let actions = told.actions.iter().map(|action| expected(config, action));
    let dead = told.failed.iter().map(|failure| {
        let mut about = json!({ "code": failure.code, "flow": failure.flow });
        for (name, value) in [("step", &failure.step), ("field", &failure.field)] {
            if let Some(value) = value {
                about[name] = json!(value);
            }
        }
        json!({ "dead": about })
    });
    test.push(("expect".to_owned(), actions.chain(dead).collect()));
    test
}

/// The results that later steps saw.
fn results_used(config: &Config, told: &Told, ends: &BTreeMap<String, Ending>) -> Map<String, Value> {
    let mut used = Map::new();
    for action in &told.actions {
        let Some(flow) = config.flows.find(&action.flow) else { continue };
        let step = flow.steps.iter().find(|step| step.name == action.step);
        for needed in step.into_iter().flat_map(|step| &step.needs).filter_map(|at| flow.steps.get(*at)) {
            let ending = match ends.get(&needed.name) {
                Some(Ending::Done(results)) => json!(results),
                Some(Ending::Failed(code)) => json!(code),
                None => continue,
            };
            used.insert(needed.name.clone(), ending);
        }
    }
    used
}

/// An action with its parameters; a whole message is in the event already.
fn expected(config: &Config, action: &ToldAction) -> Value {
    let connection = config.connections.get(action.connection.as_str());
    let operations = connection.into_iter().flat_map(|connection| connection.vendor.operations);
    let operation = operations.into_iter().find(|operation| operation.name == action.operation);
    let is_message = |name: &str| {
        let parameter = operation.and_then(|operation| operation.parameter(name));
        parameter.is_some_and(|parameter| matches!(parameter.kind, FieldKind::Message(_)))
    };
    let parameters = action.parameters.iter().filter(|(name, _)| !is_message(name));
    let parameters: Map<String, Value> = parameters.map(|(name, value)| (name.clone(), value.clone())).collect();
    let mut expected = json!({ format!("{}.{}", action.connection, action.operation): parameters });
    if action.held {
        expected["held"] = json!(true);
    }
    expected
}

/// A message in the names that expressions use.
fn readable(value: &Value, message: &MessageDescriptor) -> Value {
    let Value::Object(members) = value else { return value.clone() };
    if message.full_name() == MONEY
        && let (Some(amount), Some(currency)) = (text(members, "amount"), text(members, "currency"))
    {
        return json!(format!("{amount} {currency}"));
    }
    let member = |(name, value): (&String, &Value)| {
        let field = message.get_field_by_json_name(name)?;
        let one = |value: &Value| match field.kind() {
            Kind::Message(inner) if !field.is_map() => readable(value, &inner),
            Kind::Enum(choice) => {
                let known = value.as_str().and_then(|name| choice.get_value_by_name(name));
                known.map_or_else(|| value.clone(), |known| json!(schema::choice_name(&choice, known.number())))
            }
            _ => value.clone(),
        };
        let value = match value {
            Value::Array(items) => items.iter().map(one).collect(),
            other => one(other),
        };
        Some((field.name().to_owned(), value))
    };
    Value::Object(members.iter().filter_map(member).collect())
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name)?.as_str().filter(|text| !text.is_empty())
}

/// YAML in blocks, each member on a line.
fn write_block(out: &mut dyn Write, value: &Value, depth: usize) -> io::Result<()> {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(members) => write_members(out, members, depth, &indent),
        Value::Array(items) => items.iter().try_for_each(|item| match item {
            // The first member stands beside the dash.
            Value::Object(members) if !members.is_empty() => {
                write_members(out, members, depth + 1, &format!("{indent}- "))
            }
            item => {
                write!(out, "{indent}-")?;
                write_member(out, item, depth + 1)
            }
        }),
        other => writeln!(out, "{indent}{other}"),
    }
}

fn write_members(out: &mut dyn Write, members: &Map<String, Value>, depth: usize, first: &str) -> io::Result<()> {
    let indent = "  ".repeat(depth);
    for (index, (name, member)) in members.iter().enumerate() {
        write!(out, "{}{}:", if index == 0 { first } else { &indent }, scalar(name))?;
        write_member(out, member, depth + 1)?;
    }
    Ok(())
}

fn write_member(out: &mut dyn Write, value: &Value, depth: usize) -> io::Result<()> {
    match value {
        Value::Object(members) if members.is_empty() => writeln!(out, " {{}}"),
        Value::Array(items) if items.is_empty() => writeln!(out, " []"),
        Value::Object(_) | Value::Array(_) => {
            writeln!(out)?;
            write_block(out, value, depth)
        }
        Value::String(text) => writeln!(out, " {}", scalar(text)),
        other => writeln!(out, " {other}"),
    }
}

/// A text that YAML reads back as itself: plain where nothing about it is special, else as JSON writes it.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_.@/+ ".contains(c);
    let words = ["true", "false", "null", "yes", "no", "on", "off"];
    let ends = text.starts_with(char::is_alphanumeric) && text.ends_with(char::is_alphanumeric);
    let is_word = text.chars().any(char::is_alphabetic) && text.parse::<f64>().is_err();
    if ends && is_word && text.chars().all(plain) && !words.contains(&text.to_lowercase().as_str()) {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_yaml_would_read_as_something_else_are_quoted() {
        assert_eq!(
            ["order.paid", "eva@example.cz", "1210 CZK"].map(scalar),
            ["order.paid", "eva@example.cz", "1210 CZK"]
        );
        assert_eq!(
            ["yes", "007", "- x", "a: b", ""].map(scalar),
            ["\"yes\"", "\"007\"", "\"- x\"", "\"a: b\"", "\"\""]
        );
    }

    #[test]
    fn blocks_nest_by_two_spaces() {
        let mut out = Vec::new();
        let value = json!({"a": {"b": [{"c": "d", "e": []}, "f"], "g": true}});
        write_block(&mut out, &value, 0).expect("written");
        let text = String::from_utf8(out).expect("text");
        assert_eq!(text, "a:\n  b:\n    - c: d\n      e: []\n    - f\n  g: true\n");
    }
}
