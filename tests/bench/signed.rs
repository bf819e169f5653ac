//! The webhooks that are sent, and the connector that takes them.

use std::sync::{Arc, LazyLock};

use spojka::{
    connectors::{
        contract::{
            Accept, Connector, Normalized, Operation, Pace, Plan, Progress, Settings, Target, Vendor, Verdict, Work,
        },
        kit::hmac,
    },
    model::{
        code,
        http::{Inbound, Method, Reply, Request},
        secret::Secret,
    },
    topics::{action::Parameters, webhook::Webhook},
};

/// The header with the signature.
pub(crate) const SIGNATURE: &str = "x-signature";
pub(crate) static SECRETS: LazyLock<[Secret; 1]> = LazyLock::new(|| [Secret::new("bench-secret")]);

/// As many different bodies as are sent in turn.
const DIFFERENT: usize = 256;

/// Whole requests, ready for the wire.
pub(crate) fn requests(body_bytes: usize) -> Vec<Vec<u8>> {
    (0..DIFFERENT).map(|number| request(&body(number, body_bytes))).collect()
}

/// An order as shops send them, filled up to the size.
fn body(number: usize, bytes: usize) -> String {
    let head = format!(r#"{{"id":{number},"status":"processing","currency":"CZK","total":"1270.00","note":""#);
    let filling = bytes.saturating_sub(head.len() + 2);
    format!("{head}{}\"}}", "x".repeat(filling))
}

fn request(body: &str) -> Vec<u8> {
    let signature = hmac::sha256_base64(SECRETS[0].expose().as_bytes(), body.as_bytes());
    let length = body.len();
    format!(
        "POST /webhooks/bench HTTP/1.1\r\nhost: hooks.example.cz\r\nuser-agent: bench\r\n\
         content-type: application/json\r\n{SIGNATURE}: {signature}\r\nx-topic: order.updated\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

pub(crate) static VENDOR: Vendor = Vendor {
    name: "bench",
    title: "Bench",
    doc: "",
    settings: &[],
    operations: &[],
    events: &[],
    url_events: &[],
    headers: &["content-type", "x-topic"],
    pace: Pace { per_second: None, concurrency: 1 },
    open: |_: Settings| Ok(Arc::new(Signed)),
    sandbox: |_, _| unreachable!("the bench calls no vendor"),
    samples: &[],
};

/// Takes what carries a good signature; knows nothing else.
pub(crate) struct Signed;

impl Connector for Signed {
    fn accept(&self, request: &Inbound) -> Accept {
        if request.method != Method::Post {
            return Accept::refuse(405, code::METHOD_NOT_ALLOWED);
        }
        let Some(signature) = request.headers.get(SIGNATURE) else {
            return Accept::refuse(401, code::SIGNATURE_MISSING);
        };
        if !hmac::verify_sha256_base64(&*SECRETS, &request.body, signature) {
            return Accept::refuse(401, code::SIGNATURE_MISMATCH);
        }
        Accept::Store {
            delivery: None,
            key: signature.to_owned(),
            event: None,
            query: Vec::new(),
            answer: Reply::new(200),
        }
    }

    fn normalize(&self, _webhook: &Webhook) -> Normalized {
        Normalized::facts(Vec::new())
    }

    fn target(&self, _operation: &Operation, _parameters: &Parameters) -> Result<Target, String> {
        Err("no operations".to_owned())
    }

    fn plan(&self, _work: &Work<'_>, _progress: &Progress) -> Plan {
        Plan::Refused("no operations".to_owned())
    }

    fn interpret(&self, _work: &Work<'_>, _progress: &Progress, _reply: &Reply) -> Verdict {
        Verdict::Unauthorized
    }

    fn probe(&self) -> Option<Request> {
        None
    }

    fn read_probe(&self, _reply: &Reply) -> Result<(), String> {
        Ok(())
    }
}
