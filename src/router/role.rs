//! The role's loop body: reads `flows` before it judges, turns events into actions, buries what cannot be evaluated.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;

use super::{
    flow::FlowSet,
    plan::{Routing, route},
    routed::Failure,
    rules::Rules,
};
use crate::{
    log::{LogResult, Table, pipeline::Handler},
    model::{
        code::{self, Code},
        hash::ContentHash,
        id::Ids,
        time::Clock,
    },
    telemetry::{Metrics, trace},
    topics::{
        self, Names,
        dead::{DeadLetter, Kind},
        event::Event,
        flows::{ACTIVATIONS, SETS},
        record::{Append, Record, TRACEPARENT},
    },
};

/// Makes a flow set from its stored files, with today's connections. An error says why it no longer can be.
pub type Compile = Box<dyn Fn(&topics::flows::FlowSet) -> Result<FlowSet, String> + Send>;

/// What the role is built from.
pub struct Parts {
    pub names: Names,
    pub ids: Ids,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
    /// Facts older than this when they arrived are too old.
    pub remember: Duration,
}

/// The rules that the topic `flows` holds, read as far as they have been written.
pub struct RuleBook {
    flows: Arc<dyn Table>,
    compile: Compile,
    rules: Rules,
    /// The keys of `flows` that are known already.
    known: BTreeSet<String>,
}

impl RuleBook {
    pub fn new(flows: Arc<dyn Table>, compile: Compile) -> Self {
        Self { flows, compile, rules: Rules::default(), known: BTreeSet::new() }
    }

    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    pub fn into_rules(self) -> Rules {
        self.rules
    }

    /// Reads what has been put in force since the last time.
    ///
    /// # Errors
    /// The log's.
    pub async fn refresh(&mut self) -> LogResult<()> {
        self.flows.catch_up().await?;
        for (key, bytes) in self.news(SETS)? {
            match topics::flows::read::<topics::flows::FlowSet>(&bytes) {
                Ok(set) => self.learn(&set),
                Err(error) => tracing::error!(error = %error, "a flow set cannot be read"),
            }
            self.known.insert(key);
        }
        for (key, bytes) in self.news(ACTIVATIONS)? {
            match topics::flows::read(&bytes) {
                Ok(activation) => self.rules.activate(activation),
                Err(error) => tracing::error!(error = %error, "an activation of flows cannot be read"),
            }
            self.known.insert(key);
        }
        Ok(())
    }

    fn news(&self, prefix: &str) -> LogResult<Vec<(String, bytes::Bytes)>> {
        let mut news = Vec::new();
        let mut after = None;
        loop {
            let page = self.flows.scan(prefix, after.as_deref(), 500)?;
            let Some((last, _)) = page.last() else { return Ok(news) };
            after = Some(last.clone());
            news.extend(page.into_iter().filter(|(key, _)| !self.known.contains(key)));
        }
    }

    fn learn(&mut self, set: &topics::flows::FlowSet) {
        match (self.compile)(set) {
            Ok(compiled) => self.rules.add_set(set.hash.clone(), Arc::new(compiled)),
            // Facts that need it become dead letters that name it.
            Err(why) => tracing::warn!(flow_set = %set.hash, error = why, "a flow set of the past no longer fits"),
        }
    }
}

/// The role.
pub struct Router {
    parts: Parts,
    book: RuleBook,
}

impl Router {
    pub fn new(parts: Parts, book: RuleBook) -> Self {
        Self { parts, book }
    }

    fn route(&self, event: &Event, record: &Record) -> Vec<Append> {
        let parts = &self.parts;
        let routing =
            Routing { rules: self.book.rules(), ids: &parts.ids, remember: parts.remember, now: parts.clock.now() };
        let routed = route(event, &routing);
        for skip in &routed.skipped {
            parts.metrics.event_skipped(skip.why.as_str());
        }
        for missed in &routed.missed {
            parts.metrics.lookup_miss(&missed.miss.lookup);
        }
        let mut appends = Vec::new();
        for action in &routed.actions {
            if let Some((flow, _)) = action.step() {
                parts.metrics.action(flow);
            }
            appends.push(action.to_append(parts.names.lane(&action.connection, &action.origin)));
        }
        for warned in &routed.warned {
            // The message holds content.
            let (flow, step) = (warned.flow.as_str(), warned.step.as_deref().unwrap_or_default());
            let (code, trace) = (warned.code.as_str(), trace::id_in(event.traceparent.as_deref()));
            tracing::warn!(event.id = %event.id, trace.id = trace, flow, step, code, "document written with a warning");
        }
        for failure in &routed.failed {
            parts.metrics.step_failed(&failure.flow, failure.code);
        }
        if let Some(first) = routed.failed.first() {
            let message = routed.failed.iter().map(describe).collect::<Vec<_>>().join("; ");
            appends.push(self.bury(record, Some(event), first.code, message));
        }
        appends
    }

    fn bury(&self, record: &Record, event: Option<&Event>, code: Code, message: String) -> Append {
        self.parts.metrics.dead(Kind::Event.as_str(), code);
        let trace = trace::id_in(record.headers.text(TRACEPARENT));
        tracing::warn!(topic = %record.topic, trace.id = trace, code = code.as_str(), "event is a dead letter");
        let (key, headers, value) = DeadLetter::original(record);
        let content = || ContentHash::from_bytes(record.bytes()).as_str().to_owned();
        DeadLetter {
            id: self.parts.ids.dead(&event.map_or_else(content, |event| event.id.to_string())),
            kind: Kind::Event,
            code,
            message,
            connection: event.map(|event| event.connection.clone()),
            what: event.map(|event| event.event_type.name.to_owned()),
            webhook: event.map(|event| event.webhook.clone()),
            at: self.parts.clock.now(),
            attempts: 0,
            request: None,
            answer: None,
            topic: record.topic.to_string(),
            key,
            headers,
            value,
        }
        .to_append(self.parts.names.dead())
    }
}

fn describe(failure: &Failure) -> String {
    let step = failure.step.as_ref().map(|step| format!(", step `{step}`")).unwrap_or_default();
    let field = failure.field.as_ref().map(|field| format!(", `{field}`")).unwrap_or_default();
    format!("flow `{}`{step}{field}: {}", failure.flow, failure.message)
}

impl Handler for Router {
    fn prepare<'a>(&'a mut self, _records: &'a [Record]) -> BoxFuture<'a, LogResult<()>> {
        Box::pin(self.book.refresh())
    }

    fn handle(&mut self, record: &Record) -> Vec<Append> {
        match Event::from_record(record) {
            Ok(event) => self.route(&event, record),
            Err(error) => vec![self.bury(record, None, code::UNREADABLE_RECORD, error.to_string())],
        }
    }
}
