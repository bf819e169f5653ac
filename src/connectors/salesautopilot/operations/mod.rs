//! The catalogue of operations, and who handles which. An operation is one file: its entry, its target, its requests,
//! its answers.
//!
//! The vendor has no idempotency key and bills by the call. So writes go first and are interpreted after; a look-up comes
//! before a write only where an earlier try may have had its effect, or where nothing else keeps a record from doubling.

mod history;
mod mark_paid;
mod order_body;
mod order_lines;
mod order_status;
mod parameters;
mod person;
mod record_order;
mod subscribe;
mod update;
mod update_subscriber;

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::account::Account;
use crate::{
    connectors::contract::{
        Done, Field, FieldKind, Operation, Parameter, Plan, Progress, Register, RegisterRule, Repeat, Target, Verdict,
        Work,
    },
    model::http::Reply,
    topics::action::Parameters,
};

/// All operations.
pub const CATALOGUE: &[Operation] = &[
    subscribe::OPERATION,
    update_subscriber::OPERATION,
    history::OPERATION,
    record_order::OPERATION,
    order_status::OPERATION,
    mark_paid::OPERATION,
];

/// The class that limits speak of: the vendor makes no difference between its calls.
const LIMIT_CLASS: &str = "call";

/// As the setting `settle` begins; the account's own comes from [`repeat`].
const CHECKED: Repeat = Repeat::Checked { settle: Duration::from_mins(1) };

/// What carries an operation out.
struct Handler {
    target: fn(&Account, &Parameters) -> Result<Target, String>,
    plan: fn(&Account, &Work<'_>, &Progress) -> Result<Plan, String>,
    /// Both sides are verdicts: the left one is for whatever ends the reading early.
    interpret: fn(&Account, &Work<'_>, &Progress, &Reply) -> Result<Verdict, Verdict>,
}

fn handler(operation: &Operation) -> Option<&'static Handler> {
    Some(match operation.name {
        "subscribe" => &subscribe::HANDLER,
        "update_subscriber" => &update_subscriber::HANDLER,
        "update_purchase_history" => &history::HANDLER,
        "record_order" => &record_order::HANDLER,
        "update_order_status" => &order_status::HANDLER,
        "mark_paid" => &mark_paid::HANDLER,
        _ => return None,
    })
}

fn unknown(operation: &Operation) -> String {
    format!("there is no operation `{}`", operation.name)
}

pub(super) fn target(account: &Account, operation: &Operation, parameters: &Parameters) -> Result<Target, String> {
    let handler = handler(operation).ok_or_else(|| unknown(operation))?;
    (handler.target)(account, parameters)
}

/// Subscribing is harmless to repeat only where the vendor refuses an e-mail that is there already.
pub(super) fn repeat(account: &Account, operation: &Operation) -> Repeat {
    let checked = Repeat::Checked { settle: account.settle };
    match operation.repeat {
        Repeat::Checked { .. } => checked,
        Repeat::Natural if operation.name == subscribe::OPERATION.name && !account.unique_email => checked,
        other => other,
    }
}

pub(super) fn plan(account: &Account, work: &Work<'_>, progress: &Progress) -> Plan {
    let Some(handler) = handler(work.operation) else { return Plan::Refused(unknown(work.operation)) };
    (handler.plan)(account, work, progress).unwrap_or_else(Plan::Refused)
}

pub(super) fn interpret(account: &Account, work: &Work<'_>, progress: &Progress, reply: &Reply) -> Verdict {
    let Some(handler) = handler(work.operation) else { return Verdict::Refused(unknown(work.operation)) };
    (handler.interpret)(account, work, progress, reply).unwrap_or_else(|verdict| verdict)
}

fn next(step: &str) -> Verdict {
    Verdict::Next(Progress(json!({ "step": step })))
}

fn done(results: &[(&str, &str)]) -> Done {
    let result: BTreeMap<_, _> =
        results.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Done { result, ..Done::default() }
}

fn truth(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

const fn parameter(name: &'static str, kind: FieldKind, required: bool, doc: &'static str) -> Parameter {
    Parameter { name, kind, required, occasional: false, doc }
}

const fn field(name: &'static str, doc: &'static str) -> Field {
    Field { name, doc }
}

fn newest(name: &str, value: Value) -> Register {
    Register { name: name.to_owned(), value, rule: RegisterRule::Newest }
}

fn once(name: &str, value: Value) -> Register {
    Register { name: name.to_owned(), value, rule: RegisterRule::Once }
}
