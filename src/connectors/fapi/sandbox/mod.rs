//! A FAPI in memory: the part of its REST API that this connector reads, with the writes that its description prints. Strict
//! where FAPI's rules are known: credentials, required fields, unknown fields and filters (refused, so that a mistake of ours
//! shows), objects of other accounts. It keeps its own record of effects.

mod answers;
mod commands;
mod documents;
mod others;
pub(super) mod seed;

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use self::answers::{Answer, invalid, missing, ok, unauthenticated, unauthorized};
use super::local::Local;
use crate::{
    connectors::contract::{Sandbox, Settings, sandbox::SandboxRequest},
    model::{
        http::{Method, Reply},
        time::Timestamp,
    },
};

type Objects = BTreeMap<u64, Map<String, Value>>;

/// Makes a sandbox that takes an account's credentials.
pub(super) fn open(settings: &Settings, now: Timestamp) -> Box<dyn Sandbox> {
    let zone = settings.zone("zone");
    let local = Local(&zone);
    Box::new(Fapi {
        credentials: format!("{}:{}", settings.text("user"), settings.secret("api_key").expose()),
        invoices: by_id(seed::invoices(local, now)),
        clients: by_id(seed::clients()),
        vouchers: by_id(seed::vouchers(local, now)),
        templates: seed::templates(),
        connections: Objects::new(),
        effects: Vec::new(),
        next_id: 300_200_000,
        zone,
    })
}

struct Fapi {
    credentials: String,
    zone: TimeZone,
    invoices: Objects,
    clients: Objects,
    vouchers: Objects,
    templates: Vec<Value>,
    connections: Objects,
    effects: Vec<Value>,
    next_id: u64,
}

impl Sandbox for Fapi {
    fn answer(&mut self, request: &SandboxRequest, now: Timestamp) -> Reply {
        if !self.knows(request) {
            return unauthenticated();
        }
        self.route(request, now).unwrap_or_else(|error| error)
    }

    fn effects(&self) -> &[Value] {
        &self.effects
    }

    fn state(&self) -> Value {
        let list = |objects: &Objects| -> Vec<Value> { objects.values().cloned().map(Value::Object).collect() };
        json!({
            "invoices": list(&self.invoices),
            "clients": list(&self.clients),
            "vouchers": list(&self.vouchers),
            "item_templates": self.templates,
            "connections": list(&self.connections),
        })
    }

    fn command(&mut self, command: &Value, now: Timestamp) -> Result<Value, String> {
        commands::run(self, command, now)
    }
}

impl Fapi {
    fn knows(&self, request: &SandboxRequest) -> bool {
        let encoded = request.headers.get("authorization").and_then(|value| value.strip_prefix("Basic "));
        encoded
            .and_then(|encoded| STANDARD.decode(encoded).ok())
            .is_some_and(|pair| pair == self.credentials.as_bytes())
    }

    fn route(&mut self, request: &SandboxRequest, now: Timestamp) -> Answer {
        let path: Vec<&str> = request.path.split('/').filter(|segment| !segment.is_empty()).collect();
        let filters = Filters::read(&request.query);
        match (request.method, path.as_slice()) {
            (Method::Get, []) => Ok(ok(&json!({}))),
            (method, ["invoices", rest @ ..]) => documents::answer(self, method, rest, &filters, request, now),
            (method, ["clients", rest @ ..]) => others::clients(self, method, rest, &filters, request),
            (method, ["vouchers", rest @ ..]) => others::vouchers(self, method, rest, request, now),
            (Method::Get, ["item_templates" | "item-templates"]) => others::templates(self, &filters),
            (method, ["connections", rest @ ..]) => others::connections(self, method, rest, request),
            _ => Err(missing()),
        }
    }

    fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn effect(&mut self, kind: &str, object: &str, id: u64, changed: bool) {
        self.effects.push(json!({"effect": kind, object: id, "changed": changed}));
    }

    fn local(&self) -> Local<'_> {
        Local(&self.zone)
    }
}

fn by_id(objects: Vec<Map<String, Value>>) -> Objects {
    objects.into_iter().map(|object| (id_of(&object), object)).collect()
}

fn id_of(object: &Map<String, Value>) -> u64 {
    object.get("id").and_then(Value::as_u64).unwrap_or(0)
}

/// An object by the id in a path.
fn find<'a>(objects: &'a Objects, id: &str) -> Result<(u64, &'a Map<String, Value>), Reply> {
    let id: u64 = id.parse().map_err(|_| missing())?;
    match objects.get(&id) {
        Some(object) => Ok((id, object)),
        None if id == seed::FOREIGN => Err(unauthorized()),
        None => Err(missing()),
    }
}

/// The body of a write: an object with none but known fields.
fn body(request: &SandboxRequest, known: &[&str]) -> Result<Map<String, Value>, Reply> {
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(members)) => allow(members, known),
        _ => Err(invalid("The body must be a JSON object.")),
    }
}

fn allow(members: Map<String, Value>, known: &[&str]) -> Result<Map<String, Value>, Reply> {
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(unknown) => Err(invalid(&format!("Unknown field \"{unknown}\"."))),
        None => Ok(members),
    }
}

/// Overwrites an object's fields; whether anything changed.
fn merge(object: &mut Map<String, Value>, fields: Map<String, Value>) -> bool {
    let before = object.clone();
    object.extend(fields);
    *object != before
}

/// The query of a list.
struct Filters(Vec<(String, String)>);

impl Filters {
    fn read(query: &str) -> Self {
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    fn allow(&self, known: &[&str]) -> Result<(), Reply> {
        match self.0.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            Some((unknown, _)) => Err(invalid(&format!("Unknown filter \"{unknown}\"."))),
            None => Ok(()),
        }
    }

    fn number(&self, name: &str, otherwise: usize) -> Result<usize, Reply> {
        self.get(name).map_or(Ok(otherwise), |text| text.parse().map_err(|_| invalid("A number is expected.")))
    }

    /// One page of a list. A larger `limit` than 100 gives 100.
    fn page(&self, rows: Vec<Value>) -> Result<Vec<Value>, Reply> {
        let (limit, offset) = (self.number("limit", 100)?.min(100), self.number("offset", 0)?);
        Ok(rows.into_iter().skip(offset).take(limit).collect())
    }
}

#[cfg(test)]
mod tests;
