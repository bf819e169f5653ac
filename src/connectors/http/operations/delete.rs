//! `delete`: takes an object away that is known by its id.

use serde_json::Value;

use super::{Handler, ID, LIMIT_CLASS, PATH, answer, object, whole};
use crate::{
    connectors::{
        contract::{Done, Operation, Plan, Progress, Repeat, Target, Verdict, Work, operation::OperationKind},
        http::api::Api,
    },
    model::http::{Method, Reply},
    topics::action::Parameters,
};

pub(super) const OPERATION: Operation = Operation {
    name: "delete",
    doc: "Takes an object away by DELETE. One that is not there (404 or 410) is as wanted.",
    kind: OperationKind::Write,
    parameters: &[PATH, ID],
    repeat: Repeat::Natural,
    calls: 1,
    limit_class: LIMIT_CLASS,
    results: &[],
};

pub(super) const HANDLER: Handler = Handler { target, plan, interpret };

fn target(_api: &Api, given: &Parameters) -> Result<Target, String> {
    Ok(Target { object: object(given)?.as_str().to_owned(), registers: vec![whole(Value::Bool(false))] })
}

fn plan(api: &Api, work: &Work<'_>, _progress: &Progress) -> Result<Plan, String> {
    let url = object(work.parameters)?.below(&api.base);
    Ok(Plan::Send(api.write(work, Method::Delete, url, None)))
}

fn interpret(_api: &Api, _work: &Work<'_>, _progress: &Progress, reply: &Reply) -> Verdict {
    match reply.status {
        200..=299 | 404 | 410 => Verdict::Done(Done::default()),
        _ => answer::failure(reply),
    }
}
