//! The simulated vendor: one newsletter list and one order list with the forms that the settings name.
//!
//! Where the vendor's documentation is silent, the worst is simulated: a second order with the same reference is recorded a
//! second time, and the billing form issues an invoice each time that it processes an order.

mod command;
mod orders;
mod records;
mod routes;
mod store;

use serde_json::{Value, json};
use store::Store;

use crate::{
    connectors::contract::{Sandbox, Settings, sandbox::SandboxRequest},
    model::{
        http::{Method, Reply},
        secret::Secret,
        time::Timestamp,
    },
};

pub(super) fn open(settings: &Settings, now: Timestamp) -> Box<dyn Sandbox> {
    Box::new(Simulated {
        user: settings.text("user").to_owned(),
        password: settings.secret("password"),
        store: Store::new(settings, now),
    })
}

struct Simulated {
    user: String,
    password: Secret,
    store: Store,
}

impl Sandbox for Simulated {
    fn answer(&mut self, request: &SandboxRequest, now: Timestamp) -> Reply {
        // Whether failed calls count is not known; counting them shows the dearer bill.
        self.store.count_call(now);
        if !self.knows(request) {
            return Reply::new(401).text("Unauthorized");
        }
        let path: Vec<String> = request.path.trim_matches('/').split('/').map(decoded).collect();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let body = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        match routes::answer(&mut self.store, request.method, &path, &body, now) {
            Ok(value) => Reply::new(200).json(&value),
            Err(refusal) => refusal.reply(),
        }
    }

    fn effects(&self) -> &[Value] {
        &self.store.effects
    }

    fn state(&self) -> Value {
        self.store.state()
    }

    fn command(&mut self, command: &Value, now: Timestamp) -> Result<Value, String> {
        command::run(&mut self.store, command, now)
    }
}

impl Simulated {
    fn knows(&self, request: &SandboxRequest) -> bool {
        use base64::{Engine as _, engine::general_purpose::STANDARD};

        let pair = format!("{}:{}", self.user, self.password.expose());
        let expected = Secret::new(format!("Basic {}", STANDARD.encode(pair)));
        request.headers.get("authorization").is_some_and(|value| expected.matches(value))
    }
}

fn decoded(segment: &str) -> String {
    percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

/// Why a request is not carried out.
#[derive(Debug)]
enum Refusal {
    NotFound,
    Method,
    Parameters(String),
    /// A code that stands in a 200, or in a 406 where a command asked for that.
    Code {
        code: i64,
        status: u16,
    },
}

impl Refusal {
    fn parameters(text: impl Into<String>) -> Self {
        Self::Parameters(text.into())
    }

    fn reply(self) -> Reply {
        match self {
            Self::NotFound => Reply::new(404).text("Not Found"),
            Self::Method => Reply::new(405).text("Method Not Allowed"),
            Self::Parameters(text) => Reply::new(406).text(text),
            Self::Code { code, status } => Reply::new(status).json(&json!(code)),
        }
    }
}

type Answered = Result<Value, Refusal>;

const GET: Method = Method::Get;
const POST: Method = Method::Post;
const PUT: Method = Method::Put;
