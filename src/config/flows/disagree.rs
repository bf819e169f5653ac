//! Flows that both fire for one event and write differing constants into the same register of the same object: which of them
//! wins depends on who comes last.
//!
//! What an operation writes where, its connector says (`Connector::target`), here with constants as they are and something
//! that stands for each expression. A parameter that names the object or the register (`list`) is thereby told from one that is
//! written there, and flows that put a buyer on two lists do not disagree.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::CheckedFlow;
use crate::{
    config::report::Problems,
    connectors::contract::{FieldKind, RegisterRule, Target},
    expr::demands::Demands,
    model::code,
    router::{Given, Source, Step},
    topics::{action::Parameters, occasion::Occasions},
};

/// A constant that a step writes into a register.
struct Write<'a> {
    flow: &'a CheckedFlow<'a>,
    step: usize,
    parameter: &'static str,
    /// Where the parameter is a mapping.
    member: Option<&'a str>,
    value: Value,
    demands: &'a Demands,
}

/// Where it is written: connection, object, register.
type Register = (String, String, String);

/// Warns of flows that disagree.
pub(super) fn check(flows: &[CheckedFlow<'_>], problems: &mut Problems) {
    let demands: Vec<Vec<Demands>> = flows
        .iter()
        .map(|flow| flow.flow.steps.iter().map(|step| Demands::of(flow.flow.when.iter().chain(&step.when))).collect())
        .collect();
    let mut by_register: BTreeMap<Register, Vec<Write<'_>>> = BTreeMap::new();
    for (flow, demands) in flows.iter().zip(&demands) {
        for (at, (step, demands)) in flow.flow.steps.iter().zip(demands).enumerate() {
            for (object, register, parameter, member, value) in writes(step) {
                let key = (step.connection.to_string(), object, register);
                let write = Write { flow, step: at, parameter, member, value, demands };
                by_register.entry(key).or_default().push(write);
            }
        }
    }
    for writes in by_register.values() {
        for (at, write) in writes.iter().enumerate() {
            if let Some(other) = writes.iter().take(at).find(|other| write.disagrees(other)) {
                write.complain(other, problems);
            }
        }
    }
}

impl Write<'_> {
    fn disagrees(&self, other: &Self) -> bool {
        let same_place = self.parameter == other.parameter && self.member == other.member;
        let apart = !std::ptr::eq(self.flow, other.flow) && self.value != other.value;
        let known = [self, other].iter().any(|write| write.flow.allows(code::FLOWS_DISAGREE));
        same_place && apart && !known && self.flow.fires_with(other.flow) && !self.demands.exclude(other.demands)
    }

    fn complain(&self, other: &Self, problems: &mut Problems) {
        let parameter = match self.member {
            Some(member) => format!("{}: {{ {member} }}", self.parameter),
            None => self.parameter.to_owned(),
        };
        let there = other.place();
        let message = format!(
            "`{}` and `{}` write differing constants into `{parameter}` of the same object",
            other.flow.flow.name, self.flow.flow.name
        );
        let hint = format!(
            "both can fire for one event (the other stands in {}:{}), and whoever comes last wins: give them conditions that \
             exclude each other, or say `allow: flows-disagree` in one of them",
            there.file.path, there.line
        );
        problems.warn(&self.place(), code::FLOWS_DISAGREE, message).hint(hint);
    }

    fn place(&self) -> crate::config::source::Place {
        self.flow.place_of(self.step, self.parameter, self.member)
    }
}

type Found<'a> = (String, String, &'static str, Option<&'a str>, Value);

/// The constants that a step writes: object, register, parameter, its member, value.
fn writes(step: &Step) -> Vec<Found<'_>> {
    let parameters: Parameters = step
        .given
        .iter()
        .map(|given| (given.parameter.name.to_owned(), stand_in(given.parameter.kind, &given.source)))
        .collect();
    // What is for creating only is written nowhere twice.
    let mut only = Occasions::default();
    step.given.iter().for_each(|given| only.extend(&given.only));
    let parameters = only.standing(&parameters).into_owned();
    let target = |parameters: &Parameters| step.connector.target(step.operation, parameters).ok();
    let Some(before) = target(&parameters) else { return Vec::new() };
    let mut found = Vec::new();
    for (given, member, value) in step.given.iter().flat_map(constants) {
        let changed = changed(&parameters, given, member, &value);
        let Some(after) = changed.and_then(|changed| target(&changed)) else { continue };
        for register in touched(&before, &after) {
            found.push((before.object.clone(), register.to_owned(), given.parameter.name, member, value.clone()));
        }
    }
    found
}

/// The constants of a parameter: itself, or members of a mapping.
fn constants(given: &Given) -> Vec<(&Given, Option<&str>, Value)> {
    match &given.source {
        Source::Constant(value) => vec![(given, None, value.clone())],
        Source::Map(members) => {
            let constant = |source: &Source| match source {
                Source::Constant(value) => Some(value.clone()),
                Source::Template(template) => template.constant().map(Value::from),
                _ => None,
            };
            members.iter().filter_map(|(name, source)| Some((given, Some(name.as_str()), constant(source)?))).collect()
        }
        Source::Template(_) | Source::List(_) | Source::Message(_) => Vec::new(),
    }
}

/// The registers whose values changed; none if the change was one of object or register.
fn touched<'a>(before: &'a Target, after: &Target) -> Vec<&'a str> {
    let names = |target: &Target| target.registers.iter().map(|register| register.name.clone()).collect::<Vec<_>>();
    if before.object != after.object || names(before) != names(after) {
        return Vec::new();
    }
    let pairs = before.registers.iter().zip(&after.registers);
    let written = pairs.filter(|(one, two)| one.rule == RegisterRule::Newest && one.value != two.value);
    written.map(|(register, _)| register.name.as_str()).collect()
}

/// The parameters with another value of the same kind in one place.
fn changed(parameters: &Parameters, given: &Given, member: Option<&str>, value: &Value) -> Option<Parameters> {
    let name = given.parameter.name;
    let mut parameters = parameters.clone();
    let place = parameters.get_mut(name)?;
    match member {
        Some(member) => *place.get_mut(member)? = another(FieldKind::Text, value)?,
        None => *place = another(given.parameter.kind, value)?,
    }
    Some(parameters)
}

fn another(kind: FieldKind, value: &Value) -> Option<Value> {
    Some(match (kind, value) {
        (FieldKind::Choice(choices), Value::String(text)) => json!(choices.iter().find(|choice| *choice != text)?),
        (FieldKind::Date, Value::String(text)) => json!(if text == "2001-01-01" { "2002-02-02" } else { "2001-01-01" }),
        (FieldKind::Decimal, Value::String(text)) => json!(format!("{}1", text.trim_end_matches('.'))),
        (FieldKind::Text, Value::String(text)) => json!(format!("{text}~")),
        (_, Value::Bool(flag)) => json!(!flag),
        (_, Value::Number(number)) => json!(number.as_i64()?.checked_add(1)?),
        _ => return None,
    })
}

/// A constant, or something that stands for what an expression gives: the same for expressions that are written alike.
fn stand_in(kind: FieldKind, source: &Source) -> Value {
    match source {
        Source::Constant(value) => value.clone(),
        Source::Template(template) => of_kind(kind, &template.text()),
        Source::List(items) => items.iter().map(|item| Value::from(item.text())).collect(),
        Source::Map(members) => Value::Object(
            members.iter().map(|(name, source)| (name.clone(), stand_in(FieldKind::Text, source))).collect(),
        ),
        Source::Message(path) => json!({ "id": path.join("."), "number": path.join(".") }),
    }
}

fn of_kind(kind: FieldKind, text: &str) -> Value {
    match kind {
        FieldKind::Email => {
            let user = percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC);
            json!(format!("{user}@spojka.invalid"))
        }
        FieldKind::Integer => json!(text.bytes().fold(1_u32, |hash, byte| hash.wrapping_mul(31) ^ u32::from(byte))),
        FieldKind::Decimal => json!("1"),
        FieldKind::Boolean => json!(true),
        FieldKind::Date => json!("2000-01-01"),
        FieldKind::Choice(choices) => json!(choices.first()),
        FieldKind::Texts => json!([text]),
        FieldKind::Map => json!({ "of": text }),
        FieldKind::Text | FieldKind::Message(_) => json!(text),
    }
}
