//! Events as expressions see them.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
};

use cel::{
    common::{
        types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelString},
        value::{CowVal, Val},
    },
    context::VariableResolver,
    objects::Key,
};
use prost::Message as _;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _, Value as Reflected,
};
use serde_json::Value;

use super::{lookup::Miss, schema};
use crate::topics::{body::Body, event::Event};

/// Results of steps, by the steps' names.
pub type Results = BTreeMap<String, BTreeMap<String, String>>;

type Boxed = Box<dyn Val>;

/// One event's values, built once for all expressions about it.
#[derive(Debug)]
pub struct Facts {
    entity: (&'static str, Boxed),
    event: Boxed,
    steps: Boxed,
    /// Values that had no row in a table.
    missed: Mutex<Vec<Miss>>,
}

impl Facts {
    /// What an event says, with the results of the steps done because of it.
    pub fn of(event: &Event, results: &Results) -> Self {
        let entity = event.event_type.entity;
        let descriptor = schema::entity(entity);
        let message = DynamicMessage::decode(descriptor, encode(&event.body).as_slice())
            .expect("the body was written by the same schema");
        Self {
            entity: (entity.as_str(), message_value(&message)),
            event: about(event),
            steps: steps(results),
            missed: Mutex::default(),
        }
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
            name if name == self.entity.0 => self.entity.1.as_ref(),
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

fn message_value(message: &DynamicMessage) -> Boxed {
    map(message.descriptor().fields().map(|field| (field.name().to_owned(), field_value(message, &field))))
}

/// A message that is not set is one with all its fields empty: asking for a field never fails.
fn field_value(message: &DynamicMessage, field: &FieldDescriptor) -> Boxed {
    match field.kind() {
        Kind::Message(inner) if !field.is_list() && !field.is_map() && !message.has_field(field) => empty(&inner),
        kind => value_of(&message.get_field(field), &kind),
    }
}

fn empty(message: &MessageDescriptor) -> Boxed {
    message_value(&DynamicMessage::new(message.clone()))
}

fn value_of(value: &Reflected, kind: &Kind) -> Boxed {
    match value {
        Reflected::Bool(flag) => Box::new(CelBool::from(*flag)),
        Reflected::I32(number) => integer(i64::from(*number)),
        Reflected::I64(number) => integer(*number),
        Reflected::U32(number) => integer(i64::from(*number)),
        Reflected::U64(number) => integer(i64::try_from(*number).unwrap_or(i64::MAX)),
        Reflected::F32(number) => Box::new(CelDouble::from(f64::from(*number))),
        Reflected::F64(number) => Box::new(CelDouble::from(*number)),
        Reflected::String(value) => text(value),
        Reflected::Bytes(bytes) => text(&String::from_utf8_lossy(bytes)),
        Reflected::EnumNumber(number) => match kind {
            Kind::Enum(choice) => text(&schema::choice_name(choice, *number)),
            _ => integer(i64::from(*number)),
        },
        Reflected::Message(message) => message_value(message),
        Reflected::List(items) => {
            let items: Vec<Boxed> = items.iter().map(|item| value_of(item, kind)).collect();
            Box::new(CelList::from(items))
        }
        Reflected::Map(members) => {
            let of = match kind {
                Kind::Message(entry) if entry.is_map_entry() => entry.map_entry_value_field().kind(),
                other => other.clone(),
            };
            let named = members.iter().filter_map(|(key, value)| key.as_str().map(|key| (key, value)));
            map(named.map(|(key, value)| (key, value_of(value, &of))))
        }
    }
}

fn integer(number: i64) -> Boxed {
    Box::new(CelInt::from(number))
}

/// What an expression gave, as JSON. `None` for what has no place there.
pub(super) fn to_json(value: &cel::Value) -> Option<Value> {
    Some(match value {
        cel::Value::Null => Value::Null,
        cel::Value::Bool(flag) => Value::Bool(*flag),
        cel::Value::Int(number) => Value::from(*number),
        cel::Value::UInt(number) => Value::from(*number),
        cel::Value::String(text) => Value::String(text.as_ref().clone()),
        cel::Value::Timestamp(time) => Value::String(time.to_rfc3339()),
        cel::Value::List(items) => Value::Array(items.iter().map(to_json).collect::<Option<_>>()?),
        cel::Value::Map(members) => {
            let member = |(key, value): (&Key, &cel::Value)| match key {
                Key::String(name) => Some((name.as_ref().clone(), to_json(value)?)),
                _ => None,
            };
            Value::Object(members.map.iter().map(member).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}
