//! The demo's stage: the simulated vendors, the config that joins them, and how to see that everything arrived.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::Value;

use crate::{
    cli::output::Output,
    config::{self, Config, FixedEnvironment, Mode},
    connectors::{self, VENDORS, contract::settings::settings_of},
    model::time::Clock,
    sandbox::SandboxServer,
};

const CONFIG: &str = include_str!("demo.yaml");

/// Connection and sample, in the order of sending.
pub(super) const SAMPLES: &[(&str, &str)] = &[("shop", "order.created"), ("shop", "order.paid"), ("eshop", "paid")];

const SECRETS: &[(&str, &str)] = &[
    ("DEMO_HASH_KEY", "the demo's own key"),
    ("DEMO_FAPI_KEY", "demo-api-key"),
    ("DEMO_FAPI_TOKEN", "demo-url-token"),
    ("DEMO_SHOP_SECRET", "demo-shop-secret"),
    ("DEMO_ANABIX_TOKEN", "demo-anabix-token"),
    ("DEMO_NEWS_PASSWORD", "demo-password"),
];

/// A folder that goes with the demo.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub fn make() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("spojka-demo-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(error = %error, "the demo's folder was not removed");
        }
    }
}

/// The simulated vendors.
pub(super) struct Stage {
    invoices: SandboxServer,
    crm: SandboxServer,
    news: SandboxServer,
}

impl Stage {
    pub fn set(clock: &Arc<dyn Clock>) -> anyhow::Result<Self> {
        let start = |name: &str, given: &[(&str, &str)]| {
            let vendor = connectors::find(name).ok_or_else(|| anyhow::anyhow!("there is no vendor `{name}`"))?;
            let sandbox = (vendor.sandbox)(&settings_of(vendor.settings, given), clock.now());
            anyhow::Ok(SandboxServer::start(sandbox, Arc::clone(clock))?)
        };
        Ok(Self {
            invoices: start("fapi", &[("user", "shop@example.cz"), ("api_key", "demo-api-key")])?,
            crm: start("anabix", &[("user", "shop"), ("token", "demo-anabix-token")])?,
            news: start(
                "salesautopilot",
                &[
                    ("user", "shop"),
                    ("password", "demo-password"),
                    ("order_list", "51300"),
                    ("order_form", "88120"),
                    ("status_form", "88125"),
                    ("billing_form", "88130"),
                ],
            )?,
        })
    }

    /// The config that joins them.
    pub fn config(&self, brokers: Option<&str>, folder: &Path) -> anyhow::Result<Config> {
        let log = match brokers {
            None => "{ embedded: { path: log.db } }".to_owned(),
            Some(brokers) => {
                format!("{{ kafka: {{ brokers: [\"{}\"], tables: tables }} }}", brokers.replace(',', "\", \""))
            }
        };
        let text = CONFIG
            .replace("log: LOG", &format!("log: {log}"))
            .replace("FAPI_URL", self.invoices.base_url().as_str())
            .replace("ANABIX_URL", self.crm.base_url().as_str())
            .replace("NEWS_URL", self.news.base_url().as_str());
        let variables = SECRETS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let environment = FixedEnvironment { variables, ..FixedEnvironment::default() };
        let files = [("demo.yaml".to_owned(), text)];
        config::load_texts(&files, folder, &environment, VENDORS, Mode::Resolve)
            .map_err(|report| anyhow::anyhow!("the demo's config is wrong\n{report}"))
    }

    pub fn introduce(&self, output: &mut Output<'_>) -> io::Result<()> {
        for (name, server) in [("FAPI", &self.invoices), ("Anabix", &self.crm), ("SalesAutopilot", &self.news)] {
            output.say(&format!("a simulated {name} answers at {}", server.base_url()))?;
        }
        Ok(())
    }

    /// The CRM has the buyer in the list, and the newsletter system has the order paid.
    pub fn has_arrived(&self) -> bool {
        changed(&self.crm, "lists_managed") > 0 && self.paid_orders() > 0
    }

    pub fn tell_what_arrived(&self, output: &mut Output<'_>) -> io::Result<()> {
        output.say(&format!("the simulated Anabix: {} contact put on a list", changed(&self.crm, "lists_managed")))?;
        output.say(&format!("the simulated SalesAutopilot: {} order marked paid", self.paid_orders()))
    }

    fn paid_orders(&self) -> usize {
        let state = self.news.state();
        let lists = state["lists"].as_array().map(Vec::as_slice).unwrap_or_default();
        let records = lists.iter().flat_map(|list| members(&list["records"]));
        records.filter(|record| record["mssys_order_status"].to_string().trim_matches('"') == "2").count()
    }
}

fn changed(server: &SandboxServer, effect: &str) -> usize {
    server.effects().iter().filter(|value| value["effect"] == effect && value["changed"] == true).count()
}

fn members(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(members) => members.values().collect(),
        _ => Vec::new(),
    }
}
