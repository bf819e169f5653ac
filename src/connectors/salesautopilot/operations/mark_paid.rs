//! `mark_paid`: tells that an order's money came, through the form that bills. The form may issue an invoice each time
//! that it is used, so it is used once for each order; after a lost answer only when the order shows that nothing
//! happened.
//!
//! | step | call | then |
//! |---|---|---|
//! | check | look-up, only after a lost answer | paid: done; else pay |
//! | pay | the billing form | done; `0`: verify |
//! | verify | look-up | absent: not there; paid: done; else refused |
//!
//! Where the payment is settled and only the shop's status is new, the status goes through the status form.

use serde_json::{Map, Value, json};

use super::{
    super::{
        account::Account,
        answer,
        api::Key,
        record::Record,
        wire::{INVOICE_NUMBER, ORDER_REFERENCE, PAID_ON, PAYMENT_STATUS, SHOP_STATUS, payment},
    },
    CHECKED, Handler, LIMIT_CLASS, done, field, newest, next, once, parameter, parameters, truth,
    update::{Update, VERIFY},
};
use crate::{
    connectors::contract::{
        Done, FieldKind, Operation, Plan, Progress, Target, Verdict, Work, operation::OperationKind,
    },
    model::http::Reply,
    topics::action::Parameters,
};

pub(super) const OPERATION: Operation = Operation {
    name: "mark_paid",
    doc: "Marks an order paid, with the day of payment, through `billing_form`: once for each order, because the form \
          may issue an invoice. The order is found by `order_reference` or by `invoice_number`, as the setting \
          `order_found_by` says. An order that is not there yet is waited for.",
    kind: OperationKind::Write,
    parameters: &[
        parameter("order_reference", FieldKind::Text, false, "What the order was recorded under."),
        parameter("invoice_number", FieldKind::Text, false, "The number of the order's invoice there."),
        parameter("paid_on", FieldKind::Date, true, "The day of payment."),
        parameter("status", FieldKind::Text, false, "The shop's own word for the order's status from now on."),
    ],
    repeat: CHECKED,
    calls: 1,
    limit_class: LIMIT_CLASS,
    results: &[field("already", "`true` when the order was found paid, else `false`.")],
};

pub(super) const HANDLER: Handler = Handler { target, plan, interpret };

const CHECK: &str = "check";
const PAY: &str = "pay";
const PAID: &str = "paid";

const SEVERAL: &str = "more than one order has this reference";
const STATUS_LEFT: &str = "the order was paid already and the status was not told: no `status_form`";

/// The order and its payment.
struct Payment {
    key: Key,
    object: String,
    paid_on: String,
    status: Option<String>,
}

impl Payment {
    fn read(account: &Account, given: &Parameters) -> Result<Self, String> {
        let parameter = if account.orders.paid_by_invoice { "invoice_number" } else { "order_reference" };
        let reference = parameters::path_text(given, parameter)?
            .ok_or_else(|| format!("`{parameter}` is missing (the setting `order_found_by` asks for it)"))?;
        let paid_on = parameters::text(given, "paid_on").ok_or("`paid_on` is missing")?;
        let paid_on = parameters::day(&paid_on, &account.zone).ok_or("`paid_on` takes a date")?.to_string();
        let status = parameters::text(given, "status");
        let (key, object) = if account.orders.paid_by_invoice {
            let object = format!("invoice:{reference}");
            (Key::field(INVOICE_NUMBER, reference), object)
        } else {
            let object = parameters::order_object(&reference);
            (Key::field(ORDER_REFERENCE, reference), object)
        };
        Ok(Self { key, object, paid_on, status })
    }

    /// The update through the billing form.
    fn billing(&self, account: &Account, work: &Work<'_>) -> Result<Update, String> {
        let mut fields = Map::new();
        if let Some(status) = self.status.as_ref().filter(|_| work.writes(SHOP_STATUS)) {
            fields.insert(SHOP_STATUS.to_owned(), status.clone().into());
        }
        fields.insert(PAYMENT_STATUS.to_owned(), payment::PAID.into());
        fields.insert(PAID_ON.to_owned(), self.paid_on.clone().into());
        let (list, form) = (account.order_list.need()?, account.billing_form.need()?);
        Ok(Update { list, form, key: self.key.clone(), fields })
    }

    /// The status alone, where the payment was settled before.
    fn status_only(&self, account: &Account) -> Result<Option<Update>, String> {
        let (Some(status), Some(form)) = (&self.status, account.status_form.id()) else { return Ok(None) };
        let fields = Map::from_iter([(SHOP_STATUS.to_owned(), Value::from(status.clone()))]);
        Ok(Some(Update { list: account.order_list.need()?, form, key: self.key.clone(), fields }))
    }
}

fn target(account: &Account, given: &Parameters) -> Result<Target, String> {
    account.order_list.need()?;
    account.billing_form.need()?;
    let payment = Payment::read(account, given)?;
    let mut registers = vec![once(PAID, json!({ "on": payment.paid_on }))];
    registers.extend(payment.status.map(|status| newest(SHOP_STATUS, status.into())));
    Ok(Target { object: payment.object, registers })
}

fn step<'p>(work: &Work<'_>, progress: &'p Progress) -> &'p str {
    match progress.step() {
        "" if work.maybe_done => CHECK,
        "" => PAY,
        step => step,
    }
}

fn plan(account: &Account, work: &Work<'_>, progress: &Progress) -> Result<Plan, String> {
    let payment = Payment::read(account, work.parameters)?;
    if !work.writes(PAID) {
        return Ok(match payment.status_only(account)? {
            Some(update) => update.plan(account, progress),
            None => Plan::Done(Done { warnings: vec![STATUS_LEFT], ..paid(true) }),
        });
    }
    Ok(Plan::Send(match step(work, progress) {
        CHECK | VERIFY => account.api.find(account.order_list.need()?, &payment.key),
        _ => {
            let update = payment.billing(account, work)?;
            account.api.update(update.list, update.form, &update.key, update.fields)
        }
    }))
}

fn interpret(account: &Account, work: &Work<'_>, progress: &Progress, reply: &Reply) -> Result<Verdict, Verdict> {
    let payment = Payment::read(account, work.parameters).map_err(Verdict::Refused)?;
    if !work.writes(PAID) {
        let Some(update) = payment.status_only(account).map_err(Verdict::Refused)? else {
            return Ok(Verdict::Done(paid(true)));
        };
        return Ok(match update.interpret(progress, reply)? {
            Verdict::Done(_) => Verdict::Done(paid(true)),
            other => other,
        });
    }
    match step(work, progress) {
        CHECK => Ok(checked(account, &answer::records(reply, &payment.key)?)),
        VERIFY => Ok(verified(&answer::records(reply, &payment.key)?)),
        _ => Ok(match answer::changed(reply)? {
            0 => next(VERIFY),
            1 => Verdict::Done(paid(false)),
            _ => Verdict::Done(Done { warnings: vec![SEVERAL], ..paid(false) }),
        }),
    }
}

/// After a lost answer: pays only when the order shows neither the payment nor an invoice.
fn checked(account: &Account, records: &[Record]) -> Verdict {
    let may_be_billed = !account.orders.paid_by_invoice && !account.orders.invoiced_before_payment;
    match standing(records) {
        Some(verdict) => verdict,
        None if may_be_billed && records.iter().any(|record| !record.text(INVOICE_NUMBER).is_empty()) => {
            Verdict::Refused(
                "in doubt: the order has an invoice but is not marked paid; mark it by hand, or set \
                 `invoiced_before_payment`"
                    .to_owned(),
            )
        }
        None => next(PAY),
    }
}

/// After an update that changed nothing.
fn verified(records: &[Record]) -> Verdict {
    standing(records).unwrap_or_else(|| {
        Verdict::Refused("the vendor answered 0 and the order is not paid: is `billing_form` right?".to_owned())
    })
}

/// What the orders themselves settle. One that is paid settles it even among several: paying again would bill it again.
fn standing(records: &[Record]) -> Option<Verdict> {
    let any = |status: u32| records.iter().any(|record| record.text(PAYMENT_STATUS) == status.to_string());
    if records.is_empty() {
        return Some(Verdict::NotThere);
    }
    if any(payment::PAID) {
        let warnings = if records.len() > 1 { vec![SEVERAL] } else { Vec::new() };
        return Some(Verdict::Done(Done { warnings, ..paid(true) }));
    }
    any(payment::PAID_BACK).then(|| Verdict::Refused("the order is marked paid back there (3)".to_owned()))
}

fn paid(already: bool) -> Done {
    done(&[("already", truth(already))])
}
