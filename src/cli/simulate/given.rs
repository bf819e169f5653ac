//! What goes in: a file, a recorded record, or a vendor's sample.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use serde::Serialize;

use super::{Events, KEY, SimulateArguments, sample};
use crate::{
    cli::client::{self, NotFound, nearest},
    config::{Config, ConnectionConfig},
    connectors::contract::Normalized,
    model::{
        code::{self, Code},
        connection::ConnectionName,
        hash::ContentHash,
        http::{Headers, Method},
        id::{ActionId, Identity, Ids, WebhookId},
        time::{Since, Timestamp, version_of},
    },
    normalizer::event_of,
    runtime::{admin::Question, operator::recorded::Recorded},
    topics::{
        event::{Entity, Event, EventType, Origin, TYPES},
        webhook::{Arrival, FetchedReply, Webhook},
    },
};

/// What there is to simulate.
pub(super) enum Given {
    Events(Events),
    Nothing(Nothing),
}

/// A webhook that gives no event (yet).
#[derive(Debug, Serialize)]
pub(super) struct Nothing {
    #[serde(rename = "webhook")]
    pub text: String,
    /// Why, where it has a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// What must be fetched first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fetches: Vec<String>,
    #[serde(skip)]
    pub dead: bool,
}

pub(super) fn read(
    path: &Path,
    config: &Config,
    arguments: &SimulateArguments,
    now: Timestamp,
) -> anyhow::Result<Given> {
    if let Some(name) = &arguments.sample {
        let (name_of, connection) = the_one_with(config, arguments, name)?;
        let webhook = sample::webhook(name_of, connection, name, now)?;
        return Ok(prove(connection, &webhook));
    }
    let what = arguments.what.as_deref().unwrap_or_default();
    let file = Path::new(what);
    if !file.exists() && is_id(what) {
        return recorded(path, config, what);
    }
    let bytes = fs::read(file).map_err(|error| NotFound(format!("`{what}` cannot be read: {}", error.kind())))?;
    if let Some(name) = &arguments.event {
        Ok(Given::Events(vec![event(config, name, arguments, &bytes, now)?]))
    } else {
        let (name, connection) = the_connection(config, arguments)?;
        let webhook = posted(name, connection, arguments, Bytes::from(bytes), now)?;
        let mut given = prove(connection, &webhook);
        if let Given::Nothing(nothing) = &mut given
            && nothing.code == Some(code::UNPARSEABLE)
        {
            nothing.text.push_str("\nhint: if the file is an event's body, say which event: --event order.paid");
        }
        Ok(given)
    }
}

fn is_id(text: &str) -> bool {
    ["w-", "e-", "a-", "d-"].iter().any(|prefix| text.starts_with(prefix))
}

/// What the topics hold, judged by the flows at hand.
fn recorded(path: &Path, config: &Config, id: &str) -> anyhow::Result<Given> {
    match client::ask::<Recorded>(path, Question::Recorded { id: id.to_owned() })? {
        Recorded::Event(event) => Ok(Given::Events(vec![event.event().context("the event cannot be read")?])),
        Recorded::Webhook(webhook) => {
            let known = config.connections.iter().find(|(name, other)| *other.identity(name) == webhook.connection);
            let Some((_, connection)) = known else {
                return Err(NotFound(format!("the config has no connection `{}`", webhook.connection)).into());
            };
            Ok(prove(connection, &webhook))
        }
    }
}

fn event(
    config: &Config,
    name: &str,
    arguments: &SimulateArguments,
    bytes: &[u8],
    now: Timestamp,
) -> anyhow::Result<Event> {
    let known = EventType::find(name).filter(|event_type| event_type.entity != Entity::Step);
    let Some(event_type) = known else {
        let names = TYPES.iter().map(|event_type| event_type.name).filter(|name| !name.starts_with("step."));
        let hint = nearest(name, names.clone())
            .unwrap_or_else(|| format!("\nhint: there is {}", names.collect::<Vec<_>>().join(", ")));
        return Err(NotFound(format!("there is no event `{name}`{hint}")).into());
    };
    let connection = source(config, event_type, arguments.connection.as_deref())?;
    let file = arguments.what.as_deref().unwrap_or_default();
    let body = crate::config::event_body(file, &String::from_utf8_lossy(bytes), event_type.entity)
        .map_err(|report| client::BadConfig::of(&format!("{file} is no body of `{name}`"), &report))?;
    let id = body.to_json().get("id").and_then(serde_json::Value::as_str).unwrap_or("simulation").to_owned();
    let ids = Ids::new(KEY);
    let entity = event_type.entity.as_str();
    Ok(Event {
        id: ids.event(&connection, entity, &id, name, &Identity::Once),
        event_type,
        entity: ids.entity(&connection, entity, &id),
        connection,
        subject: id,
        since: Since::arrival(now),
        version: version_of(now),
        arrived: now,
        webhook: WebhookId::from_text("w-simulation"),
        origin: Origin::default(),
        traceparent: None,
        body,
    })
}

/// The connection that an event is to come from, by its first name: the one named, or the only one that gives such events.
fn source(config: &Config, event_type: &EventType, named: Option<&str>) -> anyhow::Result<ConnectionName> {
    if let Some(named) = named {
        let (name, connection) = client::find_connection(config, named)?;
        return Ok(connection.identity(name).clone());
    }
    let giving = config.connections.iter().filter(|(_, connection)| connection.vendor.events.contains(&event_type));
    let (name, connection) = the_only_one(giving, &format!("`{}`", event_type.name))?;
    Ok(connection.identity(name).clone())
}

/// The connection that a webhook is to come from: the one named, or the only one that gives any events.
fn the_connection<'a>(
    config: &'a Config,
    arguments: &SimulateArguments,
) -> anyhow::Result<(&'a ConnectionName, &'a ConnectionConfig)> {
    if let Some(named) = &arguments.connection {
        Ok(client::find_connection(config, named)?)
    } else {
        let giving = config.connections.iter().filter(|(_, connection)| !connection.vendor.events.is_empty());
        the_only_one(giving, "the webhook")
    }
}

/// The connection whose vendor has the sample.
fn the_one_with<'a>(
    config: &'a Config,
    arguments: &SimulateArguments,
    sample: &str,
) -> anyhow::Result<(&'a ConnectionName, &'a ConnectionConfig)> {
    let samples = || config.connections.values().flat_map(|connection| connection.vendor.samples).map(|it| it.name);
    if arguments.connection.is_some() {
        return the_connection(config, arguments);
    }
    if !samples().any(|known| known == sample) {
        let all = samples().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join("`, `");
        let hint = nearest(sample, samples()).unwrap_or_else(|| format!("\nhint: there is `{all}`"));
        return Err(NotFound(format!("no connection's vendor has a sample `{sample}`{hint}")).into());
    }
    let has = |connection: &ConnectionConfig| connection.vendor.samples.iter().any(|it| it.name == sample);
    the_only_one(config.connections.iter().filter(|(_, connection)| has(connection)), "the sample")
}

fn the_only_one<'a>(
    giving: impl Iterator<Item = (&'a ConnectionName, &'a ConnectionConfig)>,
    what: &str,
) -> anyhow::Result<(&'a ConnectionName, &'a ConnectionConfig)> {
    let giving: Vec<_> = giving.collect();
    match giving.as_slice() {
        [one] => Ok(*one),
        [] => bail!("no connection of the config gives {what}"),
        [(first, _), ..] => {
            let all: Vec<_> = giving.iter().map(|(name, _)| name.as_str()).collect();
            bail!("{what} may come from `{}`\nhint: say which: --connection {first}", all.join("`, `"))
        }
    }
}

fn posted(
    name: &ConnectionName,
    connection: &ConnectionConfig,
    arguments: &SimulateArguments,
    body: Bytes,
    now: Timestamp,
) -> anyhow::Result<Webhook> {
    Ok(Webhook {
        id: WebhookId::from_text("w-simulation"),
        connection: connection.identity(name).clone(),
        arrived: now,
        arrival: Arrival::Pushed {
            method: Method::Post,
            event: arguments.url_event.clone(),
            query: Vec::new(),
            headers: headers(&arguments.headers)?,
        },
        body,
        replies: arguments.replies.iter().map(|reply| read_reply(reply, now)).collect::<anyhow::Result<_>>()?,
        origin: Origin::default(),
        traceparent: None,
        key: Ids::new(KEY).partition(name, "simulation"),
    })
}

/// What a webhook proves.
fn prove(connection: &ConnectionConfig, webhook: &Webhook) -> Given {
    let ids = Ids::new(KEY);
    let nothing = |text, code, dead| Given::Nothing(Nothing { text, code: Some(code), fetches: Vec::new(), dead });
    match connection.connector.normalize(webhook) {
        Normalized::Proves { facts, fetches } if facts.is_empty() && !fetches.is_empty() => {
            let purposes: Vec<String> = fetches.into_iter().map(|fetch| fetch.purpose).collect();
            let text = format!(
                "`{}` must be fetched first: give it with --reply {}=FILE",
                purposes.join("`, `"),
                purposes.join("=FILE --reply ")
            );
            Given::Nothing(Nothing { text, code: None, fetches: purposes, dead: false })
        }
        Normalized::Proves { facts, .. } => {
            Given::Events(facts.into_iter().map(|fact| event_of(&ids, webhook, fact)).collect())
        }
        Normalized::Nothing(code) => nothing(format!("proves nothing: {}", code.page().title), code, false),
        Normalized::Invalid { code, message } => {
            nothing(format!("would be a dead letter: {code}: {message}"), code, true)
        }
    }
}

fn headers(given: &[String]) -> anyhow::Result<Headers> {
    let pair = |text: &String| {
        let (name, value) = text.split_once(':').with_context(|| format!("expected `NAME: VALUE`, got `{text}`"))?;
        Ok((name.trim().to_owned(), value.trim().to_owned()))
    };
    given.iter().map(pair).collect::<anyhow::Result<_>>().map(Headers)
}

fn read_reply(text: &str, now: Timestamp) -> anyhow::Result<FetchedReply> {
    let (purpose, file) = text.split_once('=').with_context(|| format!("expected `PURPOSE=FILE`, got `{text}`"))?;
    Ok(FetchedReply {
        purpose: purpose.to_owned(),
        action: ActionId::from_text(ContentHash::from_bytes(purpose.as_bytes()).as_str()),
        at: now,
        status: 200,
        body: Bytes::from(
            fs::read(file).map_err(|error| NotFound(format!("`{file}` cannot be read: {}", error.kind())))?,
        ),
    })
}
