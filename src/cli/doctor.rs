//! `spojka doctor`: the log, and one harmless call to each vendor: connected, or what is wrong and what to do. Where a vendor
//! lists the values of a field, the mapping tables that flows look it up in are compared with them.

mod tables;

use std::path::Path;

use serde::Serialize;

use super::{
    Exit, client,
    output::{Output, table},
};
use crate::{
    config::{Config, ConnectionConfig, Mode},
    connectors::contract::operation::OperationKind,
    http::{Client, ClientSettings},
    model::http::Unanswered,
    runtime::{self, admin::Question, operator::topics::TopicRow},
};

/// What was found out about one thing.
#[derive(Debug, Serialize)]
struct Finding {
    what: String,
    ok: bool,
    /// Nothing is wrong, but somebody should look.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    look: bool,
    /// `connected`, or what is wrong and what to do.
    text: String,
}

impl Finding {
    fn new(what: impl Into<String>, ok: bool, text: impl Into<String>) -> Self {
        Self { what: what.into(), ok, look: false, text: text.into() }
    }

    fn mark(&self) -> &'static str {
        match (self.ok, self.look) {
            (false, _) => "WRONG",
            (true, true) => "look",
            (true, false) => "ok",
        }
    }
}

pub fn run(path: &Path, only: Option<&str>, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    let config = client::load(path, Mode::Resolve)?;
    if let Some(name) = only {
        client::find_connection(&config, name)?;
    }
    let findings = client::tokio_runtime()?.block_on(async {
        let client = Client::new(&ClientSettings::default())?;
        let mut findings = Vec::new();
        if only.is_none() {
            findings.push(examine_log(path, &config).await);
        }
        for (name, connection) in &config.connections {
            if only.is_none_or(|only| only == name.as_str()) {
                let found = examine(&client, name.as_str(), connection).await;
                let connected = found.ok;
                findings.push(found);
                if connected {
                    findings.extend(tables::compare(&client, &config, name, connection).await);
                }
            }
        }
        anyhow::Ok(findings)
    })?;
    output.show(&findings, |out, findings| {
        let row = |finding: &Finding| vec![finding.what.clone(), finding.mark().to_owned(), finding.text.clone()];
        table(out, &["what", "", ""], &findings.iter().map(row).collect::<Vec<_>>())
    })?;
    Ok(if findings.iter().all(|finding| finding.ok) { Exit::Done } else { Exit::Failed })
}

/// Through the admin port where somebody runs: the log belongs to whoever has it open.
async fn examine_log(path: &Path, config: &Config) -> Finding {
    let finding = |ok, text: String| Finding::new("log", ok, text);
    match client::answer::<Vec<TopicRow>>(path, config, Question::Topics).await {
        Ok(topics) => {
            let least = topics.iter().filter_map(|topic| topic.min_insync_replicas).min();
            let replicas = least.map(|least| format!(", at least {least} replicas in sync")).unwrap_or_default();
            finding(true, format!("{} topics{replicas}", topics.len()))
        }
        Err(error) => finding(false, format!("{error:#}")),
    }
}

async fn examine(client: &Client, name: &str, connection: &ConnectionConfig) -> Finding {
    let finding = |ok, text: &str| Finding::new(name, ok, text);
    let Some(request) = connection.connector.probe() else { return finding(true, nothing_to_ask(connection)) };
    match client.send(&request, &runtime::limits_of(&connection.delivery)).await {
        Ok(reply) => match connection.connector.read_probe(&reply) {
            Ok(()) => finding(true, "connected"),
            Err(why) => finding(false, &why),
        },
        Err(error) => finding(false, unanswered(error, &request.url)),
    }
}

fn nothing_to_ask(connection: &ConnectionConfig) -> &'static str {
    let is_target = connection.vendor.operations.iter().any(|operation| operation.kind == OperationKind::Write);
    if is_target {
        "nothing was asked: no harmless request is known (a setting such as `probe` may name one)"
    } else {
        "receives webhooks only: there is nothing to call (give it API credentials to have it reconciled)"
    }
}

fn unanswered(error: Unanswered, url: &url::Url) -> &'static str {
    match error {
        Unanswered::NotConnected if url.scheme() == "https" => {
            "no connection: look at the host in `base_url`, at DNS, at the firewall and at the certificate"
        }
        Unanswered::NotConnected => "no connection: look at the host in `base_url`, at DNS and at the firewall",
        Unanswered::Blocked => {
            "the address is private: if that is meant, set `delivery: { allow_private_addresses: true }`"
        }
        Unanswered::TimedOut => "no answer in time: look at the vendor's status page, or raise `delivery: { timeout }`",
        Unanswered::Broken => "the connection broke before an answer came",
        Unanswered::TooLarge => "the answer is larger than we read: is `base_url` really the vendor's API?",
        Unanswered::Unsendable => {
            "a credential has characters that no HTTP header may have: was it copied with a line break?"
        }
    }
}
