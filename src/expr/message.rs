//! Messages as expressions see them: read from their encoding, field by field, when an expression asks. An event has some
//! hundred fields, and a flow looks at five.
//!
//! A field is decoded once; its value is kept and lent. A message that is not set is one with all its fields empty: asking for
//! a field never fails, unless it holds more than expressions may look at.

use std::{
    any::Any,
    collections::HashMap,
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::{Buf as _, Bytes};
use cel::{
    ExecutionError,
    common::{
        traits::Indexer,
        types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelString, Type},
        value::{CowVal, StaticVal, Val},
    },
};
use prost::encoding::{WireType, decode_key, decode_varint};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::{functions, limits, schema};

type Boxed = Box<dyn Val>;

static MESSAGE: Type = Type::new_unspecified_type("message");

/// A message. Clones share what has been decoded.
#[derive(Clone)]
pub(super) struct Message(Arc<Inner>);

struct Inner {
    descriptor: MessageDescriptor,
    encoded: Bytes,
    meter: Meter,
    parsed: OnceLock<Parsed>,
}

/// Where the fields stand, and those that have been asked for. `None`: it holds too much.
struct Parsed {
    slots: Vec<(u32, Slot)>,
    values: Box<[OnceLock<Option<Boxed>>]>,
}

/// A field's value as it was written.
enum Slot {
    Number(u64),
    Bytes(Bytes),
}

/// Counts how often an evaluation asks for anything of the event.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter(Arc<AtomicU64>);

impl Meter {
    /// Beyond this an evaluation fails. No expression that passes the check of costs comes near: see `cost`.
    const MOST: u64 = 500_000;

    pub fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// One evaluation runs on one thread, so nothing is lost between the two.
    fn step(&self) -> Result<(), ExecutionError> {
        let count = self.0.load(Ordering::Relaxed) + 1;
        self.0.store(count, Ordering::Relaxed);
        if count > Self::MOST { Err(functions::too_large("event")) } else { Ok(()) }
    }
}

impl Message {
    pub(super) fn new(descriptor: MessageDescriptor, encoded: Bytes, meter: Meter) -> Self {
        Self(Arc::new(Inner { descriptor, encoded, meter, parsed: OnceLock::new() }))
    }

    fn field(&self, name: &str) -> Result<&(dyn Val + 'static), ExecutionError> {
        self.0.meter.step()?;
        let descriptor = &self.0.descriptor;
        let field = descriptor.get_field_by_name(name).ok_or_else(|| ExecutionError::no_such_key(name))?;
        let index = field.path().last().and_then(|index| usize::try_from(*index).ok());
        let parsed = self.0.parsed.get_or_init(|| parse(&self.0.encoded, descriptor.fields().len()));
        let slot = index.and_then(|index| parsed.values.get(index)).ok_or_else(|| ExecutionError::no_such_key(name))?;
        let value = slot.get_or_init(|| self.read(&field, &parsed.slots));
        value.as_deref().ok_or_else(|| functions::too_large(name))
    }

    fn read(&self, field: &FieldDescriptor, slots: &[(u32, Slot)]) -> Option<Boxed> {
        let mut written = slots.iter().filter(|(number, _)| *number == field.number()).map(|(_, slot)| slot);
        if field.is_map() {
            return Self::read_map(written);
        }
        if !field.is_list() {
            return self.read_one(field, written.next_back());
        }
        let written: Vec<&Slot> = written.collect();
        if written.len() as u64 > limits::most_members(field) {
            return None;
        }
        let members: Option<Vec<Boxed>> = written.into_iter().map(|slot| self.read_one(field, Some(slot))).collect();
        members.map(|members| Box::new(CelList::from(members)) as Boxed)
    }

    /// A value; the empty one where nothing was written.
    fn read_one(&self, field: &FieldDescriptor, written: Option<&Slot>) -> Option<Boxed> {
        let number = match written {
            Some(Slot::Number(number)) => *number,
            _ => 0,
        };
        let bytes = match written {
            Some(Slot::Bytes(bytes)) => bytes.clone(),
            _ => Bytes::new(),
        };
        Some(match field.kind() {
            Kind::Message(inner) => Box::new(Self::new(inner, bytes, self.0.meter.clone())),
            Kind::String | Kind::Bytes => {
                if bytes.len() as u64 > limits::longest_text(field) {
                    return None;
                }
                Box::new(CelString::from(String::from_utf8_lossy(&bytes).into_owned()))
            }
            Kind::Bool => Box::new(CelBool::from(number != 0)),
            Kind::Double => Box::new(CelDouble::from(f64::from_bits(number))),
            #[expect(clippy::cast_possible_truncation, reason = "an enum's number has 32 bits")]
            Kind::Enum(choice) => Box::new(CelString::from(schema::choice_name(&choice, number as i32))),
            _ => Box::new(CelInt::from(number.cast_signed())),
        })
    }

    /// From texts to texts. What an entry does not say is empty.
    fn read_map<'a>(entries: impl Iterator<Item = &'a Slot>) -> Option<Boxed> {
        let mut members: HashMap<CelMapKey<'static>, Boxed> = HashMap::new();
        for entry in entries {
            let Slot::Bytes(entry) = entry else { continue };
            let parts = slots(entry);
            let part = |wanted: u32| match parts.iter().rfind(|(number, _)| *number == wanted) {
                Some((_, Slot::Bytes(text))) => String::from_utf8_lossy(text).into_owned(),
                _ => String::new(),
            };
            let (key, value) = (part(1), part(2));
            if key.len().max(value.len()) as u64 > limits::LONGEST_ENTRY {
                return None;
            }
            members.insert(CelMapKey::from(key), Box::new(CelString::from(value)));
        }
        (members.len() as u64 <= limits::MOST_ENTRIES).then(|| Box::new(CelMap::from(members)) as Boxed)
    }

    /// All fields, for JSON.
    pub(super) fn fields(&self) -> impl Iterator<Item = (String, Result<&(dyn Val + 'static), ExecutionError>)> {
        let names = self.0.descriptor.fields().map(|field| field.name().to_owned()).collect::<Vec<_>>();
        names.into_iter().map(|name| {
            let value = self.field(&name);
            (name, value)
        })
    }
}

fn parse(encoded: &Bytes, fields: usize) -> Parsed {
    Parsed { slots: slots(encoded), values: std::iter::repeat_with(OnceLock::new).take(fields).collect() }
}

/// Every field that was written, in the order of writing. We wrote it ourselves: what cannot be read on ends it.
fn slots(encoded: &Bytes) -> Vec<(u32, Slot)> {
    let mut rest = encoded.clone();
    let mut slots = Vec::new();
    while rest.has_remaining() {
        let Some(slot) = next_slot(&mut rest) else { break };
        slots.push(slot);
    }
    slots
}

fn next_slot(rest: &mut Bytes) -> Option<(u32, Slot)> {
    let (number, kind) = decode_key(rest).ok()?;
    let slot = match kind {
        WireType::Varint => Slot::Number(decode_varint(rest).ok()?),
        WireType::SixtyFourBit => Slot::Number(rest.try_get_u64_le().ok()?),
        WireType::ThirtyTwoBit => Slot::Number(u64::from(rest.try_get_u32_le().ok()?)),
        WireType::LengthDelimited => {
            let length = usize::try_from(decode_varint(rest).ok()?).ok()?;
            Slot::Bytes((length <= rest.len()).then(|| rest.split_to(length))?)
        }
        WireType::StartGroup | WireType::EndGroup => return None,
    };
    Some((number, slot))
}

/// The kind only: what a message holds is for nobody's log.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({})", self.0.descriptor.name())
    }
}

impl Val for Message {
    fn get_type(&self) -> &Type {
        &MESSAGE
    }

    fn cel_type() -> &'static Type {
        &MESSAGE
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn equals(&self, other: &dyn Val) -> bool {
        let Some(other) = other.downcast_ref::<Self>() else { return false };
        let same = |(name, value): (String, Result<&(dyn Val + 'static), _>)| match (value, other.field(&name)) {
            (Ok(one), Ok(two)) => one.equals(two),
            _ => false,
        };
        self.0.descriptor == other.0.descriptor && (Arc::ptr_eq(&self.0, &other.0) || self.fields().all(same))
    }

    /// Loops take a copy of each member.
    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Message {}

impl Indexer for Message {
    fn get<'b, 'v>(&'b self, name: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let name = name.downcast_ref::<CelString<'_>>().ok_or_else(|| ExecutionError::no_such_key("field"))?;
        self.field(name.inner()).map(CowVal::Borrowed)
    }

    fn steal<'v>(self: Box<Self>, name: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(name).map(CowVal::into_owned)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;
    use crate::topics::{body::v1, event::Entity};

    fn order(encoded: Vec<u8>) -> Message {
        Message::new(schema::entity(Entity::Order), Bytes::from(encoded), Meter::default())
    }

    fn text(message: &Message, name: &str) -> String {
        let value = message.field(name).expect(name).downcast_ref::<CelString<'_>>();
        value.expect("a text").inner().to_owned()
    }

    #[test]
    fn fields_are_read_when_asked_for() {
        let body = v1::Order {
            number: "2025-0042".to_owned(),
            customer: Some(v1::Party { email: "eva@example.cz".to_owned(), ..Default::default() }),
            ..Default::default()
        };
        let order = order(body.encode_to_vec());
        assert!(order.0.parsed.get().is_none(), "nothing was asked for");
        assert_eq!(text(&order, "number"), "2025-0042");
        assert_eq!(text(&order, "note"), "");
        let customer = order.field("customer").expect("a message").downcast_ref::<Message>().expect("a message");
        assert_eq!(text(customer, "email"), "eva@example.cz");
        assert_eq!(format!("{order:?}"), "Message(Order)");
    }

    #[test]
    fn what_holds_too_much_fails_when_asked_for() {
        let items = |count| vec![v1::Item::default(); count];
        let body = |count| v1::Order { note: "x".repeat((64 << 10) + 1), items: items(count), ..Default::default() };
        let large = order(body(501).encode_to_vec());
        assert!(large.field("items").is_err() && large.field("note").is_err() && large.field("number").is_ok());
        assert!(order(body(500).encode_to_vec()).field("items").is_ok());
    }

    /// Only numbers by themselves are read; a list of them would be packed.
    #[test]
    fn the_schema_has_no_lists_of_numbers() {
        for entity in Entity::ALL {
            for field in
                schema::entity(entity).parent_pool().all_messages().flat_map(|m| m.fields().collect::<Vec<_>>())
            {
                let packed = field.is_list() && !matches!(field.kind(), Kind::Message(_) | Kind::String);
                assert!(!packed || !field.full_name().starts_with("spojka."), "{}", field.full_name());
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(encoded in prop::collection::vec(any::<u8>(), 0..64)) {
            let order = order(encoded);
            for (name, _) in order.fields() {
                let _found = order.field(&name).map(|value| value.equals(value));
            }
        }
    }
}
