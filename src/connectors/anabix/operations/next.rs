//! Which call comes next: whatever is still unknown, then whatever is still undone.

use super::{
    call::Call,
    given::{Given, is_id},
    known::{Basis, Contact, CustomField, Known, ListKnown, NoteKnown},
};
use crate::connectors::{
    anabix::settings::{Account, Overwrite, OverwriteBasis, Several},
    contract::{Done, Work},
};

/// An action at an account.
pub(super) struct Job<'a> {
    pub account: &'a Account,
    pub work: &'a Work<'a>,
    pub given: Given,
}

pub(super) enum Next {
    Call(Call),
    Done(Done),
    Refused(String),
}

/// What shall become of an existing contact's legal basis.
#[derive(PartialEq)]
pub(super) enum BasisWish {
    Write,
    Leave,
    Ask,
}

impl<'a> Job<'a> {
    pub(super) fn new(account: &'a Account, work: &'a Work<'a>) -> Result<Self, String> {
        let given = Given::read(account, work.operation, work.parameters)?.apart(work.only).keep(work.registers);
        Ok(Self { account, work, given })
    }

    /// What to do when several contacts share the e-mail.
    pub(super) fn several(&self) -> Several {
        if self.given.removes { self.account.several_removal } else { self.account.several }
    }

    /// The contact's id from the ledger. Not taken where all contacts with the e-mail are meant, others included.
    pub(super) fn remembered(&self) -> Option<&'a str> {
        self.work.vendor_id.filter(|_| self.several() != Several::All)
    }

    pub(super) fn next(&self, known: &Known) -> Next {
        if known.checking {
            return Next::Call(Call::Check);
        }
        let first = self.next_look_up(known).or_else(|| self.next_search(known));
        let contacts = || known.contacts.iter().enumerate();
        first
            .or_else(|| contacts().find_map(|(index, contact)| self.next_for(index, contact)).map(Next::Call))
            .unwrap_or_else(|| Next::Done(self.done(known)))
    }

    /// The list and the custom fields come first: a mistake in their names is found before anything is written.
    fn next_look_up(&self, known: &Known) -> Option<Next> {
        if let Some(list) = self.given.list.as_ref().filter(|list| list.writes && list.id().is_none()) {
            match known.list {
                ListKnown::Unknown => return Some(Next::Call(Call::FindList)),
                ListKnown::Absent if list.create => return Some(Next::Call(Call::CreateList)),
                ListKnown::Absent => {
                    return Some(Next::Refused(format!("there is no list with the title `{}`", list.name)));
                }
                ListKnown::Id(_) => {}
            }
        }
        let makes_one = known.search.over && known.contacts.is_empty();
        match &known.custom {
            None => self.given.custom.keys().any(|name| !is_id(name)).then_some(Next::Call(Call::CustomFields)),
            Some(found) => found
                .iter()
                .filter(|(title, _)| self.given.custom.contains_key(*title) || makes_one)
                .find_map(|(title, field)| match field {
                    CustomField::Found { .. } => None,
                    CustomField::NoSuchField => Some(format!("there is no custom field with the title `{title}`")),
                    CustomField::NoSuchOption => Some(format!("the custom field `{title}` has no option of this name")),
                })
                .map(Next::Refused),
        }
    }

    /// Titles that only a new contact needs are looked up when there is to be one.
    fn custom_of_new_is_unknown(&self, known: &Known) -> bool {
        let found = |name: &String| known.custom.as_ref().is_some_and(|fields| fields.contains_key(name));
        self.given.for_new.custom.keys().any(|name| !is_id(name) && !found(name))
    }

    fn next_search(&self, known: &Known) -> Option<Next> {
        if !known.search.over {
            return Some(Next::Call(Call::Find { field: known.search.field, offset: known.search.offset }));
        }
        match known.contacts.len() {
            0 if self.given.removes => None,
            0 if self.custom_of_new_is_unknown(known) => Some(Next::Call(Call::CustomFields)),
            0 => Some(Next::Call(Call::Create)),
            1 => None,
            count if self.several() == Several::Fail => {
                Some(Next::Refused(format!("{count} contacts share the e-mail")))
            }
            _ => None,
        }
    }

    fn next_for(&self, index: usize, contact: &Contact) -> Option<Call> {
        if !contact.written && self.wants_fields() {
            if !contact.seen && self.must_see() {
                return Some(Call::Get(index));
            }
            if self.basis_wish(contact) == BasisWish::Ask {
                return Some(Call::AskConsent(index));
            }
            if self.changes_anything(contact) {
                return Some(Call::Update(index));
            }
        }
        if self.given.list.as_ref().is_some_and(|list| list.writes) && !contact.listed {
            return Some(Call::Manage(index));
        }
        match (&self.given.note, contact.note) {
            (Some(_), NoteKnown::Unknown) => Some(Call::FindNote(index)),
            (Some(_), NoteKnown::Absent) => Some(Call::CreateNote(index)),
            _ => None,
        }
    }

    fn wants_fields(&self) -> bool {
        !self.given.fields.is_empty() || !self.given.custom.is_empty() || self.given.writes_basis
    }

    /// Whether what is written depends on what the contact holds.
    fn must_see(&self) -> bool {
        let fields = !self.given.fields.is_empty() && self.account.overwrite == Overwrite::Empty;
        let basis = self.given.writes_basis && self.account.overwrite_basis != OverwriteBasis::Never;
        fields || basis
    }

    /// A consent is never overwritten, and nothing is in doubt.
    pub(super) fn basis_wish(&self, contact: &Contact) -> BasisWish {
        let policy = self.account.overwrite_basis;
        if !self.given.writes_basis || policy == OverwriteBasis::Never {
            return BasisWish::Leave;
        }
        match contact.basis {
            Basis::Consent | Basis::Doubtful => BasisWish::Leave,
            Basis::Some | Basis::Other if policy == OverwriteBasis::Empty => BasisWish::Leave,
            Basis::None | Basis::NoConsent | Basis::Other => BasisWish::Write,
            // The vendor is asked by the e-mail; a contact that no longer has it cannot be asked about.
            Basis::Unclear | Basis::Some if contact.found_by.is_none() => BasisWish::Leave,
            Basis::Unclear | Basis::Some => BasisWish::Ask,
        }
    }

    /// The fields of an existing contact that are to be overwritten.
    pub(super) fn fields_to_write<'b>(
        &'b self,
        contact: &'b Contact,
    ) -> impl Iterator<Item = &'b (&'static str, String)> {
        let always = self.account.overwrite == Overwrite::Always;
        self.given.fields.iter().filter(move |(name, _)| always || !contact.filled.contains(*name))
    }

    fn changes_anything(&self, contact: &Contact) -> bool {
        let mut fields = self.fields_to_write(contact);
        fields.next().is_some() || !self.given.custom.is_empty() || self.basis_wish(contact) == BasisWish::Write
    }

    /// The list's id, where it is known.
    pub(super) fn list_id<'b>(&'b self, known: &'b Known) -> Option<&'b str> {
        match &known.list {
            ListKnown::Id(id) => Some(id),
            ListKnown::Unknown | ListKnown::Absent => self.given.list.as_ref()?.id(),
        }
    }
}
