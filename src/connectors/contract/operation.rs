//! The catalogue of operations.

use std::time::Duration;

use serde_json::Value;

/// One operation of a vendor: what a flow's step may do, or a fetch that the connector's own normalizing asks for.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    pub name: &'static str,
    pub doc: &'static str,
    pub kind: OperationKind,
    pub parameters: &'static [Parameter],
    pub repeat: Repeat,
    /// Calls that one run usually costs: what quotas are estimated with.
    pub calls: u32,
    /// The class that limits speak of: `read`, `write`, `bulk`, …
    pub limit_class: &'static str,
    /// What it returns to later steps.
    pub results: &'static [Field],
}

impl Parameter {
    /// The same, where it may be for creating or for updating only.
    #[must_use]
    pub const fn occasional(self) -> Self {
        Self { occasional: true, ..self }
    }
}

impl Operation {
    pub fn parameter(&self, name: &str) -> Option<&'static Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }
}

/// Who uses an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationKind {
    /// Flows; it writes.
    Write,
    /// The connector's own normalizing; it reads, and its reply goes back to `webhooks`.
    Fetch,
}

/// How an operation may be repeated when nobody knows whether it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Doing it again changes nothing.
    Natural,
    /// The vendor takes our key and does it once.
    Keyed,
    /// Look first. After a lost answer only when the vendor has had this long to settle.
    Checked { settle: Duration },
    /// Never by itself.
    Unsafe,
}

impl Repeat {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Natural => "natural",
            Self::Keyed => "keyed",
            Self::Checked { .. } => "checked",
            Self::Unsafe => "unsafe",
        }
    }
}

/// A parameter of an operation. Parameters are only ever added, and never become required: actions wait for days.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    pub name: &'static str,
    pub kind: FieldKind,
    pub required: bool,
    /// It may be for creating or for updating only (`on: create | update`): the operation learns which it does, and can leave
    /// this out.
    pub occasional: bool,
    pub doc: &'static str,
}

/// A field of an operation's result. Results are texts.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub name: &'static str,
    pub doc: &'static str,
}

/// What a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    Text,
    Email,
    /// A whole number.
    Integer,
    /// A decimal number as text or number; never a float.
    Decimal,
    Boolean,
    /// `YYYY-MM-DD`; the day of an RFC 3339 time is taken.
    Date,
    Choice(&'static [&'static str]),
    Texts,
    /// From a name to a text, a number or a boolean.
    Map,
    /// A whole message, by its full name: `${order}` where `spojka.v1.Order` is wanted.
    Message(&'static str),
}

impl FieldKind {
    /// For people.
    pub fn describe(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Email => "e-mail address".to_owned(),
            Self::Integer => "whole number".to_owned(),
            Self::Decimal => "decimal number".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::Date => "date".to_owned(),
            Self::Choice(choices) => format!("one of {}", choices.join(", ")),
            Self::Texts => "list of texts".to_owned(),
            Self::Map => "mapping from a name to a value".to_owned(),
            Self::Message(name) => format!("a whole `{name}`"),
        }
    }
}

/// What an action aims at.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// One object has one text, known before any call: `contact:eva@example.cz`. The engine keeps only its keyed hash.
    pub object: String,
    /// The smallest things that the vendor overwrites as one. Operations that set the same vendor field share its name.
    pub registers: Vec<Register>,
}

/// One register that an action would write.
#[derive(Clone, Debug, PartialEq)]
pub struct Register {
    /// Never personal: a field's name, a list's id or title.
    pub name: String,
    /// What it would hold; the ledger keeps only its hash.
    pub value: Value,
    pub rule: RegisterRule,
}

/// How the ledger judges a register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegisterRule {
    /// The newest version wins; what is equal is not sent.
    Newest,
    /// An earlier success settles it: record an order, mark paid, create a document.
    Once,
    /// Contributions are kept by id and the result is set; the register's value is this contribution.
    Fold { contribution: String },
}
