//! Asks the running installation through its admin port, or opens the log itself when nobody runs.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use serde::de::DeserializeOwned;

use crate::{
    config::{self, Config, ConnectionConfig, Mode, ProcessEnvironment},
    connectors::{self, VENDORS, contract::Vendor},
    expr::suggest,
    http::{Client, ClientSettings, Limits},
    log::Log,
    model::{
        connection::ConnectionName,
        http::{Method, Request, Unanswered},
        random::Generator,
        time::{Clock, SystemClock},
    },
    runtime::{
        self, Ground, Teller,
        admin::{Complaint, Desk, Question},
        backtest::Backtester,
        operator::OperatorError,
        replay::Replayer,
    },
};

/// What was asked for is not there.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotFound(pub String);

/// A config that is wrong, with its report.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadConfig(pub String);

impl BadConfig {
    /// Another file of the owner's that is wrong.
    pub fn of(what: &str, report: &config::Report) -> Self {
        Self(format!("{what}\n{report}"))
    }
}

/// Loads a config for a command that needs its secrets.
pub fn load(path: &Path, mode: Mode) -> Result<Config, BadConfig> {
    config::load(path, &ProcessEnvironment, VENDORS, mode)
        .map_err(|report| BadConfig::of("the config is wrong", &report))
}

/// A connection by today's name.
pub fn find_connection<'a>(
    config: &'a Config,
    name: &str,
) -> Result<(&'a ConnectionName, &'a ConnectionConfig), NotFound> {
    config.connections.get_key_value(name).ok_or_else(|| {
        let hint = nearest(name, config.connections.keys().map(ConnectionName::as_str)).unwrap_or_default();
        NotFound(format!("the config has no connection `{name}`{hint}"))
    })
}

/// A vendor by its key in configs.
pub fn find_vendor(name: &str) -> Result<&'static Vendor, NotFound> {
    connectors::find(name).ok_or_else(|| {
        let hint = nearest(name, VENDORS.iter().map(|vendor| vendor.name));
        let hint = hint.unwrap_or_else(|| "\nhint: `spojka connectors` lists them".to_owned());
        NotFound(format!("there is no vendor `{name}`{hint}"))
    })
}

/// A hint, as the second line of an error, when something known is called nearly so.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    Some(format!("\nhint: did you mean `{}`?", suggest::nearest(name, known)?))
}

/// Asks one question.
pub fn ask<T: DeserializeOwned>(path: &Path, question: Question) -> anyhow::Result<T> {
    let config = load(path, Mode::CheckOnly)?;
    tokio_runtime()?.block_on(answer(path, &config, question))
}

/// The answer to one question.
pub async fn answer<T: DeserializeOwned>(path: &Path, config: &Config, question: Question) -> anyhow::Result<T> {
    if let Some(value) = over_the_port(config.admin.listen, &question).await? {
        return read(value);
    }
    let here = Here::open(path).await?;
    let answer = here.ask(question).await;
    here.close().await?;
    read(answer?)
}

/// The installation, for a command that asks more than once.
pub enum Installation {
    /// A process runs: it is asked over its port.
    Running(Box<Config>),
    /// Nobody runs: the log is this command's own while it lasts.
    Here(Box<Here>),
}

impl Installation {
    pub async fn find(path: &Path) -> anyhow::Result<Self> {
        let config = load(path, Mode::CheckOnly)?;
        let runs = over_the_port(config.admin.listen, &Question::ReplayList).await?.is_some();
        Ok(if runs { Self::Running(Box::new(config)) } else { Self::Here(Box::new(Here::open(path).await?)) })
    }

    pub fn is_running(&self) -> bool {
        matches!(self, Self::Running(_))
    }

    pub async fn ask<T: DeserializeOwned>(&self, question: Question) -> anyhow::Result<T> {
        match self {
            Self::Running(config) => match over_the_port(config.admin.listen, &question).await? {
                Some(value) => read(value),
                None => bail!("the process behind {} has ended", config.admin.listen),
            },
            Self::Here(here) => read(here.ask(question).await?),
        }
    }

    /// What this command has begun by itself, it takes to a stop.
    pub async fn close(self) -> anyhow::Result<()> {
        match self {
            Self::Running(_) => Ok(()),
            Self::Here(here) => here.close().await,
        }
    }
}

/// The log, opened by a command.
pub struct Here {
    log: Log,
    desk: Desk,
}

impl Here {
    async fn open(path: &Path) -> anyhow::Result<Self> {
        let config = Arc::new(load(path, Mode::Resolve)?);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let random = Arc::new(Generator::from_system());
        let log = runtime::open_log(&config, Arc::clone(&clock))?;
        let operator = runtime::operator_of(&config, &log, Arc::clone(&clock));
        log.create_topics(&operator.specs()).await?;
        let ids = runtime::ids_of(&config, random.as_ref())?;
        let ground = Ground::new(&config, Arc::clone(&log), ids, clock, random);
        let desk = Desk {
            teller: Teller::new(Arc::clone(&config), ground.clone(), operator.clone()),
            replayer: Replayer::new(Arc::clone(&config), ground.clone(), operator.clone(), &runtime::owner_name()),
            backtester: Backtester::new(config, ground, operator),
            reloader: None,
        };
        Ok(Self { log, desk })
    }

    async fn ask(&self, question: Question) -> anyhow::Result<serde_json::Value> {
        runtime::admin::ask(&self.desk, question).await.map_err(|error| match error {
            OperatorError::NotFound(what) => NotFound(what).into(),
            other => other.into(),
        })
    }

    async fn close(self) -> anyhow::Result<()> {
        self.desk.close().await;
        Ok(self.log.close(Duration::from_secs(10)).await?)
    }
}

fn read<T: DeserializeOwned>(value: serde_json::Value) -> anyhow::Result<T> {
    serde_json::from_value(value).context("the answer is of another version")
}

/// `None`: nobody listens there.
pub async fn over_the_port(admin: SocketAddr, question: &Question) -> anyhow::Result<Option<serde_json::Value>> {
    let client = Client::new(&ClientSettings::default())?;
    let limits = Limits { timeout: Duration::from_mins(5), allow_private_addresses: true, ..Limits::default() };
    let url = url::Url::parse(&format!("http://{admin}/admin"))?;
    let request = Request::new(Method::Post, url).json(&serde_json::to_value(question)?);
    match client.send(&request, &limits).await {
        Ok(reply) if reply.is_success() => Ok(Some(serde_json::from_slice(&reply.body)?)),
        Ok(reply) => match serde_json::from_slice::<Complaint>(&reply.body) {
            Ok(complaint) if complaint.not_found => Err(NotFound(complaint.error).into()),
            Ok(complaint) => bail!("{}", complaint.error),
            Err(_) => bail!("the admin port at {admin} answered with status {}", reply.status),
        },
        Err(Unanswered::NotConnected) => Ok(None),
        Err(error) => bail!("the admin port at {admin} did not answer: {error:?}"),
    }
}

/// A runtime for commands.
pub fn tokio_runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
}

/// A runtime for the roles: as many threads as there are cores.
pub fn tokio_runtime_for_roles() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}
