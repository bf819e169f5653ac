//! The steps of a flow: `connection.operation` with its parameters, and beside it `name`, `when`, `hold`, `preflight`,
//! `on_refusal`, `optional`, `use`, `was`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    super::{
        connections::Connections,
        fields::{Fields, list, scalar, texts},
        preflight,
        report::Problems,
        tree::{Entry, Node, Value},
    },
    LONGEST_NAME, Vocabulary, condition, hold, is_name,
    layers::Layers,
    names, no_such_connection, parameters, steps_in_scope,
};
use crate::{
    config::ConnectionConfig,
    connectors::contract::{Operation, Vendor, operation::OperationKind},
    expr::Expression,
    model::{code, connection::ConnectionName},
    router::{
        OnRefusal, Step,
        flow::{Hold, schedule},
        preflight::{Preflight, is_document},
    },
    topics::event::Entity,
};

/// A step whose head is read: what it is called and what it does.
struct Head<'a> {
    name: String,
    /// The owner named it.
    named: bool,
    was: Vec<String>,
    on_refusal: OnRefusal,
    optional: bool,
    when: Option<&'a Node>,
    /// The field sets that it uses, by name.
    uses: Vec<(&'a str, &'a Node)>,
    hold: Option<&'a Node>,
    preflight: Option<&'a Node>,
    /// `connection.operation` with the parameters.
    call: &'a Entry,
    target: Option<(&'a ConnectionName, &'a ConnectionConfig, &'static Operation)>,
}

/// Reads what stands under `do`.
pub(super) fn read(
    node: &Node,
    entity: Option<Entity>,
    vocabulary: &Vocabulary<'_>,
    problems: &mut Problems,
) -> Vec<Step> {
    let Value::List(items) = &node.value else {
        let message = format!("`do` is a list of steps, found {}", node.value.describe());
        problems.add(&node.place, code::WRONG_KIND, message).hint(dash(&node.value));
        return Vec::new();
    };
    let heads: Vec<Head<'_>> =
        items.iter().filter_map(|item| read_head(item, vocabulary.connections, problems)).collect();
    check_names(&heads, problems);
    compile(&heads, entity, vocabulary, problems)
}

fn read_head<'a>(node: &'a Node, connections: &'a Connections, problems: &mut Problems) -> Option<Head<'a>> {
    let Value::Map(entries) = &node.value else {
        let message = format!("a step is a mapping, found {}", node.value.describe());
        problems
            .add(&node.place, code::WRONG_KIND, message)
            .hint("write `connection.operation:` with the parameters under it");
        return None;
    };
    let is_call = |entry: &&Entry| entry.key.text.contains('.');
    let calls: Vec<&Entry> = entries.iter().filter(is_call).collect();
    let mut told: Vec<&Entry> = Vec::new();
    let call = match calls.as_slice() {
        [] if let Some((entry, hint)) = without_connection(entries, connections) => {
            let message = format!("the operation `{}` stands without its connection", entry.key.text);
            problems.add(&entry.key.place, code::NO_SUCH_OPERATION, message).hint(hint);
            told.push(entry);
            None
        }
        [] => {
            let hint = "write `connection.operation:` with the parameters under it";
            problems.add(&node.place, code::MISSING_KEY, "a step names no operation").hint(hint);
            None
        }
        [call] => Some(*call),
        [call, second, ..] => {
            let message = format!("the step `{}` names a second operation", call.key.text);
            problems.add(&second.key.place, code::UNKNOWN_KEY, message).hint("begin each step with `- `");
            Some(*call)
        }
    };
    let mut fields = Fields::some(entries, "a step", |entry| !entry.key.text.contains('.'));
    let name = fields.node("name").and_then(|node| scalar(node, problems, read_name));
    let on_refusal = fields.node("on_refusal").and_then(|node| scalar(node, problems, read_on_refusal));
    let optional = fields.flag("optional", false, problems);
    let when = fields.node("when");
    let uses = fields.node("use").map_or_else(Vec::new, |node| texts(node, problems));
    let hold = fields.node("hold");
    let preflight = fields.node("preflight");
    let was = fields.node("was").map_or_else(Vec::new, |node| names(node, problems));
    let target = call.and_then(|call| find_target(call, connections, problems));
    if let (Some(call), Some((_, _, operation))) = (call, target) {
        told.extend(astray(&fields, call, operation, problems));
    }
    let complete = told.is_empty();
    fields.without(&told).finish(problems);
    let call = call?;
    Some(Head {
        named: name.is_some(),
        name: name.unwrap_or_else(|| call.key.text.clone()),
        was,
        on_refusal: on_refusal.unwrap_or_default(),
        optional,
        when,
        uses,
        hold,
        preflight,
        call,
        target: target.filter(|_| complete),
    })
}

/// What is wrong with the dash of a list of steps.
fn dash(value: &Value) -> &'static str {
    let first = match value {
        Value::Map(entries) => entries.first().map_or("", |entry| &entry.key.text),
        _ => "",
    };
    match first.chars().next() {
        Some('–' | '—' | '−') => "this dash is a long one, as word processors make it: type `- `",
        Some('-') => "put a space behind the `-`",
        _ => "begin each step with `- `",
    }
}

/// An operation whose connection nobody named, and how to write it.
fn without_connection<'a>(entries: &'a [Entry], connections: &Connections) -> Option<(&'a Entry, String)> {
    entries.iter().find_map(|entry| {
        let name = having(&entry.key.text, connections)?;
        Some((entry, format!("write `{name}.{}:`", entry.key.text)))
    })
}

/// Parameters that stand beside their operation instead of under it.
fn astray<'a>(beside: &Fields<'a>, call: &Entry, operation: &Operation, problems: &mut Problems) -> Vec<&'a Entry> {
    let astray: Vec<&Entry> = beside.unknown().filter(|entry| operation.parameter(&entry.key.text).is_some()).collect();
    if let (Some(first), Value::Null) = (astray.first(), &call.value.value) {
        let message = format!("the parameters of `{}` do not stand under it", call.key.text);
        problems.add(&first.key.place, code::UNKNOWN_KEY, message).hint("indent them by two more spaces");
        return astray;
    }
    for entry in &astray {
        let message = format!("`{}` is a parameter and does not stand under `{}`", entry.key.text, call.key.text);
        problems.add(&entry.key.place, code::UNKNOWN_KEY, message).hint("indent it like the other parameters");
    }
    astray
}

fn read_name(text: &str) -> Result<String, String> {
    let expected = format!("expected up to {LONGEST_NAME} of `a-z`, `0-9` and `_`, beginning with a letter");
    if is_name(text, "_") { Ok(text.to_owned()) } else { Err(expected) }
}

fn read_on_refusal(text: &str) -> Result<OnRefusal, String> {
    match text {
        "stop" => Ok(OnRefusal::Stop),
        "go_on" => Ok(OnRefusal::GoOn),
        _ => Err("expected `stop` or `go_on`".to_owned()),
    }
}

/// The connection and the operation that a `connection.operation` names.
pub(in crate::config) fn find_target<'a>(
    call: &Entry,
    connections: &'a Connections,
    problems: &mut Problems,
) -> Option<(&'a ConnectionName, &'a ConnectionConfig, &'static Operation)> {
    let (connection, operation) = call.key.text.split_once('.')?;
    let Some((name, config)) = connections.good.get_key_value(connection) else {
        no_such_connection(connection, &call.key.place, connections, problems);
        return None;
    };
    match config.vendor.operations.iter().find(|known| known.name == operation) {
        Some(operation) if operation.kind == OperationKind::Write => Some((name, config, operation)),
        Some(_) => {
            let message = format!("`{operation}` only reads: it is the connector's own and not for flows");
            problems
                .add(&call.key.place, code::NO_SUCH_OPERATION, message)
                .hint(format!("`spojka connectors {}` lists those for flows", config.vendor.name));
            None
        }
        None => {
            no_such_operation(call, connection, operation, connections, config.vendor, problems);
            None
        }
    }
}

fn no_such_operation(
    call: &Entry,
    connection: &str,
    operation: &str,
    connections: &Connections,
    vendor: &Vendor,
    problems: &mut Problems,
) {
    let writes = || vendor.operations.iter().filter(|known| known.kind == OperationKind::Write).map(|known| known.name);
    let hint = match crate::expr::suggest::nearest(operation, writes()) {
        Some(near) => format!("did you mean `{connection}.{near}`?"),
        None if writes().next().is_none() => match having(operation, connections) {
            Some(other) => format!("`{}` takes no actions: write `{other}.{operation}`", vendor.name),
            None => format!("`{}` takes no actions", vendor.name),
        },
        None => format!("`{}` can {}", vendor.name, list(writes())),
    };
    let message = format!("`{connection}` has no operation `{operation}`");
    problems.add(&call.key.place, code::NO_SUCH_OPERATION, message).hint(hint);
}

/// A connection that has an operation.
fn having<'a>(operation: &str, connections: &'a Connections) -> Option<&'a ConnectionName> {
    let has = |config: &ConnectionConfig| config.vendor.operations.iter().any(|known| known.name == operation);
    connections.good.iter().find(|(_, config)| has(config)).map(|(name, _)| name)
}

/// Names of steps, and the names they once had, must tell steps apart.
fn check_names(heads: &[Head<'_>], problems: &mut Problems) {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut pasts: BTreeSet<String> = BTreeSet::new();
    for head in heads {
        let place = &head.call.key.place;
        if !seen.insert(&head.name) {
            let message = format!("two steps are called `{}`", head.name);
            problems.add(place, code::DUPLICATE_STEP, message).hint("give one of them a `name:` beside its operation");
        } else if !pasts.insert(identity(head)) {
            let message = format!("`{}` claims the past of another step", head.name);
            problems.add(place, code::DUPLICATE_IDENTITY, message).hint("take it out of the `was:` of one of them");
        }
        let connection = |other: &Head<'_>| other.name.split_once('.').is_some_and(|(first, _)| first == head.name);
        if head.named && heads.iter().any(connection) {
            let message = format!("`{0}` is a connection too: `steps.{0}` would mean two things", head.name);
            problems.add(place, code::BAD_NAME, message).hint("give the step another name");
        }
    }
}

/// A step's first name. One without a name of its own is called after its connection's first name, so that renaming a
/// connection does nothing again.
fn identity(head: &Head<'_>) -> String {
    match (head.was.first(), &head.target) {
        (Some(first), _) => first.clone(),
        (None, Some((name, config, operation))) if !head.named => {
            format!("{}.{}", config.identity(name), operation.name)
        }
        _ => head.name.clone(),
    }
}

fn compile(
    heads: &[Head<'_>],
    entity: Option<Entity>,
    vocabulary: &Vocabulary<'_>,
    problems: &mut Problems,
) -> Vec<Step> {
    let results: Vec<(String, Option<Vec<String>>)> =
        heads.iter().map(|head| (head.name.clone(), results_of(head))).collect();
    let places: BTreeMap<&str, usize> = heads.iter().enumerate().map(|(at, head)| (head.name.as_str(), at)).collect();
    let mut steps = Vec::new();
    for (at, head) in heads.iter().enumerate() {
        let scope = vocabulary.scope(entity, &steps_in_scope(&results, at));
        let when = head.when.and_then(|node| condition(node, &scope, problems));
        let hold = head.hold.and_then(|node| hold::read(node, &scope, problems));
        let sets = vocabulary.field_sets.used(&head.uses, problems);
        let Some((connection, config, operation)) = head.target else { continue };
        let defaults = vocabulary.connections.defaults.get(connection).map_or(&[][..], Vec::as_slice);
        let layers = Layers::of(head.call, sets, (config.vendor, operation), defaults, problems);
        let given = layers
            .map_or_else(Vec::new, |layers| parameters::read(&head.call.key, &layers, operation, &scope, problems));
        let conditions = when.iter().chain(hold.as_ref().and_then(Hold::condition));
        let used = conditions.flat_map(|when: &Expression| when.steps().iter().cloned());
        let used = used.chain(given.iter().flat_map(parameters::steps));
        steps.push(Step {
            name: head.name.clone(),
            identity: identity(head),
            on_refusal: head.on_refusal,
            optional: head.optional,
            connection: config.identity(connection).clone(),
            connector: Arc::clone(&config.connector),
            operation,
            needs: used.filter_map(|name| places.get(name.as_str()).copied()).collect(),
            given,
            when,
            hold,
            preflight: preflight_of(head, config, operation, problems),
            after: None,
        });
    }
    if steps.len() == heads.len() {
        let needs: Vec<_> = steps.iter().map(|step| step.needs.clone()).collect();
        steps.iter_mut().zip(schedule(&needs)).for_each(|(step, after)| step.after = after);
    }
    steps
}

/// The step's own words, else its connection's.
fn preflight_of(
    head: &Head<'_>,
    config: &ConnectionConfig,
    operation: &Operation,
    problems: &mut Problems,
) -> Preflight {
    let Some(node) = head.preflight else { return config.preflight.clone() };
    if !operation.parameters.iter().any(|parameter| is_document(parameter.kind)) {
        let message = format!("`preflight` checks orders and invoices, and `{}` takes none", head.call.key.text);
        problems.add(&node.place, code::UNKNOWN_KEY, message);
    }
    preflight::read(node, &config.preflight, problems)
}

fn results_of(head: &Head<'_>) -> Option<Vec<String>> {
    let (_, _, operation) = head.target?;
    Some(operation.results.iter().map(|field| field.name.to_owned()).collect())
}
