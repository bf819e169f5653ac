//! What goes in: an event, or a webhook as it arrived.

use bytes::Bytes;
use serde_json::Value as Json;

use super::{
    super::{
        connections::Connections,
        fields::{Fields, list, scalar},
        flows::{never_emitted, no_such_connection, unknown_type},
        report::Problems,
        source::Place,
        tree::{Entry, Node, Value},
    },
    body,
    set::{self, Change, Segment},
};
use crate::{
    expr::schema,
    model::{code, connection::ConnectionName, http::Method, time::Timestamp},
    topics::{
        body::Body,
        event::{Entity, EventType},
    },
};

/// What a test begins with.
#[derive(Clone, Debug)]
pub(super) enum Given {
    Event(Box<GivenEvent>),
    Webhook(Box<GivenWebhook>),
}

#[derive(Clone, Debug)]
pub(super) struct GivenEvent {
    pub event_type: &'static EventType,
    /// Its connection's first name.
    pub connection: ConnectionName,
    pub at: Option<Timestamp>,
    pub body: Body,
}

#[derive(Clone, Debug)]
pub(super) struct GivenWebhook {
    /// Today's name.
    pub connection: ConnectionName,
    pub method: Method,
    pub event: Option<String>,
    pub at: Option<Timestamp>,
    pub headers: Vec<(String, String)>,
    pub query: Vec<(String, String)>,
    pub body: Content,
    pub replies: Vec<GivenReply>,
}

/// A reply that the connector will have asked for.
#[derive(Clone, Debug)]
pub(super) struct GivenReply {
    pub purpose: String,
    pub place: Place,
    pub status: u16,
    pub content: Content,
}

/// Bytes: in the config or in a file beside it, with a case's changes.
#[derive(Clone, Debug)]
pub(super) struct Content {
    pub source: Source,
    pub changes: Vec<Change>,
}

#[derive(Clone, Debug)]
pub(super) enum Source {
    Text(Bytes),
    Json(Json),
    File { path: String, place: Place },
}

/// Reads `event` or `webhook`, changed by a case.
pub(super) fn read(
    event: Option<&Node>,
    webhook: Option<&Node>,
    changes: &[Change],
    connections: &Connections,
    problems: &mut Problems,
) -> Option<Given> {
    match (event, webhook) {
        (Some(event), _) => {
            let event = changed(event, changes, problems);
            read_event(&event, connections, problems).map(|event| Given::Event(Box::new(event)))
        }
        (None, Some(webhook)) => {
            read_webhook(webhook, changes, connections, problems).map(|webhook| Given::Webhook(Box::new(webhook)))
        }
        (None, None) => None,
    }
}

/// A copy of an event with the changes in it. Paths begin at the body, by the entity's name if one likes
/// (`order.customer.email`); `event.type`, `event.from` and `event.time` are beside it.
fn changed(event: &Node, changes: &[Change], problems: &mut Problems) -> Node {
    let mut event = event.clone();
    let entity = entity_of(&event);
    for change in changes {
        let mut change = change.clone();
        let first = match change.path.first() {
            Some(Segment::Name(name)) => name.as_str(),
            _ => "",
        };
        if first == "event" {
            change.path.remove(0);
        } else {
            if change.path.len() > 1 && entity.is_some_and(|entity| entity.as_str() == first) {
                change.path.remove(0);
            }
            change.path.insert(0, Segment::Name("body".to_owned()));
        }
        set::put(&mut event, &change, problems);
    }
    event
}

fn entity_of(event: &Node) -> Option<Entity> {
    let Value::Map(entries) = &event.value else { return None };
    let event_type = entries.iter().find(|entry| entry.key.text == "type")?;
    match &event_type.value.value {
        Value::Scalar(text) => EventType::find(&text.text).map(|event_type| event_type.entity),
        _ => None,
    }
}

fn read_event(node: &Node, connections: &Connections, problems: &mut Problems) -> Option<GivenEvent> {
    let mut fields = Fields::open(node, "`event`", problems)?;
    let event_type = fields.node("type");
    let from = fields.node("from");
    let at = fields.node("time").and_then(|node| scalar(node, problems, read_time));
    let body = fields.node("body");
    fields.finish(problems);
    let Some(event_type) = event_type else {
        problems.add(&node.place, code::MISSING_KEY, "an event needs its `type`").hint("such as `type: order.paid`");
        return None;
    };
    let event_type = scalar_type(event_type, problems)?;
    let connection = source(event_type, node, from, connections, problems);
    let message = schema::entity(event_type.entity);
    let before = problems.count();
    let json = body.map_or(Json::Null, |body| body::read(body, &message, problems));
    if problems.count() > before {
        return None;
    }
    let bytes = if json.is_null() { "{}".to_owned() } else { json.to_string() };
    match Body::from_json(event_type.entity, bytes.as_bytes()) {
        Ok(body) => Some(GivenEvent { event_type, connection: connection?, at, body }),
        Err(error) => {
            problems.add(&body.unwrap_or(node).place, code::WRONG_KIND, format!("the body does not fit: {error}"));
            None
        }
    }
}

fn scalar_type(node: &Node, problems: &mut Problems) -> Option<&'static EventType> {
    let text = super::super::fields::text_of(node, problems)?;
    let found = EventType::find(text).filter(|event_type| event_type.entity != Entity::Step);
    if found.is_none() {
        unknown_type(text, &node.place, problems);
    }
    found
}

/// The connection that gives the event, by its first name: the one named, or the only one that can.
fn source(
    event_type: &'static EventType,
    event: &Node,
    from: Option<&Node>,
    connections: &Connections,
    problems: &mut Problems,
) -> Option<ConnectionName> {
    let giving = || connections.good.iter().filter(|(_, config)| config.vendor.events.contains(&event_type));
    let Some(from) = from else {
        let all: Vec<_> = giving().map(|(name, _)| name).collect();
        return match all.as_slice() {
            [name] => connections.identity(name),
            // The broken one may be meant.
            [] if !connections.broken.is_empty() => None,
            [] => {
                let text = format!("no connection gives `{}`", event_type.name);
                problems.add(&event.place, code::NEVER_EMITTED, text);
                None
            }
            _ => {
                let names = list(all.iter().map(|name| name.as_str()));
                let text = format!("`{}` may come from {names}", event_type.name);
                problems.add(&event.place, code::MISSING_KEY, text).hint("say which: `from: …`");
                None
            }
        };
    };
    let name = connection(from, connections, problems)?;
    if !giving().any(|(other, _)| *other == name) {
        never_emitted(event_type, &from.place, std::slice::from_ref(&name), connections, problems);
    }
    connections.identity(&name)
}

fn connection(node: &Node, connections: &Connections, problems: &mut Problems) -> Option<ConnectionName> {
    let text = super::super::fields::text_of(node, problems)?;
    let found = connections.good.get_key_value(text).map(|(name, _)| name.clone());
    if found.is_none() {
        no_such_connection(text, &node.place, connections, problems);
    }
    found
}

fn read_time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "expected a time such as `2025-10-09T08:00:00+02:00`".to_owned())
}

fn read_webhook(
    node: &Node,
    changes: &[Change],
    connections: &Connections,
    problems: &mut Problems,
) -> Option<GivenWebhook> {
    let mut fields = Fields::open(node, "`webhook`", problems)?;
    let from = fields.node("from");
    let method = fields.node("method").and_then(|node| scalar(node, problems, read_method));
    let event = fields.text("event", problems);
    let at = fields.node("at").and_then(|node| scalar(node, problems, read_time));
    let headers = fields.node("headers").map_or_else(Vec::new, |node| pairs(node, "headers", problems));
    let query = fields.node("query").map_or_else(Vec::new, |node| pairs(node, "query", problems));
    let body = Content::read(&mut fields, problems);
    let replies = fields.node("replies").map_or_else(Vec::new, |node| read_replies(node, problems));
    fields.finish(problems);
    let Some(from) = from else {
        problems.add(&node.place, code::MISSING_KEY, "a webhook needs the connection that it came `from`");
        return None;
    };
    let connection = connection(from, connections, problems)?;
    let body = body.unwrap_or(Content { source: Source::Text(Bytes::new()), changes: Vec::new() });
    let method = method.unwrap_or(Method::Post);
    let mut webhook = GivenWebhook { connection, method, event, at, headers, query, body, replies };
    for change in changes {
        webhook.change(change, problems);
    }
    Some(webhook)
}

fn read_method(text: &str) -> Result<Method, String> {
    Method::parse(&text.to_ascii_uppercase()).ok_or_else(|| "expected a method such as `POST`".to_owned())
}

fn pairs(node: &Node, what: &str, problems: &mut Problems) -> Vec<(String, String)> {
    let Value::Map(entries) = &node.value else {
        let text = format!("`{what}` is a mapping from names to texts, found {}", node.value.describe());
        problems.add(&node.place, code::WRONG_KIND, text);
        return Vec::new();
    };
    let pair = |Entry { key, value }: &Entry| {
        let text = super::super::fields::text_of(value, problems)?;
        Some((key.text.clone(), text.to_owned()))
    };
    entries.iter().filter_map(pair).collect()
}

fn read_replies(node: &Node, problems: &mut Problems) -> Vec<GivenReply> {
    let Value::Map(entries) = &node.value else {
        let text =
            format!("`replies` is a mapping from what was fetched to its reply, found {}", node.value.describe());
        problems.add(&node.place, code::WRONG_KIND, text).hint("write `replies: { invoice: { file: invoice.json } }`");
        return Vec::new();
    };
    let mut replies = Vec::new();
    for Entry { key, value } in entries {
        let Some(mut fields) = Fields::open(value, format!("the reply `{}`", key.text), problems) else { continue };
        let status = fields.node("status").and_then(|node| scalar(node, problems, read_status)).unwrap_or(200);
        let content = Content::read(&mut fields, problems);
        fields.finish(problems);
        let content = content.unwrap_or(Content { source: Source::Text(Bytes::new()), changes: Vec::new() });
        replies.push(GivenReply { purpose: key.text.clone(), place: key.place.clone(), status, content });
    }
    replies
}

fn read_status(text: &str) -> Result<u16, String> {
    let status = text.parse().ok().filter(|status| (100..600).contains(status));
    status.ok_or_else(|| "expected an HTTP status such as `404`".to_owned())
}

impl Content {
    fn read(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Self> {
        let (body, file) = (fields.entry("body"), fields.entry("file"));
        if let (Some(_), Some(file)) = (body, file) {
            problems.add(&file.key.place, code::UNKNOWN_KEY, "either `body` or `file`, not both");
        }
        let source = match (body.map(|entry| &entry.value), file.map(|entry| &entry.value)) {
            (Some(body), _) => match &body.value {
                Value::Scalar(text) => Source::Text(Bytes::from(text.text.clone())),
                _ => Source::Json(set::untyped(body)),
            },
            (None, Some(file)) => {
                let path = super::super::fields::text_of(file, problems)?.to_owned();
                Source::File { path, place: file.place.clone() }
            }
            (None, None) => return None,
        };
        Some(Self { source, changes: Vec::new() })
    }
}

impl GivenWebhook {
    /// Notes a change: `body.…`, `replies.<purpose>.…`, `headers.<name>`, `query.<name>` or `event`.
    fn change(&mut self, change: &Change, problems: &mut Problems) {
        let names: Vec<&str> = change
            .path
            .iter()
            .map_while(|segment| match segment {
                Segment::Name(name) => Some(name.as_str()),
                Segment::Index(_) => None,
            })
            .collect();
        match names.as_slice() {
            ["body", ..] => self.body.changes.push(change.within(1)),
            ["replies", purpose, ..] => self.change_reply(purpose, change, problems),
            ["headers", name] => set_pair(&mut self.headers, name, change, problems),
            ["query", name] => set_pair(&mut self.query, name, change, problems),
            ["event"] => self.event = super::super::fields::text_of(&change.value, problems).map(str::to_owned),
            _ => {
                problems
                    .add(&change.key.place, code::UNKNOWN_FIELD, format!("`{}` is nothing of a webhook", change.key.text))
                    .hint("begin with `body.`, `replies.<what was fetched>.`, `headers.` or `query.`, or change the `event`");
            }
        }
    }

    fn change_reply(&mut self, purpose: &str, change: &Change, problems: &mut Problems) {
        if let Some(reply) = self.replies.iter_mut().find(|reply| reply.purpose == purpose) {
            reply.content.changes.push(change.within(2));
            return;
        }
        let text = format!("the webhook has no reply `{purpose}`");
        let known: Vec<&str> = self.replies.iter().map(|reply| reply.purpose.as_str()).collect();
        problems.add(&change.key.place, code::UNKNOWN_FIELD, text).hint(format!("it has {}", list(known.into_iter())));
    }
}

fn set_pair(pairs: &mut Vec<(String, String)>, name: &str, change: &Change, problems: &mut Problems) {
    pairs.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    if matches!(change.value.value, Value::Null) {
        return;
    }
    pairs.extend(super::super::fields::text_of(&change.value, problems).map(|text| (name.to_owned(), text.to_owned())));
}

impl Change {
    /// The same, seen from further inside.
    fn within(&self, depth: usize) -> Self {
        Self { path: self.path.iter().skip(depth).cloned().collect(), ..self.clone() }
    }
}
