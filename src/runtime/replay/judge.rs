//! What a record gives: normalizer and router as functions, beside the ones that run. Nothing is written here, and no
//! memory is asked.

use std::collections::BTreeSet;

use super::{seen::Seen, selection::Selection};
use crate::{
    model::{
        code::{self, Code},
        id::{ActionId, Ids},
        time::Timestamp,
    },
    normalizer::{Normalizer, event_of, fetch_of},
    router::{Foreseen, Routed, Routing, Rules, Skip, foresee, route},
    topics::{
        action::{Action, Continuation, Purpose},
        body::Body,
        control::Control,
        event::{Event, Origin, OriginKind},
        record::Record,
        replay::{Begin, Counts, Effect, Mode, Request},
        travel,
        webhook::Webhook,
    },
};

/// An action that may have to be done.
pub(super) struct Candidate {
    pub action: Action,
    /// When everything is done again: the id that it had the first time.
    pub first: Option<ActionId>,
}

/// What a record gives.
pub(super) enum Found {
    /// A fact, not judged yet: perhaps memory says that all of it is done.
    Fact(Box<Event>),
    Action(Box<Candidate>),
}

/// What all records are judged by.
pub(super) struct Judge {
    pub request: Request,
    pub origin: Origin,
    pub normalizer: Normalizer,
    pub ids: Ids,
    pub rules: Rules,
    /// The types of events that any flow is about: nothing else need be looked at.
    pub types: BTreeSet<&'static str>,
    pub remember: std::time::Duration,
    pub now: Timestamp,
}

impl Judge {
    fn selection(&self) -> Selection<'_> {
        Selection { request: &self.request, ids: &self.ids }
    }

    /// What one record gives.
    pub fn record(&self, record: &Record, seen: &Seen, counts: &mut Counts) -> Vec<Found> {
        counts.records += 1;
        let judged = match self.request.begin {
            Begin::Webhooks => self.webhook(record, seen, counts),
            Begin::Events => self.recorded_event(record, seen, counts),
            Begin::Actions => self.recorded_action(record, counts),
        };
        judged.unwrap_or_else(|code| {
            *counts.unusable.entry(code.to_string()).or_default() += 1;
            Vec::new()
        })
    }

    fn webhook(&self, record: &Record, seen: &Seen, counts: &mut Counts) -> Result<Vec<Found>, Code> {
        let mut webhook = Webhook::from_record(record).map_err(|_| code::UNREADABLE_RECORD)?;
        let selection = self.selection();
        if !selection.arrived(webhook.arrived) {
            return Ok(Vec::new());
        }
        if !selection.imported(&webhook) {
            counts.imported += u64::from(webhook.origin.kind == OriginKind::Import);
            return Ok(Vec::new());
        }
        counts.webhooks += 1;
        let proven = self.normalizer.proves(&webhook).map_err(|(code, _)| code)?;
        let mut found = Vec::new();
        for fetch in proven.fetches {
            found.push(self.fetch(fetch_of(&self.ids, &webhook, fetch)));
        }
        webhook.origin = self.origin.clone();
        counts.facts += proven.facts.len() as u64;
        for fact in proven.facts.into_iter().filter(|fact| self.types.contains(fact.event_type.name)) {
            let event = event_of(&self.ids, &webhook, fact);
            if selection.event(&event) && !seen.knows(event.id.as_str()) {
                found.push(Found::Fact(Box::new(event)));
            }
        }
        Ok(found)
    }

    /// A fetch keeps its id, so that one that was made is never made again. What its reply gives rise to is part of this.
    fn fetch(&self, mut action: Action) -> Found {
        let run = match self.origin.kind {
            OriginKind::Repeat => self.origin.run.clone(),
            _ => action.origin.run.clone(),
        };
        action.origin = Origin::of_run(self.origin.kind, run);
        if let Purpose::Fetch { webhook, .. } = &mut action.purpose {
            webhook.origin = action.origin.clone();
        }
        Found::Action(Box::new(Candidate { action, first: None }))
    }

    fn recorded_event(&self, record: &Record, seen: &Seen, counts: &mut Counts) -> Result<Vec<Found>, Code> {
        let event = Event::from_record(record).map_err(|_| code::UNREADABLE_RECORD)?;
        let selection = self.selection();
        if !selection.arrived(event.arrived) || event.origin.kind == OriginKind::Import {
            return Ok(Vec::new());
        }
        let event = travel::event(event, &self.origin).map_err(|_| code::UNREADABLE_RECORD)?;
        let first = match &event.body {
            Body::Step(step) if step.continuation.is_empty() => return Ok(Vec::new()),
            Body::Step(step) => Some(first_event(&step.continuation)?),
            _ => None,
        };
        let about = first.as_ref().unwrap_or(&event);
        let came_from = self.request.connection.as_ref().is_none_or(|wanted| *wanted == about.connection);
        if !came_from || !selection.event(about) {
            return Ok(Vec::new());
        }
        counts.facts += u64::from(first.is_none());
        let listened = first.is_some() || self.types.contains(event.event_type.name);
        if !listened || seen.knows(event.id.as_str()) {
            return Ok(Vec::new());
        }
        Ok(vec![Found::Fact(Box::new(event))])
    }

    fn recorded_action(&self, record: &Record, counts: &mut Counts) -> Result<Vec<Found>, Code> {
        if !matches!(Control::from_record(record), Ok(None)) {
            return Ok(Vec::new());
        }
        let action = Action::from_record(record).map_err(|_| code::UNREADABLE_RECORD)?;
        let selection = self.selection();
        let (flow, _) = action.step().unwrap_or_default();
        let meant = selection.arrived(action.source.arrived) && selection.action(&action) && selection.flow(flow);
        if !meant || action.origin.kind == OriginKind::Import {
            return Ok(Vec::new());
        }
        counts.facts += 1;
        if action.step().is_none() {
            return Ok(vec![self.fetch(action)]);
        }
        let action = travel::action(action, &self.origin).map_err(|_| code::UNREADABLE_RECORD)?;
        Ok(vec![Found::Action(Box::new(Candidate { action, first: None }))])
    }

    /// What an event gives: a fact, or the end of a step.
    pub fn judge(&self, event: &Event, seen: &mut Seen, counts: &mut Counts) -> Vec<Candidate> {
        let routed = self.route(event);
        // What could not be judged may be told better by a later snapshot.
        if routed.failed.is_empty() {
            seen.add(event.id.as_str());
        }
        let flow = |flow: &str| self.selection().flow(flow);
        self.count_skipped(&routed.skipped, counts);
        for failure in routed.failed.iter().filter(|failure| flow(&failure.flow)) {
            *counts.unusable.entry(failure.code.to_string()).or_default() += 1;
        }
        let firsts = self.first_ids(event);
        let candidates = routed.actions.into_iter().enumerate().map(|(index, mut action)| {
            action.adopt |= self.request.effect == Effect::Adopt;
            Candidate { action, first: firsts.as_ref().and_then(|firsts| firsts.get(index).cloned()) }
        });
        candidates.filter(|candidate| candidate.action.step().is_some_and(|(name, _)| flow(name))).collect()
    }

    /// Whether a fetch that is missing may be made.
    pub fn may_fetch(&self, action: &Action) -> bool {
        self.selection().fetch(action)
    }

    /// What a fact must have given, as far as ids tell. When everything is done again, that is not asked.
    pub fn foresee(&self, event: &Event) -> Option<Foreseen> {
        let asked = self.request.mode != Mode::All;
        let mut foreseen = asked.then(|| foresee(event, &self.routing())).flatten()?;
        foreseen.steps.retain(|step| self.selection().flow(&step.flow));
        Some(foreseen)
    }

    /// Counts what flows did not do.
    pub fn count_skipped(&self, skipped: &[Skip], counts: &mut Counts) {
        for skip in skipped.iter().filter(|skip| self.selection().flow(&skip.flow)) {
            *counts.skipped.entry(skip.flow.clone()).or_default().entry(skip.why.as_str().to_owned()).or_default() += 1;
        }
    }

    fn routing(&self) -> Routing<'_> {
        Routing { rules: &self.rules, ids: &self.ids, remember: self.remember, now: self.now }
    }

    fn route(&self, event: &Event) -> Routed {
        route(event, &self.routing())
    }

    /// The ids under which the same was done before: only a replay of everything gives new ones.
    fn first_ids(&self, event: &Event) -> Option<Vec<ActionId>> {
        if self.request.mode != Mode::All {
            return None;
        }
        let event = Event { origin: Origin::default(), ..event.clone() };
        Some(self.route(&event).actions.into_iter().map(|action| action.id).collect())
    }
}

fn first_event(continuation: &str) -> Result<Event, Code> {
    let read = Continuation::from_text(continuation).and_then(|continuation| continuation.event.event());
    read.map_err(|_| code::UNREADABLE_RECORD)
}
