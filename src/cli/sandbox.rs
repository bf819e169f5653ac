//! `spojka sandbox`: serves a simulated vendor over HTTP until somebody says stop.

use std::{collections::BTreeMap, io, sync::Arc, time::Duration};

use serde_json::json;

use super::{Exit, arguments::SandboxArguments, client, output::Output};
use crate::{
    connectors::contract::{Need, Sandbox, Settings, Vendor, settings::read_default},
    model::time::{Clock as _, SystemClock},
    runtime,
    sandbox::{Journaled, SandboxServer},
    telemetry::serving,
};

pub fn run(arguments: &SandboxArguments, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    let vendor = client::find_vendor(&arguments.vendor)?;
    let settings = match settings(vendor, &arguments.settings) {
        Ok(settings) => settings,
        Err(why) => {
            output.complain(&format!("error: {why}"))?;
            return Ok(Exit::Usage);
        }
    };
    client::tokio_runtime()?.block_on(async {
        let (now, make) = (SystemClock.now(), |now| (vendor.sandbox)(&settings, now));
        let sandbox = match &arguments.journal {
            Some(path) => Box::new(Journaled::open(path, now, make)?) as Box<dyn Sandbox>,
            None => make(now),
        };
        let server = SandboxServer::serve(serving::bind(arguments.listen)?, sandbox, Arc::new(SystemClock))?;
        let url = server.base_url().to_string();
        output.show(&json!({ "vendor": vendor.name, "base_url": url }), |out, _| {
            writeln!(out, "{} answers at {url}\nits effects: {url}_sandbox/effects\nstop it with Ctrl-C", vendor.title)
        })?;
        output.out.flush()?;
        runtime::told_to_stop().await;
        server.stop(Duration::from_secs(2)).await;
        Ok::<_, io::Error>(())
    })?;
    Ok(Exit::Done)
}

/// Settings from `name=value` over the vendor's defaults. What is required and not given is its own name in capitals, so
/// that a sandbox can be tried without any.
fn settings(vendor: &'static Vendor, given: &[String]) -> Result<Settings, String> {
    let mut texts = BTreeMap::new();
    for pair in given {
        let (name, value) = pair.split_once('=').ok_or_else(|| format!("expected NAME=VALUE, got `{pair}`"))?;
        if !vendor.settings.iter().any(|setting| setting.name == name) {
            return Err(format!("`{}` has no setting `{name}`", vendor.name));
        }
        texts.insert(name, value.to_owned());
    }
    let mut values = BTreeMap::new();
    for setting in vendor.settings {
        let text = texts.remove(setting.name).or_else(|| match setting.need {
            Need::Required => Some(setting.name.to_ascii_uppercase()),
            Need::Default(default) => Some(default.to_owned()),
            Need::Optional => None,
        });
        if let Some(text) = text {
            let value = read_default(setting.kind, &text).map_err(|why| format!("`{}`: {why}", setting.name))?;
            values.insert(setting.name, value);
        }
    }
    Ok(Settings::new(values))
}
