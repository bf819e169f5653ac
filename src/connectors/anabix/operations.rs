//! The catalogue, and how an operation goes: [`given`] reads what the flow wants, [`known`] keeps what was learned on
//! the way, [`next`] says which call comes next, [`learn`] adds a reply to what is known.
//!
//! There is no list of steps to keep in order: the next call is whatever is still unknown or undone. So an attempt that
//! begins again after a lost answer looks first by itself, and does only what is missing.

mod call;
mod given;
mod known;
mod learn;
mod next;
mod records;

use super::{
    settings::{Account, SETTLE},
    wire::Answer,
};
use crate::{
    connectors::contract::{
        Field, FieldKind, Operation, Parameter, Plan, Progress, Repeat, Target, Verdict, Work, operation::OperationKind,
    },
    model::http::Reply,
    topics::action::Parameters,
};
use call::Call;
use given::Given;
use known::Known;
use next::{Job, Next};

pub(super) const UPSERT_CONTACT: &str = "upsert_contact";
pub(super) const ADD_TO_LIST: &str = "add_to_list";
pub(super) const REMOVE_FROM_LIST: &str = "remove_from_list";

/// Legal bases by their names in flows; the vendor numbers them from 1 in this order (`gdprReason`).
pub(super) const LEGAL_BASES: &[&str] = &[
    "no_consent",
    "legitimate_interest",
    "legal_obligation",
    "contract",
    "consent",
    "public_interest",
    "vital_interest",
];

const EMAIL: Parameter = required("email", FieldKind::Email, "The contact's e-mail: what it is found by.");
const FIRST_NAME: Parameter = optional("first_name", FieldKind::Text, "First name.").occasional();
const LAST_NAME: Parameter = optional("last_name", FieldKind::Text, "Last name.").occasional();
const PHONE: Parameter = optional("phone", FieldKind::Text, "Phone, as it shall stand in the CRM.").occasional();
const SOURCE: Parameter =
    optional("source", FieldKind::Text, "Where the contact comes from, such as `e-shop`.").occasional();
const CUSTOM_FIELDS: Parameter = optional(
    "custom_fields",
    FieldKind::Map,
    "Custom fields by id (all digits) or exact title. In a select box: an option's key or title. True and false become \
     1 and 0. They are written to existing contacts too.",
)
.occasional();
const LEGAL_BASIS: Parameter = optional(
    "legal_basis",
    FieldKind::Choice(LEGAL_BASES),
    "The GDPR basis. A new contact always gets it; an existing one as `overwrite_legal_basis` says, and never instead \
     of a consent.",
)
.occasional();
const LEGAL_BASIS_DATE: Parameter = optional(
    "legal_basis_date",
    FieldKind::Date,
    "Since when; without it, the day on which it is written. Where `legal_basis` has an `on`, this needs the same.",
)
.occasional();

const CONTACT_ID: Field = Field { name: "contact_id", doc: "The contact's id (the lowest, if several were written)." };
const CREATED: Field = Field { name: "created", doc: "`true` if the contact was created." };

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        name: UPSERT_CONTACT,
        doc: "Makes sure that a contact with this e-mail exists, and fills its fields. Fields that the contact has \
              already are kept unless the connection says `overwrite: always`.",
        kind: OperationKind::Write,
        parameters: &[
            EMAIL,
            FIRST_NAME,
            LAST_NAME,
            PHONE,
            SOURCE,
            optional("position", FieldKind::Text, "Position in the company.").occasional(),
            optional("description", FieldKind::Text, "Description.").occasional(),
            optional("shipping_street", FieldKind::Text, "Street of the delivery address.").occasional(),
            optional("shipping_city", FieldKind::Text, "City of the delivery address.").occasional(),
            optional("shipping_code", FieldKind::Text, "Postal code of the delivery address.").occasional(),
            optional("shipping_country", FieldKind::Text, "Country of the delivery address, as it shall stand there.")
                .occasional(),
            CUSTOM_FIELDS,
            LEGAL_BASIS,
            LEGAL_BASIS_DATE,
        ],
        repeat: Repeat::Checked { settle: SETTLE },
        calls: 3,
        limit_class: "write",
        results: &[CONTACT_ID, CREATED],
    },
    Operation {
        name: ADD_TO_LIST,
        doc: "Puts the contact with this e-mail on a list, and writes a note. A contact that does not exist is \
              created; of one that does, empty fields are filled.",
        kind: OperationKind::Write,
        parameters: &[
            EMAIL,
            required("list", FieldKind::Text, "The list's id (all digits) or exact title. Name one list one way only."),
            optional("create_list", FieldKind::Boolean, "Create the list if no list has this title."),
            FIRST_NAME,
            LAST_NAME,
            PHONE,
            SOURCE,
            CUSTOM_FIELDS,
            LEGAL_BASIS,
            LEGAL_BASIS_DATE,
            optional("note", FieldKind::Text, "A note on the contact. The same text is written once per contact."),
        ],
        repeat: Repeat::Checked { settle: SETTLE },
        calls: 6,
        limit_class: "write",
        results: &[
            CONTACT_ID,
            CREATED,
            Field {
                name: "list_id",
                doc: "The list's id; missing if it was named by title and had not to be looked up.",
            },
        ],
    },
    Operation {
        name: REMOVE_FROM_LIST,
        doc: "Takes every contact with this e-mail off a list. The contacts stay. No such contact: nothing to do.",
        kind: OperationKind::Write,
        parameters: &[
            EMAIL,
            required("list", FieldKind::Text, "The list's id (all digits) or exact title. Name one list one way only."),
        ],
        repeat: Repeat::Natural,
        calls: 3,
        limit_class: "write",
        results: &[CONTACT_ID, Field { name: "contacts", doc: "How many contacts were taken off." }],
    },
];

const fn required(name: &'static str, kind: FieldKind, doc: &'static str) -> Parameter {
    Parameter { name, kind, required: true, occasional: false, doc }
}

const fn optional(name: &'static str, kind: FieldKind, doc: &'static str) -> Parameter {
    Parameter { name, kind, required: false, occasional: false, doc }
}

/// The contact by its e-mail, whoever writes to it.
pub(super) fn target(account: &Account, operation: &Operation, parameters: &Parameters) -> Result<Target, String> {
    let given = Given::read(account, operation, parameters)?;
    Ok(Target { object: given.object(), registers: given.registers() })
}

pub(super) fn plan(account: &Account, work: &Work<'_>, progress: &Progress) -> Plan {
    let job = match Job::new(account, work) {
        Ok(job) => job,
        Err(why) => return Plan::Refused(why),
    };
    let known = Known::at(progress, &job);
    match job.next(&known) {
        Next::Call(call) => Plan::Send(job.message(&call, &known).request(account)),
        Next::Done(done) => Plan::Done(done),
        Next::Refused(why) => Plan::Refused(why),
    }
}

pub(super) fn interpret(account: &Account, work: &Work<'_>, progress: &Progress, reply: &Reply) -> Verdict {
    let job = match Job::new(account, work) {
        Ok(job) => job,
        Err(why) => return Verdict::Refused(why),
    };
    let mut known = Known::at(progress, &job);
    let call = match job.next(&known) {
        Next::Call(call) => call,
        Next::Done(done) => return Verdict::Done(done),
        Next::Refused(why) => return Verdict::Refused(why),
    };
    let end = match Answer::read(reply, call.effect(), account) {
        Answer::Failed(verdict) => Some(verdict),
        Answer::Error { credentials: true } => Some(Verdict::Unauthorized),
        Answer::Error { .. } if call == Call::Check => Some(Verdict::Unauthorized),
        Answer::Error { .. } => {
            known.checking = true;
            None
        }
        Answer::Success(_) if call == Call::Check => checked(&job, &mut known),
        Answer::Success(data) => job.learn(&call, &data, &mut known).err(),
    };
    end.unwrap_or_else(|| go_on(&job, &known))
}

/// The credentials are good: the ERROR before was about the call itself.
fn checked(job: &Job<'_>, known: &mut Known) -> Option<Verdict> {
    known.checking = false;
    match job.next(known) {
        Next::Call(call) => job.was_refused(&call, known),
        // Cannot be: the same knowledge led to a call before.
        Next::Done(_) | Next::Refused(_) => None,
    }
}

fn go_on(job: &Job<'_>, known: &Known) -> Verdict {
    match job.next(known) {
        Next::Call(_) => Verdict::Next(known.to_progress()),
        Next::Done(done) => Verdict::Done(done),
        Next::Refused(why) => Verdict::Refused(why),
    }
}
