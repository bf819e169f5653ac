//! A vendor's sample webhook, with the replies that the vendor's simulator gives to what it makes the connector fetch. So a
//! config can be tried before there is any account: nothing leaves the process.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::KEY;
use crate::{
    cli::client::{NotFound, nearest},
    config::ConnectionConfig,
    connectors::contract::{
        Accept, Fetch, Normalized, Plan, Progress, Sandbox, Verdict, Work, sandbox::SandboxRequest,
    },
    model::{
        connection::ConnectionName,
        http::{Auth, Headers, Inbound, Reply, Request},
        id::{ActionId, Ids, WebhookId},
        time::Timestamp,
    },
    topics::{
        event::Origin,
        webhook::{Arrival, FetchedReply, Webhook},
    },
};

/// The most fetches of one sample, and the most requests of one fetch.
const MOST: usize = 20;

pub(super) fn webhook(
    name: &ConnectionName,
    connection: &ConnectionConfig,
    sample: &str,
    now: Timestamp,
) -> anyhow::Result<Webhook> {
    let base = url::Url::parse(&format!("http://localhost/webhooks/{name}"))?;
    let Some(request) = connection.connector.sample(sample, &base, now) else {
        let names = || connection.vendor.samples.iter().map(|sample| sample.name);
        let all = names().collect::<Vec<_>>().join("`, `");
        let hint = nearest(sample, names()).unwrap_or_else(|| format!("\nhint: it has `{all}`"));
        return Err(NotFound(format!("`{}` has no sample `{sample}`{hint}", connection.vendor.name)).into());
    };
    let mut webhook = arrived(name, connection, &request, now)?;
    let mut vendor = (connection.vendor.sandbox)(&connection.settings, now);
    for _ in 0..MOST {
        let Normalized::Proves { fetches, .. } = connection.connector.normalize(&webhook) else { break };
        if fetches.is_empty() {
            break;
        }
        for fetch in fetches {
            let reply = read_back(connection, vendor.as_mut(), &fetch, now)?;
            webhook.replies.push(FetchedReply {
                purpose: fetch.purpose,
                action: ActionId::from_text("a-simulation"),
                at: now,
                status: reply.status,
                body: reply.body,
            });
        }
    }
    Ok(webhook)
}

/// The sample as the gateway would store it.
fn arrived(
    name: &ConnectionName,
    connection: &ConnectionConfig,
    request: &Request,
    now: Timestamp,
) -> anyhow::Result<Webhook> {
    let path = request.url.path_segments().into_iter().flatten().skip(2).map(str::to_owned).collect();
    let inbound = Inbound {
        method: request.method,
        path,
        query: request.url.query_pairs().into_owned().collect(),
        headers: request.headers.clone(),
        body: request.body.clone(),
        received_at: now,
    };
    let Accept::Store { event, query, .. } = connection.connector.accept(&inbound) else {
        bail!("the connection `{name}` does not take webhooks as it is configured\nhint: `spojka doctor {name}`");
    };
    Ok(Webhook {
        id: WebhookId::from_text("w-simulation"),
        connection: connection.identity(name).clone(),
        arrived: now,
        arrival: Arrival::Pushed { method: request.method, event, query, headers: request.headers.clone() },
        body: request.body.clone(),
        replies: Vec::new(),
        origin: Origin::default(),
        traceparent: None,
        key: Ids::new(KEY).partition(name, "simulation"),
    })
}

/// One fetch, answered by the simulator.
fn read_back(
    connection: &ConnectionConfig,
    vendor: &mut dyn Sandbox,
    fetch: &Fetch,
    now: Timestamp,
) -> anyhow::Result<Reply> {
    let operation = connection.vendor.operations.iter().find(|operation| operation.name == fetch.operation);
    let operation = operation.with_context(|| format!("there is no operation `{}`", fetch.operation))?;
    let (registers, contributions) = (BTreeSet::new(), BTreeMap::new());
    let work = Work {
        operation,
        parameters: &fetch.parameters,
        only: &crate::topics::occasion::Occasions::default(),
        registers: &registers,
        vendor_id: None,
        contributions: &contributions,
        maybe_done: false,
        reference: "simulation",
        now,
        session: None,
    };
    let mut progress = Progress::default();
    for _ in 0..MOST {
        let Plan::Send(request) = connection.connector.plan(&work, &progress) else { break };
        let reply = vendor.answer(&as_received(&request), now);
        match connection.connector.interpret(&work, &progress, &reply) {
            Verdict::Done(_) => return Ok(reply),
            Verdict::Next(next) => progress = next,
            _ => break,
        }
    }
    bail!("the simulated {} does not give `{}`", connection.vendor.title, fetch.purpose)
}

fn as_received(request: &Request) -> SandboxRequest {
    let headers = match &request.auth {
        Auth::None => Headers::new(),
        Auth::Basic { user, password } => {
            let pair = STANDARD.encode(format!("{user}:{}", password.expose()));
            Headers::new().with("authorization", format!("Basic {pair}"))
        }
        Auth::Bearer(token) => Headers::new().with("authorization", format!("Bearer {}", token.expose())),
    };
    SandboxRequest {
        method: request.method,
        path: request.url.path().to_owned(),
        query: request.url.query().unwrap_or_default().to_owned(),
        headers: request.headers.0.iter().fold(headers, |headers, (name, value)| headers.with(name, value.clone())),
        body: request.body.clone(),
    }
}
