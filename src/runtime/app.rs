//! A running process. `start` reads as the story: the crew, the spool, the ports; `finish` as its end: stop accepting,
//! drain, finish, commit, close.

use std::{collections::BTreeSet, io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    task::{JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

use super::{
    admin::{self, Desk},
    backtest::Backtester,
    crew::{Come, Crew},
    operator_of, pulse,
    reload::{ReadConfig, Reloader},
    replay::Replayer,
    roles::{DRAIN, Ground},
    starts,
    teller::Teller,
};
use crate::{
    config::Config,
    gateway::spool::{Remains, Spool, Spooling},
    http::{Client, ClientError, ClientSettings},
    log::LogError,
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
    #[error("the flows cannot be put in force: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Starts(Vec<starts::Change>),
}

/// How long the ports stay closed while the log is looked at: then senders should have an answer, whatever it is.
const PORTS_WAIT: Duration = Duration::from_secs(2);

/// From the stop, how long the roles may take: a little longer than what they have in flight.
const CREW: Duration = Duration::from_secs(DRAIN.as_secs() + 3);
/// The same while the log is away.
const CREW_WITHOUT_LOG: Duration = Duration::from_secs(8);
/// From the stop, how long all of it may take.
const CLOSED: Duration = Duration::from_secs(DRAIN.as_secs() + 5);

/// A running process.
pub struct App {
    gateway: Option<serving::Running>,
    spooling: Option<Spooling>,
    ops: serving::Running,
    crew: JoinSet<Result<(), StartError>>,
    come: watch::Receiver<Come>,
    beside: JoinSet<()>,
    stop: CancellationToken,
    ground: Ground,
    desk: Desk,
}

/// How a process came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Everything in flight was finished or handed back in time.
    pub clean: bool,
    /// What the spool keeps for the next start.
    pub spooled: Remains,
}

impl App {
    /// Starts roles. They are ready when this returns; or, if the log is unavailable, they begin as soon as it is there, and
    /// until then the gateway answers senders and readiness says what is waited for.
    ///
    /// # Errors
    /// [`StartError`], with nothing left running.
    pub async fn start(
        config: Arc<Config>,
        chosen: &BTreeSet<Role>,
        ground: Ground,
        owner: &str,
    ) -> Result<Self, StartError> {
        Self::start_reloadable(config, None, chosen, ground, owner).await
    }

    /// The same for a config that can be read again.
    ///
    /// # Errors
    /// [`StartError`], with nothing left running.
    pub async fn start_reloadable(
        config: Arc<Config>,
        read: Option<ReadConfig>,
        chosen: &BTreeSet<Role>,
        ground: Ground,
        owner: &str,
    ) -> Result<Self, StartError> {
        let mut operator = operator_of(&config, &ground.log, Arc::clone(&ground.clock));
        operator.board = ground.board.clone();
        let stop = CancellationToken::new();
        let (told, mut come) = watch::channel(Come::Looking);
        let mut crew = JoinSet::new();
        let members = Crew {
            config: Arc::clone(&config),
            chosen: chosen.clone(),
            ground: ground.clone(),
            operator: operator.clone(),
            client: Client::new(&ClientSettings::default())?,
            owner: owner.to_owned(),
        };
        crew.spawn(members.run(told, stop.clone()));
        let looked = come.wait_for(|come| *come != Come::Looking);
        // The ports open behind the topics, but not for long.
        let gone = tokio::select! {
            looked = looked => looked.is_err(),
            () = ground.clock.sleep(PORTS_WAIT) => false,
        };
        if gone {
            return Err(why_it_ended(crew.join_next().await));
        }
        let takes_webhooks = chosen.contains(&Role::Gateway);
        let (spool, spooling) = if takes_webhooks { ground.spool(&config).await?.unzip() } else { (None, None) };
        let readiness = readiness(&ground, come.clone(), spool.clone(), takes_webhooks);
        let desk = Desk {
            teller: Teller::new(Arc::clone(&config), ground.clone(), operator.clone()),
            replayer: Replayer::new(Arc::clone(&config), ground.clone(), operator.clone(), owner),
            backtester: Backtester::new(Arc::clone(&config), ground.clone(), operator),
            reloader: read.map(|read| Reloader::new(read, Arc::clone(&config), ground.clone())),
        };
        let ops = listen(config.admin.listen, |listener| {
            ops::serve(listener, Arc::clone(&ground.metrics), readiness, admin::routes(desk.clone()))
        })?;
        let gateway = if takes_webhooks {
            Some(listen(config.gateway.listen, |listener| ground.gateway(&config, spool).start(listener))?)
        } else {
            None
        };
        if come.wait_for(|come| *come != Come::Looking).await.is_err() {
            return Err(why_it_ended(crew.join_next().await));
        }
        let mut beside = JoinSet::new();
        beside.spawn(pulse::feel(ground.clone(), stop.clone()));
        Ok(Self { gateway, spooling, ops, crew, come, beside, stop, ground, desk })
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
        &self.desk.replayer
    }

    /// What reloads the flows, where the config can be read again.
    pub fn reloader(&self) -> Option<&Reloader> {
        self.desk.reloader.as_ref()
    }

    /// What runs backtests in this process.
    pub fn backtester(&self) -> &Backtester {
        &self.desk.backtester
    }

    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.ground.metrics
    }

    /// Whether the roles still wait for the log.
    pub fn waits_for_the_log(&self) -> bool {
        *self.come.borrow() != Come::Ready
    }

    /// Waits until something ends that should not, and tells how.
    pub async fn failed(&mut self) -> StartError {
        why_it_ended(self.crew.join_next().await)
    }

    /// Stops in order. Answers whether everything came to its end in time.
    pub async fn stop(self) -> bool {
        self.finish().await.clean
    }

    /// Stops in order: no more webhooks; then what the spool holds is drained as far as the log takes it, while what is in
    /// flight is finished or handed back; then the log is closed.
    pub async fn finish(mut self) -> End {
        let clock = Arc::clone(&self.ground.clock);
        let begun = clock.elapsed();
        let left = |whole: Duration| whole.saturating_sub(clock.elapsed().saturating_sub(begun));
        let mut clean = true;
        if let Some(gateway) = self.gateway.take() {
            clean &= gateway.stop(DRAIN).await;
        }
        self.stop.cancel();
        let spooled = async {
            match self.spooling.take() {
                Some(spooling) => spooling.finish(left(DRAIN)).await,
                None => Remains::default(),
            }
        };
        // Nothing can be handed back to a log that is away; the next start does again what was not settled.
        let patience = if self.ground.health.seems_well() { CREW } else { CREW_WITHOUT_LOG };
        let crew = async {
            tokio::select! {
                ended = self.crew.join_next() => matches!(ended, None | Some(Ok(Ok(())))),
                () = clock.sleep(left(patience)) => false,
            }
        };
        let (spooled, crew_is_home) = tokio::join!(spooled, crew);
        clean &= crew_is_home;
        self.crew.abort_all();
        while self.beside.join_next().await.is_some() {}
        clean &= self.ops.stop(Duration::from_secs(2)).await;
        clean &= self.ground.log.close(left(CLOSED).max(Duration::from_secs(2))).await.is_ok();
        End { clean, spooled }
    }
}

fn why_it_ended(ended: Option<Result<Result<(), StartError>, JoinError>>) -> StartError {
    match ended {
        Some(Ok(Err(error))) => error,
        Some(Ok(Ok(()))) | None => LogError::Broken("the roles ended by themselves".to_owned()).into(),
        Some(Err(error)) => LogError::Broken(format!("a role's task died: {error}")).into(),
    }
}

/// What is waited for, and what remains. A gateway with a spool that has room does its work while the log is away.
fn readiness(
    ground: &Ground,
    come: watch::Receiver<Come>,
    spool: Option<Arc<Spool>>,
    takes_webhooks: bool,
) -> ops::Readiness {
    let (log, health) = (Arc::clone(&ground.log), Arc::clone(&ground.health));
    Arc::new(move || {
        let mut trouble = Vec::new();
        if let Some(why) = health.trouble() {
            trouble.push(format!("the log: {why}"));
        } else if *come.borrow() != Come::Ready {
            trouble.push("the log's topics".to_owned());
        }
        if log.pressure().is_high() {
            trouble.push("the log's queue".to_owned());
        }
        let mut remains = Vec::new();
        if let Some(spool) = spool.as_ref().filter(|_| takes_webhooks) {
            let left = spool.remains();
            if left.records > 0 {
                remains.push(format!("webhooks in the spool: {} ({} bytes)", left.records, left.bytes));
            }
            if spool.has_room() {
                remains.append(&mut trouble);
            } else if !trouble.is_empty() {
                trouble.push("room in the spool".to_owned());
            }
        }
        ops::Standing { waiting_for: trouble, remains }
    })
}

fn listen(
    address: SocketAddr,
    serve: impl FnOnce(std::net::TcpListener) -> io::Result<serving::Running>,
) -> Result<serving::Running, StartError> {
    serving::bind(address).and_then(serve).map_err(|source| StartError::Listen { address, source })
}
