//! What expressions know about events: fields, types and comments of the messages of `proto/`.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use prost_reflect::{
    DescriptorPool, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, prost_types::SourceCodeInfo,
};

use crate::topics::{body::DESCRIPTORS, event::Entity};

static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(DESCRIPTORS).expect("the build wrote valid descriptors"));

/// Fields that hold a decimal number as text: comparing them as texts would be wrong.
const DECIMALS: &[(&str, &str)] = &[
    ("spojka.v1.Money", "amount"),
    ("spojka.v1.Item", "quantity"),
    ("spojka.v1.Item", "tax_rate"),
    ("spojka.v1.TaxLine", "rate"),
    ("spojka.v1.Invoice", "exchange_rate"),
];

/// The full name of an amount with its currency.
pub const MONEY: &str = "spojka.v1.Money";
/// The full name of a field that the owner added at the source.
pub const CUSTOM_FIELD: &str = "spojka.v1.CustomField";

/// The type of an expression, as far as it is known before it runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    Unknown,
    Null,
    Boolean,
    Integer,
    Double,
    Text,
    /// A text that holds a decimal number.
    Decimal,
    /// A text out of the names of an enum.
    Choice(EnumDescriptor),
    Time,
    Duration,
    List(Box<Type>),
    /// From texts to values of one type.
    Map(Box<Type>),
    Message(MessageDescriptor),
    /// `event`, `steps` and what they hold.
    Record(Arc<Record>),
    /// A step whose result is not there yet.
    LaterStep(String),
}

/// Named fields that are no message.
#[derive(Debug, PartialEq)]
pub struct Record {
    pub kind: RecordKind,
    pub fields: BTreeMap<String, Type>,
}

/// What a record stands for.
#[derive(Debug, PartialEq)]
pub enum RecordKind {
    Event,
    /// `steps`, or `steps.<connection>`: the text before a step's name.
    Steps(String),
    /// One step's results.
    Step(String),
}

impl Type {
    pub fn list(of: Self) -> Self {
        Self::List(Box::new(of))
    }

    /// For people, with an article.
    pub fn describe(&self) -> String {
        match self {
            Self::Unknown => "something".to_owned(),
            Self::Null => "null".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::Integer => "a whole number".to_owned(),
            Self::Double => "a number".to_owned(),
            Self::Text => "a text".to_owned(),
            Self::Decimal => "a decimal number (as text)".to_owned(),
            Self::Choice(_) => "a choice (as text)".to_owned(),
            Self::Time => "a time".to_owned(),
            Self::Duration => "a duration".to_owned(),
            Self::List(of) => match of.as_ref() {
                Self::Message(message) => format!("a list of `{}`", message.name()),
                Self::Text | Self::Decimal | Self::Choice(_) => "a list of texts".to_owned(),
                _ => "a list".to_owned(),
            },
            Self::Map(_) => "a mapping".to_owned(),
            Self::Message(message) => format!("a whole `{}`", message.name()),
            Self::Record(_) | Self::LaterStep(_) => "a group of fields".to_owned(),
        }
    }

    /// Whether it is a text, of whatever meaning.
    pub fn is_text(&self) -> bool {
        matches!(self, Self::Unknown | Self::Text | Self::Decimal | Self::Choice(_))
    }

    /// Whether it is this message.
    pub fn is_message(&self, name: &str) -> bool {
        matches!(self, Self::Message(message) if message.full_name() == name)
    }

    /// Whether values of both types can be equal.
    pub fn goes_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unknown, _) | (_, Self::Unknown) | (Self::Integer | Self::Double, Self::Integer | Self::Double) => {
                true
            }
            (Self::List(one), Self::List(two)) | (Self::Map(one), Self::Map(two)) => one.goes_with(two),
            (one, two) => one == two || one.is_text() && two.is_text(),
        }
    }

    /// The type that covers both.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, known) | (known, Self::Unknown) => known,
            (Self::List(one), Self::List(two)) => Self::list(one.join(*two)),
            (Self::Map(one), Self::Map(two)) => Self::Map(Box::new(one.join(*two))),
            (one, two) if one == two => one,
            (one, two) if one.is_text() && two.is_text() => Self::Text,
            _ => Self::Unknown,
        }
    }
}

/// The message that carries an entity.
pub fn entity(entity: Entity) -> MessageDescriptor {
    message(entity.message()).expect("every entity has its message")
}

/// A message by its full name.
pub fn message(name: &str) -> Option<MessageDescriptor> {
    POOL.get_message_by_name(name)
}

/// The type of a message's field.
pub fn field_type(field: &FieldDescriptor) -> Type {
    let name = (field.parent_message().full_name().to_owned(), field.name().to_owned());
    if DECIMALS.contains(&(name.0.as_str(), name.1.as_str())) {
        return Type::Decimal;
    }
    let of = match field.kind() {
        Kind::Message(map) if field.is_map() => {
            return Type::Map(Box::new(kind_type(&map.map_entry_value_field().kind())));
        }
        kind => kind_type(&kind),
    };
    if field.is_list() { Type::list(of) } else { of }
}

fn kind_type(kind: &Kind) -> Type {
    match kind {
        Kind::String => Type::Text,
        Kind::Bool => Type::Boolean,
        Kind::Double | Kind::Float => Type::Double,
        Kind::Enum(choice) => Type::Choice(choice.clone()),
        Kind::Message(message) => Type::Message(message.clone()),
        Kind::Bytes => Type::Unknown,
        _ => Type::Integer,
    }
}

/// The texts that an enum's values are in expressions: lower case, without the prefix, `""` for the unspecified one.
pub fn choices(choice: &EnumDescriptor) -> Vec<String> {
    choice.values().map(|value| choice_name(choice, value.number())).collect()
}

/// The text that one value of an enum is. A number that this version does not know is `unknown`.
pub fn choice_name(choice: &EnumDescriptor, number: i32) -> String {
    if number == 0 {
        return String::new();
    }
    let Some(value) = choice.get_value(number) else { return "unknown".to_owned() };
    let name = value.name();
    let prefix = screaming(choice.name());
    name.strip_prefix(&prefix).and_then(|rest| rest.strip_prefix('_')).unwrap_or(name).to_lowercase()
}

/// `OrderStatus` as `ORDER_STATUS`.
fn screaming(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.extend(c.to_uppercase());
    }
    out
}

/// The way to a message inside a body, by the names in canonical JSON: `order.shipping_total` is `["shippingTotal"]`.
pub fn json_path(path: &[&str]) -> Option<Vec<String>> {
    let (first, fields) = path.split_first()?;
    let mut within = Type::Message(entity(Entity::ALL.into_iter().find(|known| known.as_str() == *first)?));
    let mut names = Vec::new();
    for name in fields {
        let Type::Message(message) = &within else { return None };
        let field = message.get_field_by_name(name)?;
        names.push(field.json_name().to_owned());
        within = field_type(&field);
    }
    Some(names)
}

/// A field, for pages and completion.
#[derive(Clone, Debug)]
pub struct FieldDoc {
    pub name: String,
    pub field_type: Type,
    /// The comment above it.
    pub doc: String,
}

/// All fields of a message, in the order of the schema.
pub fn fields(message: &MessageDescriptor) -> Vec<FieldDoc> {
    let doc = |field: &FieldDescriptor| FieldDoc {
        name: field.name().to_owned(),
        field_type: field_type(field),
        doc: comment(message, field.path()),
    };
    message.fields().map(|field| doc(&field)).collect()
}

fn comment(message: &MessageDescriptor, path: &[i32]) -> String {
    let file = message.parent_file();
    let info = file.file_descriptor_proto().source_code_info.as_ref();
    let at = |info: &SourceCodeInfo| info.location.iter().find(|location| location.path == path).cloned();
    let text = info.and_then(at).and_then(|location| location.leading_comments).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_decimal_is_a_text_of_the_schema() {
        for (name, field) in DECIMALS {
            let field = message(name).and_then(|message| message.get_field_by_name(field)).expect(name);
            assert_eq!(field.kind(), Kind::String);
        }
    }

    #[test]
    fn enums_are_named_without_their_prefix() {
        let Some(Type::Choice(status)) =
            entity(Entity::Order).get_field_by_name("status").map(|field| field_type(&field))
        else {
            panic!("a choice")
        };
        assert_eq!(choice_name(&status, 0), "");
        assert_eq!(choice_name(&status, 3), "on_hold");
        assert_eq!(choice_name(&status, 99), "unknown");
    }

    #[test]
    fn fields_have_their_comments() {
        let docs = fields(&entity(Entity::Order));
        let total = docs.iter().find(|doc| doc.name == "total").expect("a field");
        assert_eq!(total.doc, "What the buyer pays, tax included.");
    }

    /// Defaults of messages are built whole: a message that holds itself would never end.
    #[test]
    fn no_message_holds_itself() {
        fn walk(message: &MessageDescriptor, above: &mut Vec<String>) {
            assert!(!above.contains(&message.full_name().to_owned()), "{} holds itself", message.full_name());
            above.push(message.full_name().to_owned());
            for field in message.fields().filter(|field| !field.is_list()) {
                if let Kind::Message(inner) = field.kind() {
                    walk(&inner, above);
                }
            }
            above.pop();
        }
        for each in Entity::ALL {
            walk(&entity(each), &mut Vec::new());
        }
    }
}
