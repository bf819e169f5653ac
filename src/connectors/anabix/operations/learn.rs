//! What an answer adds to what is known, and what is returned in the end.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    ADD_TO_LIST, REMOVE_FROM_LIST, UPSERT_CONTACT,
    call::{Call, LIST_PAGE, PAGE},
    given::is_id,
    known::{Basis, Contact, CustomField, Known, ListKnown, NoteKnown, Search, Warning},
    next::Job,
    records::{asked_basis, custom_field, shown_basis},
};
use crate::connectors::{
    anabix::{
        settings::Several,
        wire::{Entry, entries, id_order, only_entry, unexpected},
    },
    contract::{Done, Effect, Verdict},
};

/// Searches by e-mail end here: whoever answers more does not look at our criteria.
const MOST_FOUND: usize = 500;

impl Job<'_> {
    /// Adds a good answer to what is known.
    ///
    /// # Errors
    /// How the attempt ends, when the answer is not what the manual describes.
    pub(super) fn learn(&self, call: &Call, data: &Value, known: &mut Known) -> Result<(), Verdict> {
        let odd = || unexpected(call.effect());
        match call {
            Call::Check => {}
            Call::FindList => self.found_lists(&entries(data, "idList").ok_or_else(odd)?, known)?,
            Call::CreateList => known.list = ListKnown::Id(only_entry(data, "idList").ok_or_else(odd)?.id),
            Call::CustomFields => {
                known.custom = Some(self.resolve(&entries(data, "idCustomField").ok_or_else(odd)?));
            }
            Call::Find { field, offset } => {
                self.found_contacts(*field, *offset, &entries(data, "idContact").ok_or_else(odd)?, known)?;
            }
            Call::Create => {
                let id = only_entry(data, "idContact").ok_or_else(odd)?.id;
                known.created = true;
                known.contacts = vec![Contact { id, written: true, ..Contact::default() }];
            }
            // What the vendor answers to an id that it does not know is undocumented: an ERROR, or a success with
            // nothing.
            Call::Get(_) if data.is_null() => return Err(Verdict::Forgotten),
            Call::Get(index) => match entries(data, "idContact").ok_or_else(odd)?.as_slice() {
                [] => return Err(Verdict::Forgotten),
                [entry] => self.saw(*index, entry, known),
                _ => return Err(odd()),
            },
            Call::AskConsent(index) => {
                let consents = entries(data, "idContact").ok_or_else(odd)?;
                with(known, *index, |contact| contact.basis = asked_basis(&consents, &contact.id));
            }
            Call::Update(index) => with(known, *index, |contact| contact.written = true),
            Call::Manage(index) => with(known, *index, |contact| contact.listed = true),
            Call::FindNote(index) => {
                let notes = entries(data, "idActivity").ok_or_else(odd)?;
                let there = notes.iter().any(|entry| entry.text("body").contains(self.work.reference));
                with(known, *index, |contact| contact.note = if there { NoteKnown::There } else { NoteKnown::Absent });
            }
            Call::CreateNote(index) => with(known, *index, |contact| contact.note = NoteKnown::There),
        }
        Ok(())
    }

    /// What an ERROR means when the credentials are good; nothing, when the action goes on all the same.
    pub(super) fn was_refused(&self, call: &Call, known: &mut Known) -> Option<Verdict> {
        let remembered = self.remembered().is_some() && call.names_contact();
        match call {
            Call::AskConsent(index) => {
                with(known, *index, |contact| contact.basis = Basis::Doubtful);
                known.warnings.insert(Warning::BasisInDoubt);
                None
            }
            _ if remembered => Some(Verdict::Forgotten),
            Call::Manage(index) if self.given.removes && self.account.refused_removal_is_done => {
                with(known, *index, |contact| contact.listed = true);
                known.warnings.insert(Warning::RemovalRefused);
                None
            }
            _ => {
                let message = self.message(call, known);
                Some(Verdict::Refused(format!("the vendor answered ERROR to {}.{}", message.component, message.method)))
            }
        }
    }

    /// Titles are compared exactly: nobody knows how loosely the vendor does.
    fn found_lists(&self, lists: &[Entry<'_>], known: &mut Known) -> Result<(), Verdict> {
        let title = self.given.list.as_ref().map_or("", |list| list.name.as_str());
        let same: Vec<_> = lists.iter().filter(|list| list.text("title").trim() == title).collect();
        if same.len() > 1 {
            known.warnings.insert(Warning::SeveralLists);
        }
        known.list = match same.iter().min_by_key(|list| id_order(&list.id)) {
            Some(list) => ListKnown::Id(list.id.clone()),
            // It may stand on a page that we did not read: nothing is created on that.
            None if lists.len() >= LIST_PAGE => return Err(unexpected(Effect::None)),
            None => ListKnown::Absent,
        };
        Ok(())
    }

    fn resolve(&self, definitions: &[Entry<'_>]) -> BTreeMap<String, CustomField> {
        let titles = self.given.custom.iter().chain(&self.given.for_new.custom).filter(|(name, _)| !is_id(name));
        titles.map(|(title, value)| (title.clone(), custom_field(definitions, title, value))).collect()
    }

    fn found_contacts(
        &self,
        field: usize,
        offset: usize,
        found: &[Entry<'_>],
        known: &mut Known,
    ) -> Result<(), Verdict> {
        for entry in found.iter().filter(|entry| self.holds_email(entry, self.email_field(field))) {
            if known.contacts.iter().all(|contact| contact.id != entry.id) {
                let contact = self.read_contact(entry, self.email_field(field));
                known.contacts.push(contact);
            }
        }
        known.search = if found.len() >= PAGE {
            Search { field, offset: offset + found.len(), over: false }
        } else {
            Search { field: field + 1, offset: 0, over: field + 1 >= self.account.email_fields.len() }
        };
        if known.search.offset >= MOST_FOUND {
            return Err(Verdict::Refused(format!("a search by e-mail found more than {MOST_FOUND} contacts")));
        }
        if known.search.over {
            self.choose(known);
        }
        Ok(())
    }

    /// The search is over: with which of several contacts to go on.
    fn choose(&self, known: &mut Known) {
        known.contacts.sort_by_key(|contact| id_order(&contact.id));
        if known.contacts.len() > 1 && self.several() == Several::Lowest {
            known.contacts.truncate(1);
            known.warnings.insert(Warning::SeveralContacts);
        }
    }

    fn saw(&self, index: usize, entry: &Entry<'_>, known: &mut Known) {
        let field = self.account.email_fields.iter().find(|field| self.holds_email(entry, field)).copied();
        let read = self.read_contact(entry, field.unwrap_or(""));
        with(known, index, |contact| *contact = Contact { id: contact.id.clone(), ..read });
    }

    fn holds_email(&self, entry: &Entry<'_>, field: &str) -> bool {
        entry.text(field).trim().to_lowercase() == self.given.email.to_lowercase()
    }

    fn read_contact(&self, entry: &Entry<'_>, found_by: &str) -> Contact {
        let filled = self.given.fields.iter().filter(|(name, _)| !entry.text(name).trim().is_empty());
        Contact {
            id: entry.id.clone(),
            seen: true,
            found_by: Some(found_by.to_owned()).filter(|field| !field.is_empty()),
            filled: filled.map(|(name, _)| (*name).to_owned()).collect(),
            basis: shown_basis(entry),
            ..Contact::default()
        }
    }

    /// The good end.
    pub(super) fn done(&self, known: &Known) -> Done {
        let mut result = BTreeMap::new();
        let mut put = |name: &str, value: String| drop(result.insert(name.to_owned(), value));
        if let Some(contact) = known.contacts.first() {
            put("contact_id", contact.id.clone());
        }
        match self.work.operation.name {
            UPSERT_CONTACT | ADD_TO_LIST => put("created", known.created.to_string()),
            REMOVE_FROM_LIST => put("contacts", known.contacts.len().to_string()),
            _ => {}
        }
        if let Some(list) = self.list_id(known).filter(|_| !self.given.removes) {
            put("list_id", list.to_owned());
        }
        Done {
            result,
            vendor_id: self.id_to_remember(known),
            warnings: known.warnings.iter().map(|warning| warning.text()).collect(),
            unwritten: if known.created { self.given.not_for_new.clone() } else { BTreeSet::new() },
        }
    }

    /// The contact's id, unless the e-mail is ambiguous and no setting makes the lowest the one.
    fn id_to_remember(&self, known: &Known) -> Option<String> {
        let ambiguous = known.contacts.len() > 1 || known.warnings.contains(&Warning::SeveralContacts);
        let contact = known.contacts.first().filter(|_| !ambiguous || self.account.several == Several::Lowest);
        contact.map(|contact| contact.id.clone())
    }
}

fn with(known: &mut Known, index: usize, change: impl FnOnce(&mut Contact)) {
    if let Some(contact) = known.contacts.get_mut(index) {
        change(contact);
    }
}
