//! The role that turns webhooks into events: a pure function over records, no sockets, no clocks.
//!
//! What a webhook asks to have fetched goes to its own connection's lane; the reply comes back as the same webhook, grown.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::future::BoxFuture;

use crate::{
    connectors::contract::{Connector, Fact, Fetch, Normalized},
    log::{LogResult, pipeline::Handler},
    model::{
        code::{self, Code},
        connection::ConnectionName,
        hash::ContentHash,
        id::{Identity, Ids},
        time::version_of,
    },
    telemetry::{Metrics, trace},
    topics::{
        Names,
        action::{Action, Purpose, Source},
        dead::{DeadLetter, Kind},
        event::{Event, Occurrence, OriginKind},
        occasion::Occasions,
        record::{Append, Record, TRACEPARENT},
        webhook::Webhook,
    },
};

/// The role.
pub struct Normalizer {
    pub names: Names,
    pub ids: Ids,
    pub connectors: BTreeMap<ConnectionName, Arc<dyn Connector>>,
    pub metrics: Arc<Metrics>,
}

/// What a webhook proves.
#[derive(Debug, Default)]
pub struct Proven {
    pub facts: Vec<Fact>,
    /// What must be read from the vendor first.
    pub fetches: Vec<Fetch>,
    /// Why it proves nothing, where that is in order.
    pub nothing: Option<Code>,
}

impl Handler for Normalizer {
    fn prepare<'a>(&'a mut self, _records: &'a [Record]) -> BoxFuture<'a, LogResult<()>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn handle(&mut self, record: &Record) -> Vec<Append> {
        let webhook = match Webhook::from_record(record) {
            Ok(webhook) => webhook,
            Err(error) => return vec![self.bury(record, None, code::UNREADABLE_RECORD, &error.to_string())],
        };
        match self.normalize(&webhook) {
            Ok(appends) => appends,
            Err((code, why)) => vec![self.bury(record, Some(&webhook), code, &why)],
        }
    }
}

impl Normalizer {
    /// What a webhook gives, as records.
    ///
    /// # Errors
    /// The code and the text of its dead letter.
    pub fn normalize(&self, webhook: &Webhook) -> Result<Vec<Append>, (Code, String)> {
        if webhook.origin.kind == OriginKind::Import {
            self.metrics.nothing(code::IMPORTED);
            return Ok(Vec::new());
        }
        let proven = self.proves(webhook)?;
        proven.nothing.into_iter().for_each(|code| self.metrics.nothing(code));
        let events = proven.facts.into_iter().map(|fact| self.event(webhook, fact));
        let fetches = proven.fetches.into_iter().map(|fetch| {
            let action = fetch_of(&self.ids, webhook, fetch);
            action.to_append(self.names.lane(&webhook.connection, &webhook.origin))
        });
        Ok(events.chain(fetches).collect())
    }

    /// What a webhook proves, as values.
    ///
    /// # Errors
    /// The code and the text of its dead letter.
    pub fn proves(&self, webhook: &Webhook) -> Result<Proven, (Code, String)> {
        let connector = self
            .connectors
            .get(&webhook.connection)
            .ok_or_else(|| (code::NO_SUCH_CONNECTION, format!("there is no connection `{}`", webhook.connection)))?;
        match connector.normalize(webhook) {
            Normalized::Proves { facts, fetches } => Ok(Proven { facts, fetches, nothing: None }),
            Normalized::Nothing(code) => Ok(Proven { nothing: Some(code), ..Proven::default() }),
            Normalized::Invalid { code, message } => Err((code, message)),
        }
    }

    fn event(&self, webhook: &Webhook, fact: Fact) -> Append {
        self.metrics.fact(&webhook.connection, fact.event_type.name);
        let event = event_of(&self.ids, webhook, fact);
        event.to_append(self.names.events(event.event_type.entity))
    }

    fn bury(&self, record: &Record, webhook: Option<&Webhook>, code: Code, message: &str) -> Append {
        self.metrics.dead(Kind::Webhook.as_str(), code);
        let trace = trace::id_in(record.headers.text(TRACEPARENT));
        tracing::warn!(topic = %record.topic, trace.id = trace, code = code.as_str(), "webhook is a dead letter");
        let (key, headers, value) = DeadLetter::original(record);
        let name = |webhook: &Webhook| webhook.id.to_string();
        let content = || ContentHash::from_bytes(record.bytes()).as_str().to_owned();
        DeadLetter {
            id: self.ids.dead(&webhook.map_or_else(content, name)),
            kind: Kind::Webhook,
            code,
            message: message.to_owned(),
            connection: webhook.map(|webhook| webhook.connection.clone()),
            what: None,
            webhook: webhook.map(|webhook| webhook.id.clone()),
            at: record.timestamp,
            attempts: 0,
            request: None,
            answer: None,
            topic: record.topic.to_string(),
            key,
            headers,
            value,
        }
        .to_append(self.names.dead())
    }
}

/// The event that a fact is, with its id.
pub fn event_of(ids: &Ids, webhook: &Webhook, fact: Fact) -> Event {
    let (connection, event_type) = (&webhook.connection, fact.event_type);
    let identity = match event_type.occurrence {
        Occurrence::Once => Identity::Once,
        Occurrence::Counted => Identity::Counted(fact.counted.unwrap_or_default()),
        Occurrence::State => Identity::State(fact.version, fact.content),
    };
    let entity = event_type.entity.as_str();
    let key = ids.entity(connection, entity, &fact.entity_id);
    Event {
        id: ids.event(connection, entity, &fact.entity_id, event_type.name, &identity),
        event_type,
        connection: connection.clone(),
        subject: if fact.personal_id { key.to_string() } else { fact.entity_id },
        entity: key,
        since: fact.since,
        version: fact.version,
        arrived: webhook.arrived,
        webhook: webhook.id.clone(),
        origin: webhook.origin.clone(),
        traceparent: webhook.traceparent.clone(),
        body: fact.body,
    }
}

/// The action that a fetch is, with its id.
pub fn fetch_of(ids: &Ids, webhook: &Webhook, fetch: Fetch) -> Action {
    let connection = &webhook.connection;
    let object = format!("fetch:{}:{}", fetch.operation, serde_json::Value::Object(fetch.parameters.clone()));
    let read_at = webhook.read_at();
    Action {
        id: ids.fetch(&webhook.id, &fetch.purpose, &webhook.origin.run),
        connection: connection.clone(),
        operation: fetch.operation.to_owned(),
        parameters: fetch.parameters,
        conflict: ids.conflict(connection, &object),
        purpose: Purpose::Fetch { purpose: fetch.purpose, webhook: Box::new(webhook.clone()) },
        source: Source {
            entity: webhook.key.clone(),
            version: version_of(webhook.arrived),
            arrived: webhook.arrived,
            webhook: webhook.id.clone(),
        },
        not_before: (!fetch.delay.is_zero()).then(|| read_at + fetch.delay),
        retry: 0,
        optional: false,
        adopt: false,
        only: Occasions::default(),
        hold: None,
        origin: webhook.origin.clone(),
        traceparent: webhook.traceparent.clone(),
    }
}
