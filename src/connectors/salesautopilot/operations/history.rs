//! `update_purchase_history`: keeps the day of the last purchase, the number of purchases and their sum in fields of
//! the newsletter list.
//!
//! The vendor has no increment, and one would count twice when repeated. So each order is a contribution under its
//! reference, the ledger keeps them all, and what is sent is always the result.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::{
    super::{account::Account, wire::NO_DATE},
    Handler, LIMIT_CLASS, done, field, order_body, parameter, parameters,
    person::EMAIL_PARAMETER,
    truth,
    update::{Update, person_key},
};
use crate::{
    connectors::{
        contract::{
            Done, FieldKind, Operation, Plan, Progress, Register, RegisterRule, Repeat, Target, Verdict, Work,
            operation::OperationKind,
        },
        kit::number,
    },
    model::http::Reply,
    topics::{action::Parameters, body::v1},
};

const WAIT: &str = "wait";
const SKIP: &str = "skip";

pub(super) const OPERATION: Operation = Operation {
    name: "update_purchase_history",
    doc: "Counts an order into a person's purchase history, in the newsletter list's fields that the connection names, \
          through `update_form`. The same order counts once, however often it comes; a later version of it replaces \
          the earlier one, and a cancelled or refunded one stops counting. Give `order`, or `amount`, `currency`, \
          `date` and `order_reference`.",
    kind: OperationKind::Write,
    parameters: &[
        EMAIL_PARAMETER,
        parameter("order", FieldKind::Message("spojka.v1.Order"), false, "The order: `${order}`."),
        parameter("amount", FieldKind::Decimal, false, "What it is worth. Without it: the order's total less refunds."),
        parameter("currency", FieldKind::Text, false, "The amount's currency. Without it: the order's."),
        parameter("date", FieldKind::Date, false, "The day of purchase. Without it: the day the order was made."),
        parameter(
            "order_reference",
            FieldKind::Text,
            false,
            "What the order is counted under; several shops that number alike need a prefix. Without it: the order's \
             number or id, as the setting `order_reference` says.",
        ),
        parameter(
            "remove",
            FieldKind::Boolean,
            false,
            "The order counts no more. So does a cancelled or refunded one.",
        ),
        parameter(
            "when_absent",
            FieldKind::Choice(&[WAIT, SKIP]),
            false,
            "A buyer who is not on the list is waited for (`wait`, the default), or only remembered (`skip`): a later \
             purchase then brings all of them.",
        ),
    ],
    repeat: Repeat::Natural,
    calls: 1,
    limit_class: LIMIT_CLASS,
    results: &[
        field("count", "The number of purchases."),
        field("sum", "Their sum."),
        field("last", "The day of the last one; empty when there is none left."),
        field("written", "`false` when the buyer is not on the list, else `true`."),
    ],
};

pub(super) const HANDLER: Handler = Handler { target, plan, interpret };

const REGISTER: &str = "purchase_history";

fn target(account: &Account, given: &Parameters) -> Result<Target, String> {
    account.newsletter_list.need()?;
    account.update_form.need()?;
    if account.history.names().next().is_none() {
        return Err(
            "the connection's settings `purchase_date_field`, `purchase_count_field` and `purchase_sum_field` \
                    are all missing"
                .to_owned(),
        );
    }
    let email = parameters::email(given)?;
    let (contribution, value) = contribution(account, given)?;
    let rule = RegisterRule::Fold { contribution };
    Ok(Target {
        object: parameters::subscriber(&email),
        registers: vec![Register { name: REGISTER.to_owned(), value, rule }],
    })
}

/// What this order gives, under its reference.
fn contribution(account: &Account, given: &Parameters) -> Result<(String, Value), String> {
    let order = parameters::order(given)?;
    let order = order.as_ref();
    let reference = parameters::reference(account, given, "order_reference", order)?;
    if parameters::flag(given, "remove")? || order.is_some_and(counts_no_more) {
        return Ok((reference, json!({ "removed": true })));
    }
    let (amount, currency) = amount(given, order)?;
    let wanted = &account.history.currency;
    if !wanted.is_empty() && *wanted != currency {
        return Err(format!("the purchase is in another currency than the setting `history_currency` ({wanted})"));
    }
    let date = date(account, given, order)?;
    Ok((reference, json!({ "amount": amount.to_string(), "currency": currency, "date": date.to_string() })))
}

fn counts_no_more(order: &v1::Order) -> bool {
    use v1::OrderStatus::{Cancelled, Deleted, Failed, Refunded};
    order.cancelled || matches!(order.status(), Cancelled | Deleted | Failed | Refunded)
}

fn amount(given: &Parameters, order: Option<&v1::Order>) -> Result<(Decimal, String), String> {
    let money = order.and_then(|order| order.total_kept.as_ref().or(order.total.as_ref()));
    let amount = match (given.get("amount"), money) {
        (None | Some(Value::Null), None) => return Err("`amount` is missing, and `order` has no total".to_owned()),
        (None | Some(Value::Null), Some(money)) => number::parse(&money.amount).ok_or("`order.total` is no amount")?,
        (Some(value), _) => number::decimal(value).ok_or("`amount` takes a decimal number")?,
    };
    let of_order = [money.map(|money| &money.currency), order.map(|order| &order.currency)];
    let currency = parameters::text(given, "currency")
        .or_else(|| of_order.into_iter().flatten().find(|currency| !currency.is_empty()).cloned())
        .ok_or("`currency` is missing, and `order` has none")?;
    Ok((amount.normalize(), currency.to_ascii_uppercase()))
}

fn date(account: &Account, given: &Parameters, order: Option<&v1::Order>) -> Result<Date, String> {
    match (parameters::text(given, "date"), order) {
        (Some(date), _) => parameters::day(&date, &account.zone).ok_or_else(|| "`date` takes a date".to_owned()),
        (None, Some(order)) => parameters::day(&order.created_at, &account.zone)
            .ok_or_else(|| "`order.created_at` is missing; give `date`".to_owned()),
        (None, None) => Err("`date` is missing".to_owned()),
    }
}

/// All purchases together.
#[derive(Debug, PartialEq)]
struct Totals {
    count: usize,
    sum: Decimal,
    last: Option<Date>,
}

impl Totals {
    fn of(contributions: &BTreeMap<String, Value>) -> Result<Self, String> {
        let mut totals = Self { count: 0, sum: Decimal::ZERO, last: None };
        let mut currency = None;
        for value in contributions.values().filter(|value| value.get("removed") != Some(&Value::Bool(true))) {
            let text = |name: &str| value.get(name).and_then(Value::as_str);
            if *currency.get_or_insert(text("currency")) != text("currency") {
                return Err("the purchases are in several currencies; set `history_currency`".to_owned());
            }
            let amount =
                value.get("amount").and_then(number::decimal).ok_or("a purchase is kept without its amount")?;
            totals.sum = totals.sum.checked_add(amount).ok_or("the sum of the purchases is too large")?;
            totals.last = totals.last.max(text("date").and_then(|date| date.parse().ok()));
            totals.count += 1;
        }
        Ok(totals)
    }

    fn fields(&self, account: &Account) -> Map<String, Value> {
        let last = self.last.map_or_else(|| NO_DATE.to_owned(), |day| day.to_string());
        let values = [
            (&account.history.date, Value::from(last)),
            (&account.history.count, Value::from(self.count)),
            (&account.history.sum, order_body::number(&self.sum.normalize())),
        ];
        values.into_iter().filter(|(name, _)| !name.is_empty()).map(|(name, value)| (name.clone(), value)).collect()
    }
}

fn update(account: &Account, work: &Work<'_>, totals: &Totals) -> Result<Update, String> {
    Ok(Update {
        list: account.newsletter_list.need()?,
        form: account.update_form.need()?,
        key: person_key(work, &parameters::email(work.parameters)?),
        fields: totals.fields(account),
    })
}

fn plan(account: &Account, work: &Work<'_>, progress: &Progress) -> Result<Plan, String> {
    let totals = Totals::of(work.contributions)?;
    Ok(update(account, work, &totals)?.plan(account, progress))
}

fn interpret(account: &Account, work: &Work<'_>, progress: &Progress, reply: &Reply) -> Result<Verdict, Verdict> {
    let totals = Totals::of(work.contributions).map_err(Verdict::Refused)?;
    let update = update(account, work, &totals).map_err(Verdict::Refused)?;
    let skips = parameters::text(work.parameters, "when_absent").is_some_and(|choice| choice == SKIP);
    Ok(match update.interpret(progress, reply)? {
        Verdict::Done(update) => Verdict::Done(Done { vendor_id: update.vendor_id, ..result(&totals, true) }),
        Verdict::NotThere if skips => Verdict::Done(result(&totals, false)),
        other => other,
    })
}

fn result(totals: &Totals, written: bool) -> Done {
    let last = totals.last.map(|day| day.to_string()).unwrap_or_default();
    done(&[
        ("count", &totals.count.to_string()),
        ("sum", &totals.sum.normalize().to_string()),
        ("last", &last),
        ("written", truth(written)),
    ])
}
