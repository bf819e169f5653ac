//! Events as expressions see them.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
};

use cel::{
    common::{
        types::{CelBool, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelTimestamp, CelUInt},
        value::{CowVal, Val},
    },
    context::VariableResolver,
};
use prost::Message as _;
use serde_json::Value;

use super::{
    lookup::Miss,
    message::{Message, Meter},
    schema,
};
use crate::topics::{body::Body, event::Event};

/// Results of steps, by the steps' names.
pub type Results = BTreeMap<String, BTreeMap<String, String>>;

type Boxed = Box<dyn Val>;

/// One event's values, built once for all expressions about it.
#[derive(Debug)]
pub struct Facts {
    entity: (&'static str, Message),
    event: Boxed,
    steps: Boxed,
    meter: Meter,
    /// Values that had no row in a table.
    missed: Mutex<Vec<Miss>>,
}

impl Facts {
    /// What an event says, with the results of the steps done because of it.
    pub fn of(event: &Event, results: &Results) -> Self {
        let entity = event.event_type.entity;
        let meter = Meter::default();
        let body = Message::new(schema::entity(entity), encode(&event.body).into(), meter.clone());
        let (event, steps) = (about(event), steps(results));
        Self { entity: (entity.as_str(), body), event, steps, meter, missed: Mutex::default() }
    }

    /// An evaluation begins.
    pub(super) fn begin(&self) {
        self.meter.reset();
    }

    /// How often the last evaluation asked for a field.
    #[cfg(test)]
    pub(super) fn count(&self) -> u64 {
        self.meter.count()
    }

    pub(super) fn note(&self, misses: Vec<Miss>) {
        self.missed.lock().unwrap_or_else(PoisonError::into_inner).extend(misses);
    }

    /// The values that had no row in a table, since this was asked last.
    pub fn take_misses(&self) -> Vec<Miss> {
        std::mem::take(&mut *self.missed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl VariableResolver for Facts {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let value: &'b dyn Val = match variable {
            "event" => self.event.as_ref(),
            "steps" => self.steps.as_ref(),
            name if name == self.entity.0 => &self.entity.1,
            _ => return None,
        };
        Some(CowVal::Borrowed(value))
    }
}

fn encode(body: &Body) -> Vec<u8> {
    match body {
        Body::Order(body) => body.encode_to_vec(),
        Body::Invoice(body) => body.encode_to_vec(),
        Body::Payment(body) => body.encode_to_vec(),
        Body::Customer(body) => body.encode_to_vec(),
        Body::Subscriber(body) => body.encode_to_vec(),
        Body::Step(body) => body.encode_to_vec(),
    }
}

fn about(event: &Event) -> Boxed {
    map([
        ("id", text(event.id.as_str())),
        ("type", text(event.event_type.name)),
        ("source", text(event.connection.as_str())),
        ("subject", text(&event.subject)),
        ("time", text(&event.since.at.to_string())),
    ])
}

/// `crm.add_to_list` is found as `steps.crm.add_to_list`.
fn steps(results: &Results) -> Boxed {
    let mut top: BTreeMap<&str, Boxed> = BTreeMap::new();
    let mut within: BTreeMap<&str, Vec<(&str, Boxed)>> = BTreeMap::new();
    for (name, result) in results {
        let result = map(result.iter().map(|(name, value)| (name.as_str(), text(value))));
        match name.split_once('.') {
            Some((first, rest)) => within.entry(first).or_default().push((rest, result)),
            None => {
                top.insert(name, result);
            }
        }
    }
    map(top.into_iter().chain(within.into_iter().map(|(first, rest)| (first, map(rest)))))
}

fn text(text: &str) -> Boxed {
    Box::new(CelString::from(text.to_owned()))
}

fn map<'a>(members: impl IntoIterator<Item = (impl Into<Cow<'a, str>>, Boxed)>) -> Boxed {
    let members: HashMap<CelMapKey<'static>, Boxed> =
        members.into_iter().map(|(name, value)| (CelMapKey::from(name.into().into_owned()), value)).collect();
    Box::new(CelMap::from(members))
}

/// What an expression gave, as JSON. `None` for what has no place there.
pub(super) fn to_json(value: &dyn Val) -> Option<Value> {
    if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        return Some(Value::String(text.inner().to_owned()));
    }
    if let Some(flag) = value.downcast_ref::<CelBool>() {
        return Some(Value::Bool(*flag.inner()));
    }
    if let Some(number) = value.downcast_ref::<CelInt>() {
        return Some(Value::from(*number.inner()));
    }
    if let Some(number) = value.downcast_ref::<CelUInt>() {
        return Some(Value::from(*number.inner()));
    }
    if let Some(time) = value.downcast_ref::<CelTimestamp>() {
        return Some(Value::String(time.inner().to_rfc3339()));
    }
    if value.downcast_ref::<CelNull>().is_some() {
        return Some(Value::Null);
    }
    groups_to_json(value)
}

fn groups_to_json(value: &dyn Val) -> Option<Value> {
    if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        return list.inner().iter().map(|item| to_json(item.as_ref())).collect::<Option<_>>().map(Value::Array);
    }
    if let Some(message) = value.downcast_ref::<Message>() {
        let member = |(name, value): (String, Result<&(dyn Val + 'static), _>)| Some((name, to_json(value.ok()?)?));
        return message.fields().map(member).collect::<Option<_>>().map(Value::Object);
    }
    let map = value.downcast_ref::<CelMap<'_>>()?;
    let mut members = serde_json::Map::new();
    for (key, value) in map.inner() {
        let CelMapKey::String(name) = key else { return None };
        members.insert(name.inner().to_owned(), to_json(value.as_ref())?);
    }
    Some(Value::Object(members))
}
