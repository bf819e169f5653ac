//! What shall come out: actions by their operation with some of their parameters, and what is left undone and why.

use serde_json::Value as Json;

use super::{
    super::{
        connections::Connections,
        fields::{Fields, list, scalar, text_of},
        flows::{find_target, no_such_parameter},
        report::Problems,
        source::Place,
        tree::{Entry, Key, Node, Value},
    },
    body, set,
};
use crate::{
    connectors::contract::{FieldKind, Operation, Parameter},
    expr::{schema, suggest},
    model::{
        code::{self, Code},
        connection::ConnectionName,
    },
    router::{Why, coerce::coerce},
};

/// Keys of an expectation that is no action.
const OTHERS: [&str; 4] = ["skipped", "dead", "fetch", "nothing"];

/// One expectation, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    pub place: Place,
    pub what: What,
    pub flow: Option<String>,
    pub step: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Action(Box<ExpectedAction>),
    /// A flow, or one of its steps, does nothing.
    Skipped {
        why: Option<Why>,
    },
    /// The event, or the webhook, becomes a dead letter.
    Dead {
        code: Code,
        field: Option<String>,
    },
    /// The webhook makes the connector ask for this first.
    Fetch {
        purpose: String,
    },
    /// The webhook proves no fact.
    Nothing {
        code: Code,
    },
}

#[derive(Clone, Debug)]
pub(super) struct ExpectedAction {
    /// As it was written: `crm.add_to_list`.
    pub call: String,
    /// Its connection's first name.
    pub connection: ConnectionName,
    pub operation: &'static Operation,
    pub parameters: Vec<ExpectedParameter>,
    /// Whether it waits for a person.
    pub held: Option<bool>,
}

#[derive(Clone, Debug)]
pub(super) struct ExpectedParameter {
    pub parameter: &'static Parameter,
    /// `None`: it shall not be given.
    pub value: Option<Json>,
    pub node: Node,
}

/// Reads what stands under `expect`.
pub(super) fn read(node: &Node, connections: &Connections, problems: &mut Problems) -> Vec<Expected> {
    let Value::List(items) = &node.value else {
        let text = format!("`expect` is a list, found {}", node.value.describe());
        problems
            .add(&node.place, code::WRONG_KIND, text)
            .hint("begin each expectation with `- `; `expect: []` expects nothing");
        return Vec::new();
    };
    items.iter().filter_map(|item| one(item, connections, problems)).collect()
}

fn one(node: &Node, connections: &Connections, problems: &mut Problems) -> Option<Expected> {
    let Value::Map(entries) = &node.value else {
        let text = format!("an expectation is a mapping, found {}", node.value.describe());
        problems
            .add(&node.place, code::WRONG_KIND, text)
            .hint("write `connection.operation: { … }`, with the parameters that matter");
        return None;
    };
    let is_call = |entry: &&Entry| entry.key.text.contains('.');
    if let Some(call) = entries.iter().find(is_call) {
        return action(call, entries, connections, problems);
    }
    let mut fields = Fields::some(entries, "an expectation", |_| true);
    let found: Vec<&Entry> = OTHERS.iter().filter_map(|name| fields.entry(name)).collect();
    fields.finish(problems);
    match found.as_slice() {
        [one] => other(one, problems),
        [] => {
            let text = "an expectation names an operation, or `skipped`, `dead`, `fetch` or `nothing`";
            problems.add(&node.place, code::MISSING_KEY, text);
            None
        }
        [_, second, ..] => {
            let text = "an expectation is about one thing";
            problems.add(&second.key.place, code::UNKNOWN_KEY, text).hint("begin each one with `- `");
            None
        }
    }
}

fn action(call: &Entry, entries: &[Entry], connections: &Connections, problems: &mut Problems) -> Option<Expected> {
    let mut beside = Fields::some(entries, "an expectation", |entry| entry.key.text != call.key.text);
    let flow = beside.text("flow", problems);
    let step = beside.text("step", problems);
    let held = beside.node("held").is_some().then(|| beside.flag("held", false, problems));
    beside.finish(problems);
    let (name, config, operation) = find_target(call, connections, problems)?;
    let entries = match &call.value.value {
        Value::Map(entries) => entries.as_slice(),
        Value::Null => &[],
        other => {
            let text = format!("the parameters of `{}` must be a mapping, found {}", call.key.text, other.describe());
            problems.add(&call.value.place, code::WRONG_KIND, text);
            return None;
        }
    };
    let parameters = entries.iter().filter_map(|entry| parameter(&call.key, entry, operation, problems)).collect();
    let connection = config.identity(name).clone();
    let action = ExpectedAction { call: call.key.text.clone(), connection, operation, parameters, held };
    Some(Expected { place: call.key.place.clone(), what: What::Action(Box::new(action)), flow, step })
}

fn parameter(
    call: &Key,
    entry: &Entry,
    operation: &'static Operation,
    problems: &mut Problems,
) -> Option<ExpectedParameter> {
    let Some(parameter) = operation.parameter(&entry.key.text) else {
        no_such_parameter(call, &entry.key, operation, problems);
        return None;
    };
    let node = entry.value.clone();
    if matches!(node.value, Value::Null) {
        return Some(ExpectedParameter {
            parameter,
            value: None,
            node: Node { place: entry.key.place.clone(), ..node },
        });
    }
    let value = wanted(parameter, &node, problems).ok()?;
    Some(ExpectedParameter { parameter, value, node })
}

/// A problem that stands among the others already.
struct Told;

/// The value as the operation would get it; `None` for what is empty.
fn wanted(parameter: &Parameter, node: &Node, problems: &mut Problems) -> Result<Option<Json>, Told> {
    let value = match (parameter.kind, &node.value) {
        (FieldKind::Message(name), _) => {
            let message = schema::message(name).ok_or(Told)?;
            return Ok(Some(body::read(node, &message, problems)));
        }
        (_, Value::Scalar(text)) if text.text.contains("${") => {
            problems
                .add(&node.place, code::WRONG_KIND, "an expectation is a plain value, without `${…}`")
                .hint("write what the expression shall give");
            return Err(Told);
        }
        (FieldKind::Map, _) => return Ok(Some(set::untyped(node))),
        (_, Value::Scalar(text)) => Json::from(text.text.as_str()),
        _ => set::untyped(node),
    };
    let taken = coerce(parameter.kind, value.clone());
    if taken.is_err() {
        let text = format!("`{}` is never that: it takes {}", parameter.name, parameter.kind.describe());
        let added = problems.add(&node.place, code::PARAMETER_KIND, text);
        if let FieldKind::Choice(choices) = parameter.kind
            && let Some(near) = suggest::nearest(value.as_str().unwrap_or_default(), choices.iter().copied())
        {
            added.hint(format!("did you mean `{near}`?"));
        }
    }
    taken.map_err(|_| Told)
}

fn other(entry: &Entry, problems: &mut Problems) -> Option<Expected> {
    let place = entry.key.place.clone();
    let expected = |what| Expected { place: place.clone(), what, flow: None, step: None };
    let node = &entry.value;
    match (entry.key.text.as_str(), &node.value) {
        ("skipped", Value::Map(_)) => {
            let mut fields = Fields::open(node, "`skipped`", problems)?;
            let (flow, step) = (fields.text("flow", problems), fields.text("step", problems));
            let why = fields.node("why").and_then(|node| scalar(node, problems, read_why));
            fields.finish(problems);
            Some(Expected { flow, step, ..expected(What::Skipped { why }) })
        }
        ("skipped", _) => {
            let flow = text_of(node, problems)?.to_owned();
            Some(Expected { flow: Some(flow), ..expected(What::Skipped { why: None }) })
        }
        ("dead", Value::Map(_)) => {
            let mut fields = Fields::open(node, "`dead`", problems)?;
            let (flow, step) = (fields.text("flow", problems), fields.text("step", problems));
            let field = fields.text("field", problems);
            let code = fields.node("code");
            fields.finish(problems);
            let Some(code) = code else {
                let hint = "such as `code: bad-parameter`";
                problems.add(&place, code::MISSING_KEY, "a dead letter is expected by its `code`").hint(hint);
                return None;
            };
            let code = read_code(code, problems)?;
            Some(Expected { flow, step, ..expected(What::Dead { code, field }) })
        }
        ("dead", _) => Some(expected(What::Dead { code: read_code(node, problems)?, field: None })),
        ("fetch", _) => Some(expected(What::Fetch { purpose: text_of(node, problems)?.to_owned() })),
        _ => Some(expected(What::Nothing { code: read_code(node, problems)? })),
    }
}

fn read_why(text: &str) -> Result<Why, String> {
    let known = || Why::ALL.iter().map(|why| why.as_str());
    let found = Why::ALL.into_iter().find(|why| why.as_str() == text);
    found.ok_or_else(|| format!("expected one of {}", list(known())))
}

fn read_code(node: &Node, problems: &mut Problems) -> Option<Code> {
    let text = text_of(node, problems)?;
    let found = Code::find(text);
    if found.is_none() {
        let added = problems.add(&node.place, code::WRONG_KIND, format!("there is no code `{text}`"));
        match suggest::nearest(text, code::ALL.iter().map(|code| code.as_str())) {
            Some(near) => added.hint(format!("did you mean `{near}`?")),
            None => added.hint("`spojka explain` lists them"),
        }
    }
    found
}
