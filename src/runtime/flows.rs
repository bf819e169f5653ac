//! Flow sets in force: stored at start, and read back by the router.

use std::{sync::Arc, time::Duration};

use super::{app::StartError, roles::Ground, starts};
use crate::{
    config::{self, Config},
    log::{Fencing, Log, LogResult, Table},
    model::time::Timestamp,
    router::{
        Router, RuleBook,
        role::{Compile, Parts},
    },
    topics::{
        Names,
        flows::{ACTIVATIONS, Activation, read},
    },
};

/// Where other processes may read the log, a flow set comes into force a little after it was written: by then all of them
/// have read it.
const AHEAD: Duration = Duration::from_secs(2);

/// Stores the config's flow set and puts it in force, unless it is in force already.
pub(super) async fn activate(config: &Config, ground: &Ground) -> Result<(), StartError> {
    let topic = ground.names.flows();
    let table = ground.log.table(&topic, Fencing::None).await?;
    table.catch_up().await?;
    let set = config.flows.record(&ground.ids);
    let latest = latest(table.as_ref())?;
    if latest.as_ref().is_some_and(|activation| activation.hash == set.hash) {
        return Ok(());
    }
    let judged = starts::judge(table.as_ref(), config, &ground.accepted_starts)?;
    if !judged.refused.is_empty() {
        return Err(StartError::Starts(judged.refused));
    }
    let now = ground.clock.now();
    let ahead = if latest.is_none() || ground.log.is_exclusive() { Duration::ZERO } else { AHEAD };
    let activation = Activation { hash: set.hash.clone(), since: whole_second(now) + ahead };
    table.write(vec![set.to_append(topic.clone(), now), activation.to_append(topic.clone())]).await?;
    let starts = judged.records(&topic, now);
    if !starts.is_empty() {
        table.write(starts).await?;
    }
    tracing::info!(flow_set = %activation.hash, since = %activation.since, flows = config.flows.flows().len(), "flows in force");
    Ok(())
}

/// Vendors date facts in whole seconds: what happens in this second counts as after.
fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

fn latest(table: &dyn Table) -> Result<Option<Activation>, StartError> {
    let (mut latest, mut after) = (None, None);
    loop {
        let page = table.scan(ACTIVATIONS, after.as_deref(), 500)?;
        let Some((last, bytes)) = page.last() else { return Ok(latest) };
        latest = Some(read(bytes).map_err(|error| StartError::Flows(error.to_string()))?);
        after = Some(last.clone());
    }
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

/// The rules as the log holds them, compiled with today's connections.
pub(super) async fn rule_book(config: Arc<Config>, log: &Log, names: &Names) -> LogResult<RuleBook> {
    let flows = log.table(&names.flows(), Fencing::None).await?;
    let compile: Compile = Box::new(move |set| {
        let (flows, problems) = config::stored_flows(&set.files, &config.connections);
        match problems {
            // What still fits goes on; what does not is told.
            Some(report) if flows.flows().is_empty() => Err(report.to_string()),
            Some(report) => {
                tracing::warn!(flow_set = %set.hash, problems = %report, "a flow set of the past fits in part");
                Ok(flows)
            }
            None => Ok(flows),
        }
    });
    Ok(RuleBook::new(flows, compile))
}
