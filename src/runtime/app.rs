//! A running process: its roles under one supervisor. `start` reads as the story: topics, flows, ports, roles; `stop` as
//! its end: stop accepting, finish, commit, close.

use std::{collections::BTreeSet, io, net::SocketAddr, sync::Arc, time::Duration};

use futures_util::{TryStreamExt as _, stream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    admin, flows,
    lag::LagWatch,
    operator_of,
    replay::Replayer,
    roles::{DRAIN, Ground},
    trim,
};
use crate::{
    config::Config,
    http::{Client, ClientError, ClientSettings},
    log::{LogError, LogResult},
    telemetry::{Metrics, ops, serving},
};

/// A part that may run by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    Gateway,
    Normalizer,
    Router,
    Dispatcher,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::Gateway, Self::Normalizer, Self::Router, Self::Dispatcher];
}

/// Why a process does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("{address} cannot be listened at: {source}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("HTTP cannot be set up: {0}")]
    Client(#[from] ClientError),
    #[error("the topic `{topic}` takes records of {takes} bytes, but webhooks may have {needs}")]
    RecordTooLarge { topic: String, takes: usize, needs: usize },
    #[error("the flows cannot be put in force: {0}")]
    Flows(String),
}

/// A running process.
pub struct App {
    gateway: Option<serving::Running>,
    ops: serving::Running,
    roles: JoinSet<(&'static str, LogResult<()>)>,
    stop: CancellationToken,
    ground: Ground,
    replayer: Replayer,
}

impl App {
    /// Starts roles. They are ready when this returns.
    ///
    /// # Errors
    /// [`StartError`], with nothing left running.
    pub async fn start(
        config: Arc<Config>,
        chosen: &BTreeSet<Role>,
        ground: Ground,
        owner: &str,
    ) -> Result<Self, StartError> {
        let operator = operator_of(&config, &ground.log, Arc::clone(&ground.clock));
        ground.log.create_topics(&operator.specs()).await?;
        check_sizes(&config, &ground, &operator).await?;
        flows::activate(&config, &ground).await?;
        let stop = CancellationToken::new();
        let mut roles = JoinSet::new();
        if chosen.contains(&Role::Normalizer) {
            let (pipeline, mut normalizer) = ground.normalizer(&config);
            let stop = stop.clone();
            roles.spawn(async move { ("normalizer", pipeline.run(&mut normalizer, stop).await) });
        }
        if chosen.contains(&Role::Router) {
            let pipeline = ground.router_pipeline();
            let mut router = flows::router(Arc::clone(&config), &ground).await?;
            let stop = stop.clone();
            roles.spawn(async move { ("router", pipeline.run(&mut router, stop).await) });
        }
        if chosen.contains(&Role::Dispatcher) {
            let client = Client::new(&ClientSettings::default())?;
            let dispatcher = ground.dispatcher(&config, &client, owner);
            let stop = stop.clone();
            roles.spawn(async move { ("dispatcher", dispatcher.run(stop).await) });
        }
        let lag = LagWatch::new(&ground, ground.readers(&config, chosen));
        let lag_stop = stop.clone();
        roles.spawn(async move { ("lag", lag.run(lag_stop).await) });
        let trimmer = trim::Trimmer::new(&config, &ground, operator.specs());
        let trim_stop = stop.clone();
        roles.spawn(async move { ("trim", trimmer.run(trim_stop).await) });

        let failing = Arc::clone(&ground.log);
        let readiness: ops::Readiness =
            Arc::new(
                move || if failing.pressure().is_high() { vec!["the log's queue".to_owned()] } else { Vec::new() },
            );
        let replayer = Replayer::new(Arc::clone(&config), ground.clone(), operator, owner);
        let ops = listen(config.admin.listen, |listener| {
            ops::serve(listener, Arc::clone(&ground.metrics), readiness, admin::routes(replayer.clone()))
        })?;
        let gateway = if chosen.contains(&Role::Gateway) {
            Some(listen(config.gateway.listen, |listener| ground.gateway(&config).start(listener))?)
        } else {
            None
        };
        Ok(Self { gateway, ops, roles, stop, ground, replayer })
    }

    /// Where webhooks are taken, if they are.
    pub fn gateway_address(&self) -> Option<SocketAddr> {
        self.gateway.as_ref().map(serving::Running::address)
    }

    pub fn ops_address(&self) -> SocketAddr {
        self.ops.address()
    }

    pub fn ground(&self) -> &Ground {
        &self.ground
    }

    /// What runs replays in this process.
    pub fn replayer(&self) -> &Replayer {
        &self.replayer
    }

    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.ground.metrics
    }

    /// Waits until a role ends that should not, and tells how.
    pub async fn failed(&mut self) -> LogError {
        match self.roles.join_next().await {
            Some(Ok((role, Err(error)))) => {
                tracing::error!(role, error = %error, "role ended");
                error
            }
            Some(Ok((role, Ok(())))) => LogError::Broken(format!("the role {role} ended by itself")),
            Some(Err(error)) => LogError::Broken(format!("a role's task died: {error}")),
            None => std::future::pending().await,
        }
    }

    /// Stops in order: no more webhooks, then what is in flight is finished or handed back, then the log is closed.
    /// Answers whether everything came to its end in time.
    pub async fn stop(mut self) -> bool {
        let mut clean = true;
        if let Some(gateway) = self.gateway.take() {
            clean &= gateway.stop(DRAIN).await;
        }
        self.stop.cancel();
        self.replayer.close().await;
        let clock = Arc::clone(&self.ground.clock);
        let mut deadline = clock.sleep(DRAIN + Duration::from_secs(5));
        loop {
            tokio::select! {
                ended = self.roles.join_next() => match ended {
                    Some(Ok((role, Err(error)))) => {
                        tracing::warn!(role, error = %error, "role did not end well");
                        clean = false;
                    }
                    Some(_) => {}
                    None => break,
                },
                () = &mut deadline => {
                    clean = false;
                    self.roles.abort_all();
                    break;
                }
            }
        }
        clean &= self.ops.stop(Duration::from_secs(2)).await;
        clean & self.ground.log.close(Duration::from_secs(10)).await.is_ok()
    }
}

fn listen(
    address: SocketAddr,
    serve: impl FnOnce(std::net::TcpListener) -> io::Result<serving::Running>,
) -> Result<serving::Running, StartError> {
    serving::bind(address).and_then(serve).map_err(|source| StartError::Listen { address, source })
}

/// A webhook with the largest body must fit into its topic, with room for its headers.
async fn check_sizes(config: &Config, ground: &Ground, operator: &super::operator::Operator) -> Result<(), StartError> {
    const HEADERS: usize = 64 << 10;
    const AT_ONCE: usize = 16;
    let needs = config.gateway.max_body_bytes + HEADERS;
    let topics = operator.connections.iter().map(|connection| Ok(ground.names.webhooks(connection)));
    let check = |topic: String| async move {
        let info = ground.log.describe(&topic).await?;
        let takes = info.max_message_bytes;
        if takes < needs { Err(StartError::RecordTooLarge { topic, takes, needs }) } else { Ok(()) }
    };
    stream::iter(topics).try_for_each_concurrent(AT_ONCE, check).await
}
