//! `update_order_status`: tells the shop's own status of an order, through the form that does not bill.

use serde_json::{Map, Value};

use super::{
    super::{
        account::Account,
        api::Key,
        wire::{ORDER_REFERENCE, SHOP_STATUS},
    },
    Handler, LIMIT_CLASS, newest, parameter, parameters,
    update::{RESULTS, Update},
};
use crate::{
    connectors::contract::{
        FieldKind, Operation, Plan, Progress, Repeat, Target, Verdict, Work, operation::OperationKind,
    },
    model::http::Reply,
    topics::action::Parameters,
};

pub(super) const OPERATION: Operation = Operation {
    name: "update_order_status",
    doc: "Sets the shop's status of an order, through `status_form`. It never marks it paid and never bills. An order \
          that is not there yet is waited for.",
    kind: OperationKind::Write,
    parameters: &[
        parameter("order_reference", FieldKind::Text, true, "What the order was recorded under."),
        parameter("status", FieldKind::Text, true, "The shop's own word for the status."),
    ],
    repeat: Repeat::Natural,
    calls: 1,
    limit_class: LIMIT_CLASS,
    results: RESULTS,
};

pub(super) const HANDLER: Handler = Handler { target, plan, interpret };

fn read(given: &Parameters) -> Result<(String, String), String> {
    let reference = parameters::path_text(given, "order_reference")?.ok_or("`order_reference` is missing")?;
    let status = parameters::text(given, "status").ok_or("`status` is missing")?;
    Ok((reference, status))
}

fn target(account: &Account, given: &Parameters) -> Result<Target, String> {
    account.order_list.need()?;
    account.status_form.need()?;
    let (reference, status) = read(given)?;
    Ok(Target { object: parameters::order_object(&reference), registers: vec![newest(SHOP_STATUS, status.into())] })
}

fn update(account: &Account, work: &Work<'_>) -> Result<Update, String> {
    let (reference, status) = read(work.parameters)?;
    Ok(Update {
        list: account.order_list.need()?,
        form: account.status_form.need()?,
        key: Key::field(ORDER_REFERENCE, reference),
        fields: Map::from_iter([(SHOP_STATUS.to_owned(), Value::from(status))]),
    })
}

fn plan(account: &Account, work: &Work<'_>, progress: &Progress) -> Result<Plan, String> {
    Ok(update(account, work)?.plan(account, progress))
}

fn interpret(account: &Account, work: &Work<'_>, progress: &Progress, reply: &Reply) -> Result<Verdict, Verdict> {
    update(account, work).map_err(Verdict::Refused)?.interpret(progress, reply)
}
