//! The connector by itself, against its own sandbox, and against the exchanges that the convention's sheet prints.

mod inbound;
mod normalize;
mod operations;
mod samples;

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{VENDOR, operations::CATALOGUE, settings::SETTINGS};
use crate::{
    connectors::{
        contract::{Accept, Connector, Normalized, Refusal, Sandbox, Verdict, settings::settings_of},
        kit::testing::{Drive, Driven},
    },
    model::{
        connection::ConnectionName,
        http::{Headers, Inbound, Method, Reply},
        id::{KeyHash, WebhookId},
        time::Timestamp,
    },
    topics::{
        event::{Entity, Origin, TYPES},
        webhook::{Arrival, Webhook},
    },
};

const SECRET: &str = "whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
const URL: &str = "https://www.example.cz/";

/// 1760000000.
fn now() -> Timestamp {
    "2025-10-09T08:53:20Z".parse().expect("a time")
}

fn connector(given: &[(&str, &str)]) -> Arc<dyn Connector> {
    let opened = (VENDOR.open)(settings_of(SETTINGS, given));
    opened.map_err(|problems| format!("{problems:?}")).expect("good settings")
}

fn post(path: &[&str], headers: Headers, body: impl Into<Bytes>) -> Inbound {
    Inbound {
        method: Method::Post,
        path: path.iter().map(|segment| (*segment).to_owned()).collect(),
        query: Vec::new(),
        headers,
        body: body.into(),
        received_at: now(),
    }
}

/// The one-word result of a decision, for tables.
fn word(accept: &Accept) -> &'static str {
    match accept {
        Accept::Refuse(Refusal { code, .. }) | Accept::Answer { code, .. } => code.as_str(),
        Accept::Store { .. } => "stored",
    }
}

fn normalized(connector: &dyn Connector, body: impl Into<Bytes>) -> Normalized {
    let webhook = Webhook {
        id: WebhookId::from_text("w-1"),
        connection: ConnectionName::parse("website").expect("a name"),
        arrived: now(),
        arrival: Arrival::Pushed { method: Method::Post, event: None, query: Vec::new(), headers: Headers::new() },
        body: body.into(),
        replies: Vec::new(),
        origin: Origin::default(),
        traceparent: None,
        key: KeyHash::from_text("k-1"),
    };
    connector.normalize(&webhook)
}

/// A connector and the simulated website.
struct Pair {
    connector: Arc<dyn Connector>,
    sandbox: Box<dyn Sandbox>,
}

impl Pair {
    fn new(given: &[(&str, &str)]) -> Self {
        let given = [&[("base_url", URL)], given].concat();
        let sandbox = (VENDOR.sandbox)(&settings_of(SETTINGS, &given), now());
        Self { connector: connector(&given), sandbox }
    }

    fn run_with(&mut self, operation: &str, parameters: Value, change: impl FnOnce(&mut Drive<'_>)) -> Driven {
        let mut drive = Drive::new(self.connector.as_ref(), CATALOGUE, operation, parameters, now());
        change(&mut drive);
        drive.run(self.sandbox.as_mut())
    }

    fn run(&mut self, operation: &str, parameters: Value) -> Driven {
        self.run_with(operation, parameters, |_| ())
    }

    /// Tries an action again whose answer was lost.
    fn again(&mut self, operation: &str, parameters: Value) -> Driven {
        self.run_with(operation, parameters, |drive| drive.maybe_done = true)
    }

    fn command(&mut self, command: &Value) {
        self.sandbox.command(command, now()).expect("a command that fits");
    }

    fn effects(&self, kind: &str) -> usize {
        let fits = |effect: &&Value| effect["effect"] == kind && effect["changed"] == true;
        self.sandbox.effects().iter().filter(fits).count()
    }

    fn users(&self) -> Value {
        self.sandbox.state()["users"].clone()
    }
}

#[track_caller]
fn result(driven: &Driven) -> Value {
    let Verdict::Done(done) = &driven.verdict else { panic!("not done: {:?}", driven.verdict) };
    json!(done.result)
}

#[track_caller]
fn refusal(driven: &Driven) -> &str {
    let Verdict::Refused(text) = &driven.verdict else { panic!("not refused: {:?}", driven.verdict) };
    text
}

#[test]
fn every_type_may_be_told_but_those_of_steps() {
    let told = TYPES.iter().filter(|event_type| event_type.entity != Entity::Step);
    assert_eq!(VENDOR.events.to_vec(), told.copied().collect::<Vec<_>>());
}

#[test]
fn the_probe_asks_what_the_owner_names() {
    assert!(connector(&[("base_url", URL)]).probe().is_none());
    let pair = Pair::new(&[("probe", "health"), ("authentication", "bearer"), ("token", "t")]);
    let request = pair.connector.probe().expect("a probe");
    assert_eq!((request.method, request.url.as_str()), (Method::Get, "https://www.example.cz/health"));
    let mut sandbox = pair.sandbox;
    let mut answer = |request: &_| sandbox.answer(&crate::connectors::kit::testing::as_sandbox(request), now());
    assert_eq!(pair.connector.read_probe(&answer(&request)), Ok(()));
    let stranger = connector(&[("base_url", URL), ("probe", "health")]).probe().expect("a probe");
    let why = pair.connector.read_probe(&answer(&stranger)).expect_err("rejected");
    assert!(why.contains("`token`") && why.contains("401"), "{why}");
    let why = pair.connector.read_probe(&Reply::new(302)).expect_err("elsewhere");
    assert!(why.contains("302"), "{why}");
}
