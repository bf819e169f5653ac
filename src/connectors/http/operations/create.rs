//! `create`: makes an object that is not there yet.
//!
//! | step | call | then |
//! |---|---|---|
//! | look | look-up, after a lost answer | there: done; not there: make |
//! | make | POST | done; 409: as `already_exists` says, with a look-up for the id |
//! | known | look-up, after a 409 | done with the id |

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    FIELDS, Handler, LIMIT_CLASS, PATH,
    answer::{self, Found},
    body, parameter, path, text,
};
use crate::{
    connectors::{
        contract::{
            Done, Field, FieldKind, Operation, Parameter, Plan, Progress, Register, RegisterRule, Repeat, Target,
            Verdict, Work, operation::OperationKind,
        },
        http::api::Api,
    },
    model::http::{Method, Reply},
    topics::action::Parameters,
};

pub(super) const OPERATION: Operation = Operation {
    name: "create",
    doc: "Makes an object by POST, once for each `key` below a path. After a lost answer it is tried again only where \
          that is safe: the other side takes a key (`idempotency_header`), or can be asked (`find`). Else it is a dead \
          letter in doubt, for a person.",
    kind: OperationKind::Write,
    parameters: &[PATH, KEY, FIELDS],
    repeat: Repeat::Unsafe,
    calls: 1,
    limit_class: LIMIT_CLASS,
    results: &[
        Field { name: "id", doc: "The object's id, at `id_path` of the answer, where it told." },
        Field { name: "already", doc: "`true` when the other side said that it is there already (409), else `false`." },
    ],
};

const KEY: Parameter = parameter(
    "key",
    FieldKind::Text,
    "What tells this object from others below the path, such as the e-mail or an order's number. It stands in `find`.",
);

pub(super) const HANDLER: Handler = Handler { target, plan, interpret };

const LOOK: &str = "look";
const MAKE: &str = "make";
const KNOWN: &str = "known";

fn target(_api: &Api, given: &Parameters) -> Result<Target, String> {
    let path = path(given)?;
    let key = text(given, KEY.name);
    if key.is_empty() {
        return Err("`key` is missing".to_owned());
    }
    body::object(given)?;
    // An e-mail is one address in whatever case.
    let key = if key.contains('@') { key.to_lowercase() } else { key };
    let register = Register { name: "created".to_owned(), value: json!(true), rule: RegisterRule::Once };
    Ok(Target { object: format!("{}:{key}", path.as_str()), registers: vec![register] })
}

/// Whoever takes a key, or has seen nothing of it, is simply told.
fn step<'a>(api: &Api, work: &Work<'_>, progress: &'a Progress) -> &'a str {
    match progress.step() {
        "" if work.maybe_done && matches!(api.repeat_of_create(), Repeat::Checked { .. }) => LOOK,
        "" => MAKE,
        step => step,
    }
}

fn plan(api: &Api, work: &Work<'_>, progress: &Progress) -> Result<Plan, String> {
    let path = path(work.parameters)?;
    if step(api, work, progress) == MAKE {
        let body = Value::Object(body::object(work.parameters)?);
        return Ok(Plan::Send(api.write(work, Method::Post, path.below(&api.base), Some(&body))));
    }
    let find = api.find.as_ref().ok_or("the connection's setting `find` is missing")?;
    Ok(Plan::Send(api.ask(work, find.url(&api.base, &path, &text(work.parameters, KEY.name))?)))
}

fn interpret(api: &Api, work: &Work<'_>, progress: &Progress, reply: &Reply) -> Verdict {
    let step = step(api, work, progress);
    if step == MAKE {
        return made(api, reply);
    }
    match (answer::found(reply, &api.id_path), step) {
        (Ok(Found::One(id)), _) => Verdict::Done(done(Some(id), step == KNOWN)),
        (Ok(Found::Nothing), LOOK) => next(MAKE),
        (Ok(Found::Nothing), _) => {
            Verdict::Refused("it answered 409, but the look-up by `find` finds nothing".to_owned())
        }
        (Err(verdict), _) => verdict,
    }
}

fn made(api: &Api, reply: &Reply) -> Verdict {
    match reply.status {
        200..=299 => Verdict::Done(done(answer::id(reply, &api.id_path), false)),
        409 if !api.there_is_done => Verdict::Refused(
            "it answered with status 409: it is there already (`already_exists: done` would be content with that)"
                .to_owned(),
        ),
        409 if api.find.is_some() => next(KNOWN),
        409 => Verdict::Done(done(answer::id(reply, &api.id_path), true)),
        _ => answer::failure(reply),
    }
}

fn next(step: &str) -> Verdict {
    Verdict::Next(Progress(json!({ "step": step })))
}

fn done(id: Option<String>, already: bool) -> Done {
    let mut result = BTreeMap::from([("already".to_owned(), already.to_string())]);
    result.extend(id.clone().map(|id| ("id".to_owned(), id)));
    Done { result, vendor_id: id, ..Done::default() }
}
