//! `spojka simulate`: what the flows of a config would do with a webhook or an event: each flow, which clause said no and with
//! which values, and the actions as they would be mapped. Sends nothing.
//!
//! Values are shown: it is a person's own command about his own data. Secrets are never among them: no part of a connection's
//! settings goes through an event.

mod arguments;
mod as_test;
mod given;
mod sample;
mod tell;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use anyhow::bail;

use super::{
    Exit,
    client::{self, NotFound, nearest},
    output::Output,
};
use crate::{
    config::{Config, Mode},
    model::{
        code::Code,
        id::Ids,
        time::{Clock as _, SystemClock, Timestamp},
    },
    router::{Ending, Routed, Routing, Rules, rehearse},
    topics::event::Event,
};
pub use arguments::SimulateArguments;
use given::Given;
use tell::Told;

/// Ids of a simulation are nobody's.
const KEY: &[u8] = b"simulation";

pub fn run(path: &Path, arguments: &SimulateArguments, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    let config = client::load(path, Mode::CheckOnly)?;
    if let Some(flow) = &arguments.flow {
        find_flow(&config, flow)?;
    }
    let ends = endings(&config, &arguments.results)?;
    let events = match given::read(path, &config, arguments, SystemClock.now())? {
        Given::Events(events) => events,
        Given::Nothing(told) => {
            output.show(&told, |out, told| writeln!(out, "{}", told.text))?;
            return Ok(if told.dead { Exit::Failed } else { Exit::Done });
        }
    };
    let ids = Ids::new(KEY);
    let rules = Rules::first(Arc::clone(&config.flows), &ids, Timestamp::UNIX_EPOCH);
    let mut told = Vec::new();
    for event in events {
        let remember = config.keeping.remember;
        let routing = Routing { rules: &rules, ids: &ids, remember, now: event.arrived };
        let routed = rehearse(&event, &routing, &ends);
        told.push(Told::of(&config, event, &only(routed, &config, arguments.flow.as_deref()), &ends, arguments));
    }
    if arguments.flow.is_some() && told.iter().any(Told::concerns) {
        told.retain(Told::concerns);
    }
    if arguments.as_test {
        as_test::print(&config, &told, &ends, output)?;
        return Ok(Exit::Done);
    }
    output.show(&told, |out, told| told.iter().try_for_each(|told| told.print(out)))?;
    let failed = told.iter().any(|told| !told.failed.is_empty());
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

fn find_flow(config: &Config, name: &str) -> Result<(), NotFound> {
    if config.flows.find(name).is_some() {
        return Ok(());
    }
    let hint = nearest(name, config.flows.flows().iter().map(|flow| flow.name.as_str())).unwrap_or_default();
    Err(NotFound(format!("there is no flow `{name}`{hint}")))
}

/// What one flow does, in the order in which its steps are written.
fn only(mut routed: Routed, config: &Config, flow: Option<&str>) -> Routed {
    if let Some(flow) = flow {
        routed.actions.retain(|action| action.step().is_some_and(|(of, _)| of == flow));
        routed.skipped.retain(|skip| skip.flow == flow);
        routed.failed.retain(|failure| failure.flow == flow);
        routed.missed.retain(|missed| missed.flow == flow);
    }
    routed.actions.sort_by_key(|action| config.flows.place_of(action));
    routed
}

/// How every step ends: as given, else with results that name themselves.
fn endings(config: &Config, given: &[String]) -> anyhow::Result<BTreeMap<String, Ending>> {
    let steps = || config.flows.flows().iter().flat_map(|flow| &flow.steps);
    let made_up = |name: &str, result: &str| (result.to_owned(), format!("<{name}.{result}>"));
    let mut ends: BTreeMap<String, Ending> = steps()
        .map(|step| {
            let results = step.operation.results.iter().map(|field| made_up(&step.name, field.name)).collect();
            (step.name.clone(), Ending::Done(results))
        })
        .collect();
    for text in given {
        let Some((what, value)) = text.split_once('=') else {
            bail!("expected `STEP.NAME=VALUE` or `STEP=CODE`, got `{text}`");
        };
        if let (Some(ending), Some(code)) = (ends.get_mut(what), Code::find(value)) {
            *ending = Ending::Failed(code);
            continue;
        }
        let found = what.rsplit_once('.').and_then(|(step, name)| match ends.get_mut(step) {
            Some(Ending::Done(results)) => results.get_mut(name),
            _ => None,
        });
        let Some(result) = found else {
            let known: Vec<String> = steps()
                .flat_map(|step| step.operation.results.iter().map(|field| format!("{}.{}", step.name, field.name)))
                .collect();
            let hint = nearest(what, known.iter().map(String::as_str)).unwrap_or_default();
            return Err(NotFound(format!("no step returns `{what}`{hint}")).into());
        };
        value.clone_into(result);
    }
    Ok(ends)
}

/// The events of one webhook or one file.
type Events = Vec<Event>;
