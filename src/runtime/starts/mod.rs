//! The starts that flows claim, as the log holds them.
//!
//! A `start` says from when on a flow counts, by its present words. Moved to earlier, it would fire for facts that nobody
//! expects any more; moved to later or taken away, it would leave out what was promised. So it is recorded when its flow first
//! comes into force, and another one is refused unless somebody accepts it by the flow's name.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    config::{self, Config},
    log::{LogError, LogResult, Table},
    model::time::Timestamp,
    router,
    topics::{
        Unreadable,
        flows::{ACTIVATIONS, Activation, FlowSet, FlowStart, SETS, STARTS, read},
        record::Append,
    },
};

/// A flow whose start is not the one that it was in force with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub flow: String,
    was: Timestamp,
    now: Option<Timestamp>,
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { flow, was, now } = self;
        match now {
            Some(now) if now < was => write!(
                f,
                "the flow `{flow}` was in force with `start: {was}` and now says `start: {now}`: it would fire for facts as \
                 old as that"
            ),
            Some(now) => write!(
                f,
                "the flow `{flow}` was in force with `start: {was}` and now says `start: {now}`: it would leave out what lies \
                 between"
            ),
            None => write!(
                f,
                "the flow `{flow}` was in force with `start: {was}` and now has none: it would leave out facts from before it \
                 first came into force"
            ),
        }?;
        write!(f, " (if that is meant: `spojka run --accept-start {flow}`)")
    }
}

/// The starts of a config's flows against those that the log holds.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// What nobody has accepted.
    pub refused: Vec<Change>,
    /// What is to be recorded.
    news: Vec<FlowStart>,
}

impl Judged {
    /// The records of what is new, to be written once the flows are in force.
    pub fn records(&self, topic: &str, now: Timestamp) -> Vec<Append> {
        self.news.iter().map(|start| start.to_append(topic.to_owned(), now)).collect()
    }
}

/// Compares a config's starts with what was recorded. `accepted` are names of flows.
pub(super) fn judge(table: &dyn Table, config: &Config, accepted: &BTreeSet<String>) -> LogResult<Judged> {
    let flows = config.flows.flows();
    let known = known(table, config)?;
    let mut judged = Judged::default();
    for flow in flows {
        let was = known.get(&flow.identity).copied().flatten();
        if was.is_some() && was == flow.start {
            continue;
        }
        match was {
            Some(was) if !accepted.contains(&flow.name) => {
                judged.refused.push(Change { flow: flow.name.clone(), was, now: flow.start });
            }
            None if flow.start.is_none() => {}
            _ => judged.news.push(FlowStart { flow: flow.identity.clone(), start: flow.start }),
        }
    }
    Ok(judged)
}

/// The starts that flows were in force with, by the flows' first names: as recorded, and of the set in force, which an older
/// version may have put there without recording them.
fn known(table: &dyn Table, config: &Config) -> LogResult<BTreeMap<String, Option<Timestamp>>> {
    let mut known: BTreeMap<String, Option<Timestamp>> = BTreeMap::new();
    if let Some(set) = latest_set(table)? {
        let (set, _problems) = config::stored_flows(&set.files, &config.connections);
        known.extend(set.flows().iter().map(|flow: &router::Flow| (flow.identity.clone(), flow.start)));
    }
    for bytes in all(table, STARTS)? {
        let recorded: FlowStart = read(&bytes).map_err(broken)?;
        known.insert(recorded.flow, recorded.start);
    }
    Ok(known)
}

fn latest_set(table: &dyn Table) -> LogResult<Option<FlowSet>> {
    let Some(bytes) = all(table, ACTIVATIONS)?.pop() else { return Ok(None) };
    let activation: Activation = read(&bytes).map_err(broken)?;
    let set = table.get(&format!("{SETS}{}", activation.hash))?;
    set.map(|bytes| read(&bytes).map_err(broken)).transpose()
}

/// All values under keys that begin so, in the keys' order.
fn all(table: &dyn Table, prefix: &str) -> LogResult<Vec<bytes::Bytes>> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = table.scan(prefix, after.as_deref(), 500)?;
        let Some((last, _)) = page.last() else { return Ok(all) };
        after = Some(last.clone());
        all.extend(page.into_iter().map(|(_, bytes)| bytes));
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the form of `map_err`")]
fn broken(error: Unreadable) -> LogError {
    LogError::Broken(error.to_string())
}

#[cfg(test)]
mod tests;
