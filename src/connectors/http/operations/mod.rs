//! The catalogue: create, update, delete. What they do to which object is the flow's to say; what is safe to repeat follows
//! from what the connection says about the other side.

mod answer;
mod body;
mod create;
mod delete;
mod update;

use serde_json::Value;

use super::{api::Api, place::Place, settings::Account};
use crate::{
    connectors::contract::{
        FieldKind, Operation, Parameter, Plan, Progress, Register, RegisterRule, Target, Verdict, Work,
    },
    model::http::Reply,
    topics::action::Parameters,
};

/// All operations.
pub(super) const CATALOGUE: &[Operation] = &[create::OPERATION, update::OPERATION, delete::OPERATION];

const LIMIT_CLASS: &str = "write";

/// What carries an operation out.
struct Handler {
    target: fn(&Api, &Parameters) -> Result<Target, String>,
    plan: fn(&Api, &Work<'_>, &Progress) -> Result<Plan, String>,
    interpret: fn(&Api, &Work<'_>, &Progress, &Reply) -> Verdict,
}

fn handler(operation: &Operation) -> Result<&'static Handler, String> {
    match operation.name {
        "create" => Ok(&create::HANDLER),
        "update" => Ok(&update::HANDLER),
        "delete" => Ok(&delete::HANDLER),
        name => Err(format!("there is no operation `{name}`")),
    }
}

pub(super) fn is_create(operation: &Operation) -> bool {
    operation.name == create::OPERATION.name
}

pub(super) fn target(account: &Account, operation: &Operation, parameters: &Parameters) -> Result<Target, String> {
    (handler(operation)?.target)(account.api()?, parameters)
}

pub(super) fn plan(account: &Account, work: &Work<'_>, progress: &Progress) -> Plan {
    let planned = account.api().and_then(|api| (handler(work.operation)?.plan)(api, work, progress));
    planned.unwrap_or_else(Plan::Refused)
}

pub(super) fn interpret(account: &Account, work: &Work<'_>, progress: &Progress, reply: &Reply) -> Verdict {
    let read = account.api().and_then(|api| Ok((handler(work.operation)?.interpret)(api, work, progress, reply)));
    read.unwrap_or_else(Verdict::Refused)
}

const PATH: Parameter = parameter(
    "path",
    FieldKind::Text,
    "Where such objects are, below `base_url`: `users`, `shops/cz/users`. What is empty, `.` or `..` between two `/` is \
     refused, and all other characters stand for themselves.",
);

const ID: Parameter = parameter(
    "id",
    FieldKind::Text,
    "The object's id there: one more name behind the path, whatever characters it holds.",
);

const FIELDS: Parameter = parameter(
    "fields",
    FieldKind::Map,
    "What is sent, as a JSON object. A name with full stops makes objects: `address.city`. Texts stay texts, numbers \
     numbers, true and false what they are.",
);

const fn parameter(name: &'static str, kind: FieldKind, doc: &'static str) -> Parameter {
    Parameter { name, kind, required: true, occasional: false, doc }
}

/// A text parameter; empty when it is not given. A flow may have kept a number.
fn text(parameters: &Parameters, name: &str) -> String {
    match parameters.get(name) {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn path(parameters: &Parameters) -> Result<Place, String> {
    Place::read(&text(parameters, PATH.name))
}

/// One object that is known by its id.
fn object(parameters: &Parameters) -> Result<Place, String> {
    path(parameters)?.with(&text(parameters, ID.name))
}

/// The register of an object as a whole, which a replacing update and a deletion share.
fn whole(value: Value) -> Register {
    Register { name: "document".to_owned(), value, rule: RegisterRule::Newest }
}
