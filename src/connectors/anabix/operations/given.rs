//! What a flow's parameters ask for: checked, in the vendor's words, with the register of each.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{ADD_TO_LIST, LEGAL_BASES, REMOVE_FROM_LIST};
use crate::{
    connectors::{
        anabix::settings::Account,
        contract::{Operation, Register, RegisterRule},
    },
    model::{hash::ContentHash, time::Timestamp},
    topics::{
        action::Parameters,
        occasion::{Occasion, Occasions},
    },
};

/// Contact fields: the parameter and the vendor's name, which is also the register's.
const FIELDS: &[(&str, &str)] = &[
    ("first_name", "firstName"),
    ("last_name", "lastName"),
    ("phone", "phoneNumber"),
    ("position", "position"),
    ("source", "source"),
    ("description", "description"),
    ("shipping_street", "shippingStreet"),
    ("shipping_city", "shippingCity"),
    ("shipping_code", "shippingCode"),
    ("shipping_country", "shippingCountry"),
];

const EMAIL: &str = "email";
const BASIS: &str = "gdprReason";

/// What is asked for. After [`Given::keep`]: of that, what is still to be written. Personal, so it does not print.
#[derive(Clone)]
pub(super) struct Given {
    pub email: String,
    pub fields: Vec<(&'static str, String)>,
    /// By id or title.
    pub custom: Map<String, Value>,
    /// The vendor's number. Kept for new contacts even when the register is not to be written: none is ever made
    /// without.
    pub basis: Option<u8>,
    pub writes_basis: bool,
    /// `YYYY-MM-DD`.
    pub basis_date: Option<String>,
    pub list: Option<List>,
    pub note: Option<String>,
    /// A contact that does not exist is not made.
    pub removes: bool,
    /// What only a new contact gets. It has no registers.
    pub for_new: ForNew,
    /// The registers of what a new contact does not get.
    pub not_for_new: BTreeSet<String>,
}

/// What only a new contact gets.
#[derive(Clone, Default)]
pub(super) struct ForNew {
    pub fields: Vec<(&'static str, String)>,
    /// By id or title.
    pub custom: Map<String, Value>,
}

/// A membership that is asked for.
#[derive(Clone)]
pub(super) struct List {
    /// Id or title, as the flow names it.
    pub name: String,
    pub create: bool,
    pub writes: bool,
}

impl List {
    /// The id, where the flow named it by id.
    pub(super) fn id(&self) -> Option<&str> {
        is_id(&self.name).then_some(self.name.as_str())
    }

    fn register(&self) -> String {
        format!("list:{}", self.name)
    }
}

/// Whether a list or a custom field is named by its id.
pub(super) fn is_id(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit())
}

impl Given {
    /// Reads parameters.
    ///
    /// # Errors
    /// A text for people that names the parameter and what it takes.
    pub(super) fn read(account: &Account, operation: &Operation, parameters: &Parameters) -> Result<Self, String> {
        let read = Reader { operation, parameters };
        let email = read.text("email")?.filter(|email| email.contains('@')).ok_or("`email` takes an e-mail address")?;
        let basis = read.basis()?;
        let basis_date = read.date("legal_basis_date", &account.zone)?;
        if basis.is_none() && basis_date.is_some() {
            return Err("`legal_basis_date` needs a `legal_basis`".to_owned());
        }
        Ok(Self {
            email,
            fields: read.fields()?,
            custom: read.custom()?,
            basis,
            writes_basis: basis.is_some(),
            basis_date,
            list: read.list(account)?,
            note: read.text("note")?,
            removes: operation.name == REMOVE_FROM_LIST,
            for_new: ForNew::default(),
            not_for_new: BTreeSet::new(),
        })
    }

    /// The object that the engine keeps in order and remembers by.
    pub(super) fn object(&self) -> String {
        format!("contact:{}", self.email.to_lowercase())
    }

    /// All registers that would be written.
    pub(super) fn registers(&self) -> Vec<Register> {
        let newest = |name: String, value: Value| Register { name, value, rule: RegisterRule::Newest };
        let mut all = Vec::new();
        if !self.removes {
            // So that an action with nothing but an e-mail has something to write: the contact itself.
            all.push(newest(EMAIL.to_owned(), json!(self.email.to_lowercase())));
        }
        all.extend(self.fields.iter().map(|(name, value)| newest((*name).to_owned(), json!(value))));
        all.extend(self.custom.iter().map(|(name, value)| newest(custom_register(name), value.clone())));
        all.extend(self.basis.map(|basis| newest(BASIS.to_owned(), json!(basis))));
        all.extend(self.list.as_ref().map(|list| newest(list.register(), json!(!self.removes))));
        all.extend(self.note.as_ref().map(|note| Register {
            name: note_register(note),
            value: json!(true),
            rule: RegisterRule::Once,
        }));
        all
    }

    /// Sets apart what counts on one occasion only. (A legal basis is kept for new contacts anyway, and written to others only
    /// where its register is.)
    #[must_use]
    pub(super) fn apart(mut self, only: &Occasions) -> Self {
        if only.is_empty() {
            return self;
        }
        for (parameter, field) in FIELDS {
            match only.of(parameter) {
                Some(Occasion::Create) => {
                    self.for_new.fields.extend(self.fields.extract_if(.., |(name, _)| name == field))
                }
                Some(Occasion::Update) => drop(self.not_for_new.insert((*field).to_owned())),
                None => {}
            }
        }
        for (name, value) in std::mem::take(&mut self.custom) {
            let occasion = only.of_member("custom_fields", &name);
            if occasion == Some(Occasion::Update) {
                self.not_for_new.insert(custom_register(&name));
            }
            let place = if occasion == Some(Occasion::Create) { &mut self.for_new.custom } else { &mut self.custom };
            place.insert(name, value);
        }
        if only.of("legal_basis") == Some(Occasion::Update) {
            self.not_for_new.insert(BASIS.to_owned());
        }
        self
    }

    /// What a new contact gets: its fields.
    pub(super) fn fields_of_new(&self) -> impl Iterator<Item = &(&'static str, String)> {
        self.fields.iter().filter(|(name, _)| !self.not_for_new.contains(*name)).chain(&self.for_new.fields)
    }

    /// What a new contact gets: its custom fields.
    pub(super) fn custom_of_new(&self) -> impl Iterator<Item = (&String, &Value)> {
        let for_both = self.custom.iter().filter(|(name, _)| !self.not_for_new.contains(&custom_register(name)));
        for_both.chain(&self.for_new.custom)
    }

    pub(super) fn new_gets_basis(&self) -> bool {
        !self.not_for_new.contains(BASIS)
    }

    /// Leaves out what the target holds already, or something newer.
    #[must_use]
    pub(super) fn keep(mut self, registers: &BTreeSet<String>) -> Self {
        self.fields.retain(|(name, _)| registers.contains(*name));
        self.custom.retain(|name, _| registers.contains(&custom_register(name)));
        self.writes_basis &= registers.contains(BASIS);
        self.list = self.list.map(|list| List { writes: registers.contains(&list.register()), ..list });
        self.note = self.note.filter(|note| registers.contains(&note_register(note)));
        self
    }
}

fn custom_register(name: &str) -> String {
    format!("custom:{name}")
}

/// A note adds to the contact, so nothing newer supersedes it; it is a register all the same, or an action of which
/// only the note is new (a second order by a member of the list) would count as unchanged and never be sent.
fn note_register(note: &str) -> String {
    format!("note:{}", ContentHash::of(&json!(note)).as_str())
}

struct Reader<'a> {
    operation: &'a Operation,
    parameters: &'a Parameters,
}

impl Reader<'_> {
    /// A value that is there, of a parameter that the operation has.
    fn value(&self, name: &str) -> Option<&Value> {
        self.operation.parameter(name).and_then(|parameter| self.parameters.get(parameter.name))
    }

    /// A trimmed text; an empty one counts as not given, so that a source without a name blanks no name.
    fn text(&self, name: &str) -> Result<Option<String>, String> {
        let text = match self.value(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => text.trim().to_owned(),
            Some(Value::Number(number)) => number.to_string(),
            Some(_) => return Err(format!("`{name}` takes a text")),
        };
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    fn fields(&self) -> Result<Vec<(&'static str, String)>, String> {
        let mut fields = Vec::new();
        for (parameter, field) in FIELDS {
            fields.extend(self.text(parameter)?.map(|text| (*field, text)));
        }
        Ok(fields)
    }

    fn custom(&self) -> Result<Map<String, Value>, String> {
        let given = match self.value("custom_fields") {
            None | Some(Value::Null) => return Ok(Map::new()),
            Some(Value::Object(given)) => given,
            Some(_) => return Err("`custom_fields` takes a mapping".to_owned()),
        };
        let mut custom = Map::new();
        for (name, value) in given {
            let value = match value {
                Value::Null => continue,
                Value::String(text) if text.trim().is_empty() => continue,
                Value::String(_) | Value::Number(_) => value.clone(),
                // As the vendor's own yes-or-no fields (`vip`, `important`): the manual gives custom ones no form.
                Value::Bool(flag) => json!(u8::from(*flag)),
                Value::Array(_) | Value::Object(_) => {
                    return Err(format!("`custom_fields`: `{name}` takes a text, a number, true or false"));
                }
            };
            custom.insert(name.trim().to_owned(), value);
        }
        Ok(custom)
    }

    fn basis(&self) -> Result<Option<u8>, String> {
        let Some(name) = self.text("legal_basis")? else { return Ok(None) };
        (1..)
            .zip(LEGAL_BASES)
            .find_map(|(number, known)| (*known == name).then_some(Some(number)))
            .ok_or_else(|| format!("`legal_basis` takes one of {}", LEGAL_BASES.join(", ")))
    }

    /// A day, or the day of a moment in the account's zone.
    fn date(&self, name: &str, zone: &jiff::tz::TimeZone) -> Result<Option<String>, String> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let moment = text.parse::<Timestamp>().map(|moment| moment.to_zoned(zone.clone()).date());
        let day = moment.or_else(|_| text.parse::<jiff::civil::Date>());
        day.map(|day| Some(day.to_string())).map_err(|_| format!("`{name}` takes a date, `YYYY-MM-DD`"))
    }

    fn list(&self, account: &Account) -> Result<Option<List>, String> {
        if self.operation.parameter("list").is_none() {
            return Ok(None);
        }
        let name = self.text("list")?.ok_or("`list` takes a list's id or title")?;
        let create = match self.value("create_list") {
            None | Some(Value::Null) => account.create_list,
            Some(Value::Bool(create)) => *create,
            Some(_) => return Err("`create_list` takes true or false".to_owned()),
        };
        Ok(Some(List { name, create: create && self.operation.name == ADD_TO_LIST, writes: true }))
    }
}
