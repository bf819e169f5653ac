//! `update`: overwrites an object that is known by its id.

use serde_json::{Map, Value};

use super::{FIELDS, Handler, ID, LIMIT_CLASS, PATH, answer, body, object, whole};
use crate::{
    connectors::{
        contract::{
            Done, Operation, Plan, Progress, Register, RegisterRule, Repeat, Target, Verdict, Work,
            operation::OperationKind,
        },
        http::api::{Api, UpdateMethod},
    },
    model::http::{Method, Reply},
    topics::action::Parameters,
};

pub(super) const OPERATION: Operation = Operation {
    name: "update",
    doc: "Overwrites an object by PATCH, or replaces it by PUT (`update_method`). With PATCH only what has changed since \
          we last wrote it is sent; an object in it (`address.city`) is sent as far as it is given.",
    kind: OperationKind::Write,
    parameters: &[PATH, ID, FIELDS],
    repeat: Repeat::Natural,
    calls: 1,
    limit_class: LIMIT_CLASS,
    results: &[],
};

pub(super) const HANDLER: Handler = Handler { target, plan, interpret };

fn target(api: &Api, given: &Parameters) -> Result<Target, String> {
    let object = object(given)?.as_str().to_owned();
    let body = body::object(given)?;
    let registers = match api.update_method {
        UpdateMethod::Put => vec![whole(Value::Object(body))],
        UpdateMethod::Patch => body.into_iter().map(|(name, value)| member(&name, value)).collect(),
    };
    Ok(Target { object, registers })
}

/// A member at the top: whether the other side merges what is inside one, nobody knows.
fn member(name: &str, value: Value) -> Register {
    Register { name: register(name), value, rule: RegisterRule::Newest }
}

fn register(name: &str) -> String {
    format!("field:{name}")
}

fn plan(api: &Api, work: &Work<'_>, _progress: &Progress) -> Result<Plan, String> {
    let url = object(work.parameters)?.below(&api.base);
    let body = body::object(work.parameters)?;
    let (method, body) = match api.update_method {
        UpdateMethod::Put => (Method::Put, body),
        UpdateMethod::Patch => {
            let changed: Map<_, _> = body.into_iter().filter(|(name, _)| work.writes(&register(name))).collect();
            (Method::Patch, changed)
        }
    };
    Ok(Plan::Send(api.write(work, method, url, Some(&Value::Object(body)))))
}

fn interpret(_api: &Api, _work: &Work<'_>, _progress: &Progress, reply: &Reply) -> Verdict {
    if reply.is_success() { Verdict::Done(Done::default()) } else { answer::failure(reply) }
}
