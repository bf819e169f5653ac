//! Reload: the flows of the config as it stands now come into force without a restart.
//!
//! The config is read and checked first, as at a start; what is wrong is told, and the old flows go on. Then its flow set is
//! written to `flows` with an activation slightly ahead, which is all that a reload does: every router of the installation
//! reads it there before it judges an event of that time, so that all of them change at one moment. So one process is told,
//! whichever it is.
//!
//! What it must not do: change anything else in the running process. Connections, log, ports and the like are compared, and
//! what differs is told: it waits for a restart.

mod compare;
mod cover;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, oneshot};

use super::{
    flows::{self, Stored},
    roles::Ground,
};
use crate::{
    config::{self, Config, Report},
    log::{LogError, LogResult},
    model::{id::FlowSetHash, time::Timestamp},
    runtime::operator::OperatorError,
};

/// Reads the config again, from where the process has it.
pub type ReadConfig = Arc<dyn Fn() -> Result<Config, Report> + Send + Sync>;

/// How a reload ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReloadEnd {
    /// The flows come into force.
    Done,
    /// They are in force already.
    Unchanged,
    /// The config is wrong, or does not fit what runs: the old flows go on.
    Refused,
}

impl ReloadEnd {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
        }
    }
}

/// What came of a reload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    pub end: ReloadEnd,
    /// The flows that were read; nothing where they could not be.
    pub flow_set: Option<FlowSetHash>,
    /// When they come into force.
    pub since: Option<Timestamp>,
    pub flows: usize,
    /// What `spojka check` warns of.
    #[serde(default)]
    pub warnings: usize,
    /// What changed beside the flows and has no effect yet.
    pub needs_restart: Vec<String>,
    /// Why it was refused, for people, without secrets.
    pub report: Option<String>,
}

/// Reloads the flows of one process.
#[derive(Clone)]
pub struct Reloader(Arc<Inner>);

struct Inner {
    read: ReadConfig,
    running: Arc<Config>,
    ground: Ground,
    /// One at a time.
    turn: Mutex<()>,
}

impl Reloader {
    pub fn new(read: ReadConfig, running: Arc<Config>, ground: Ground) -> Self {
        Self(Arc::new(Inner { read, running, ground, turn: Mutex::new(()) }))
    }

    /// Reads, checks, compares, and puts in force.
    ///
    /// # Errors
    /// The log's. A config that is wrong is an answer, not an error.
    pub async fn reload(&self) -> Result<Reloaded, OperatorError> {
        let inner = &self.0;
        let _turn = inner.turn.lock().await;
        let metrics = &inner.ground.metrics;
        let reloaded = self.try_reload().await.inspect_err(|error| {
            metrics.reload("failed");
            tracing::error!(error = %error, "the flows were not reloaded; the old ones go on");
        })?;
        metrics.reload(reloaded.end.as_str());
        tell(&reloaded);
        Ok(reloaded)
    }

    async fn try_reload(&self) -> Result<Reloaded, OperatorError> {
        let Inner { running, ground, .. } = self.0.as_ref();
        let config = match self.read().await? {
            Ok(config) => config,
            Err(report) => return Ok(refused(None, Vec::new(), &report)),
        };
        let needs_restart = compare::needs_restart(running, &config);
        let set = config.flows.record(&ground.ids);
        // They are compiled with the connections that run, here and in every process: those of the new config are not there yet.
        let (_, misfit) = config::stored_flows(&set.files, &running.connections);
        if let Some(report) = misfit {
            return Ok(refused(Some(set.hash), needs_restart, &report));
        }
        let flow_set = Some(set.hash.clone());
        let (end, since) = match flows::reactivate(&config, ground).await? {
            Stored::Activated(activation) => (ReloadEnd::Done, Some(activation.since)),
            Stored::Already => (ReloadEnd::Unchanged, None),
            Stored::Refused(changes) => {
                let text = changes.iter().map(|change| format!("error: {change}\n")).collect();
                return Ok(not_in_force(flow_set, needs_restart, text));
            }
        };
        Ok(Reloaded {
            end,
            flow_set,
            since,
            flows: config.flows.flows().len(),
            warnings: config.warnings.len(),
            needs_restart,
            report: None,
        })
    }

    /// On a thread of its own: files are read, and a thousand flows take half a second to compile.
    async fn read(&self) -> LogResult<Result<Config, Report>> {
        let read = Arc::clone(&self.0.read);
        let (answer, answered) = oneshot::channel();
        let work = move || {
            // Whoever asked may have gone.
            let _heard = answer.send(read());
        };
        let spawned = std::thread::Builder::new().name("reload".to_owned()).spawn(work);
        spawned.map_err(|error| LogError::Unavailable(format!("no thread to read the config: {error}")))?;
        answered.await.map_err(|_| LogError::Broken("the thread that reads the config died".to_owned()))
    }
}

fn refused(flow_set: Option<FlowSetHash>, needs_restart: Vec<String>, report: &Report) -> Reloaded {
    let mut text = cover::without_secrets(report);
    if !needs_restart.is_empty() {
        text.push_str("hint: these flows may need what waits for a restart: ");
        text.push_str(&needs_restart.join(", "));
        text.push('\n');
    }
    not_in_force(flow_set, needs_restart, text)
}

fn not_in_force(flow_set: Option<FlowSetHash>, needs_restart: Vec<String>, report: String) -> Reloaded {
    Reloaded {
        end: ReloadEnd::Refused,
        flow_set,
        since: None,
        flows: 0,
        warnings: 0,
        needs_restart,
        report: Some(report),
    }
}

fn tell(reloaded: &Reloaded) {
    let Reloaded { end, flow_set, since, flows, warnings, needs_restart, report } = reloaded;
    let (flow_set, since) = (flow_set.as_ref().map(ToString::to_string), since.map(|since| since.to_string()));
    match end {
        ReloadEnd::Done => tracing::info!(flow_set, since, flows, warnings, "flows reloaded"),
        ReloadEnd::Unchanged => tracing::info!(flow_set, "flows reloaded: they are in force already"),
        ReloadEnd::Refused => tracing::error!(report, "the flows were not reloaded; the old ones go on"),
    }
    if !needs_restart.is_empty() {
        tracing::warn!(parts = needs_restart.join(", "), "the config changed where it needs a restart");
    }
}
