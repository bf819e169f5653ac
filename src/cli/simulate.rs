//! `spojka simulate`: what the flows would do with a webhook or an event from a file. Sends nothing.

mod clauses;

use std::{fs, path::Path, sync::Arc};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    Exit,
    arguments::SimulateArguments,
    client::{self, NotFound, nearest},
    output::Output,
};
use crate::{
    config::{Config, Mode},
    connectors::contract::Normalized,
    expr::{Facts, Results},
    model::{
        connection::ConnectionName,
        hash::ContentHash,
        http::{Headers, Method},
        id::{ActionId, Ids, WebhookId},
        time::{Clock as _, Since, SystemClock, Timestamp, version_of},
    },
    normalizer::event_of,
    router::{Routed, Routing, Rules, Why, route},
    topics::{
        body::Body,
        event::{Event, EventType, Origin, TYPES},
        webhook::{Arrival, FetchedReply, Webhook},
    },
};

/// Ids of a simulation are nobody's.
const KEY: &[u8] = b"simulation";

pub fn run(path: &Path, arguments: &SimulateArguments, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    let config = client::load(path, Mode::CheckOnly)?;
    let now = SystemClock.now();
    let bytes =
        Bytes::from(fs::read(&arguments.file).with_context(|| format!("cannot read {}", arguments.file.display()))?);
    let events = match &arguments.event {
        Some(name) => vec![event(&config, name, arguments, &bytes, now)?],
        None => match events_of_webhook(&config, arguments, bytes, now)? {
            Ok(events) => events,
            Err(told) => {
                output.show(&told, |out, told| writeln!(out, "{}", told["webhook"].as_str().unwrap_or_default()))?;
                return Ok(Exit::Done);
            }
        },
    };
    let ids = Ids::new(KEY);
    let rules = Rules::first(Arc::clone(&config.flows), &ids, Timestamp::UNIX_EPOCH);
    let routing = Routing { rules: &rules, ids: &ids, remember: config.keeping.remember, now };
    let told: Vec<_> = events.iter().map(|event| describe(&config, event, &route(event, &routing))).collect();
    let failed = told.iter().any(|event| event["failed"].as_array().is_some_and(|failed| !failed.is_empty()));
    output.show(&told, |out, told| told.iter().try_for_each(|event| print(out, event)))?;
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

fn event(
    config: &Config,
    name: &str,
    arguments: &SimulateArguments,
    bytes: &[u8],
    now: Timestamp,
) -> anyhow::Result<Event> {
    let Some(event_type) = EventType::find(name) else {
        let hint = nearest(name, TYPES.iter().map(|event_type| event_type.name)).unwrap_or_default();
        return Err(NotFound(format!("there is no event `{name}`{hint}")).into());
    };
    let connection = source(config, event_type, arguments.connection.as_deref())?;
    let body = Body::from_json(event_type.entity, bytes).context("the file is no body of this event")?;
    let ids = Ids::new(KEY);
    Ok(Event {
        id: ids.event(&connection, event_type.entity.as_str(), "simulation", name, &crate::model::id::Identity::Once),
        event_type,
        entity: ids.entity(&connection, event_type.entity.as_str(), "simulation"),
        connection,
        subject: "simulation".to_owned(),
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
    let giving: Vec<_> =
        config.connections.iter().filter(|(_, connection)| connection.vendor.events.contains(&event_type)).collect();
    match giving.as_slice() {
        [(name, connection)] => Ok(connection.identity(name).clone()),
        [] => bail!("no connection of the config gives `{}`", event_type.name),
        [(first, _), ..] => {
            let all: Vec<_> = giving.iter().map(|(name, _)| name.as_str()).collect();
            bail!("`{}` may come from `{}`\nhint: say which: --connection {first}", event_type.name, all.join("`, `"))
        }
    }
}

/// The events that a webhook proves; or what else it amounts to.
fn events_of_webhook(
    config: &Config,
    arguments: &SimulateArguments,
    body: Bytes,
    now: Timestamp,
) -> anyhow::Result<Result<Vec<Event>, Value>> {
    let (name, connection) = client::find_connection(config, arguments.connection.as_deref().unwrap_or_default())?;
    let ids = Ids::new(KEY);
    let webhook = Webhook {
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
        key: ids.partition(name, "simulation"),
    };
    Ok(match connection.connector.normalize(&webhook) {
        Normalized::Proves { facts, fetches } if facts.is_empty() && !fetches.is_empty() => {
            let purposes: Vec<_> = fetches.iter().map(|fetch| fetch.purpose.as_str()).collect();
            let text = format!(
                "`{}` must be fetched first: give it with --reply {}=FILE",
                purposes.join("`, `"),
                purposes.join("=FILE --reply ")
            );
            Err(json!({ "webhook": text, "fetches": purposes }))
        }
        Normalized::Proves { facts, .. } => Ok(facts.into_iter().map(|fact| event_of(&ids, &webhook, fact)).collect()),
        Normalized::Nothing(code) => {
            Err(json!({ "webhook": format!("proves nothing: {}", code.page().title), "code": code }))
        }
        Normalized::Invalid { code, message } => {
            Err(json!({ "webhook": format!("would be a dead letter: {code}: {message}"), "code": code }))
        }
    })
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
        body: Bytes::from(fs::read(file).with_context(|| format!("cannot read {file}"))?),
    })
}

fn describe(config: &Config, event: &Event, routed: &Routed) -> Value {
    let actions = routed.actions.iter().map(|action| {
        let (flow, step) = action.step().unwrap_or_default();
        json!({
            "flow": flow, "step": step, "connection": config.name_of(&action.connection), "operation": action.operation,
            "parameters": action.parameters,
        })
    });
    let facts = Facts::of(event, &Results::new());
    let skipped = routed.skipped.iter().map(|skip| {
        let flow = config.flows.find(&skip.flow);
        let when =
            flow.filter(|_| skip.why == Why::Condition && skip.step.is_none()).and_then(|flow| flow.when.as_ref());
        let clause = when.map(|when| clauses::first_that_fails(when.text(), event.event_type.entity, &facts));
        json!({ "flow": skip.flow, "step": skip.step, "why": skip.why.as_str(), "clause": clause })
    });
    let failed = routed.failed.iter().map(|failure| {
        json!({ "flow": failure.flow, "step": failure.step, "field": failure.field, "code": failure.code, "message": failure.message })
    });
    json!({
        "event": event.event_type.name, "subject": event.subject, "since": event.since.at, "how": event.since.how,
        "actions": actions.collect::<Vec<_>>(), "skipped": skipped.collect::<Vec<_>>(), "failed": failed.collect::<Vec<_>>(),
    })
}

fn print(out: &mut dyn std::io::Write, event: &Value) -> std::io::Result<()> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |name: &str| event[name].as_array().cloned().unwrap_or_default();
    writeln!(
        out,
        "{} {}, true since {} ({})",
        text(&event["event"]),
        text(&event["subject"]),
        text(&event["since"]),
        text(&event["how"])
    )?;
    if ["actions", "skipped", "failed"].iter().all(|name| list(name).is_empty()) {
        writeln!(out, "  no flow is about it")?;
    }
    for action in list("actions") {
        writeln!(
            out,
            "  flow `{}` would do {}.{}",
            text(&action["flow"]),
            text(&action["connection"]),
            text(&action["operation"])
        )?;
        for (name, value) in action["parameters"].as_object().into_iter().flatten() {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let short: String = value.chars().take(100).collect();
            let more = if short.len() < value.len() { " …" } else { "" };
            writeln!(out, "      {name}: {short}{more}")?;
        }
    }
    for skip in list("skipped") {
        let (flow, step) = (text(&skip["flow"]), skip["step"].as_str());
        let step = step.map(|step| format!(", step `{step}`,")).unwrap_or_default();
        let clause = skip["clause"].as_str().map(|clause| format!(": `{clause}` does not hold")).unwrap_or_default();
        writeln!(out, "  flow `{flow}`{step} does nothing ({}){clause}", text(&skip["why"]))?;
    }
    for failure in list("failed") {
        writeln!(
            out,
            "  flow `{}` would fail in `{}`: {}",
            text(&failure["flow"]),
            text(&failure["field"]),
            text(&failure["message"])
        )?;
    }
    Ok(())
}
