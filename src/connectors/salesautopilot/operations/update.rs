//! Changing a record: write first, and read back only when the vendor says that nothing was changed. Its `0` may mean
//! "not found" as well as "it held these values already" (ASSUMED; one client even takes it for an error).

use serde_json::{Map, Value};

use super::{
    super::{account::Account, answer, api::Key, record::Record, wire::EMAIL},
    done, next, truth,
};
use crate::{
    connectors::contract::{Done, Field, Plan, Progress, Verdict, Work},
    model::http::Reply,
};

/// The step that reads a record back.
pub(super) const VERIFY: &str = "verify";

pub(super) const RESULTS: &[Field] =
    &[super::field("changed", "`false` when the vendor held these values already, else `true`.")];

/// An update of one record through one form.
pub(super) struct Update {
    pub(super) list: i64,
    pub(super) form: i64,
    pub(super) key: Key,
    pub(super) fields: Map<String, Value>,
}

impl Update {
    pub(super) fn plan(self, account: &Account, progress: &Progress) -> Plan {
        Plan::Send(match progress.step() {
            VERIFY => account.api.find(self.list, &self.key),
            _ => account.api.update(self.list, self.form, &self.key, self.fields),
        })
    }

    pub(super) fn interpret(&self, progress: &Progress, reply: &Reply) -> Result<Verdict, Verdict> {
        if progress.step() == VERIFY {
            return Ok(self.judge(&answer::records(reply, &self.key)?));
        }
        Ok(match self.changed(reply)? {
            0 => next(VERIFY),
            _ => Verdict::Done(outcome(true, None)),
        })
    }

    /// How many records the vendor says that it changed. An unknown resource may be the record whose id we remember as
    /// well as the form; reading the record back tells which.
    pub(super) fn changed(&self, reply: &Reply) -> Result<i64, Verdict> {
        if reply.status == 404 && matches!(self.key, Key::Record(_)) {
            return Ok(0);
        }
        answer::changed(reply)
    }

    /// What the records say, after an update that changed nothing.
    pub(super) fn judge(&self, records: &[Record]) -> Verdict {
        match records {
            [] if matches!(self.key, Key::Record(_)) => Verdict::Forgotten,
            [] => Verdict::NotThere,
            [record, ..] if records.iter().all(|record| record.holds(&self.fields)) => {
                Verdict::Done(outcome(false, record.id()))
            }
            _ => Verdict::Refused(
                "nothing was changed and it holds other values: the form is unknown or does not take a field"
                    .to_owned(),
            ),
        }
    }
}

/// What the person's record is found by.
pub(super) fn person_key(work: &Work<'_>, email: &str) -> Key {
    match work.vendor_id {
        Some(id) => Key::Record(id.to_owned()),
        None => Key::field(EMAIL, email),
    }
}

fn outcome(changed: bool, vendor_id: Option<String>) -> Done {
    Done { vendor_id, ..done(&[("changed", truth(changed))]) }
}
