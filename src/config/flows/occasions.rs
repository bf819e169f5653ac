//! `{ value: …, on: create | update }`: a value that counts only where the operation makes something, or only where it is
//! there. Parameters and members of mappings may have it.

use super::super::{
    fields::{Fields, list, scalar},
    report::Problems,
    tree::{Entry, Node, Value},
};
use crate::{
    connectors::contract::{FieldKind, Operation, Parameter},
    model::code,
    topics::occasion::Occasion,
};

/// A value, and the only occasion on which it counts.
pub(super) struct Occasional<'a> {
    pub value: &'a Node,
    pub on: Option<Occasion>,
}

/// Reads a parameter's value. `None` when it is wrong.
pub(super) fn of_parameter<'a>(
    node: &'a Node,
    parameter: &Parameter,
    operation: &Operation,
    problems: &mut Problems,
) -> Option<Occasional<'a>> {
    let wrapped = match parameter.kind {
        // A mapping of the vendor's may have fields of these names: only what can be nothing else is meant.
        FieldKind::Map => is_whole(node),
        _ => is_wrapped(node),
    };
    read(node, wrapped, parameter, operation, problems)
}

/// Reads the value of a mapping's member.
pub(super) fn of_member<'a>(
    node: &'a Node,
    parameter: &Parameter,
    operation: &Operation,
    problems: &mut Problems,
) -> Option<Occasional<'a>> {
    read(node, is_wrapped(node), parameter, operation, problems)
}

fn read<'a>(
    node: &'a Node,
    wrapped: bool,
    parameter: &Parameter,
    operation: &Operation,
    problems: &mut Problems,
) -> Option<Occasional<'a>> {
    if !wrapped {
        return Some(Occasional { value: node, on: None });
    }
    let mut fields = Fields::open(node, format!("a value of `{}`", parameter.name), problems)?;
    let (value, on) = (fields.node("value"), fields.entry("on"));
    fields.finish(problems);
    let occasion = on.and_then(|on| scalar(&on.value, problems, read_occasion));
    if let Some(on) = on.filter(|_| !parameter.occasional) {
        refuse(on, parameter, operation, problems);
        return None;
    }
    if value.is_none() {
        let message = format!("`{}` has no `value`", parameter.name);
        problems.add(&node.place, code::MISSING_KEY, message).hint("write `{ value: …, on: create }`");
    }
    Some(Occasional { value: value?, on: occasion })
}

fn entries(node: &Node) -> &[Entry] {
    match &node.value {
        Value::Map(entries) => entries,
        _ => &[],
    }
}

fn is_wrapped(node: &Node) -> bool {
    entries(node).iter().any(|entry| ["value", "on"].contains(&entry.key.text.as_str()))
}

/// Nothing but a value and a right occasion.
fn is_whole(node: &Node) -> bool {
    let entries = entries(node);
    let has = |name: &str| entries.iter().find(|entry| entry.key.text == name);
    let on =
        has("on").is_some_and(|on| matches!(&on.value.value, Value::Scalar(on) if read_occasion(&on.text).is_ok()));
    entries.len() == 2 && has("value").is_some() && on
}

fn read_occasion(text: &str) -> Result<Occasion, String> {
    match text {
        "create" => Ok(Occasion::Create),
        "update" => Ok(Occasion::Update),
        _ => Err("expected `create` or `update`; without `on`, a value counts for both".to_owned()),
    }
}

fn refuse(on: &Entry, parameter: &Parameter, operation: &Operation, problems: &mut Problems) {
    let can = || operation.parameters.iter().filter(|parameter| parameter.occasional).map(|parameter| parameter.name);
    let (name, operation) = (parameter.name, operation.name);
    let (message, hint) = if can().next().is_none() {
        (format!("`{operation}` cannot tell whether it creates something"), "remove `on`".to_owned())
    } else {
        let message = format!("`{name}` of `{operation}` counts for creating and for updating alike");
        (message, format!("`on` goes with {}", list(can())))
    };
    problems.add(&on.key.place, code::BAD_OCCASION, message).hint(hint);
}
