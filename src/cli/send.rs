//! `spojka send`: signs a sample webhook as the vendor would, and posts it to the gateway.

use std::{path::Path, time::Duration};

use anyhow::Context as _;
use serde_json::json;

use super::{Exit, arguments::SendArguments, client, output::Output};
use crate::{
    config::{Config, ConnectionConfig, Mode},
    http::{Client, ClientSettings, Limits},
    model::{
        http::{Reply, Request},
        time::{Clock as _, SystemClock},
    },
};

pub fn run(path: &Path, arguments: &SendArguments, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    let config = client::load(path, Mode::Resolve)?;
    let (_, connection) = client::find_connection(&config, &arguments.connection)?;
    let Some(request) = sample(&config, connection, arguments)? else {
        let names: Vec<_> = connection.vendor.samples.iter().map(|sample| sample.name).collect();
        output.complain(&format!(
            "error: `{}` has no sample `{}`\nhint: it has `{}`",
            connection.vendor.name,
            arguments.sample,
            names.join("`, `")
        ))?;
        return Ok(Exit::NotFound);
    };
    let reply = client::tokio_runtime()?.block_on(post(&request))?;
    output.show(&json!({ "status": reply.status }), |out, _| writeln!(out, "answered with status {}", reply.status))?;
    Ok(if reply.is_success() { Exit::Done } else { Exit::Failed })
}

fn sample(
    config: &Config,
    connection: &ConnectionConfig,
    arguments: &SendArguments,
) -> anyhow::Result<Option<Request>> {
    let url = match &arguments.url {
        Some(url) => url.clone(),
        None => url::Url::parse(&format!("http://{}/webhooks/{}", config.gateway.listen, arguments.connection))?,
    };
    Ok(connection.connector.sample(&arguments.sample, &url, SystemClock.now()))
}

/// Posts one webhook.
pub(super) async fn post(request: &Request) -> anyhow::Result<Reply> {
    let client = Client::new(&ClientSettings::default())?;
    let limits = Limits { timeout: Duration::from_secs(15), allow_private_addresses: true, ..Limits::default() };
    client
        .send(request, &limits)
        .await
        .map_err(|error| anyhow::anyhow!("{error:?}"))
        .context("the gateway did not answer")
}
