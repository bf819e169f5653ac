//! What an action has learned and done so far. It is kept durably between calls, so it holds ids, names of fields and
//! flags, and nothing that a person wrote.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::next::Job;
use crate::connectors::contract::Progress;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Known {
    /// The vendor answered ERROR to the call that comes next: whether the credentials are good is asked first.
    pub checking: bool,
    pub list: ListKnown,
    /// Custom fields named by title, once looked up.
    pub custom: Option<BTreeMap<String, CustomField>>,
    pub search: Search,
    /// Those to write to; while searching, those found.
    pub contacts: Vec<Contact>,
    pub created: bool,
    pub warnings: BTreeSet<Warning>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ListKnown {
    #[default]
    Unknown,
    Absent,
    Id(String),
}

/// A custom field behind a title.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CustomField {
    Found {
        id: String,
        /// The key of the select box's option that was asked for.
        option: Option<String>,
    },
    NoSuchField,
    NoSuchOption,
}

/// How far the search by e-mail has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Search {
    /// Which of the account's e-mail fields.
    pub field: usize,
    pub offset: usize,
    pub over: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Contact {
    pub id: String,
    /// Its record was read: what follows holds.
    pub seen: bool,
    /// The field that holds the e-mail asked for.
    pub found_by: Option<String>,
    /// Which of the fields asked for hold something.
    pub filled: BTreeSet<String>,
    pub basis: Basis,
    pub written: bool,
    pub listed: bool,
    pub note: NoteKnown,
}

/// What is known of a contact's legal basis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Basis {
    /// The record does not show it.
    #[default]
    Unclear,
    /// The record shows that there is one, but not which.
    Some,
    /// The record shows that there is none.
    None,
    /// The record shows it, and it is no consent.
    Other,
    /// Shown or asked.
    Consent,
    /// Asked. Another basis is possible.
    NoConsent,
    /// Asked, and the vendor did not tell.
    Doubtful,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum NoteKnown {
    #[default]
    Unknown,
    Absent,
    There,
}

/// Things the owner should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Warning {
    SeveralContacts,
    SeveralLists,
    RemovalRefused,
    BasisInDoubt,
}

impl Warning {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::SeveralContacts => {
                "several contacts share the e-mail: only the one with the lowest id was written to"
            }
            Self::SeveralLists => "several lists have this title: the one with the lowest id was taken",
            Self::RemovalRefused => "a removal was refused: the contact was taken to be off the list",
            Self::BasisInDoubt => "the contact's legal basis could not be asked for: it was left as it is",
        }
    }
}

impl Known {
    /// What is known at a progress. At the beginning, and after progress that this version cannot read: at most the
    /// contact's id, from the ledger.
    pub(super) fn at(progress: &Progress, job: &Job<'_>) -> Self {
        serde_json::from_value(progress.0.clone()).unwrap_or_else(|_| Self::begin(job))
    }

    fn begin(job: &Job<'_>) -> Self {
        let Some(id) = job.remembered() else { return Self::default() };
        let contact = Contact { id: id.to_owned(), ..Contact::default() };
        Self { contacts: vec![contact], search: Search { over: true, ..Search::default() }, ..Self::default() }
    }

    pub(super) fn to_progress(&self) -> Progress {
        Progress(serde_json::to_value(self).expect("what is known is plain data"))
    }
}
