//! The calls that operations are made of, and the data of each.

use serde_json::{Map, Value, json};

use super::{
    known::{Contact, CustomField, Known},
    next::{BasisWish, Job},
};
use crate::connectors::{
    anabix::wire::{Message, id_value},
    contract::Effect,
};

/// Records per page of a search. Far below the vendor's 200: large answers were seen to fail with HTTP 500.
pub(super) const PAGE: usize = 50;
/// Lists are short records; all with one title fit a page of the largest size.
pub(super) const LIST_PAGE: usize = 200;

const CONSENT: u8 = 5;

/// One call. Numbers are places in [`Known::contacts`].
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Call {
    /// Whether the credentials are good.
    Check,
    FindList,
    CreateList,
    CustomFields,
    Find {
        field: usize,
        offset: usize,
    },
    Get(usize),
    AskConsent(usize),
    Create,
    Update(usize),
    /// On a list, or off it.
    Manage(usize),
    FindNote(usize),
    CreateNote(usize),
}

impl Call {
    /// What it could have done when its answer is lost.
    pub(super) fn effect(&self) -> Effect {
        let writes =
            matches!(self, Self::CreateList | Self::Create | Self::Update(_) | Self::Manage(_) | Self::CreateNote(_));
        if writes { Effect::Possible } else { Effect::None }
    }

    /// Whether it names a contact by its id.
    pub(super) fn names_contact(&self) -> bool {
        matches!(self, Self::Get(_) | Self::Update(_) | Self::Manage(_) | Self::FindNote(_) | Self::CreateNote(_))
    }
}

impl Job<'_> {
    /// A call as the vendor takes it.
    pub(super) fn message(&self, call: &Call, known: &Known) -> Message {
        let (component, method) = names(call);
        let contact = |index: &usize| known.contacts.get(*index).cloned().unwrap_or_default();
        let data = match call {
            Call::Check => return Message::check(),
            Call::FindList => search(&json!({"title": self.list_name()}), LIST_PAGE, 0),
            Call::CreateList => json!({"title": self.list_name()}),
            Call::CustomFields => json!({}),
            Call::Find { field, offset } => search(&json!({self.email_field(*field): self.given.email}), PAGE, *offset),
            Call::Get(index) => json!({"idContact": id_value(&contact(index).id), "idAsKey": 0}),
            Call::AskConsent(index) => {
                let field = contact(index).found_by.unwrap_or_else(|| "email".to_owned());
                search(&json!({field: self.given.email, "gdprReason": CONSENT}), PAGE, 0)
            }
            Call::Create => self.new_contact(known),
            Call::Update(index) => self.changes(known, &contact(index)),
            Call::Manage(index) => self.membership(known, &contact(index)),
            Call::FindNote(index) => search(
                &json!({"idContact": id_value(&contact(index).id), "body": format!("%{}%", self.work.reference)}),
                PAGE,
                0,
            ),
            Call::CreateNote(index) => {
                json!({"idContact": id_value(&contact(index).id), "type": "note", "body": self.note()})
            }
        };
        Message { component, method, data }
    }

    /// The field that a part of the search by e-mail looks into.
    pub(super) fn email_field(&self, field: usize) -> &'static str {
        self.account.email_fields.get(field).copied().unwrap_or("email")
    }

    fn list_name(&self) -> &str {
        self.given.list.as_ref().map_or("", |list| list.name.as_str())
    }

    /// The last line is what the note is found again by: activities have no id of ours.
    fn note(&self) -> String {
        format!("{}\n\nSpojka {}", self.given.note.as_deref().unwrap_or(""), self.work.reference)
    }

    fn membership(&self, known: &Known, contact: &Contact) -> Value {
        let way = if self.given.removes { "removeFrom" } else { "addTo" };
        let list = self.list_id(known).map(id_value).unwrap_or_default();
        // By id: several contacts may share an e-mail.
        json!({"idContact": id_value(&contact.id), way: [list]})
    }

    /// The data of an update: fields that are absent keep their value. Never `lists`, which would state all of them.
    fn changes(&self, known: &Known, contact: &Contact) -> Value {
        let mut data = Map::new();
        data.insert("idContact".to_owned(), id_value(&contact.id));
        data.extend(self.fields_to_write(contact).map(|(name, value)| ((*name).to_owned(), json!(value))));
        self.put_custom(self.given.custom.iter(), known, &mut data);
        if self.basis_wish(contact) == BasisWish::Write {
            self.put_basis(&mut data);
        }
        Value::Object(data)
    }

    fn new_contact(&self, known: &Known) -> Value {
        let mut data = Map::new();
        data.insert("email".to_owned(), json!(self.given.email));
        data.extend(self.given.fields_of_new().map(|(name, value)| ((*name).to_owned(), json!(value))));
        self.put_custom(self.given.custom_of_new(), known, &mut data);
        if self.given.new_gets_basis() {
            self.put_basis(&mut data);
        }
        Value::Object(data)
    }

    fn put_custom<'v>(
        &self,
        given: impl Iterator<Item = (&'v String, &'v Value)>,
        known: &Known,
        data: &mut Map<String, Value>,
    ) {
        let found = |name: &str| known.custom.as_ref().and_then(|fields| fields.get(name));
        let by_id: Map<String, Value> = given
            .map(|(name, value)| match found(name) {
                Some(CustomField::Found { id, option: Some(option) }) => (id.clone(), json!(option)),
                Some(CustomField::Found { id, option: None }) => (id.clone(), value.clone()),
                _ => (name.clone(), value.clone()),
            })
            .collect();
        if !by_id.is_empty() {
            data.insert("customFields".to_owned(), Value::Object(by_id));
        }
    }

    fn put_basis(&self, data: &mut Map<String, Value>) {
        let Some(basis) = self.given.basis else { return };
        data.insert("gdprReason".to_owned(), json!(basis));
        if self.account.dates_basis {
            let today = || self.work.now.to_zoned(self.account.zone.clone()).date().to_string();
            let day = self.given.basis_date.clone().unwrap_or_else(today);
            data.insert("gdprAcceptanceDate".to_owned(), json!(day));
        }
    }
}

/// What the vendor dispatches by.
fn names(call: &Call) -> (&'static str, &'static str) {
    match call {
        Call::Check | Call::FindList => ("lists", "getAll"),
        Call::CreateList => ("lists", "create"),
        Call::CustomFields => ("contacts", "getCustomFields"),
        Call::Find { .. } | Call::AskConsent(_) => ("contacts", "getAll"),
        Call::Get(_) => ("contacts", "get"),
        Call::Create => ("contacts", "create"),
        Call::Update(_) => ("contacts", "update"),
        Call::Manage(_) => ("contacts", "manageLists"),
        Call::FindNote(_) => ("activities", "getAll"),
        Call::CreateNote(_) => ("activities", "create"),
    }
}

fn search(criteria: &Value, limit: usize, offset: usize) -> Value {
    json!({"criteria": criteria, "limit": limit, "offset": offset, "idAsKey": 0})
}
