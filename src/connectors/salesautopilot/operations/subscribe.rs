//! `subscribe`: makes sure that a person is on the newsletter list.
//!
//! | step | call | then |
//! |---|---|---|
//! | find | look-up by e-mail, only where the e-mail is no unique key | subscribe, or as read |
//! | subscribe | the subscribe form | done; `-1`: read |
//! | read | look-up by e-mail | active: update; inactive: resubscribe, or refused |
//! | resubscribe | the form that the account names for it | done |
//! | update | the update form, once | done |
//! | verify | look-up, where an update without a look-up before changed nothing | done; not there: subscribe |

use serde_json::{Map, Value, json};

use super::{
    super::{
        account::Account,
        answer,
        api::Key,
        record::Record,
        wire::{EMAIL, IP, subscribed},
    },
    Handler, LIMIT_CLASS, done, field, newest, next, parameter, parameters,
    person::{
        COMPANY_PARAMETER, EMAIL_PARAMETER, FIELDS_PARAMETER, FIRST_NAME_PARAMETER, LAST_NAME_PARAMETER,
        PHONE_PARAMETER, Person,
    },
    truth,
    update::{Update, VERIFY, person_key},
};
use crate::{
    connectors::{
        contract::{
            Done, FieldKind, Operation, Plan, Progress, Repeat, Target, Verdict, Work, operation::OperationKind,
        },
        kit::status,
    },
    model::http::Reply,
    topics::action::Parameters,
};

pub(super) const OPERATION: Operation = Operation {
    name: "subscribe",
    doc: "Puts a person on the newsletter list, through `subscribe_form`, with the mails that the form sends. Somebody \
          who is there already gets the given fields by one update through `update_form`, where the connection has \
          one. Somebody who has unsubscribed there is refused, unless the connection names a `resubscribe_form`.",
    kind: OperationKind::Write,
    parameters: &[
        EMAIL_PARAMETER,
        FIRST_NAME_PARAMETER.occasional(),
        LAST_NAME_PARAMETER.occasional(),
        PHONE_PARAMETER.occasional(),
        COMPANY_PARAMETER.occasional(),
        FIELDS_PARAMETER.occasional(),
        parameter("ip", FieldKind::Text, false, "The address that the person subscribed from; only for new records."),
        parameter(
            "subscribed_at",
            FieldKind::Text,
            false,
            "When the person said yes. It is not sent; a new time makes sure that a new yes is asked of the vendor \
             even where an earlier one went through (the person may have unsubscribed there since).",
        ),
    ],
    repeat: Repeat::Natural,
    calls: 1,
    limit_class: LIMIT_CLASS,
    results: &[
        field("record_id", "The vendor's id of the person's record, where it told."),
        field("already", "`true` when the person was there before, else `false`."),
    ],
};

pub(super) const HANDLER: Handler = Handler { target, plan, interpret };

const FIND: &str = "find";
const SUBSCRIBE: &str = "subscribe";
const READ: &str = "read";
const RESUBSCRIBE: &str = "resubscribe";
const UPDATE: &str = "update";
/// Nothing can be called: the person is there, and there is no form for the rest.
const NOTHING: &str = "nothing";

/// Warning of a person who was there before, in an account without `update_form`.
const FIELDS_LEFT: &str = "the person was there already and the fields were not updated: no `update_form`";

fn membership(list: i64) -> String {
    format!("list:{list}")
}

fn target(account: &Account, given: &Parameters) -> Result<Target, String> {
    let list = account.newsletter_list.need()?;
    account.subscribe_form.need()?;
    let person = Person::read(account, given)?;
    let asked = json!({ "subscribed": true, "at": parameters::text(given, "subscribed_at") });
    let mut registers = vec![newest(&membership(list), asked)];
    registers.extend(person.registers());
    Ok(Target { object: parameters::subscriber(&person.email), registers })
}

/// One subscription on its way.
struct Subscription<'a> {
    account: &'a Account,
    work: &'a Work<'a>,
    list: i64,
    person: Person,
}

impl<'a> Subscription<'a> {
    fn read(account: &'a Account, work: &'a Work<'a>) -> Result<Self, String> {
        let list = account.newsletter_list.need()?;
        Ok(Self { account, work, list, person: Person::read(account, work.parameters)? })
    }

    fn step<'p>(&self, progress: &'p Progress) -> &'p str {
        match progress.step() {
            "" => self.first_step(),
            step => step,
        }
    }

    fn first_step(&self) -> &'static str {
        if !self.work.writes(&membership(self.list)) {
            return if self.can_update() { UPDATE } else { NOTHING };
        }
        if self.account.unique_email { SUBSCRIBE } else { FIND }
    }

    fn can_update(&self) -> bool {
        self.account.update_form.id().is_some() && !self.person.changes(self.work).is_empty()
    }

    /// The body of a subscription. A new record gets all that is given: there is nothing newer to overwrite. A record that
    /// is taken back gets only what is still to be written.
    fn body(&self, mut fields: Map<String, Value>) -> Map<String, Value> {
        fields.insert(EMAIL.to_owned(), self.person.email.clone().into());
        if let Some(ip) = parameters::text(self.work.parameters, "ip") {
            fields.insert(IP.to_owned(), ip.into());
        }
        fields
    }

    fn update(&self, progress: &Progress) -> Result<Update, String> {
        let key = match progress.text("record") {
            "" => person_key(self.work, &self.person.email),
            id => Key::Record(id.to_owned()),
        };
        let form = self.account.update_form.need()?;
        Ok(Update { list: self.list, form, key, fields: self.person.changes(self.work) })
    }

    fn plan(&self, progress: &Progress) -> Result<Plan, String> {
        let api = &self.account.api;
        Ok(match self.step(progress) {
            SUBSCRIBE => {
                let form = self.account.subscribe_form.need()?;
                Plan::Send(api.subscribe(self.list, form, self.body(self.person.of_new(self.account, self.work.only))))
            }
            RESUBSCRIBE => {
                let form = self.account.resubscribe_form.need()?;
                Plan::Send(api.subscribe(self.list, form, self.body(self.person.changes(self.work))))
            }
            UPDATE | VERIFY => self.update(progress)?.plan(self.account, progress),
            NOTHING => Plan::Done(self.already(None)),
            _ => Plan::Send(api.find(self.list, &self.by_email())),
        })
    }

    fn interpret(&self, progress: &Progress, reply: &Reply) -> Result<Verdict, Verdict> {
        let step = self.step(progress);
        match step {
            SUBSCRIBE => subscribed(reply).map(|verdict| self.but_unwritten(verdict)),
            RESUBSCRIBE => resubscribed(reply),
            UPDATE => self.updated(progress, reply),
            VERIFY => {
                let update = self.update(progress).map_err(Verdict::Refused)?;
                Ok(match update.judge(&answer::records(reply, &update.key)?) {
                    // The ledger remembers somebody who was deleted there since.
                    Verdict::NotThere => next(SUBSCRIBE),
                    Verdict::Done(found) => Verdict::Done(self.already(found.vendor_id)),
                    other => other,
                })
            }
            _ => {
                let records = answer::records(reply, &self.by_email())?;
                match (Self::chosen(&records), step) {
                    (Some(record), _) => Ok(self.found(record)),
                    (None, FIND) => Ok(next(SUBSCRIBE)),
                    (None, _) => Err(status::unexpected()),
                }
            }
        }
    }

    /// A new record did not get what is for those that are there.
    fn but_unwritten(&self, verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::Done(done) => {
                Verdict::Done(Done { unwritten: self.person.not_of_new(self.account, self.work.only), ..done })
            }
            other => other,
        }
    }

    fn updated(&self, progress: &Progress, reply: &Reply) -> Result<Verdict, Verdict> {
        let read_before = progress.text("record");
        if !read_before.is_empty() {
            answer::changed(reply)?;
            return Ok(Verdict::Done(self.already(Some(read_before.to_owned()))));
        }
        Ok(match self.update(progress).map_err(Verdict::Refused)?.changed(reply)? {
            0 => next(VERIFY),
            _ => Verdict::Done(self.already(None)),
        })
    }

    /// Where the e-mail is no unique key there may be several: one that still wants mail counts.
    fn chosen(records: &[Record]) -> Option<&Record> {
        records.iter().find(|record| record.is_active()).or(records.first())
    }

    fn found(&self, record: &Record) -> Verdict {
        match record.id() {
            _ if !record.is_active() && self.account.resubscribe_form.id().is_some() => next(RESUBSCRIBE),
            _ if !record.is_active() => Verdict::Refused(
                "unsubscribed there (active 0); the setting `resubscribe_form` may name a form for it".to_owned(),
            ),
            Some(id) if self.can_update() => Verdict::Next(Progress(json!({ "step": UPDATE, "record": id }))),
            id => Verdict::Done(self.already(id)),
        }
    }

    fn already(&self, id: Option<String>) -> Done {
        let fields_left = self.account.update_form.id().is_none() && !self.person.changes(self.work).is_empty();
        let mut done = done(&[("already", truth(true))]);
        if let Some(id) = &id {
            done.result.insert("record_id".to_owned(), id.clone());
        }
        Done { vendor_id: id, warnings: if fields_left { vec![FIELDS_LEFT] } else { Vec::new() }, ..done }
    }

    fn by_email(&self) -> Key {
        Key::field(EMAIL, self.person.email.as_str())
    }
}

fn subscribed(reply: &Reply) -> Result<Verdict, Verdict> {
    match answer::whole(answer::write(reply)?).ok_or_else(status::unexpected)? {
        id @ 1.. => Ok(Verdict::Done(joined(id, false))),
        subscribed::ALREADY_THERE => Ok(next(READ)),
        subscribed::MALFORMED_EMAIL => Err(Verdict::Refused("the vendor answered -2: malformed `email`".to_owned())),
        code => Err(answer::refused(code)),
    }
}

fn resubscribed(reply: &Reply) -> Result<Verdict, Verdict> {
    match answer::whole(answer::write(reply)?).ok_or_else(status::unexpected)? {
        id @ 1.. => Ok(Verdict::Done(joined(id, true))),
        subscribed::ALREADY_THERE => Err(Verdict::Refused(
            "unsubscribed there, and `resubscribe_form` does not take the person back either".to_owned(),
        )),
        code => Err(answer::refused(code)),
    }
}

fn joined(id: i64, already: bool) -> Done {
    let id = id.to_string();
    Done { vendor_id: Some(id.clone()), ..done(&[("already", truth(already)), ("record_id", &id)]) }
}

fn plan(account: &Account, work: &Work<'_>, progress: &Progress) -> Result<Plan, String> {
    Subscription::read(account, work)?.plan(progress)
}

fn interpret(account: &Account, work: &Work<'_>, progress: &Progress, reply: &Reply) -> Result<Verdict, Verdict> {
    Subscription::read(account, work).map_err(Verdict::Refused)?.interpret(progress, reply)
}
