//! The flows: from YAML to what the router goes by.

mod cost;
pub(crate) mod defaults;
mod disagree;
mod expressions;
mod field_sets;
mod hold;
mod layers;
mod occasions;
mod parameters;
mod steps;
mod texts;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub(crate) use field_sets::FieldSets;

pub(super) use parameters::no_such_parameter;
pub(super) use steps::find_target;

use super::{
    connections::Connections,
    fields::{Fields, list, plain_name, scalar, texts as text_list},
    report::Problems,
    source::Place,
    tree::{Entry, Node, Value},
    volume::{self, Volume},
};
use crate::{
    expr::{Expression, Lookups, Scope, StepScope},
    model::{
        code::{self, Code},
        connection::ConnectionName,
        time::Timestamp,
    },
    router::Flow,
    topics::event::{Entity, EventType, TYPES},
};

/// The longest name of a flow or a step.
pub(super) const LONGEST_NAME: usize = 64;

/// What flows are written with.
pub(crate) struct Vocabulary<'a> {
    pub connections: &'a Connections,
    pub lookups: Arc<Lookups>,
    pub field_sets: FieldSets<'a>,
}

impl Vocabulary<'_> {
    fn scope(&self, entity: Option<Entity>, steps: &BTreeMap<String, StepScope>) -> Scope {
        Scope::new(entity, steps).with_lookups(Arc::clone(&self.lookups))
    }
}

/// What an owner may declare to be meant, by the code that checking tells it with.
const ALLOWABLE: [Code; 4] = [code::FLOWS_DISAGREE, code::ODD_QUOTES, code::OVER_QUOTA, code::PLAIN_EXPRESSION];

/// A flow, with what only checking asks for.
pub(crate) struct CheckedFlow<'a> {
    pub flow: Flow,
    entry: &'a Entry,
    /// How often it fires.
    pub volume: Option<Volume>,
    allowed: Vec<Code>,
}

impl CheckedFlow<'_> {
    /// Whether the owner says that this is meant.
    pub(super) fn allows(&self, code: Code) -> bool {
        self.allowed.contains(&code)
    }

    /// Whether one event can fire both.
    fn fires_with(&self, other: &Self) -> bool {
        let same_type = self.flow.types.iter().any(|event_type| other.flow.types.contains(event_type));
        let same_source = match (&self.flow.from, &other.flow.from) {
            (Some(one), Some(two)) => !one.is_disjoint(two),
            _ => true,
        };
        same_type && same_source
    }

    /// Where a parameter of a step stands: its value, or what is nearest to it.
    fn place_of(&self, step: usize, parameter: &str, member: Option<&str>) -> Place {
        let member_of = |node: &Node, name: &str| match &node.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key.text == name).map(|entry| entry.value.clone()),
            _ => None,
        };
        let step = member_of(&self.entry.value, "do").and_then(|steps| match steps.value {
            Value::List(items) => items.into_iter().nth(step),
            _ => None,
        });
        let call = step.as_ref().and_then(|step| match &step.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key.text.contains('.')),
            _ => None,
        });
        let value = call.and_then(|call| member_of(&call.value, parameter));
        let inner = value.as_ref().zip(member).and_then(|(value, member)| member_of(value, member));
        let found = inner.or(value).map(|node| node.place);
        found.or_else(|| call.map(|call| call.key.place.clone())).unwrap_or_else(|| self.entry.key.place.clone())
    }
}

/// Reads what stands under `flows`. A flow with any error is left out.
pub(crate) fn read<'a>(
    entries: &'a [Entry],
    vocabulary: &Vocabulary<'_>,
    problems: &mut Problems,
) -> Vec<CheckedFlow<'a>> {
    let mut flows = Vec::new();
    for entry in entries {
        let before = problems.count();
        let flow = read_flow(entry, vocabulary, problems);
        flows.extend(flow.filter(|_| problems.count() == before));
    }
    check_identities(&flows, problems);
    flows
}

/// What can only be seen of all flows together.
pub(crate) fn compare(flows: &[CheckedFlow<'_>], connections: &Connections, problems: &mut Problems) {
    disagree::check(flows, problems);
    volume::check(flows, connections, problems);
}

fn read_flow<'a>(entry: &'a Entry, vocabulary: &Vocabulary<'_>, problems: &mut Problems) -> Option<CheckedFlow<'a>> {
    let connections = vocabulary.connections;
    let name = &entry.key.text;
    if !is_name(name, "-_") {
        let message =
            format!("a flow's name is up to {LONGEST_NAME} of `a-z`, `0-9`, `-` and `_`, beginning with a letter");
        problems.add(&entry.key.place, code::BAD_NAME, message).hint(format!("such as `{}`", plain_name(name, '-')));
    }
    let mut fields = Fields::open(&entry.value, format!("the flow `{name}`"), problems)?;
    let on = fields.node("on");
    let from = fields.node("from");
    let when = fields.node("when");
    let start = fields.node("start");
    let steps = fields.node("do");
    let was = fields.node("was").map_or_else(Vec::new, |node| names(node, problems));
    let volume = fields.node("volume").and_then(|node| Volume::read(node, problems));
    let allowed = fields.node("allow").map_or_else(Vec::new, |node| read_allowed(node, problems));
    fields.finish(problems);
    for (key, node, example) in [("on", on, "order.paid"), ("do", steps, "[ … ]")] {
        let absent = node.is_none_or(|node| matches!(&node.value, Value::List(items) if items.is_empty()));
        if absent && !is_misspelled(key, entry) {
            let message = format!("the flow `{name}` needs `{key}`");
            problems.add(&entry.key.place, code::MISSING_KEY, message).hint(format!("add `{key}: {example}`"));
        }
    }

    let types = on.map_or_else(Vec::new, |node| read_types(node, problems));
    let entity = one_entity(&types, problems);
    let from = from.map(|node| read_from(node, connections, problems));
    check_emitted(&types, from.as_deref(), connections, problems);
    let start = start.and_then(|node| scalar(node, problems, read_start));
    let when = when.and_then(|node| condition(node, &vocabulary.scope(entity, &BTreeMap::new()), problems));
    let since = problems.all();
    let steps = steps.map_or_else(Vec::new, |node| steps::read(node, entity, vocabulary, problems));
    problems.forgive(since, &allowed);
    let flow = Flow {
        identity: was.first().unwrap_or(name).clone(),
        name: name.clone(),
        types: types.into_iter().map(|(event_type, _)| event_type).collect(),
        from: from.map(|from| from.iter().filter_map(|(name, _)| connections.identity(name)).collect()),
        when,
        start,
        steps,
    };
    cost::check(&flow, &entry.key.place, problems);
    Some(CheckedFlow { flow, entry, volume, allowed })
}

/// It is given under a name that is nearly its own: that has been told already.
fn is_misspelled(key: &str, entry: &Entry) -> bool {
    let Value::Map(entries) = &entry.value.value else { return false };
    let known = || super::keys::FLOW.keys.iter().map(|known| known.name);
    let unknown = entries.iter().map(|entry| entry.key.text.as_str()).filter(|key| !known().any(|name| name == *key));
    unknown.into_iter().any(|unknown| crate::expr::suggest::nearest(unknown, known()) == Some(key))
}

fn read_allowed(node: &Node, problems: &mut Problems) -> Vec<Code> {
    let mut allowed = Vec::new();
    for (text, node) in text_list(node, problems) {
        if let Some(code) = ALLOWABLE.iter().find(|code| code.as_str() == text) {
            allowed.push(*code);
        } else {
            let message = format!("expected {}", list(ALLOWABLE.iter().map(|code| code.as_str())));
            problems.add(&node.place, code::WRONG_KIND, message);
        }
    }
    allowed
}

/// A condition, with its problems where they stand.
fn condition(node: &Node, scope: &Scope, problems: &mut Problems) -> Option<Expression> {
    let Value::Scalar(text) = &node.value else {
        let message = format!("a condition is a text, found {}", node.value.describe());
        problems.add(&node.place, code::WRONG_KIND, message);
        return None;
    };
    let condition = expressions::place(Expression::condition(&text.text, scope), text, node, problems)?;
    if condition.constant() == Some(false) {
        problems
            .add(&node.place, code::NEVER_HOLDS, "the condition is false for every event")
            .hint("mend it; to switch something off for a while, put `#` before its lines");
    }
    Some(condition)
}

pub(super) fn is_name(text: &str, beside: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || beside.contains(c);
    text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(allowed) && text.len() <= LONGEST_NAME
}

fn names(node: &Node, problems: &mut Problems) -> Vec<String> {
    text_list(node, problems).into_iter().map(|(text, _)| text.to_owned()).collect()
}

fn read_types<'a>(node: &'a Node, problems: &mut Problems) -> Vec<(&'static EventType, &'a Place)> {
    let mut types: Vec<(&'static EventType, &Place)> = Vec::new();
    for (text, node) in text_list(node, problems) {
        match EventType::find(text) {
            Some(event_type) if types.iter().any(|(other, _)| other.name == event_type.name) => {
                problems
                    .add(&node.place, code::DUPLICATE_KEY, format!("`{text}` stands twice"))
                    .hint("leave one of them out");
            }
            Some(event_type) => types.push((event_type, &node.place)),
            None => unknown_type(text, &node.place, problems),
        }
    }
    types
}

pub(super) fn unknown_type(text: &str, place: &Place, problems: &mut Problems) {
    let known = || TYPES.iter().map(|event_type| event_type.name).filter(|name| !name.starts_with("step."));
    let entity = text.split('.').next().unwrap_or(text);
    let same_entity = || known().filter(|name| name.split('.').next() == Some(entity));
    let near = crate::expr::suggest::nearest(text, known());
    let hint = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None if same_entity().next().is_some() => format!("there is {}", list(same_entity())),
        None => format!(
            "events are about {}",
            list(Entity::ALL.iter().map(|entity| entity.as_str()).filter(|e| *e != "step"))
        ),
    };
    problems.add(place, code::NO_SUCH_EVENT_TYPE, format!("there is no event `{text}`")).hint(hint);
}

/// What all types of a flow are about. `None` when that is not known.
fn one_entity(types: &[(&'static EventType, &Place)], problems: &mut Problems) -> Option<Entity> {
    let (first, _) = types.first()?;
    match types.iter().find(|(other, _)| other.entity != first.entity) {
        None => Some(first.entity),
        Some((other, place)) => {
            let message = format!("`{}` is about another thing than `{}`", other.name, first.name);
            problems.add(place, code::MIXED_ENTITIES, message).hint("write one flow for each");
            None
        }
    }
}

fn read_from<'a>(
    node: &'a Node,
    connections: &Connections,
    problems: &mut Problems,
) -> Vec<(ConnectionName, &'a Place)> {
    let mut from = Vec::new();
    for (text, node) in text_list(node, problems) {
        match connections.good.get_key_value(text) {
            Some((name, _)) => from.push((name.clone(), &node.place)),
            None => no_such_connection(text, &node.place, connections, problems),
        }
    }
    from
}

/// Complains about a name, unless its connection is there and something else is wrong with it.
pub(super) fn no_such_connection(text: &str, place: &Place, connections: &Connections, problems: &mut Problems) {
    if connections.broken.iter().any(|broken| broken == text) {
        // Whoever mends the connection sees what else is wrong; until then a flow with it cannot be judged.
        return;
    }
    let known =
        || connections.good.keys().map(ConnectionName::as_str).chain(connections.broken.iter().map(String::as_str));
    let near = crate::expr::suggest::nearest(text, known());
    let of_vendor = || connections.good.iter().find(|(_, config)| config.vendor.name == text).map(|(name, _)| name);
    let hint = match (near, of_vendor()) {
        (_, Some(name)) => format!("`{text}` is the vendor: write the connection's name, `{name}`"),
        (Some(near), None) => format!("did you mean `{near}`?"),
        (None, None) => format!("connections are {}", list(known())),
    };
    problems.add(place, code::NO_SUCH_TARGET, format!("there is no connection `{text}`")).hint(hint);
}

/// Every type must be given by one of the connections, and every connection named must give one of the types.
fn check_emitted(
    types: &[(&'static EventType, &Place)],
    from: Option<&[(ConnectionName, &Place)]>,
    connections: &Connections,
    problems: &mut Problems,
) {
    if !connections.broken.is_empty() {
        return;
    }
    let gives = |name: &ConnectionName, event_type: &EventType| {
        connections.good.get(name).is_some_and(|config| config.vendor.events.contains(&event_type))
    };
    let all: Vec<ConnectionName> = match from {
        Some(from) => from.iter().map(|(name, _)| name.clone()).collect(),
        None => connections.good.keys().cloned().collect(),
    };
    let mut idle: BTreeSet<&ConnectionName> = from.into_iter().flatten().map(|(name, _)| name).collect();
    idle.retain(|name| !types.iter().any(|(event_type, _)| gives(name, event_type)));
    for (event_type, place) in types {
        if !all.is_empty() && !all.iter().any(|name| gives(name, event_type)) {
            never_emitted(event_type, place, &all, connections, problems);
        }
    }
    for (name, place) in from.into_iter().flatten().filter(|(name, _)| idle.contains(name) && all.len() > 1) {
        let message = format!("`{name}` gives none of these events");
        problems.add(place, code::NEVER_EMITTED, message).hint("take it out of `from`");
    }
}

pub(super) fn never_emitted(
    event_type: &EventType,
    place: &Place,
    from: &[ConnectionName],
    connections: &Connections,
    problems: &mut Problems,
) {
    let given: BTreeSet<&str> = from
        .iter()
        .filter_map(|name| connections.good.get(name))
        .flat_map(|config| config.vendor.events.iter().map(|event_type| event_type.name))
        .collect();
    let names = list(from.iter().map(ConnectionName::as_str));
    let message = format!("{names} never gives `{}`", event_type.name);
    let others = connections.good.iter().filter(|(_, config)| config.vendor.events.contains(&event_type));
    let others: Vec<&str> = others.map(|(name, _)| name.as_str()).collect();
    let hint = match (given.is_empty(), others.is_empty()) {
        (_, false) => format!("{} gives it: mend `from`", list(others.into_iter())),
        (true, true) => "it gives no events: `spojka connectors` tells which vendors do".to_owned(),
        (false, true) => format!("it gives {}", list(given.into_iter())),
    };
    problems.add(place, code::NEVER_EMITTED, message).hint(hint);
}

/// A time, or a day, which begins at midnight UTC.
fn read_start(text: &str) -> Result<Timestamp, String> {
    let day =
        || text.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|day| day.timestamp());
    let expected = "expected a time such as `2025-10-09T08:00:00+02:00`, or a day such as `2025-10-09`";
    text.parse::<Timestamp>().ok().or_else(day).ok_or_else(|| expected.to_owned())
}

/// Two flows with one past would fire as one.
fn check_identities(flows: &[CheckedFlow<'_>], problems: &mut Problems) {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for CheckedFlow { flow, entry, .. } in flows {
        if let Some(other) = seen.insert(&flow.identity, &flow.name) {
            let message = format!("`{}` and `{other}` both claim the past of `{}`", flow.name, flow.identity);
            problems.add(&entry.key.place, code::DUPLICATE_IDENTITY, message);
        }
    }
}

/// What the expressions of the step at a place in its flow see of the others.
fn steps_in_scope(results: &[(String, Option<Vec<String>>)], at: usize) -> BTreeMap<String, StepScope> {
    let scope = |(index, (name, results)): (usize, &(String, Option<Vec<String>>))| {
        let step = match results {
            _ if index >= at => StepScope::Later,
            Some(results) => StepScope::Earlier(results.clone()),
            None => StepScope::Unknown,
        };
        (name.clone(), step)
    };
    // In reverse: of two steps with one name (an error already told), the first one is meant.
    results.iter().enumerate().rev().map(scope).collect()
}
