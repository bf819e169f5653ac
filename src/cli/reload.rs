//! `spojka reload`: has the running process read its config again.

use std::{net::SocketAddr, path::Path};

use anyhow::{Context as _, bail};

use super::{
    Exit,
    client::{self, over_the_port},
    output::Output,
};
use crate::{
    config::Mode,
    runtime::{
        admin::Question,
        reload::{ReloadEnd, Reloaded},
    },
};

pub fn run(path: &Path, admin: Option<SocketAddr>, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    let admin = match admin {
        Some(admin) => admin,
        None => client::load(path, Mode::CheckOnly)?.admin.listen,
    };
    let answer = client::tokio_runtime()?.block_on(over_the_port(admin, &Question::Reload))?;
    let Some(answer) = answer else {
        bail!("nobody listens at {admin}\nhint: is `spojka run` up? A start reads the config by itself");
    };
    let reloaded: Reloaded = serde_json::from_value(answer).context("the answer is of another version")?;
    output.show(&reloaded, print)?;
    Ok(if reloaded.end == ReloadEnd::Refused { Exit::Usage } else { Exit::Done })
}

fn print(out: &mut dyn std::io::Write, reloaded: &Reloaded) -> std::io::Result<()> {
    let set = reloaded.flow_set.as_ref().map_or("", |set| set.as_str());
    match (reloaded.end, reloaded.since) {
        (ReloadEnd::Done, Some(since)) => writeln!(out, "{} flows ({set}) come into force at {since}", reloaded.flows)?,
        (ReloadEnd::Done | ReloadEnd::Unchanged, _) => writeln!(out, "the flows are in force already ({set})")?,
        (ReloadEnd::Refused, _) => {
            let report = reloaded.report.as_deref().unwrap_or_default();
            writeln!(out, "{report}\nrefused; the old flows go on")?;
        }
    }
    if reloaded.warnings > 0 {
        writeln!(out, "warnings: {} (`spojka check` tells them)", reloaded.warnings)?;
    }
    if reloaded.needs_restart.is_empty() {
        return Ok(());
    }
    writeln!(out, "needs a restart: {}", reloaded.needs_restart.join(", "))
}
