//! What is told about one event.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use serde::Serialize;
use serde_json::{Map, Value};

use super::SimulateArguments;
use crate::{
    config::Config,
    expr::Clause,
    model::{code::Code, time::Timestamp},
    router::{Ending, Flow, Routed, rehearse},
    topics::{event::Event, occasion::Occasions},
};

/// The longest value that is shown to people, in characters.
const LONGEST: usize = 160;

/// One event, and what each flow would make of it.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    pub event: &'static str,
    pub subject: String,
    pub from: String,
    since: Timestamp,
    how: String,
    pub actions: Vec<ToldAction>,
    pub skipped: Vec<ToldSkip>,
    pub failed: Vec<ToldFailure>,
    /// Values that have no row in a lookup, and what becomes of them.
    missed: Vec<ToldMiss>,
    /// Flows that are about something else, and what.
    not_concerned: BTreeMap<String, String>,
    /// Those are told one by one: somebody asked for one of them.
    #[serde(skip)]
    one_flow: bool,
    #[serde(skip)]
    pub source: Event,
}

#[derive(Debug, Serialize)]
pub(super) struct ToldAction {
    pub flow: String,
    pub step: String,
    pub connection: String,
    pub operation: String,
    pub parameters: Map<String, Value>,
    /// Which of them are for creating or for updating only.
    #[serde(skip_serializing_if = "Occasions::is_empty")]
    only: Occasions,
    /// The step whose end starts it, by its name.
    after: Option<String>,
    /// It waits for a person.
    pub held: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct ToldSkip {
    pub flow: String,
    pub step: Option<String>,
    pub why: &'static str,
    clauses: Vec<Clause>,
}

#[derive(Debug, Serialize)]
pub(super) struct ToldFailure {
    pub flow: String,
    pub step: Option<String>,
    pub field: Option<String>,
    pub code: Code,
    message: String,
}

#[derive(Debug, Serialize)]
struct ToldMiss {
    flow: String,
    step: Option<String>,
    field: String,
    lookup: String,
    value: String,
    then: &'static str,
    #[serde(skip)]
    message: String,
}

impl Told {
    pub(super) fn of(
        config: &Config,
        event: Event,
        routed: &Routed,
        ends: &BTreeMap<String, Ending>,
        arguments: &SimulateArguments,
    ) -> Self {
        let actions = routed.actions.iter().map(|action| {
            let (flow, step) = action.step().unwrap_or_default();
            ToldAction {
                flow: flow.to_owned(),
                step: step.to_owned(),
                connection: config.name_of(&action.connection).to_string(),
                operation: action.operation.clone(),
                parameters: action.parameters.clone(),
                only: action.only.clone(),
                after: step_before(config, flow, step),
                held: action.hold.is_some(),
            }
        });
        let skipped = routed.skipped.iter().map(|skip| ToldSkip {
            flow: skip.flow.clone(),
            step: skip.step.clone(),
            why: skip.why.as_str(),
            clauses: rehearse::clauses(skip, &config.flows, &event, ends),
        });
        let failed = routed.failed.iter().map(|failure| ToldFailure {
            flow: failure.flow.clone(),
            step: failure.step.clone(),
            field: failure.field.clone(),
            code: failure.code,
            message: failure.message.clone(),
        });
        let missed = routed.missed.iter().map(|missed| ToldMiss {
            flow: missed.flow.clone(),
            step: missed.step.clone(),
            field: missed.field.clone(),
            lookup: missed.miss.lookup.clone(),
            value: missed.miss.value.clone(),
            then: missed.miss.then.as_str(),
            message: missed.miss.to_string(),
        });
        Self {
            event: event.event_type.name,
            subject: event.subject.clone(),
            from: config.name_of(&event.connection).to_string(),
            since: event.since.at,
            how: event.since.how.to_string(),
            actions: actions.collect(),
            skipped: skipped.collect(),
            failed: failed.collect(),
            missed: missed.collect(),
            not_concerned: not_concerned(config, &event, arguments.flow.as_deref()),
            one_flow: arguments.flow.is_some(),
            source: event,
        }
    }

    /// Whether any flow is about the event.
    pub(super) fn concerns(&self) -> bool {
        !(self.actions.is_empty() && self.skipped.is_empty() && self.failed.is_empty())
    }

    /// For people: flow by flow.
    pub(super) fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "{} {} from `{}`, true since {} ({})",
            self.event, self.subject, self.from, self.since, self.how
        )?;
        let mut flows: Vec<&str> = Vec::new();
        let named = self.actions.iter().map(|action| &action.flow);
        let named = named.chain(self.skipped.iter().map(|skip| &skip.flow));
        for flow in named.chain(self.failed.iter().map(|failure| &failure.flow)) {
            if !flows.contains(&flow.as_str()) {
                flows.push(flow);
            }
        }
        flows.iter().try_for_each(|flow| self.print_flow(out, flow))?;
        if self.one_flow {
            self.not_concerned
                .iter()
                .try_for_each(|(flow, why)| writeln!(out, "  flow `{flow}` is not concerned: {why}"))
        } else if flows.is_empty() {
            writeln!(out, "  no flow is about it")
        } else {
            Ok(())
        }
    }

    fn print_flow(&self, out: &mut dyn Write, flow: &str) -> io::Result<()> {
        for action in self.actions.iter().filter(|action| action.flow == flow) {
            let after = action.after.as_ref().map(|after| format!(", when `{after}` is done")).unwrap_or_default();
            let call = format!("{}.{}", action.connection, action.operation);
            let step = if action.step == call { String::new() } else { format!(", step `{}`", action.step) };
            let held = if action.held { ", once a person approves" } else { "" };
            writeln!(out, "  flow `{flow}`{step} would do {call}{after}{held}")?;
            for (name, value) in &action.parameters {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let on = action.only.of(name).map(|on| format!(" (on: {})", on.as_str())).unwrap_or_default();
                writeln!(out, "      {name}: {}{on}", cut(&text))?;
            }
        }
        for skip in self.skipped.iter().filter(|skip| skip.flow == flow) {
            let step = skip.step.as_ref().map(|step| format!(", step `{step}`,")).unwrap_or_default();
            writeln!(out, "  flow `{flow}`{step} does nothing ({})", skip.why)?;
            skip.clauses.iter().try_for_each(|clause| print_clause(out, clause))?;
        }
        for failure in self.failed.iter().filter(|failure| failure.flow == flow) {
            let step = failure.step.as_ref().map(|step| format!(", step `{step}`")).unwrap_or_default();
            let field = failure.field.as_ref().map(|field| format!(" in `{field}`")).unwrap_or_default();
            writeln!(out, "  flow `{flow}`{step} would fail{field}: {} ({})", failure.message, failure.code)?;
        }
        // What failed because of it says so itself.
        for missed in self.missed.iter().filter(|missed| missed.flow == flow && missed.then != "error") {
            let step = missed.step.as_ref().map(|step| format!(", step `{step}`")).unwrap_or_default();
            writeln!(out, "  flow `{flow}`{step}, `{}`: {} ({})", missed.field, missed.message, missed.then)?;
        }
        Ok(())
    }
}

/// The step whose end starts this one, and whose results are made up here.
fn step_before(config: &Config, flow: &str, step: &str) -> Option<String> {
    let flow = config.flows.find(flow)?;
    let step = flow.steps.iter().find(|other| other.name == step)?;
    Some(flow.steps.get(step.after?)?.name.clone())
}

fn print_clause(out: &mut dyn Write, clause: &Clause) -> io::Result<()> {
    let answer = match clause.holds {
        Some(true) => "yes",
        Some(false) => "NO",
        None => "it cannot be evaluated",
    };
    writeln!(out, "      {}: {answer}", clause.text)?;
    clause.values.iter().try_for_each(|(name, value)| writeln!(out, "          {name} is {}", cut(&value.to_string())))
}

fn cut(text: &str) -> String {
    let short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() { format!("{short} …") } else { short }
}

fn not_concerned(config: &Config, event: &Event, only: Option<&str>) -> BTreeMap<String, String> {
    let asked = |flow: &&Flow| only.is_none_or(|only| only == flow.name);
    let why = |flow: &Flow| {
        if !flow.types.contains(&event.event_type) {
            let types: Vec<_> = flow.types.iter().map(|event_type| event_type.name).collect();
            return Some(format!("it is about {}", types.join(", ")));
        }
        let from = flow.from.as_ref().filter(|from| !from.contains(&event.connection))?;
        let names: Vec<_> = from.iter().map(|name| config.name_of(name).as_str()).collect();
        Some(format!("it takes events from {} only", names.join(", ")))
    };
    let flows = config.flows.flows().iter().filter(asked);
    flows.filter_map(|flow| Some((flow.name.clone(), why(flow)?))).collect()
}
