//! Drives a connector against its sandbox in memory: the engine's part without engine, network and clock.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::{
    connectors::contract::{
        Connector, Done, Operation, Plan, Progress, Sandbox, Verdict, Work, operation::OperationKind,
        sandbox::SandboxRequest,
    },
    model::{
        http::{Auth, Reply, Request},
        time::Timestamp,
    },
    topics::{action::Parameters, occasion::Occasions},
};

/// A planned request as a simulated vendor gets it.
pub fn as_sandbox(request: &Request) -> SandboxRequest {
    let headers = match &request.auth {
        Auth::None => request.headers.clone(),
        Auth::Basic { user, password } => {
            let pair = STANDARD.encode(format!("{user}:{}", password.expose()));
            request.headers.clone().with("authorization", format!("Basic {pair}"))
        }
        Auth::Bearer(token) => request.headers.clone().with("authorization", format!("Bearer {}", token.expose())),
    };
    SandboxRequest {
        method: request.method,
        path: request.url.path().to_owned(),
        query: request.url.query().unwrap_or("").to_owned(),
        headers,
        body: request.body.clone(),
    }
}

/// One action to be driven: what the engine would know of it.
pub struct Drive<'a> {
    pub connector: &'a dyn Connector,
    pub operation: &'static Operation,
    pub parameters: Parameters,
    pub only: Occasions,
    /// `None`: all registers that the target names.
    pub registers: Option<BTreeSet<String>>,
    pub vendor_id: Option<String>,
    pub contributions: BTreeMap<String, Value>,
    pub maybe_done: bool,
    pub now: Timestamp,
}

/// How a driven action ended, and what it took.
#[derive(Debug)]
pub struct Driven {
    /// A verdict that ends the attempt: anything but [`Verdict::Next`].
    pub verdict: Verdict,
    pub calls: usize,
    /// The last reply: what a fetch records.
    pub reply: Option<Reply>,
}

impl<'a> Drive<'a> {
    /// An action with everything at its beginning.
    ///
    /// # Panics
    /// When the catalogue has no such operation, or the parameters are no object.
    pub fn new(
        connector: &'a dyn Connector,
        catalogue: &'static [Operation],
        operation: &str,
        parameters: Value,
        now: Timestamp,
    ) -> Self {
        let operation = catalogue.iter().find(|known| known.name == operation).expect("an operation of the catalogue");
        let Value::Object(parameters) = parameters else { panic!("parameters are an object") };
        Self {
            connector,
            operation,
            parameters,
            only: Occasions::default(),
            registers: None,
            vendor_id: None,
            contributions: BTreeMap::new(),
            maybe_done: false,
            now,
        }
    }

    /// Drives it to the end of one attempt.
    ///
    /// # Panics
    /// When the target is refused, or the connector goes on for more than 20 calls.
    pub fn run(&self, sandbox: &mut dyn Sandbox) -> Driven {
        let named = match self.operation.kind {
            OperationKind::Fetch => BTreeSet::new(),
            OperationKind::Write => {
                let target =
                    self.connector.target(self.operation, &self.only.standing(&self.parameters)).expect("a target");
                target.registers.into_iter().map(|register| register.name).collect()
            }
        };
        let work = Work {
            operation: self.operation,
            parameters: &self.parameters,
            only: &self.only,
            registers: self.registers.as_ref().unwrap_or(&named),
            vendor_id: self.vendor_id.as_deref(),
            contributions: &self.contributions,
            maybe_done: self.maybe_done,
            reference: "a-test",
            now: self.now,
            session: None,
        };
        let mut progress = Progress::default();
        let mut last = None;
        for calls in 0..20 {
            let request = match self.connector.plan(&work, &progress) {
                Plan::Send(request) => request,
                Plan::Done(done) => return Driven { verdict: Verdict::Done(done), calls, reply: last },
                Plan::Refused(why) => return Driven { verdict: Verdict::Refused(why), calls, reply: last },
            };
            let reply = sandbox.answer(&as_sandbox(&request), self.now);
            match self.connector.interpret(&work, &progress, &reply) {
                Verdict::Next(next) => progress = next,
                verdict => return Driven { verdict, calls: calls + 1, reply: Some(reply) },
            }
            last = Some(reply);
        }
        panic!("{} does not come to an end", self.operation.name);
    }

    /// Drives it and expects the good end.
    ///
    /// # Panics
    /// On any other end.
    pub fn done(&self, sandbox: &mut dyn Sandbox) -> Done {
        match self.run(sandbox).verdict {
            Verdict::Done(done) => done,
            other => panic!("{} ended with {other:?}", self.operation.name),
        }
    }
}
