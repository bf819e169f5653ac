//! A person's data, as parameters and as the list's fields.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    super::{
        account::Account,
        wire::{COMPANY, FIRST_NAME, LAST_NAME, PHONE, RESERVED},
    },
    newest, parameter, parameters,
};
use crate::{
    connectors::contract::{FieldKind, Parameter, Register, Work},
    topics::{
        action::Parameters,
        occasion::{Occasion, Occasions},
    },
};

pub(super) const EMAIL_PARAMETER: Parameter = parameter("email", FieldKind::Email, true, "The person's e-mail.");
pub(super) const FIRST_NAME_PARAMETER: Parameter =
    parameter("first_name", FieldKind::Text, false, "The given name. What is empty is left as it is.");
pub(super) const LAST_NAME_PARAMETER: Parameter =
    parameter("last_name", FieldKind::Text, false, "The family name. What is empty is left as it is.");
pub(super) const PHONE_PARAMETER: Parameter =
    parameter("phone", FieldKind::Text, false, "The phone number. What is empty is left as it is.");
pub(super) const COMPANY_PARAMETER: Parameter =
    parameter("company", FieldKind::Text, false, "The company. What is empty is left as it is.");
pub(super) const FIELDS_PARAMETER: Parameter = parameter(
    "fields",
    FieldKind::Map,
    false,
    "The list's own fields, by their names there; true and false tick a checkbox. What is empty is left as it is.",
);

/// A person and what is to be known about them.
pub(super) struct Person {
    pub(super) email: String,
    /// By the vendor's names, without the e-mail.
    pub(super) fields: Map<String, Value>,
}

/// The only occasion of a field, by the parameter that gives it.
fn occasion(account: &Account, only: &Occasions, field: &str) -> Option<Occasion> {
    let parameter = fields_of(account).into_iter().find(|(_, name)| *name == field);
    parameter.map_or_else(|| only.of_member("fields", field), |(parameter, _)| only.of(parameter))
}

impl Person {
    pub(super) fn read(account: &Account, given: &Parameters) -> Result<Self, String> {
        let email = parameters::email(given)?;
        let mut fields = Map::new();
        for (name, field) in fields_of(account) {
            if let Some(text) = parameters::text(given, name) {
                fields.insert(field.to_owned(), text.into());
            }
        }
        let own = own_fields(given)?;
        for (name, value) in own {
            if account.history.names().any(|kept| kept == name) {
                return Err(format!("`fields` names `{name}`, which only `update_purchase_history` writes"));
            }
            if fields.insert(name.clone(), value).is_some() {
                return Err(format!("`fields` names `{name}`, which another parameter gives"));
            }
        }
        Ok(Self { email, fields })
    }

    /// One register for each field: every operation on the list that sets the field shares it.
    pub(super) fn registers(&self) -> Vec<Register> {
        self.fields.iter().map(|(name, value)| newest(name, value.clone())).collect()
    }

    /// What a new record gets.
    pub(super) fn of_new(&self, account: &Account, only: &Occasions) -> Map<String, Value> {
        let mut fields = self.fields.clone();
        fields.retain(|name, _| occasion(account, only, name) != Some(Occasion::Update));
        fields
    }

    /// The registers of what a new record does not get.
    pub(super) fn not_of_new(&self, account: &Account, only: &Occasions) -> BTreeSet<String> {
        let left_out = |name: &&String| occasion(account, only, name) == Some(Occasion::Update);
        self.fields.keys().filter(left_out).cloned().collect()
    }

    /// The fields that are still to be written.
    pub(super) fn changes(&self, work: &Work<'_>) -> Map<String, Value> {
        self.fields.iter().filter(|(name, _)| work.writes(name)).map(|(n, v)| (n.clone(), v.clone())).collect()
    }
}

/// Parameters and the fields that they fill. Some accounts keep the names the other way round, because the family name
/// comes first in Hungarian; the vendor's own plugin has a switch for it too.
fn fields_of(account: &Account) -> [(&'static str, &'static str); 4] {
    let (first, last) = name_fields(account);
    [("first_name", first), ("last_name", last), ("phone", PHONE), ("company", COMPANY)]
}

/// The fields for given and family name.
pub(super) fn name_fields(account: &Account) -> (&'static str, &'static str) {
    if account.names_swapped { (LAST_NAME, FIRST_NAME) } else { (FIRST_NAME, LAST_NAME) }
}

/// The parameter `fields`: values as the vendor takes them, empty ones left out.
pub(super) fn own_fields(given: &Parameters) -> Result<Map<String, Value>, String> {
    let entries = match given.get("fields") {
        None | Some(Value::Null) => return Ok(Map::new()),
        Some(Value::Object(entries)) => entries,
        Some(_) => return Err("`fields` takes a mapping from a name to a value".to_owned()),
    };
    let mut fields = Map::new();
    for (name, value) in entries {
        if name.is_empty() || RESERVED.contains(&name.as_str()) {
            return Err(format!("`fields` cannot set `{name}`"));
        }
        let value = match value {
            Value::Null => continue,
            Value::String(text) if text.is_empty() => continue,
            Value::String(_) | Value::Number(_) => value.clone(),
            Value::Bool(ticked) => Value::from(if *ticked { "1" } else { "0" }),
            Value::Array(_) | Value::Object(_) => {
                return Err(format!("`fields.{name}` takes a text, a number, true or false"));
            }
        };
        fields.insert(name.clone(), value);
    }
    Ok(fields)
}
