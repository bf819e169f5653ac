//! `spojka run`: the roles, until somebody says stop.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use super::{
    Exit,
    arguments::{LogFormat, Role as RoleName, RunArguments},
    client::{self, NotFound, nearest},
    output::Output,
};
use crate::{
    config::{self, Config, Mode, ProcessEnvironment},
    connectors::VENDORS,
    model::random::Generator,
    runtime::{self, App, End, Ground, Reloads, Role, reload::ReadConfig},
    telemetry::logs,
};

pub fn run(path: &Path, arguments: &RunArguments, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    let config = Arc::new(client::load(path, Mode::Resolve)?);
    let format = match arguments.log_format {
        LogFormat::Json => logs::Format::Json,
        LogFormat::Human => logs::Format::Human,
    };
    logs::install(format, &arguments.log_filter)?;
    for warning in &config.warnings {
        let place = (warning.file.as_deref(), warning.line);
        tracing::warn!(code = warning.code, file = place.0, line = place.1, "config: {}", warning.message);
    }
    let roles = roles(&arguments.roles);
    let accepted_starts = accepted_starts(&config, &arguments.accept_starts)?;
    client::tokio_runtime_for_roles()?.block_on(async {
        let clock = runtime::clock();
        let random = Arc::new(Generator::from_system());
        let log = runtime::open_log(&config, Arc::clone(&clock))?;
        let ids = runtime::ids_of(&config, random.as_ref())?;
        let ground = Ground { accepted_starts, ..Ground::new(&config, log, ids, clock, random) };
        let owner = runtime::owner_name();
        let again = path.to_owned();
        let read: ReadConfig = Arc::new(move || config::load(&again, &ProcessEnvironment, VENDORS, Mode::Resolve));
        // Heard from the beginning: a process that does not listen ends of it.
        let mut reloads = Reloads::heard();
        let mut app = App::start_reloadable(Arc::clone(&config), Some(read), &roles, ground, &owner).await?;
        // Whoever reads that it runs may tell it to stop.
        let told_to_stop = runtime::told_to_stop();
        tracing::info!(
            gateway = app.gateway_address().map(|address| address.to_string()),
            admin = %app.ops_address(),
            connections = config.connections.len(),
            waits_for_the_log = app.waits_for_the_log(),
            "running"
        );
        tokio::pin!(told_to_stop);
        let failed = loop {
            tokio::select! {
                error = app.failed() => break Some(error),
                () = &mut told_to_stop => break None,
                () = reloads.next() => {}
            }
            if let Some(reloader) = app.reloader() {
                // It tells in the log what came of it. A stop does not wait for it.
                tokio::select! {
                    () = &mut told_to_stop => break None,
                    _told = reloader.reload() => {}
                }
            }
        };
        tracing::info!("stopping");
        let End { clean, spooled } = app.finish().await;
        tracing::info!(clean, spooled = spooled.records, spooled_bytes = spooled.bytes, "stopped");
        match failed {
            Some(error) => {
                output.complain(&format!("error: {error}"))?;
                Ok(Exit::Failed)
            }
            None if !clean => Ok(Exit::Failed),
            None if spooled.records > 0 => Ok(Exit::Spooled),
            None => Ok(Exit::Done),
        }
    })
}

/// A name that no flow has would accept nothing: it is told.
fn accepted_starts(config: &Config, named: &[String]) -> anyhow::Result<BTreeSet<String>> {
    let known = || config.flows.flows().iter().map(|flow| flow.name.as_str());
    match named.iter().find(|name| config.flows.find(name).is_none()) {
        None => Ok(named.iter().cloned().collect()),
        Some(name) => {
            let hint = nearest(name, known()).unwrap_or_default();
            Err(NotFound(format!("there is no flow `{name}`{hint}")).into())
        }
    }
}

fn roles(named: &[RoleName]) -> BTreeSet<Role> {
    if named.is_empty() {
        return Role::ALL.into();
    }
    named
        .iter()
        .map(|role| match role {
            RoleName::Gateway => Role::Gateway,
            RoleName::Normalizer => Role::Normalizer,
            RoleName::Router => Role::Router,
            RoleName::Dispatcher => Role::Dispatcher,
        })
        .collect()
}
