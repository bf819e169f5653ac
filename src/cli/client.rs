//! Asks the running installation through its admin port, or opens the log itself when nobody runs.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use serde::de::DeserializeOwned;

use crate::{
    config::{self, Config, Mode, ProcessEnvironment},
    connectors::VENDORS,
    http::{Client, ClientSettings, Limits},
    model::{
        http::{Method, Request, Unanswered},
        time::{Clock, SystemClock},
    },
    runtime::{
        self,
        admin::{Complaint, Question},
        operator::OperatorError,
    },
};

/// What was asked for is not there.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotFound(pub String);

/// A config that is wrong; its report has been told.
#[derive(Debug, thiserror::Error)]
#[error("the config is wrong\n{0}")]
pub struct BadConfig(pub String);

/// Loads a config for a command that needs its secrets.
pub fn load(path: &Path, mode: Mode) -> Result<Config, BadConfig> {
    config::load(path, &ProcessEnvironment, VENDORS, mode).map_err(|report| BadConfig(report.to_string()))
}

/// Asks one question.
pub fn ask<T: DeserializeOwned>(path: &Path, question: Question) -> anyhow::Result<T> {
    let config = load(path, Mode::CheckOnly)?;
    let value = tokio_runtime()?.block_on(async {
        match over_the_port(&config, &question).await? {
            Some(value) => Ok(value),
            None => by_itself(path, question).await,
        }
    })?;
    serde_json::from_value(value).context("the answer is of another version")
}

/// `None`: nobody listens there.
async fn over_the_port(config: &Config, question: &Question) -> anyhow::Result<Option<serde_json::Value>> {
    let client = Client::new(&ClientSettings::default())?;
    let limits = Limits { timeout: Duration::from_mins(5), allow_private_addresses: true, ..Limits::default() };
    let url = url::Url::parse(&format!("http://{}/admin", config.admin.listen))?;
    let request = Request::new(Method::Post, url).json(&serde_json::to_value(question)?);
    match client.send(&request, &limits).await {
        Ok(reply) if reply.is_success() => Ok(Some(serde_json::from_slice(&reply.body)?)),
        Ok(reply) => match serde_json::from_slice::<Complaint>(&reply.body) {
            Ok(complaint) if complaint.not_found => Err(NotFound(complaint.error).into()),
            Ok(complaint) => bail!("{}", complaint.error),
            Err(_) => bail!("the admin port at {} answered with status {}", config.admin.listen, reply.status),
        },
        Err(Unanswered::NotConnected) => Ok(None),
        Err(error) => bail!("the admin port at {} did not answer: {error:?}", config.admin.listen),
    }
}

async fn by_itself(path: &Path, question: Question) -> anyhow::Result<serde_json::Value> {
    let config = load(path, Mode::Resolve)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let log = runtime::open_log(&config, Arc::clone(&clock))?;
    let operator = runtime::operator_of(&config, &log, clock);
    log.create_topics(&operator.specs()).await?;
    let answer = runtime::admin::ask(&operator, question).await;
    log.close(Duration::from_secs(10)).await?;
    answer.map_err(|error| match error {
        OperatorError::NotFound(what) => NotFound(what).into(),
        other => other.into(),
    })
}

/// A runtime for commands.
pub fn tokio_runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
}

/// A runtime for the roles: as many threads as there are cores.
pub fn tokio_runtime_for_roles() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}
