//! What a state means at the target. The ledger judges registers, not objects.
//!
//! Of an action's registers, those are dropped that were last written from the same source entity with a higher version, or
//! from another source by a webhook that arrived later; those with an equal hash are not sent, but their version moves on;
//! the rest is sent. *Once* registers are settled by an earlier success; *fold* registers keep contributions by id.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    connectors::contract::{Register, RegisterRule, Target},
    log::{LogResult, Table},
    model::{
        hash::ContentHash,
        id::{ActionId, KeyHash},
    },
    telemetry::bug,
    topics::{
        Unreadable,
        action::{Action, Source},
        memory::{self, Contribution, End, Outcome, RegisterEntry, key},
    },
};

/// What the ledger says of one action.
#[derive(Debug, Default)]
pub struct Judgement {
    /// The registers to write.
    pub send: BTreeSet<String>,
    /// The registers that hold the same already: their version moves on.
    pub unchanged: BTreeSet<String>,
    /// The registers that hold something newer.
    pub superseded: BTreeSet<String>,
    /// All contributions to folded registers, this action's included.
    pub contributions: BTreeMap<String, Value>,
    /// What earlier actions returned that wrote these registers.
    pub result: BTreeMap<String, String>,
    /// This very action wrote some of it: it was cut off between ledger and outcome.
    pub own: bool,
}

impl Judgement {
    /// The end, when there is nothing to send. Without any register there is nothing to judge, and it is sent.
    pub fn end(&self, target: &Target) -> Option<End> {
        if !self.send.is_empty() || target.registers.is_empty() {
            None
        } else if self.own {
            Some(End::Done)
        } else if self.superseded.is_empty() {
            Some(End::Unchanged)
        } else {
            Some(End::Superseded)
        }
    }
}

/// Judges an action's registers by what memory holds.
pub fn judge(memory: &dyn Table, action: &Action, target: &Target) -> LogResult<Judgement> {
    let mut judgement = Judgement::default();
    if bug::is("ledger-unread") {
        judgement.send = target.registers.iter().map(|register| register.name.clone()).collect();
        return Ok(judgement);
    }
    for register in &target.registers {
        match &register.rule {
            RegisterRule::Fold { contribution } => {
                judge_contribution(memory, action, register, contribution, &mut judgement)?;
            }
            RegisterRule::Newest | RegisterRule::Once => judge_register(memory, action, register, &mut judgement)?,
        }
    }
    Ok(judgement)
}

fn judge_register(memory: &dyn Table, action: &Action, register: &Register, out: &mut Judgement) -> LogResult<()> {
    let key = key::register(&action.conflict, &register.name);
    let Some(entry) = read_as::<RegisterEntry>(memory, &key)? else {
        out.send.insert(register.name.clone());
        return Ok(());
    };
    out.own |= entry.action == action.id;
    let place = if register.rule == RegisterRule::Once || entry.hash == ContentHash::of(&register.value) {
        if is_newer(&entry.source, &action.source) { &mut out.superseded } else { &mut out.unchanged }
    } else if is_newer(&entry.source, &action.source) {
        &mut out.superseded
    } else {
        &mut out.send
    };
    // A once register is settled by any success: what is newer does not matter to it.
    let place = if register.rule == RegisterRule::Once { &mut out.unchanged } else { place };
    place.insert(register.name.clone());
    out.result.extend(entry.result);
    Ok(())
}

fn judge_contribution(
    memory: &dyn Table,
    action: &Action,
    register: &Register,
    id: &str,
    out: &mut Judgement,
) -> LogResult<()> {
    let prefix = key::contributions(&action.conflict, &register.name);
    let mut after = None;
    loop {
        let page = memory.scan(&prefix, after.as_deref(), 500)?;
        let Some((last, _)) = page.last() else { break };
        after = Some(last.clone());
        for (key, bytes) in &page {
            let known: Contribution = memory::read(bytes).map_err(|error| broken(&error))?;
            out.contributions.insert(key.strip_prefix(&prefix).unwrap_or(key).to_owned(), known.value);
        }
    }
    let known = read_as::<Contribution>(memory, &key::contribution(&action.conflict, &register.name, id))?;
    let place = match known {
        Some(known) => {
            out.own |= known.action == action.id;
            out.result.extend(known.result.clone());
            if is_newer(&known.source, &action.source) {
                &mut out.superseded
            } else if known.value == register.value {
                &mut out.unchanged
            } else {
                &mut out.send
            }
        }
        None => &mut out.send,
    };
    place.insert(register.name.clone());
    if out.send.contains(&register.name) {
        out.contributions.insert(id.to_owned(), register.value.clone());
    }
    Ok(())
}

/// Whether what stands there is newer than what comes: a higher version of the same entity, or a later arrival of another.
/// Equal versions do not count as newer: whoever comes now wins.
fn is_newer(standing: &Source, coming: &Source) -> bool {
    if standing.entity == coming.entity { standing.version > coming.version } else { standing.arrived > coming.arrived }
}

/// The ledger's records for the registers that were written or found unchanged. `unwritten` were left out on the way.
pub fn entries<'a>(
    action: &'a Action,
    target: &'a Target,
    judgement: &'a Judgement,
    result: &'a BTreeMap<String, String>,
    unwritten: &'a BTreeSet<String>,
) -> impl Iterator<Item = (String, LedgerRecord)> + 'a {
    target.registers.iter().filter_map(move |register| {
        let written = judgement.send.contains(&register.name) && !unwritten.contains(&register.name);
        let moves_on = judgement.unchanged.contains(&register.name) && register.rule == RegisterRule::Newest;
        if !written && !moves_on {
            return None;
        }
        let (source, id, result) = (action.source.clone(), action.id.clone(), result.clone());
        Some(match &register.rule {
            RegisterRule::Fold { contribution } => (
                key::contribution(&action.conflict, &register.name, contribution),
                LedgerRecord::Contribution(Contribution { value: register.value.clone(), source, action: id, result }),
            ),
            RegisterRule::Newest | RegisterRule::Once => (
                key::register(&action.conflict, &register.name),
                LedgerRecord::Register(RegisterEntry {
                    hash: ContentHash::of(&register.value),
                    source,
                    action: id,
                    once: register.rule == RegisterRule::Once,
                    result,
                }),
            ),
        })
    })
}

/// One record of the ledger.
#[derive(Debug, serde::Serialize)]
#[serde(untagged)]
pub enum LedgerRecord {
    Register(RegisterEntry),
    Contribution(Contribution),
}

/// The vendor's id of an object, where it is known.
pub fn vendor_id(memory: &dyn Table, object: &KeyHash) -> LogResult<Option<String>> {
    Ok(read_as::<memory::Link>(memory, &key::link(object))?.map(|link| link.vendor_id))
}

/// The keys of an object that the vendor has lost: its id there, and all that was written to it but what happens once.
pub fn keys_of_lost(memory: &dyn Table, object: &KeyHash) -> LogResult<Vec<String>> {
    let mut keys = vec![key::link(object)];
    let mut after = None;
    loop {
        let page = memory.scan(&key::registers(object), after.as_deref(), 500)?;
        let Some((last, _)) = page.last() else { return Ok(keys) };
        after = Some(last.clone());
        for (key, bytes) in page {
            if !memory::read::<RegisterEntry>(&bytes).map_err(|error| broken(&error))?.once {
                keys.push(key);
            }
        }
    }
}

/// What is known of an action.
pub fn state(memory: &dyn Table, id: &ActionId) -> LogResult<Option<memory::ActionState>> {
    read_as(memory, &key::action(id))
}

/// Whether an outcome settles an action as it comes now.
///
/// A state has the id of its first coming when it comes back within the same second: A, B, A. Then another webhook asks for
/// it, and one that came in between has written something else at the same version: it is done again.
pub fn settles(
    memory: &dyn Table,
    outcome: &Outcome,
    action: &Action,
    target: impl FnOnce() -> Option<Target>,
) -> LogResult<bool> {
    if !outcome.settles(action) {
        return Ok(false);
    }
    let same_webhook = outcome.webhook.as_ref().is_none_or(|webhook| *webhook == action.source.webhook);
    if same_webhook || matches!(outcome.end, End::Dead(_)) {
        return Ok(true);
    }
    let Some(target) = target() else { return Ok(true) };
    for register in target.registers.iter().filter(|register| register.rule == RegisterRule::Newest) {
        let entry = read_as::<RegisterEntry>(memory, &key::register(&action.conflict, &register.name))?;
        let differs = |entry: &RegisterEntry| entry.hash != ContentHash::of(&register.value);
        if entry.is_some_and(|entry| came_between(&entry.source, &action.source) && differs(&entry)) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn came_between(standing: &Source, coming: &Source) -> bool {
    standing.entity == coming.entity && standing.version == coming.version && standing.arrived < coming.arrived
}

/// Reads a key of memory.
pub fn read_as<T: serde::de::DeserializeOwned>(memory: &dyn Table, key: &str) -> LogResult<Option<T>> {
    memory.get(key)?.map(|bytes| memory::read(&bytes).map_err(|error| broken(&error))).transpose()
}

/// Memory that cannot be read is no reason to act: whoever acts without memory does things twice.
pub fn broken(error: &Unreadable) -> crate::log::LogError {
    crate::log::LogError::Broken(error.to_string())
}

#[cfg(test)]
mod tests;
