//! A simulated website with users: what a small system of a company's own may look like from outside.
//!
//! Stricter than most: fields that it does not know are refused, an e-mail belongs to one user, signatures are checked where
//! there is a signing secret. Its refusals repeat what was sent, on purpose: nobody may pass them on.

mod users;

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use self::users::Users;
use super::{proof, settings::Problems};
use crate::{
    connectors::{
        contract::{Sandbox, Settings, sandbox::SandboxRequest},
        kit::standard_webhooks::{PREFIX, TOLERANCE, Verifier},
    },
    model::{
        http::{Method, Reply},
        secret::Secret,
        time::Timestamp,
    },
};

/// The header that it takes a key in, where the connection names none.
const IDEMPOTENCY_HEADER: &str = "Idempotency-Key";

/// Opens a website without users.
pub(super) fn open(settings: &Settings, _now: Timestamp) -> Box<dyn Sandbox> {
    let keys = proof::keys(settings, "signing_secret", &mut Problems::new());
    let named = settings.text("idempotency_header");
    Box::new(Website {
        credentials: credentials(settings),
        verifier: (!keys.is_empty()).then(|| Verifier::new(keys, PREFIX, TOLERANCE)),
        idempotency_header: if named.is_empty() { IDEMPOTENCY_HEADER } else { named }.to_owned(),
        answered: BTreeMap::new(),
        users: Users::default(),
    })
}

/// The header that must be there, and what it must hold.
fn credentials(settings: &Settings) -> Option<(String, Secret)> {
    let token = settings.secret("token");
    match settings.text("authentication") {
        "bearer" => Some(("authorization".to_owned(), Secret::new(format!("Bearer {}", token.expose())))),
        "basic" => {
            let pair = format!("{}:{}", settings.text("user"), settings.secret("password").expose());
            Some(("authorization".to_owned(), Secret::new(format!("Basic {}", STANDARD.encode(pair)))))
        }
        "header" => Some((settings.text("token_header").to_owned(), token)),
        _ => None,
    }
}

struct Website {
    credentials: Option<(String, Secret)>,
    verifier: Option<Verifier>,
    idempotency_header: String,
    /// What was answered to a key.
    answered: BTreeMap<String, Reply>,
    users: Users,
}

impl Sandbox for Website {
    fn answer(&mut self, request: &SandboxRequest, now: Timestamp) -> Reply {
        if let Some(refusal) = self.stranger(request, now) {
            return refusal;
        }
        let path: Vec<String> = request.path.trim_matches('/').split('/').map(decoded).collect();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match (request.method, path.as_slice()) {
            (Method::Get, ["health"]) => Reply::new(204),
            (Method::Post, ["users"]) => self.create(request),
            (Method::Get, ["users"]) => self.users.find(&request.query),
            (Method::Get, ["users", id]) => self.users.show(id),
            (Method::Patch, ["users", id]) => self.users.update(id, &request.body, false),
            (Method::Put, ["users", id]) => self.users.update(id, &request.body, true),
            (Method::Delete, ["users", id]) => self.users.delete(id),
            (_, ["health" | "users"] | ["users", _]) => Reply::new(405),
            _ => Reply::new(404),
        }
    }

    fn effects(&self) -> &[Value] {
        &self.users.effects
    }

    fn state(&self) -> Value {
        json!({ "users": self.users.all() })
    }

    /// `{"refuse_users": "blocked.example"}` (null: refuses nobody), `{"add_user": {"email": …}}`,
    /// `{"delete_user": "a@b.cz"}`.
    fn command(&mut self, command: &Value, _now: Timestamp) -> Result<Value, String> {
        self.users.command(command)
    }
}

impl Website {
    fn stranger(&self, request: &SandboxRequest, now: Timestamp) -> Option<Reply> {
        let refused = |why: &str| Some(Reply::new(401).json(&json!({ "error": why })));
        if let Some((header, expected)) = &self.credentials
            && !request.headers.get(header).is_some_and(|value| expected.matches(value))
        {
            return refused("who are you?");
        }
        let verified = self.verifier.as_ref().map(|verifier| verifier.verify(&request.headers, &request.body, now));
        match verified {
            Some(Err(doubt)) => refused(&format!("the signature does not fit: {doubt:?}")),
            Some(Ok(_)) | None => None,
        }
    }

    /// The same key has the same answer, and no second effect.
    fn create(&mut self, request: &SandboxRequest) -> Reply {
        let key = request.headers.get(&self.idempotency_header).map(str::to_owned);
        if let Some(answer) = key.as_ref().and_then(|key| self.answered.get(key)) {
            return answer.clone();
        }
        let answer = self.users.create(&request.body);
        if let Some(key) = key.filter(|_| answer.is_success()) {
            self.answered.insert(key, answer.clone());
        }
        answer
    }
}

fn decoded(segment: &str) -> String {
    percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned()
}
