//! A simulator of a vendor's API: `(request, state, now) -> reply`. It enforces the vendor's documented rules, and keeps its
//! own record of effects, which tests ask instead of us.

use bytes::Bytes;
use serde_json::Value;

use crate::model::{
    http::{Headers, Method, Reply},
    time::Timestamp,
};

/// A request as the simulated vendor gets it.
#[derive(Clone, Debug)]
pub struct SandboxRequest {
    pub method: Method,
    /// The path, still percent-encoded.
    pub path: String,
    /// The query, still percent-encoded; empty when there is none.
    pub query: String,
    pub headers: Headers,
    pub body: Bytes,
}

/// A simulated vendor with its state.
pub trait Sandbox: Send {
    /// Answers a request as the vendor would, and does what it asks.
    fn answer(&mut self, request: &SandboxRequest, now: Timestamp) -> Reply;

    /// What has been done to it, in order: each effect an object with at least `effect` (its kind) and the vendor's ids.
    /// Only what changed something counts: a repeated set of the same value is an effect with `"changed": false`.
    fn effects(&self) -> &[Value];

    /// What it holds now, for people and for tests: `{"contacts": […], …}`.
    fn state(&self) -> Value;

    /// Changes what it holds, as a person at the vendor's screen would: `{"pay_invoice": 300100200}`.
    ///
    /// # Errors
    /// What commands it knows.
    fn command(&mut self, command: &Value, now: Timestamp) -> Result<Value, String>;
}
