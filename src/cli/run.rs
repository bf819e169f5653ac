//! `spojka run`: the roles, until somebody says stop.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use super::{
    Exit,
    arguments::{LogFormat, Role as RoleName, RunArguments},
    client,
    output::Output,
};
use crate::{
    config::Mode,
    model::random::Generator,
    runtime::{self, App, End, Ground, Role},
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
    client::tokio_runtime_for_roles()?.block_on(async {
        let clock = runtime::clock();
        let random = Arc::new(Generator::from_system());
        let log = runtime::open_log(&config, Arc::clone(&clock))?;
        let ids = runtime::ids_of(&config, random.as_ref())?;
        let ground = Ground::new(&config, log, ids, clock, random);
        let owner = runtime::owner_name();
        let mut app = App::start(Arc::clone(&config), &roles, ground, &owner).await?;
        // Whoever reads that it runs may tell it to stop.
        let told_to_stop = runtime::told_to_stop();
        tracing::info!(
            gateway = app.gateway_address().map(|address| address.to_string()),
            admin = %app.ops_address(),
            connections = config.connections.len(),
            waits_for_the_log = app.waits_for_the_log(),
            "running"
        );
        let failed = tokio::select! {
            error = app.failed() => Some(error),
            () = told_to_stop => None,
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
