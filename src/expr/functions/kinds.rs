//! What functions take and give, as checking and people see it.

use cel::common::ast::LiteralValue;

use super::constants;
use crate::expr::schema::{CUSTOM_FIELD, MONEY, Type};

/// What an argument may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    Text,
    Integer,
    TextOrInteger,
    Scalar,
    /// A text, a list or a mapping.
    Sized,
    Texts,
    /// Money, or a decimal number as text, or a whole number.
    Amount,
    /// A list of those.
    Amounts,
    /// A mapping to texts, or a list of custom fields.
    Lookup,
    /// The name of one of the owner's mapping tables, as a constant text.
    Table,
    /// How many decimal places.
    Places,
    /// A time zone's name.
    Zone,
    /// A country's code of two letters.
    Country,
    /// A country whose telephone numbers are known.
    PhoneCountry,
    /// A country whose company ids are known.
    CompanyCountry,
    /// How a date is written.
    DatePattern,
    /// A regular expression, as a constant.
    Regex,
}

/// What comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    Text,
    /// A decimal number as text.
    Decimal,
    Integer,
    Boolean,
    Texts,
    Time,
    Duration,
}

impl Takes {
    pub(in crate::expr) fn accepts(self, given: &Type) -> bool {
        let amount = |of: &Type| of.is_text() || *of == Type::Integer || of.is_message(MONEY);
        match (self, given) {
            (_, Type::Unknown) | (Self::Integer | Self::TextOrInteger | Self::Places, Type::Integer) => true,
            (Self::Scalar, given) => given.is_text() || matches!(given, Type::Integer | Type::Boolean | Type::Time),
            (Self::Sized, given) => given.is_text() || matches!(given, Type::List(_) | Type::Map(_)),
            (Self::Texts, Type::List(of)) | (Self::Lookup, Type::Map(of)) => of.is_text(),
            (Self::Lookup, Type::List(of)) => of.is_message(CUSTOM_FIELD) || **of == Type::Unknown,
            (Self::Amounts, Type::List(of)) => amount(of),
            (Self::Integer | Self::Places | Self::Texts | Self::Lookup | Self::Amounts | Self::Table, _) => false,
            (Self::Amount, given) => amount(given),
            (_, given) => given.is_text(),
        }
    }

    /// What is wrong with a constant argument.
    pub(in crate::expr) fn refuses(self, constant: &LiteralValue) -> Option<constants::Refused> {
        constants::refuse(self, constant)
    }

    /// For people.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Integer => "a whole number",
            Self::TextOrInteger => "a text or a whole number",
            Self::Scalar => "a text, a whole number, a time or true or false",
            Self::Sized => "a text, a list or a mapping",
            Self::Texts => "a list of texts",
            Self::Amount => "an amount of money, a decimal number as text or a whole number",
            Self::Amounts => "a list of amounts of money or of decimal numbers as texts",
            Self::Lookup => "custom fields or a mapping to texts",
            Self::Table => "a table's name as a constant text",
            Self::Places => "a number of decimal places, 0 to 12",
            Self::Zone => "a time zone such as `Europe/Budapest`",
            Self::Country | Self::PhoneCountry | Self::CompanyCountry => "a country's code of two letters",
            Self::DatePattern => "a pattern such as `DD.MM.YYYY`",
            Self::Regex => "a regular expression as a constant text",
        }
    }
}

impl Gives {
    pub fn as_type(self) -> Type {
        match self {
            Self::Text => Type::Text,
            Self::Decimal => Type::Decimal,
            Self::Integer => Type::Integer,
            Self::Boolean => Type::Boolean,
            Self::Texts => Type::list(Type::Text),
            Self::Time => Type::Time,
            Self::Duration => Type::Duration,
        }
    }
}
