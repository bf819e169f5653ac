//! What we read at FAPI. There is nothing to write here: FAPI is a source. All of it is GET, so every operation may be
//! repeated as it is.

use serde_json::{Map, Value};
use url::Url;

use super::{
    settings::Config,
    webhook::is_id,
    wire::{Failure, rows},
};
use crate::{
    connectors::{
        contract::{
            Done, FieldKind, Operation, Parameter, Plan, Repeat, Target, Verdict, Work, operation::OperationKind,
        },
        kit::{number, status},
    },
    model::http::{Auth, Method, Reply, Request},
    topics::action::Parameters,
};

pub(super) const GET_INVOICE: &str = "get_invoice";
pub(super) const GET_SEQUENCE: &str = "get_sequence";
pub(super) const GET_INSTALMENTS: &str = "get_instalments";
pub(super) const GET_VOUCHER: &str = "get_voucher";
pub(super) const GET_ITEM_TEMPLATE: &str = "get_item_template";
pub(super) const GET_CLIENT: &str = "get_client";

const ID: Parameter = Parameter {
    name: "id",
    kind: FieldKind::Integer,
    required: true,
    occasional: false,
    doc: "FAPI's id of what is to be read.",
};

const fn fetch(name: &'static str, doc: &'static str, parameters: &'static [Parameter]) -> Operation {
    Operation {
        name,
        doc,
        kind: OperationKind::Fetch,
        parameters,
        repeat: Repeat::Natural,
        calls: 1,
        limit_class: "read",
        results: &[],
    }
}

/// The catalogue.
pub(super) const OPERATIONS: &[Operation] = &[
    fetch(
        GET_INVOICE,
        "Reads one document.",
        &[
            ID,
            Parameter {
                name: "may_be_missing",
                kind: FieldKind::Boolean,
                required: false,
                occasional: false,
                doc: "A document that is gone or not ours is an answer too: for relatives of the one that counts.",
            },
        ],
    ),
    fetch(GET_SEQUENCE, "Lists the documents that a document comes from and leads to, the first one first.", &[ID]),
    fetch(GET_INSTALMENTS, "Lists the instalments of a sale by the document that they belong to.", &[ID]),
    fetch(GET_VOUCHER, "Reads one voucher.", &[ID]),
    fetch(
        GET_ITEM_TEMPLATE,
        "Finds the product of a voucher by its code.",
        &[Parameter {
            name: "code",
            kind: FieldKind::Text,
            required: true,
            occasional: false,
            doc: "The product's code.",
        }],
    ),
    fetch(GET_CLIENT, "Reads one client; one that is gone or not ours is an answer too.", &[ID]),
];

/// A GET of this account.
pub(super) fn get(config: &Config, path: &[&str], query: &[(&str, &str)]) -> Request {
    let mut url = config.base_url.clone();
    extend(&mut url, path, query);
    let auth = Auth::Basic { user: config.user.clone(), password: config.api_key.clone() };
    Request::new(Method::Get, url).auth(auth).header("accept", "application/json")
}

fn extend(url: &mut Url, path: &[&str], query: &[(&str, &str)]) {
    url.path_segments_mut().expect("an http URL has a path").pop_if_empty().extend(path);
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
}

/// The object that a fetch is about: what it waits in order with.
pub(super) fn target(operation: &Operation, parameters: &Parameters) -> Result<Target, String> {
    let name = operation.parameters.first().map_or("id", |parameter| parameter.name);
    let reference = reference(parameters, name).ok_or_else(|| wrong(name))?;
    Ok(Target { object: format!("{}:{reference}", operation.name), registers: Vec::new() })
}

fn reference(parameters: &Map<String, Value>, name: &str) -> Option<String> {
    let reference = parameters.get(name).and_then(number::id)?;
    (name != "id" || is_id(&reference)).then_some(reference)
}

fn wrong(name: &str) -> String {
    let takes = if name == "id" { "a whole number" } else { "a text" };
    format!("parameter `{name}` takes {takes}")
}

/// The one request of a fetch.
pub(super) fn plan(config: &Config, work: &Work<'_>) -> Plan {
    let name = if work.operation.name == GET_ITEM_TEMPLATE { "code" } else { "id" };
    let Some(reference) = reference(work.parameters, name) else { return Plan::Refused(wrong(name)) };
    let id = reference.as_str();
    // FAPI's own plugin ends these two lists' paths with a slash.
    Plan::Send(match work.operation.name {
        GET_INVOICE => get(config, &["invoices", id], &[]),
        GET_SEQUENCE => get(config, &["invoices", "get-invoices-sequence", id], &[]),
        GET_INSTALMENTS => get(config, &["invoices", ""], &[("partial_parent", id), ("limit", "100")]),
        GET_VOUCHER => get(config, &["vouchers", id], &[]),
        GET_ITEM_TEMPLATE => get(config, &["item_templates", ""], &[("code", id)]),
        GET_CLIENT => get(config, &["clients", id], &[]),
        other => return Plan::Refused(format!("there is no operation `{other}`")),
    })
}

/// What the reply to a fetch means.
pub(super) fn interpret(work: &Work<'_>, reply: &Reply) -> Verdict {
    if let Some(verdict) = status::verdict(reply) {
        return verdict;
    }
    match failure(reply) {
        Some(Failed::Unauthorized) => Verdict::Unauthorized,
        Some(Failed::Missing(_)) if may_be_missing(work) => Verdict::Done(Done::default()),
        Some(Failed::Missing(why) | Failed::Refused(why)) => Verdict::Refused(why),
        None if reply.is_success() && has_shape(work.operation.name, reply) => Verdict::Done(Done::default()),
        None => status::unexpected(),
    }
}

fn may_be_missing(work: &Work<'_>) -> bool {
    work.operation.name == GET_CLIENT || work.parameters.get("may_be_missing") == Some(&Value::Bool(true))
}

fn has_shape(operation: &str, reply: &Reply) -> bool {
    let Ok(body) = serde_json::from_slice::<Value>(&reply.body) else { return false };
    match operation {
        GET_SEQUENCE | GET_INSTALMENTS | GET_ITEM_TEMPLATE => rows(&body).is_some(),
        _ => body.is_object(),
    }
}

/// Why FAPI did not give it.
pub(super) enum Failed {
    /// The credentials are wrong.
    Unauthorized,
    /// The object is gone, or belongs to another account. FAPI says 401 for the latter as well: only the type tells.
    Missing(String),
    Refused(String),
}

/// What a reply in the 400s says; nothing for any other.
pub(super) fn failure(reply: &Reply) -> Option<Failed> {
    if !(400..500).contains(&reply.status) {
        return None;
    }
    let kind = serde_json::from_slice::<Failure>(&reply.body).map_or(String::new(), |failure| failure.kind);
    let told = !kind.is_empty() && kind.len() <= 64 && kind.bytes().all(|b| b.is_ascii_alphanumeric());
    let why = format!("{} {}", reply.status, if told { &kind } else { "without a type that we know" });
    Some(match (reply.status, kind.as_str()) {
        (401, "AuthorizationException") | (404, _) => Failed::Missing(why),
        // Without a type it may be something in between, but a wrong key must not be tried again and again.
        (401, _) => Failed::Unauthorized,
        _ => Failed::Refused(why),
    })
}
