//! The catalogue: one fetch. The shop is a source only.

use std::time::Duration;

use serde_json::{Map, Value};

use super::rest::{self, Rest};
use crate::{
    connectors::{
        contract::{
            Done, Fetch, FieldKind, Operation, Parameter, Plan, Repeat, Target, Verdict, Work, operation::OperationKind,
        },
        kit::status,
    },
    model::http::Reply,
    topics::action::Parameters,
};

const GET_ORDER: &str = "get_order";

/// What the fetched reply is called.
pub(super) const PURPOSE: &str = "order";

pub(super) const CATALOGUE: &[Operation] = &[Operation {
    name: GET_ORDER,
    doc: "Reads one order, where a webhook tells no more than its id.",
    kind: OperationKind::Fetch,
    parameters: &[Parameter {
        name: "id",
        kind: FieldKind::Text,
        required: true,
        occasional: false,
        doc: "The order's id.",
    }],
    repeat: Repeat::Natural,
    calls: 1,
    limit_class: "read",
    results: &[],
}];

/// The fetch of one order.
pub(super) fn fetch(id: &str) -> Fetch {
    Fetch {
        purpose: PURPOSE.to_owned(),
        operation: GET_ORDER,
        parameters: Map::from_iter([("id".to_owned(), Value::from(id))]),
        delay: Duration::ZERO,
    }
}

/// Aims at the order; writes nothing.
pub(super) fn target(parameters: &Parameters) -> Result<Target, String> {
    order_id(parameters).map(|id| Target { object: format!("order:{id}"), registers: Vec::new() })
}

fn order_id(parameters: &Parameters) -> Result<&str, String> {
    let id = parameters.get("id").and_then(Value::as_str).unwrap_or("");
    let is_id = !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit());
    if is_id { Ok(id) } else { Err("`id` takes an order's number".to_owned()) }
}

pub(super) fn plan(rest: Option<&Rest>, work: &Work<'_>) -> Plan {
    match (rest, order_id(work.parameters)) {
        (Some(rest), Ok(id)) => Plan::Send(rest.get(&["orders", id], &[])),
        (None, _) => Plan::Refused("the connection has no REST credentials".to_owned()),
        (_, Err(why)) => Plan::Refused(why),
    }
}

/// An order that is gone is an answer too: normalizing says so.
pub(super) fn interpret(reply: &Reply) -> Verdict {
    if let Some(verdict) = status::verdict(reply) {
        return verdict;
    }
    let error = rest::error_code(reply);
    match reply.status {
        _ if rest::is_unauthorized(reply) => Verdict::Unauthorized,
        200 if is_object(reply) => Verdict::Done(Done::default()),
        404 if error == rest::NO_SUCH_ORDER => Verdict::Done(Done::default()),
        400..=499 if !error.is_empty() => Verdict::Refused(format!("{}: `{error}`", reply.status)),
        _ => status::unexpected(),
    }
}

fn is_object(reply: &Reply) -> bool {
    serde_json::from_slice::<Value>(&reply.body).is_ok_and(|body| body.is_object())
}
