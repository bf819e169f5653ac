//! The functions that expressions may call: one list, from which checking and pages derive.
//!
//! `double`, `bytes` and `dyn` of CEL are left out on purpose: amounts are never binary numbers.

use std::{
    str::FromStr as _,
    sync::{Arc, LazyLock},
};

use cel::{
    Env, ExecutionError, Value,
    common::{
        types::{CelInt, CelString, DYN_TYPE, STRING_TYPE},
        value::CowVal,
    },
    extensions,
};
use rust_decimal::Decimal;

use super::schema::{CUSTOM_FIELD, MONEY, Type};

/// A function, or one of its forms.
#[derive(Debug)]
pub struct Function {
    pub name: &'static str,
    /// What it is called on, `x` in `x.name()`; `None` for `name()`.
    pub on: Option<Takes>,
    pub takes: &'static [Takes],
    pub gives: Gives,
    pub doc: &'static str,
}

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
    /// A mapping to texts, or a list of custom fields.
    Lookup,
    /// The name of one of the owner's mapping tables, as a constant text.
    Table,
}

/// What comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    Text,
    Integer,
    Boolean,
    Texts,
    Time,
    Duration,
}

impl Takes {
    pub(super) fn accepts(self, given: &Type) -> bool {
        let scalar = given.is_text() || matches!(given, Type::Integer | Type::Boolean | Type::Time);
        match (self, given) {
            (_, Type::Unknown) | (Self::Integer | Self::TextOrInteger, Type::Integer) => true,
            (Self::Text | Self::TextOrInteger, given) => given.is_text(),
            (Self::Scalar, _) => scalar,
            (Self::Sized, given) => given.is_text() || matches!(given, Type::List(_) | Type::Map(_)),
            (Self::Texts, Type::List(of)) | (Self::Lookup, Type::Map(of)) => of.is_text(),
            (Self::Amount, given) => given.is_text() || *given == Type::Integer || given.is_message(MONEY),
            (Self::Lookup, Type::List(of)) => of.is_message(CUSTOM_FIELD),
            _ => false,
        }
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
            Self::Lookup => "custom fields or a mapping to texts",
            Self::Table => "a table's name as a constant text",
        }
    }
}

impl Gives {
    pub fn as_type(self) -> Type {
        match self {
            Self::Text => Type::Text,
            Self::Integer => Type::Integer,
            Self::Boolean => Type::Boolean,
            Self::Texts => Type::list(Type::Text),
            Self::Time => Type::Time,
            Self::Duration => Type::Duration,
        }
    }
}

const fn method(name: &'static str, on: Takes, takes: &'static [Takes], gives: Gives, doc: &'static str) -> Function {
    Function { name, on: Some(on), takes, gives, doc }
}

const fn global(name: &'static str, takes: &'static [Takes], gives: Gives, doc: &'static str) -> Function {
    Function { name, on: None, takes, gives, doc }
}

use Takes::{Amount, Integer, Lookup, Scalar, Sized, Text, TextOrInteger, Texts};

/// Every function there is. (`all`, `exists`, `exists_one`, `filter` and `map` are CEL's macros.)
pub const FUNCTIONS: &[Function] = &[
    method("contains", Text, &[Text], Gives::Boolean, "Whether the text holds the other."),
    method("startsWith", Text, &[Text], Gives::Boolean, "Whether the text begins with the other."),
    method("endsWith", Text, &[Text], Gives::Boolean, "Whether the text ends with the other."),
    method("matches", Text, &[Text], Gives::Boolean, "Whether a regular expression is found in the text."),
    global("matches", &[Text, Text], Gives::Boolean, "Whether a regular expression is found in the text."),
    method("size", Sized, &[], Gives::Integer, "How many characters or members."),
    global("size", &[Sized], Gives::Integer, "How many characters or members."),
    method("lowerAscii", Text, &[], Gives::Text, "In lower case, A to Z only."),
    method("upperAscii", Text, &[], Gives::Text, "In upper case, a to z only."),
    method("trim", Text, &[], Gives::Text, "Without white space at both ends."),
    method("replace", Text, &[Text, Text], Gives::Text, "Every occurrence of the first text replaced by the second."),
    method("split", Text, &[Text], Gives::Texts, "The parts between a separator."),
    method("substring", Text, &[Integer], Gives::Text, "From a position, counted from 0."),
    method("substring", Text, &[Integer, Integer], Gives::Text, "From a position up to another, not included."),
    method("indexOf", Text, &[Text], Gives::Integer, "Where the other text begins; -1 when it is not there."),
    method("join", Texts, &[], Gives::Text, "All texts as one."),
    method("join", Texts, &[Text], Gives::Text, "All texts as one, with a separator."),
    global("string", &[Scalar], Gives::Text, "As text."),
    global("int", &[TextOrInteger], Gives::Integer, "As a whole number; fails when the text is none."),
    global("timestamp", &[Text], Gives::Time, "An RFC 3339 time, to be compared with others."),
    global("duration", &[Text], Gives::Duration, "Such as `36h` or `90m`, to be added to times."),
    global("date", &[Text], Gives::Text, "The day of an RFC 3339 time, `YYYY-MM-DD`; empty when the text is empty."),
    global(
        "decimal_cmp",
        &[Amount, Amount],
        Gives::Integer,
        "-1, 0 or 1: compares decimal numbers exactly, `decimal_cmp(order.total, \"1000\") >= 0`. Fails for an amount that is \
         not told, and for two currencies.",
    ),
    global(
        "lookup",
        &[Lookup, Text],
        Gives::Text,
        "A custom field by its name or id, or a mapping's member; empty when it is not there.",
    ),
    global(
        "lookup",
        &[Lookup, Text, Text],
        Gives::Text,
        "A custom field by its name or id, or a mapping's member; the last text when it is not there or empty.",
    ),
    global(
        "lookup",
        &[Takes::Table, TextOrInteger],
        Gives::Text,
        "What a mapping table of `lookups` holds for a value, `lookup(\"statuses\", order.status)`. A value without a row is an \
         error, is skipped, or gives the table's default, as the table says.",
    ),
    global(
        "lookup",
        &[Takes::Table, TextOrInteger, TextOrInteger],
        Gives::Text,
        "The same, with what a value without a row gives.",
    ),
];

/// The environment in which all expressions run. Building one costs far more than an evaluation, so there is one.
pub(super) fn environment() -> Arc<Env> {
    static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(build()));
    Arc::clone(&ENVIRONMENT)
}

fn build() -> Env {
    let mut env = Env::default().with_optional_support(false).with_stdlib();
    let added = env
        .add_extension(extensions::strings)
        .and_then(|_env| env.add_overload("date", "date", vec![STRING_TYPE], date))
        .and_then(|()| env.add_overload("decimal_cmp", "decimal_cmp", vec![DYN_TYPE, DYN_TYPE], decimal_cmp))
        .and_then(|()| env.add_overload("lookup", "lookup", vec![DYN_TYPE, DYN_TYPE], lookup))
        .and_then(|()| env.add_overload("lookup", "lookup_or", vec![DYN_TYPE, DYN_TYPE, DYN_TYPE], lookup));
    added.expect("our names are free");
    env
}

/// Our own errors: constant texts, which may be shown.
fn wrong(function: &str, message: &'static str) -> ExecutionError {
    ExecutionError::function_error(function, message)
}

fn text<'a>(arguments: &'a [CowVal<'_, '_>], index: usize, function: &str) -> Result<&'a str, ExecutionError> {
    let text = arguments.get(index).and_then(|value| value.downcast_ref::<CelString<'_>>());
    text.map(CelString::inner).ok_or_else(|| wrong(function, "expected a text"))
}

#[expect(clippy::needless_pass_by_value, reason = "the form of a function in CEL")]
fn date<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let moment = text(&arguments, 0, "date")?;
    let day = moment.get(..10).unwrap_or(moment);
    let fits = moment.is_empty()
        || day.parse::<jiff::civil::Date>().is_ok() && moment.get(10..11).is_none_or(|next| "Tt ".contains(next));
    if fits {
        Ok(CowVal::owned(CelString::from(day.to_owned())))
    } else {
        Err(wrong("date", "expected a date or an RFC 3339 time"))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the form of a function in CEL")]
fn decimal_cmp<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let amounts: Vec<_> = arguments.iter().map(amount).collect::<Result<_, _>>()?;
    let [(one, currency), (two, other)] = amounts.as_slice() else {
        return Err(wrong("decimal_cmp", "expected two amounts"));
    };
    if !currency.is_empty() && !other.is_empty() && currency != other {
        return Err(wrong("decimal_cmp", "the amounts are in different currencies"));
    }
    Ok(CowVal::owned(CelInt::from(one.cmp(two) as i64)))
}

/// A decimal number, and its currency where it has one.
fn amount(value: &CowVal<'_, '_>) -> Result<(Decimal, String), ExecutionError> {
    let (number, currency) = match Value::try_from(value.as_ref()) {
        Ok(Value::Int(number)) => (number.to_string(), String::new()),
        Ok(Value::String(text)) => (text.as_ref().clone(), String::new()),
        Ok(Value::Map(money)) => (member(&money, "amount"), member(&money, "currency")),
        _ => return Err(wrong("decimal_cmp", "expected an amount")),
    };
    if number.is_empty() {
        return Err(wrong("decimal_cmp", "an amount is not told"));
    }
    let number = Decimal::from_str(&number).map_err(|_| wrong("decimal_cmp", "an amount is no decimal number"))?;
    Ok((number, currency))
}

fn member(map: &cel::objects::Map, name: &str) -> String {
    match map.get(&cel::objects::KeyRef::String(name)) {
        Some(Value::String(text)) => text.as_ref().clone(),
        _ => String::new(),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the form of a function in CEL")]
fn lookup<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    if let Some(found) = super::lookup::find(&arguments) {
        return found;
    }
    let name = text(&arguments, 1, "lookup")?;
    let within = arguments.first().map(|value| Value::try_from(value.as_ref()));
    let found = match within {
        Some(Ok(Value::Map(map))) => member(&map, name),
        Some(Ok(Value::List(fields))) => custom_field(&fields, name),
        _ => return Err(wrong("lookup", "expected custom fields or a mapping")),
    };
    let default = arguments.get(2).filter(|_| found.is_empty()).map(|_| text(&arguments, 2, "lookup")).transpose()?;
    Ok(CowVal::owned(CelString::from(default.map_or(found, str::to_owned))))
}

fn custom_field(fields: &[Value], name: &str) -> String {
    let is_it = |field: &&cel::objects::Map| member(field, "name") == name || member(field, "id") == name;
    let maps = fields.iter().filter_map(|field| match field {
        Value::Map(field) => Some(field),
        _ => None,
    });
    maps.into_iter().find(is_it).map_or_else(String::new, |field| member(field, "value"))
}
