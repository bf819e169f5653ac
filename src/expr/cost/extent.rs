//! How large a value may be.

use crate::expr::{
    functions::Gives,
    limits,
    schema::{self, RecordKind, Type},
};

/// The most that a value may hold.
#[derive(Clone, Debug)]
pub(super) struct Extent {
    /// Whose fields can be asked for.
    of: Type,
    /// Bytes of a text, members of a list or a mapping; else 0.
    pub length: u64,
    member: Option<Box<Extent>>,
    /// The texts of all members together, where that is less than the longest so many times.
    total: Option<u64>,
}

impl Extent {
    pub(super) fn scalar() -> Self {
        Self { of: Type::Null, length: 0, member: None, total: None }
    }

    pub(super) fn text(length: u64) -> Self {
        Self { of: Type::Text, length, member: None, total: None }
    }

    pub(super) fn list(length: u64, member: Self) -> Self {
        Self { of: Type::list(Type::Unknown), length, member: Some(Box::new(member)), total: None }
    }

    /// The parts of a text.
    pub(super) fn parts(count: u64, text: u64) -> Self {
        Self { total: Some(text), ..Self::list(count, Self::text(text)) }
    }

    /// Of a type, where the field is not known.
    pub(super) fn of(of: &Type) -> Self {
        Self::within(of, limits::LONGEST_UNKNOWN, limits::MOST_ENTRIES)
    }

    fn within(of: &Type, longest: u64, most: u64) -> Self {
        let (length, member) = match of {
            Type::List(member) => (most, Some(Self::within(member, longest, limits::MOST_ENTRIES))),
            Type::Map(_) => (limits::MOST_ENTRIES, Some(Self::text(limits::LONGEST_ENTRY))),
            of if of.is_text() => (longest, None),
            _ => (0, None),
        };
        Self { of: of.clone(), length, member: member.map(Box::new), total: None }
    }

    /// What a function gives: at most so many bytes.
    pub(super) fn of_form(gives: Gives, most: u64) -> Self {
        Self::within(&gives.as_type(), most, limits::MOST_ENTRIES)
    }

    pub(super) fn field(&self, name: &str) -> Self {
        match &self.of {
            Type::Message(message) => message.get_field_by_name(name).map_or_else(Self::scalar, |field| {
                let most = limits::most_members(&field);
                Self::within(&schema::field_type(&field), limits::longest_text(&field), most)
            }),
            Type::Record(record) => {
                let step = matches!(record.kind, RecordKind::Step(_));
                let longest = if step { limits::LONGEST_RESULT } else { limits::LONGEST_UNKNOWN };
                let field = record.fields.get(name).unwrap_or(&Type::Unknown);
                Self::within(field, longest, limits::MOST_ENTRIES)
            }
            Type::Map(_) => self.member(),
            _ => Self::of(&Type::Unknown),
        }
    }

    /// A member of a list, a mapping's key or value.
    pub(super) fn member(&self) -> Self {
        self.member.as_deref().cloned().unwrap_or_else(|| Self::of(&Type::Unknown))
    }

    pub(super) fn is_group(&self) -> bool {
        self.member.is_some()
    }

    /// The texts in it, all together.
    pub(super) fn bytes(&self) -> u64 {
        match (&self.member, self.total) {
            (Some(_), Some(total)) => total,
            (Some(member), None) => self.length.saturating_mul(member.bytes()),
            (None, _) => self.length,
        }
    }

    /// The steps of a copy. Messages are shared.
    pub(super) fn copying(&self) -> u64 {
        match (&self.member, self.total) {
            (Some(_), Some(total)) => 1 + self.length.saturating_mul(2).saturating_add(total / 64),
            (Some(member), None) => 1 + self.length.saturating_mul(member.copying()),
            (None, _) => 2 + self.length / 64,
        }
    }

    /// The steps of a comparison with the like.
    pub(super) fn comparing(&self) -> u64 {
        match (&self.member, &self.of) {
            (Some(member), _) => 1 + self.length.saturating_mul(member.comparing()),
            (None, Type::Message(message)) => {
                message.fields().map(|field| 4 + self.field(field.name()).comparing()).sum()
            }
            (None, _) => 1 + self.length / 64,
        }
    }

    /// The larger of both.
    pub(super) fn join(self, other: Self) -> Self {
        let member = match (self.member, other.member) {
            (Some(one), Some(two)) => Some(Box::new(one.join(*two))),
            (one, two) => one.or(two),
        };
        let of = if self.of == Type::Null { other.of } else { self.of };
        let total = self.total.zip(other.total).map(|(one, two)| one.max(two));
        Self { of, length: self.length.max(other.length), member, total }
    }

    /// Both, one behind the other.
    pub(super) fn and(self, other: Self) -> Self {
        let length = self.length.saturating_add(other.length);
        let total = self.total.zip(other.total).map(|(one, two)| one.saturating_add(two));
        Self { length, total, ..self.join(other) }
    }

    /// What is gathered in a loop that makes `step` of it once.
    pub(super) fn grown(&self, step: &Self, times: u64) -> Self {
        let more = step.length.saturating_sub(self.length).saturating_mul(times);
        Self { length: self.length.saturating_add(more), total: None, ..step.clone() }
    }
}
