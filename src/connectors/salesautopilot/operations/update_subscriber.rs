//! `update_subscriber`: sets fields of somebody who is on the newsletter list.

use super::{
    super::account::Account,
    Handler, LIMIT_CLASS, parameters,
    person::{
        COMPANY_PARAMETER, EMAIL_PARAMETER, FIELDS_PARAMETER, FIRST_NAME_PARAMETER, LAST_NAME_PARAMETER,
        PHONE_PARAMETER, Person,
    },
    update::{RESULTS, Update, person_key},
};
use crate::{
    connectors::contract::{Done, Operation, Plan, Progress, Repeat, Target, Verdict, Work, operation::OperationKind},
    model::http::Reply,
    topics::action::Parameters,
};

pub(super) const OPERATION: Operation = Operation {
    name: "update_subscriber",
    doc: "Sets fields of a person on the newsletter list, through `update_form`. Only what differs from what was sent \
          last goes out. A person who is not on the list yet is waited for.",
    kind: OperationKind::Write,
    parameters: &[
        EMAIL_PARAMETER,
        FIRST_NAME_PARAMETER,
        LAST_NAME_PARAMETER,
        PHONE_PARAMETER,
        COMPANY_PARAMETER,
        FIELDS_PARAMETER,
    ],
    repeat: Repeat::Natural,
    calls: 1,
    limit_class: LIMIT_CLASS,
    results: RESULTS,
};

pub(super) const HANDLER: Handler = Handler { target, plan, interpret };

fn target(account: &Account, given: &Parameters) -> Result<Target, String> {
    account.newsletter_list.need()?;
    account.update_form.need()?;
    let person = Person::read(account, given)?;
    let registers = person.registers();
    if registers.is_empty() {
        return Err("there is nothing to set: every field is empty or not given".to_owned());
    }
    Ok(Target { object: parameters::subscriber(&person.email), registers })
}

fn update(account: &Account, work: &Work<'_>) -> Result<Update, String> {
    let person = Person::read(account, work.parameters)?;
    Ok(Update {
        list: account.newsletter_list.need()?,
        form: account.update_form.need()?,
        key: person_key(work, &person.email),
        fields: person.changes(work),
    })
}

fn plan(account: &Account, work: &Work<'_>, progress: &Progress) -> Result<Plan, String> {
    let update = update(account, work)?;
    // The engine settles this by itself; a call that changes nothing would only cost.
    if update.fields.is_empty() {
        return Ok(Plan::Done(Done::default()));
    }
    Ok(update.plan(account, progress))
}

fn interpret(account: &Account, work: &Work<'_>, progress: &Progress, reply: &Reply) -> Result<Verdict, Verdict> {
    update(account, work).map_err(Verdict::Refused)?.interpret(progress, reply)
}
