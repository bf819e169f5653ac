//! Takes what a test gives through normalizing and routing.

use std::{path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::Value as Json;

use super::{
    super::{Config, report::Problems, source::Place},
    FlowTest, compare,
    given::{Content, Given, GivenEvent, GivenReply, GivenWebhook, Source},
    set,
};
use crate::{
    connectors::contract::Normalized,
    model::{
        code::{self, Code},
        hash::ContentHash,
        http::Headers,
        id::{ActionId, Identity, Ids, WebhookId},
        time::{Since, Timestamp, version_of},
    },
    normalizer::event_of,
    router::{Routed, Routing, Rules, rehearse},
    topics::{
        event::{Event, Origin},
        webhook::{Arrival, FetchedReply, Webhook},
    },
};

/// Ids of tests are nobody's.
const KEY: &[u8] = b"tests";

/// When an event of a test is true, unless it or a flow's `start` says otherwise.
const EVENT_AT: &str = "2026-01-01T00:00:00Z";
/// When a webhook of a test arrives, unless it says otherwise: after everything that it can tell of.
const WEBHOOK_AT: &str = "2100-01-01T00:00:00Z";

/// What all tests of a config run by.
pub(super) struct Bench<'a> {
    pub config: &'a Config,
    directory: &'a Path,
    ids: Ids,
    rules: Rules,
}

/// What came of a test.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// The events, with what came of each.
    pub routed: Vec<(Event, Routed)>,
    /// What the connector asks for and was not given.
    pub fetches: Vec<String>,
    /// Why the webhook proves nothing.
    pub nothing: Option<Code>,
    /// Why the webhook becomes a dead letter.
    pub dead: Option<(Code, String)>,
}

impl<'a> Bench<'a> {
    pub(super) fn new(config: &'a Config, directory: &'a Path) -> Self {
        let ids = Ids::new(KEY);
        let rules = Rules::first(Arc::clone(&config.flows), &ids, Timestamp::UNIX_EPOCH);
        Self { config, directory, ids, rules }
    }

    /// Runs one test and tells what differs.
    pub(super) fn run(&self, test: &FlowTest, problems: &mut Problems) {
        let outcome = match &test.given {
            Given::Event(given) => Some(self.route(test, vec![self.event(given)], None)),
            Given::Webhook(given) => self.webhook(given, problems).map(|webhook| self.normalize(test, given, &webhook)),
        };
        if let Some(outcome) = outcome {
            compare::compare(test, &outcome, self.config, problems);
        }
    }

    fn route(&self, test: &FlowTest, events: Vec<Event>, remember: Option<Duration>) -> Outcome {
        let routed = |event: Event| {
            let remember = remember.unwrap_or(Duration::MAX);
            let routing = Routing { rules: &self.rules, ids: &self.ids, remember, now: event.arrived };
            let routed = rehearse(&event, &routing, &test.ends);
            (event, routed)
        };
        Outcome { routed: events.into_iter().map(routed).collect(), ..Outcome::default() }
    }

    fn event(&self, given: &GivenEvent) -> Event {
        let starts = self.config.flows.flows().iter().filter_map(|flow| flow.start);
        let at = given.at.unwrap_or_else(|| starts.fold(fixed(EVENT_AT), Timestamp::max));
        let entity = given.event_type.entity.as_str();
        let id = given.body.to_json().get("id").and_then(Json::as_str).unwrap_or("test").to_owned();
        Event {
            id: self.ids.event(&given.connection, entity, &id, given.event_type.name, &Identity::Once),
            event_type: given.event_type,
            connection: given.connection.clone(),
            entity: self.ids.entity(&given.connection, entity, &id),
            subject: id,
            since: Since::stated(at, at),
            version: version_of(at),
            arrived: at,
            webhook: WebhookId::from_text("w-test"),
            origin: Origin::default(),
            traceparent: None,
            body: given.body.clone(),
        }
    }

    fn webhook(&self, given: &GivenWebhook, problems: &mut Problems) -> Option<Webhook> {
        let connection = self.config.connections.get(&given.connection)?;
        let at = given.at.unwrap_or_else(|| fixed(WEBHOOK_AT));
        let headers =
            given.headers.iter().fold(Headers::new(), |headers, (name, value)| headers.with(name, value.clone()));
        let body = self.bytes(&given.body, problems);
        let reply = |reply: &GivenReply| {
            Some(FetchedReply {
                purpose: reply.purpose.clone(),
                action: ActionId::from_text(ContentHash::from_bytes(reply.purpose.as_bytes()).as_str()),
                at,
                status: reply.status,
                body: self.bytes(&reply.content, problems)?,
            })
        };
        let replies: Option<Vec<_>> = given.replies.iter().map(reply).collect();
        Some(Webhook {
            id: WebhookId::from_text("w-test"),
            connection: connection.identity(&given.connection).clone(),
            arrived: at,
            arrival: Arrival::Pushed {
                method: given.method,
                event: given.event.clone(),
                query: given.query.clone(),
                headers,
            },
            body: body?,
            replies: replies?,
            origin: Origin::default(),
            traceparent: None,
            key: self.ids.partition(&given.connection, "test"),
        })
    }

    fn normalize(&self, test: &FlowTest, given: &GivenWebhook, webhook: &Webhook) -> Outcome {
        let Some(connection) = self.config.connections.get(&given.connection) else { return Outcome::default() };
        match connection.connector.normalize(webhook) {
            Normalized::Proves { facts, fetches } => {
                let events = facts.into_iter().map(|fact| event_of(&self.ids, webhook, fact)).collect();
                let remember = given.at.map(|_| self.config.keeping.remember);
                let fetches = fetches.into_iter().map(|fetch| fetch.purpose).collect();
                Outcome { fetches, ..self.route(test, events, remember) }
            }
            Normalized::Nothing(code) => Outcome { nothing: Some(code), ..Outcome::default() },
            Normalized::Invalid { code, message } => Outcome { dead: Some((code, message)), ..Outcome::default() },
        }
    }

    /// The bytes of a body, with a case's changes in them.
    fn bytes(&self, content: &Content, problems: &mut Problems) -> Option<Bytes> {
        let bytes = match &content.source {
            Source::Text(bytes) => bytes.clone(),
            Source::Json(json) => Bytes::from(json.to_string()),
            Source::File { path, place } => self.file(path, place, problems)?,
        };
        let Some(first) = content.changes.first() else { return Some(bytes) };
        let Ok(mut json) = serde_json::from_slice::<Json>(&bytes) else {
            problems.add(&first.key.place, code::WRONG_KIND, "only a body in JSON can be changed");
            return None;
        };
        for change in &content.changes {
            if let Err(message) = set::put_json(&mut json, &change.path, change) {
                problems.add(&change.key.place, code::UNKNOWN_FIELD, message);
                return None;
            }
        }
        Some(Bytes::from(json.to_string()))
    }

    fn file(&self, path: &str, place: &Place, problems: &mut Problems) -> Option<Bytes> {
        match std::fs::read(self.directory.join(path)) {
            Ok(bytes) => Some(Bytes::from(bytes)),
            Err(error) => {
                let text = format!("`{path}` cannot be read: {}", error.kind());
                problems.add(place, code::UNREADABLE_FILE, text).hint("paths begin at the config's directory");
                None
            }
        }
    }
}

fn fixed(text: &str) -> Timestamp {
    text.parse().expect("the constants are times")
}
