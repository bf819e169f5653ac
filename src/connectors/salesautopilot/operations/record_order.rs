//! `record_order`: puts a webshop's order into the order list. Whether the vendor refuses a second one with the same
//! reference is not known, so an order is sent once, and after a lost answer only when a look-up does not find it.

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::{
    super::{
        account::Account,
        answer::{self, Answer},
        api::Key,
        wire::ORDER_REFERENCE,
    },
    CHECKED, Handler, LIMIT_CLASS, done, field, next, once, order_body, parameter, parameters,
    person::own_fields,
    truth,
};
use crate::{
    connectors::contract::{
        Done, FieldKind, Operation, Plan, Progress, Target, Verdict, Work, operation::OperationKind,
    },
    model::http::Reply,
    topics::{action::Parameters, body::v1},
};

pub(super) const OPERATION: Operation = Operation {
    name: "record_order",
    doc: "Records an order with its lines in the order list, through `order_form`. Once for each order reference. \
          Discounts become negative lines; fractional quantities are refused.",
    kind: OperationKind::Write,
    parameters: &[
        parameter("order", FieldKind::Message("spojka.v1.Order"), true, "The order: `${order}`."),
        parameter(
            "order_id",
            FieldKind::Text,
            false,
            "What the order is known by there. Without it: the order's number or id, as the setting `order_reference` \
             says.",
        ),
        parameter(
            "integration_type",
            FieldKind::Text,
            false,
            "The kind of shop, for the account's reports: `woocommerce`, `opencart`, …",
        ),
        parameter(
            "fields",
            FieldKind::Map,
            false,
            "Further fields of the call, by the vendor's names: `mssys_postal_deliverypoint_type`, …",
        ),
    ],
    repeat: CHECKED,
    calls: 1,
    limit_class: LIMIT_CLASS,
    results: &[
        field("order_id", "What the order is known by there."),
        field("already", "`true` when a look-up found the order, else `false`."),
        field("record_id", "The vendor's id of the order's record, where a look-up told it."),
        field("answer", "The number that the vendor answered, if it did: what it stands for is not documented."),
    ],
};

pub(super) const HANDLER: Handler = Handler { target, plan, interpret };

const FIND: &str = "find";
const SEND: &str = "send";

fn read(account: &Account, given: &Parameters) -> Result<(v1::Order, String), String> {
    let order = parameters::order(given)?.ok_or("`order` is missing")?;
    let reference = parameters::reference(account, given, "order_id", Some(&order))?;
    Ok((order, reference))
}

fn body(
    account: &Account,
    given: &Parameters,
    order: &v1::Order,
    reference: &str,
) -> Result<Map<String, Value>, String> {
    let mut further = own_fields(given)?;
    if let Some(integration) = parameters::text(given, "integration_type") {
        further.insert("mssys_integration_type".to_owned(), integration.into());
    }
    order_body::body(account, order, reference, further)
}

fn target(account: &Account, given: &Parameters) -> Result<Target, String> {
    account.order_list.need()?;
    account.order_form.need()?;
    let (order, reference) = read(account, given)?;
    // What cannot be sent is refused before it waits in any line.
    body(account, given, &order, &reference)?;
    Ok(Target { object: parameters::order_object(&reference), registers: vec![once("order", reference.into())] })
}

fn step<'p>(work: &Work<'_>, progress: &'p Progress) -> &'p str {
    match progress.step() {
        "" if work.maybe_done => FIND,
        "" => SEND,
        step => step,
    }
}

fn plan(account: &Account, work: &Work<'_>, progress: &Progress) -> Result<Plan, String> {
    let (order, reference) = read(account, work.parameters)?;
    let list = account.order_list.need()?;
    if step(work, progress) == FIND {
        return Ok(Plan::Send(account.api.find(list, &Key::field(ORDER_REFERENCE, reference))));
    }
    let body = body(account, work.parameters, &order, &reference)?;
    Ok(Plan::Send(account.api.record_order(list, account.order_form.need()?, body)))
}

fn interpret(account: &Account, work: &Work<'_>, progress: &Progress, reply: &Reply) -> Result<Verdict, Verdict> {
    let (_, reference) = read(account, work.parameters).map_err(Verdict::Refused)?;
    if step(work, progress) == FIND {
        let records = answer::records(reply, &Key::field(ORDER_REFERENCE, reference.as_str()))?;
        return Ok(match records.first() {
            None => next(SEND),
            Some(record) => Verdict::Done(found(&reference, record.id())),
        });
    }
    sent(&reference, answer::write(reply)?)
}

fn found(reference: &str, record: Option<String>) -> Done {
    let mut done = done(&[("order_id", reference), ("already", truth(true))]);
    if let Some(record) = &record {
        done.result.insert("record_id".to_owned(), record.clone());
    }
    Done { vendor_id: record, ..done }
}

/// ASSUMED: every success is one but a number below 1. The number is no more than an answer: were it taken for a
/// record's id and were it none, a later call could change a stranger's order.
fn sent(reference: &str, read: Answer) -> Result<Verdict, Verdict> {
    let mut done = done(&[("order_id", reference), ("already", truth(false))]);
    if let Answer::Number(number) = read {
        if number < Decimal::ONE {
            return Err(Verdict::Refused(format!("the vendor answered {number}")));
        }
        done.result.insert("answer".to_owned(), number.to_string());
    }
    Ok(Verdict::Done(done))
}
