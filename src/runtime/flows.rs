//! Flow sets in force: stored at start, and read back by the router.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{app::StartError, roles::Ground, starts};
use crate::{
    config::{self, Config},
    log::{Fencing, Log, LogError, LogResult, Table},
    model::{id::FlowSetHash, time::Timestamp},
    router::{
        Router, RuleBook, Rules,
        role::{Compile, Parts},
    },
    topics::{
        self, Names,
        flows::{ACTIVATIONS, Activation, read, set_key},
        replay::AsOf,
    },
};

/// Where other processes may read the log, a flow set comes into force a little after it was written: by then all of them
/// have read it.
const AHEAD: Duration = Duration::from_secs(2);
/// Between two looks at which flows are in force, for the metric.
const LOOK: Duration = Duration::from_secs(10);

/// What came of putting flows in force.
pub(super) enum Stored {
    /// They come into force.
    Activated(Activation),
    /// They are in force already.
    Already,
    /// Flows claim another start than the one that they were in force with, and nobody has accepted it.
    Refused(Vec<starts::Change>),
}

/// Stores the config's flow set and puts it in force, unless it is in force already. At a start nobody judges by the old one
/// any more, unless other processes do.
pub(super) async fn activate(config: &Config, ground: &Ground) -> Result<(), StartError> {
    let ahead = if ground.log.is_exclusive() { Duration::ZERO } else { AHEAD };
    match store(config, ahead, ground).await? {
        Stored::Activated(Activation { hash, since }) => {
            tracing::info!(flow_set = %hash, since = %since, flows = config.flows.flows().len(), "flows in force");
        }
        Stored::Already => {}
        Stored::Refused(changes) => return Err(StartError::Starts(changes)),
    }
    Ok(())
}

/// Stores the config's flow set and puts it in force while routers are at work: so far ahead that each of them has read it by
/// then.
pub(super) async fn reactivate(config: &Config, ground: &Ground) -> LogResult<Stored> {
    let stored = store(config, AHEAD, ground).await?;
    if matches!(&stored, Stored::Activated(activation) if activation.since <= ground.clock.now()) {
        tracing::warn!("the log took so long that some facts of the last seconds were judged by the flows before");
    }
    Ok(stored)
}

async fn store(config: &Config, ahead: Duration, ground: &Ground) -> LogResult<Stored> {
    let set = config.flows.record(&ground.ids);
    let topic = ground.names.flows();
    let table = flows_table(ground).await?;
    let latest = activations(table.as_ref())?.pop();
    if latest.as_ref().is_some_and(|latest| latest.hash == set.hash) {
        return Ok(Stored::Already);
    }
    let judged = starts::judge(table.as_ref(), config, &ground.accepted_starts)?;
    if !judged.refused.is_empty() {
        return Ok(Stored::Refused(judged.refused));
    }
    let now = ground.clock.now();
    let first = latest.is_none();
    let since = whole_second(now) + if first { Duration::ZERO } else { ahead };
    let activation = Activation { hash: set.hash.clone(), since };
    let mut records = vec![set.to_append(topic.clone(), now), activation.to_append(topic.clone())];
    records.extend(judged.records(&topic, now));
    table.write(records).await?;
    Ok(Stored::Activated(activation))
}

/// Vendors date facts in whole seconds: what happens in this second counts as after.
fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// All activations, the oldest first.
pub(super) fn activations(table: &dyn Table) -> LogResult<Vec<Activation>> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = table.scan(ACTIVATIONS, after.as_deref(), 500)?;
        let Some((last, _)) = page.last() else { return Ok(all) };
        after = Some(last.clone());
        for (_, bytes) in &page {
            all.push(read(bytes).map_err(|error| LogError::Broken(error.to_string()))?);
        }
    }
}

/// Tells which flows are in force, until `stop`.
pub(super) async fn watch(ground: Ground, stop: CancellationToken) -> LogResult<()> {
    loop {
        if let Err(error) = look(&ground).await {
            tracing::debug!(error = %error, "the flows in force are not known");
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = ground.clock.sleep(LOOK) => {}
        }
    }
}

/// The flow set in force at a moment.
pub(super) fn in_force(table: &dyn Table, now: Timestamp) -> LogResult<Option<FlowSetHash>> {
    let past = activations(table)?.into_iter().rfind(|activation| activation.since <= now);
    Ok(past.map(|activation| activation.hash))
}

async fn flows_table(ground: &Ground) -> LogResult<Arc<dyn Table>> {
    let table = ground.log.table(&ground.names.flows(), Fencing::None).await?;
    table.catch_up().await?;
    Ok(table)
}

async fn look(ground: &Ground) -> LogResult<()> {
    let hash = in_force(flows_table(ground).await?.as_ref(), ground.clock.now())?;
    ground.metrics.set_flow_set(hash.as_ref());
    Ok(())
}

/// The router's role.
pub(super) async fn router(config: Arc<Config>, ground: &Ground) -> LogResult<Router> {
    let remember = config.keeping.remember;
    let book = rule_book(config, &ground.log, &ground.names).await?;
    let parts = Parts {
        names: ground.names.clone(),
        ids: ground.ids.clone(),
        clock: Arc::clone(&ground.clock),
        metrics: Arc::clone(&ground.metrics),
        remember,
    };
    Ok(Router::new(parts, book))
}

/// The rules that the log holds: those of then, or those of now as if they had been in force for ever. Nothing where no flows
/// are in force.
pub(super) async fn rules(config: &Arc<Config>, ground: &Ground, as_of: AsOf) -> LogResult<Rules> {
    if as_of == AsOf::Recorded {
        let mut book = rule_book(Arc::clone(config), &ground.log, &ground.names).await?;
        book.refresh().await?;
        return Ok(book.into_rules());
    }
    let table = flows_table(ground).await?;
    let Some(hash) = in_force(table.as_ref(), ground.clock.now())? else { return Ok(Rules::default()) };
    let broken = |error: topics::Unreadable| LogError::Broken(error.to_string());
    let set =
        table.get(&set_key(&hash))?.map(|bytes| read::<topics::flows::FlowSet>(&bytes)).transpose().map_err(broken)?;
    let (flows, _) = config::stored_flows(&set.map_or_else(Vec::new, |set| set.files), &config.connections);
    Ok(Rules::always(hash, Arc::new(flows)))
}

/// The rules as the log holds them, compiled with today's connections.
pub(super) async fn rule_book(config: Arc<Config>, log: &Log, names: &Names) -> LogResult<RuleBook> {
    let flows = log.table(&names.flows(), Fencing::None).await?;
    let compile: Compile = Box::new(move |set| {
        let (flows, problems) = config::stored_flows(&set.files, &config.connections);
        match problems {
            // What still fits goes on; what does not is told.
            Some(report) if flows.flows().is_empty() => Err(report.to_string()),
            Some(report) => {
                tracing::warn!(flow_set = %set.hash, problems = %report, "a flow set fits this process's connections in part; the rest of its flows are left out here");
                Ok(flows)
            }
            None => Ok(flows),
        }
    });
    Ok(RuleBook::new(flows, compile))
}
