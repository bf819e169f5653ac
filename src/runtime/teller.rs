//! `trace`, whole: what the topics hold of one webhook, and what the flows did not do about it. The latter is recorded nowhere.
//! Judging is pure, so each event is judged once more, as it was then.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    flows,
    operator::{
        Operator, OperatorError,
        trace::{Line, Story},
    },
    roles::Ground,
};
use crate::{
    config::Config,
    router::{Missed, Routing, Skip, Why, route},
    topics::{event::Event, replay::AsOf},
};

/// Tells what happened, and what did not.
#[derive(Clone)]
pub struct Teller {
    config: Arc<Config>,
    ground: Ground,
    operator: Operator,
}

impl Teller {
    pub fn new(config: Arc<Config>, ground: Ground, operator: Operator) -> Self {
        Self { config, ground, operator }
    }

    /// All that began with the same webhook as `id`, in order of time.
    ///
    /// # Errors
    /// [`OperatorError::NotFound`] when the topics hold no such id any more; the log's errors.
    pub async fn trace(&self, id: &str) -> Result<Vec<Line>, OperatorError> {
        let Story { webhook, mut lines, events } = self.operator.story(id).await?;
        let rules = flows::rules(&self.config, &self.ground, AsOf::Recorded).await?;
        let remember = self.config.keeping.remember;
        let routing = Routing { rules: &rules, ids: &self.ground.ids, remember, now: self.ground.clock.now() };
        let mut judged = BTreeSet::new();
        for event in events.iter().filter(|event| judged.insert(event.id.clone())) {
            let routed = route(event, &routing);
            lines.extend(skipped(event, &webhook, &routed.skipped));
            lines.extend(routed.missed.iter().map(|missed| miss(event, missed)));
        }
        lines.sort_by(|a, b| a.at.cmp(&b.at));
        Ok(lines)
    }
}

/// A line for each reason, with all the flows that it is the reason of.
fn skipped(event: &Event, webhook: &str, skipped: &[Skip]) -> Vec<Line> {
    let mut by_reason: BTreeMap<Why, Vec<&Skip>> = BTreeMap::new();
    for skip in skipped {
        by_reason.entry(skip.why).or_default().push(skip);
    }
    let tell = |(why, skips): (Why, Vec<&Skip>)| {
        let names: Vec<String> = skips.iter().map(|skip| name(skip)).collect();
        let advice = skips.first().and_then(|skip| advice(why, &skip.flow, webhook));
        let advice = advice.map(|advice| format!(": {advice}")).unwrap_or_default();
        line(event, "skipped", format!("{} ({}){advice}", names.join(", "), why.in_words()))
    };
    by_reason.into_iter().map(tell).collect()
}

fn name(skip: &Skip) -> String {
    match &skip.step {
        None => format!("flow `{}`", skip.flow),
        Some(step) => format!("flow `{}`, step `{step}`", skip.flow),
    }
}

/// What shows more, or does it all the same.
fn advice(why: Why, flow: &str, webhook: &str) -> Option<String> {
    match why {
        Why::Condition => Some(format!("`spojka simulate {webhook}` shows which clause, by the flows of now")),
        Why::BeforeFlow => Some(format!("`spojka replay --entity {webhook} --flow {flow} --as-of present` does it")),
        Why::BeforeStart | Why::TooOld | Why::WaitsInVain | Why::NoRow | Why::Adopted => None,
    }
}

/// The value is told, as it is in dead letters: an owner who is not told which one cannot add the row.
fn miss(event: &Event, Missed { flow, step, field, miss }: &Missed) -> Line {
    let step = step.as_ref().map(|step| format!(", step `{step}`")).unwrap_or_default();
    line(event, "missed", format!("flow `{flow}`{step}, `{field}`: {miss} ({})", miss.then.as_str()))
}

fn line(event: &Event, what: &str, text: String) -> Line {
    Line { at: event.arrived.to_string(), what: what.to_owned(), id: event.id.to_string(), text }
}
