//! The roles that read the log, under one supervisor. They need a log with its topics in it; while there is none they wait,
//! say so, and try again. The gateway is not among them: it answers senders meanwhile.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures_util::{
    TryStreamExt as _,
    future::{BoxFuture, FutureExt as _},
    stream,
};
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    app::{Role, StartError},
    flows,
    lag::LagWatch,
    operator::Operator,
    roles::Ground,
    trim,
};
use crate::{
    config::Config,
    http::Client,
    log::{LogError, LogResult},
};

/// How long to wait before the log is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// How far the crew has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Come {
    /// The log is being looked at.
    Looking,
    /// The log is unavailable, so far.
    Waiting,
    /// The topics are there and the flows in force.
    Ready,
}

/// What the roles are made from.
#[derive(Clone)]
pub(super) struct Crew {
    pub config: Arc<Config>,
    pub chosen: BTreeSet<Role>,
    pub ground: Ground,
    pub operator: Operator,
    pub client: Client,
    pub owner: String,
}

impl Crew {
    /// Waits for the log, then runs the roles until `stop`.
    ///
    /// # Errors
    /// What a person must mend: a log that is broken, topics or flows that do not fit.
    pub async fn run(self, come: watch::Sender<Come>, stop: CancellationToken) -> Result<(), StartError> {
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            found = self.find_log(&come) => found?,
        }
        let mut roles = self.start(&stop);
        come.send_replace(Come::Ready);
        let mut first = Ok(());
        while let Some(ended) = roles.join_next().await {
            let (role, end) = ended.map_err(|error| LogError::Broken(format!("a role's task died: {error}")))?;
            let by_itself = || Err(LogError::Broken(format!("the role {role} ended by itself")));
            if let Err(error) = end.and_then(|()| if stop.is_cancelled() { Ok(()) } else { by_itself() }) {
                tracing::error!(role, error = %error, "role ended");
                if !stop.is_cancelled() {
                    return Err(error.into());
                }
                // At a stop the others still come to their end.
                first = first.and(Err(error));
            }
        }
        Ok(first?)
    }

    async fn find_log(&self, come: &watch::Sender<Come>) -> Result<(), StartError> {
        loop {
            match self.prepare().await {
                Err(StartError::Log(LogError::Unavailable(why))) => {
                    self.ground.health.is_ill(&why);
                    if come.send_replace(Come::Waiting) == Come::Looking {
                        tracing::warn!(
                            error = why,
                            "the log is unavailable at start; it is tried again until it is there"
                        );
                    }
                }
                Ok(()) => {
                    self.ground.health.is_well();
                    return Ok(());
                }
                Err(lasting) => return Err(lasting),
            }
            self.ground.clock.sleep(RETRY).await;
        }
    }

    async fn prepare(&self) -> Result<(), StartError> {
        self.ground.log.create_topics(&self.operator.specs()).await?;
        check_sizes(&self.config, &self.ground, &self.operator).await?;
        flows::activate(&self.config, &self.ground).await
    }

    fn start(&self, stop: &CancellationToken) -> JoinSet<(&'static str, LogResult<()>)> {
        let mut roles = JoinSet::new();
        for role in &self.chosen {
            let name = match role {
                Role::Gateway => continue,
                Role::Normalizer => "normalizer",
                Role::Router => "router",
                Role::Dispatcher => "dispatcher",
            };
            let (crew, role, stop) = (self.clone(), *role, stop.clone());
            roles.spawn(async move { (name, crew.keep(name, role, stop).await) });
        }
        let lag = LagWatch::new(&self.ground, self.ground.readers(&self.config, &self.chosen));
        let lag_stop = stop.clone();
        roles.spawn(async move { ("lag", lag.run(lag_stop).await) });
        let (ground, flows_stop) = (self.ground.clone(), stop.clone());
        roles.spawn(async move { ("flows", flows::watch(ground, flows_stop).await) });
        let trimmer = trim::Trimmer::new(&self.config, &self.ground, self.operator.specs());
        let trim_stop = stop.clone();
        roles.spawn(async move { ("trim", trimmer.run(trim_stop).await) });
        roles
    }

    /// Runs a role, and begins it afresh when the log failed it or its place in the group was lost: an outage of the log
    /// must not take the gateway of the same process with it.
    async fn keep(&self, name: &'static str, role: Role, stop: CancellationToken) -> LogResult<()> {
        loop {
            match self.role(role, stop.clone()).await {
                Err(error @ (LogError::Unavailable(_) | LogError::Lost)) if !stop.is_cancelled() => {
                    tracing::warn!(role = name, error = %error, "the role begins afresh");
                }
                end => return end,
            }
            tokio::select! {
                () = self.ground.clock.sleep(RETRY) => {}
                () = stop.cancelled() => return Ok(()),
            }
        }
    }

    fn role(&self, role: Role, stop: CancellationToken) -> BoxFuture<'_, LogResult<()>> {
        match role {
            Role::Gateway => async { Ok(()) }.boxed(),
            Role::Normalizer => async move {
                let (pipeline, mut normalizer) = self.ground.normalizer(&self.config);
                pipeline.run(&mut normalizer, stop).await
            }
            .boxed(),
            Role::Router => async move {
                let mut router = flows::router(Arc::clone(&self.config), &self.ground).await?;
                self.ground.router_pipeline().run(&mut router, stop).await
            }
            .boxed(),
            Role::Dispatcher => self.ground.dispatcher(&self.config, &self.client, &self.owner).run(stop).boxed(),
        }
    }
}

/// A webhook with the largest body must fit into its topic, with room for its headers.
async fn check_sizes(config: &Config, ground: &Ground, operator: &Operator) -> Result<(), StartError> {
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
