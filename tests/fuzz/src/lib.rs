//! What the targets share: inputs as pieces, and the engine's part around a connector.
//!
//! An input is a text that people can write: pieces with a line `--` between them. So a seed is a file, and a crash reads as
//! what was sent.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use serde_json::Value;
use spojka::{
    connectors::{
        self,
        contract::{Connector, Normalized, Operation, Plan, Progress, Vendor, Verdict, Work, settings::settings_of},
    },
    model::{
        connection::ConnectionName,
        http::{Headers, Inbound, Method, Reply},
        id::{ActionId, KeyHash, WebhookId},
        time::Timestamp,
    },
    topics::{
        event::Origin,
        occasion::Occasions,
        webhook::{Arrival, FetchedReply, Webhook},
    },
};

/// The pieces of an input.
pub fn pieces(data: &[u8]) -> Vec<Bytes> {
    const BETWEEN: &[u8] = b"\n--\n";
    let (mut pieces, mut rest) = (Vec::new(), data);
    while let Some(at) = rest.windows(BETWEEN.len()).position(|window| window == BETWEEN) {
        pieces.push(Bytes::copy_from_slice(&rest[..at]));
        rest = &rest[at + BETWEEN.len()..];
    }
    pieces.push(Bytes::copy_from_slice(rest));
    pieces
}

pub fn now() -> Timestamp {
    "2025-10-10T08:00:00Z".parse().expect("a time")
}

pub fn vendor(name: &str) -> &'static Vendor {
    connectors::find(name).expect("a vendor")
}

/// A connector with settings over the vendor's defaults.
pub fn open(vendor: &'static Vendor, settings: &[(&str, &str)]) -> Arc<dyn Connector> {
    (vendor.open)(settings_of(vendor.settings, settings)).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// A request at the gateway, with everything that a stranger can choose.
pub fn accept(connector: &dyn Connector, pieces: &[Bytes]) {
    let text = |at: usize| pieces.get(at).map(|piece| String::from_utf8_lossy(piece).into_owned()).unwrap_or_default();
    let headers = text(2).lines().filter_map(|line| line.split_once(": ")).map(own).collect();
    let request = Inbound {
        method: Method::Post,
        path: text(1).split('/').map(str::to_owned).collect(),
        query: text(3).split('&').filter_map(|pair| pair.split_once('=')).map(own).collect(),
        headers: Headers(headers),
        body: pieces.first().cloned().unwrap_or_default(),
        received_at: now(),
    };
    connector.accept(&request);
}

fn own((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

pub fn pushed(body: &Bytes, headers: Headers) -> Webhook {
    webhook(body, Arrival::Pushed { method: Method::Post, event: None, query: Vec::new(), headers })
}

pub fn polled(body: &Bytes, poll: &str, complete: bool) -> Webhook {
    webhook(body, Arrival::Polled { poll: poll.to_owned(), row: "1".to_owned(), version: None, complete })
}

fn webhook(body: &Bytes, arrival: Arrival) -> Webhook {
    Webhook {
        id: WebhookId::from_text("w-1"),
        connection: ConnectionName::parse("shop").expect("a name"),
        arrived: now(),
        arrival,
        body: body.clone(),
        replies: Vec::new(),
        origin: Origin::default(),
        traceparent: None,
        key: KeyHash::from_text("k-1"),
    }
}

/// Normalizes a webhook; what it wants fetched is answered with the next pieces. Facts must be writable, and none may be
/// true only after it was read.
pub fn normalize(connector: &dyn Connector, mut webhook: Webhook, replies: &[Bytes]) {
    let mut replies = replies.iter();
    loop {
        let Normalized::Proves { facts, fetches } = connector.normalize(&webhook) else { return };
        for fact in facts {
            assert!(fact.since.at <= webhook.read_at(), "a fact of the future");
            let _json = fact.body.to_json();
        }
        if fetches.is_empty() {
            return;
        }
        for fetch in fetches {
            assert!(webhook.reply(&fetch.purpose).is_none(), "`{}` was fetched already", fetch.purpose);
            let Some(body) = replies.next() else { return };
            webhook.replies.push(FetchedReply {
                action: ActionId::from_text("a-1"),
                at: now(),
                status: 200,
                purpose: fetch.purpose,
                body: body.clone(),
            });
        }
    }
}

/// Tries an operation; the pieces are what the vendor answers. An answer begins with its status where it has one, as in
/// `404 {}`.
pub fn drive(connector: &dyn Connector, operation: &'static Operation, parameters: &Value, answers: &[Bytes]) {
    let parameters = parameters.as_object().expect("parameters are an object");
    let target = connector.target(operation, parameters).expect("a target");
    let registers: BTreeSet<String> = target.registers.into_iter().map(|register| register.name).collect();
    for maybe_done in [false, true] {
        let work = Work {
            operation,
            parameters,
            only: &Occasions::default(),
            registers: &registers,
            vendor_id: None,
            contributions: &BTreeMap::new(),
            maybe_done,
            reference: "a-1",
            now: now(),
            session: None,
        };
        let mut progress = Progress::default();
        for answer in answers {
            let Plan::Send(_) = connector.plan(&work, &progress) else { break };
            match connector.interpret(&work, &progress, &reply(answer)) {
                Verdict::Next(next) => progress = next,
                Verdict::Done(_) => {
                    assert!(reply(answer).is_success(), "done by an answer that failed");
                    break;
                }
                _ => break,
            }
        }
    }
}

fn reply(answer: &Bytes) -> Reply {
    let status = std::str::from_utf8(answer.get(..4).unwrap_or_default())
        .ok()
        .and_then(|text| text.strip_suffix(' ')?.parse::<u16>().ok())
        .filter(|status| (100..600).contains(status));
    let mut reply = Reply::new(status.unwrap_or(200));
    reply.body = if status.is_some() { answer.slice(4..) } else { answer.clone() };
    reply
}

/// An operation that flows may use.
pub fn operation(vendor: &'static Vendor, name: &str) -> &'static Operation {
    vendor.operations.iter().find(|operation| operation.name == name).expect("an operation of the catalogue")
}
