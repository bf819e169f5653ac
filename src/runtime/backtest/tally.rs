//! What was found, counted: however many events were judged, it holds numbers and a few samples.

use std::collections::BTreeMap;

use super::{
    calls::{Calls, Prices},
    compare::{Compared, compare},
    report::{Counts, DependRow, Difference, FailureRow, Findings, Pair, Sample, SkipRow, StepRow},
    sides::{Depends, Made},
};
use crate::{
    model::{code::Code, connection::ConnectionName, time::Timestamp},
    router::{Failure, Skip, Why},
    topics::{action::Action, event::Event},
};

/// Kinds of failures that are told apart; a config has fewer, unless something is very wrong with it.
const MOST_FAILURES: usize = 1_000;

/// What everything is counted by.
pub(super) struct Scale {
    pub prices: Prices,
    /// Only this flow.
    pub flow: Option<String>,
    /// Samples of each kind for each step.
    pub samples: usize,
    /// The proposed flows that claim an earlier start, with it.
    pub starts: BTreeMap<String, Timestamp>,
    /// When the proposed flows would come into force.
    pub now: Timestamp,
}

impl Scale {
    fn is_about(&self, flow: &str) -> bool {
        self.flow.as_deref().is_none_or(|wanted| wanted == flow)
    }

    fn is_due(&self, flow: &str, event: &Event) -> bool {
        self.starts.get(flow).is_some_and(|start| *start <= event.since.at && event.since.at < self.now)
    }
}

/// What was counted.
#[derive(Default)]
pub(super) struct Tally {
    pub events: u64,
    pub unreadable: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    steps: BTreeMap<(String, String, ConnectionName, String), StepCount>,
    failures: BTreeMap<FailureKey, (Pair, String)>,
    skipped: BTreeMap<(String, Option<String>, Why), Pair>,
    depends: BTreeMap<Depends, Pair>,
    calls: Calls,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct FailureKey {
    flow: String,
    step: Option<String>,
    field: Option<String>,
    code: &'static str,
    message: String,
}

#[derive(Default)]
struct StepCount {
    counts: Counts,
    parameters: BTreeMap<String, u64>,
    samples: BTreeMap<Difference, Samples>,
}

/// The newest ones, by time and id: whoever judged them in which order, the same stay.
#[derive(Default)]
struct Samples(BTreeMap<(Timestamp, String), Sample>);

impl Samples {
    fn wants(&self, at: Timestamp, most: usize) -> bool {
        most > 0 && (self.0.len() < most || self.0.keys().next().is_some_and(|(first, _)| *first <= at))
    }

    fn add(&mut self, sample: Sample, most: usize) {
        self.0.insert((sample.arrived, sample.action.clone()), sample);
        while self.0.len() > most {
            self.0.pop_first();
        }
    }
}

/// One side's place in a pair.
const PRESENT: Pair = Pair { present: 1, proposed: 0 };
const PROPOSED: Pair = Pair { present: 0, proposed: 1 };

impl Tally {
    /// What both sides made of an event.
    pub fn add(&mut self, event: &Event, present: &Made, proposed: &Made, scale: &Scale) {
        self.events += 1;
        self.first = self.first.into_iter().chain([event.arrived]).min();
        self.last = self.last.max(Some(event.arrived));
        for compared in compare(&present.actions, &proposed.actions) {
            if scale.is_about(flow_of(compared.action)) {
                self.add_action(event, &compared, scale);
            }
        }
        for (side, made) in [(PRESENT, present), (PROPOSED, proposed)] {
            for skip in made.skipped.iter().filter(|skip| scale.is_about(&skip.flow)) {
                self.add_skip(skip, side);
            }
            for failure in made.failed.iter().filter(|failure| scale.is_about(&failure.flow)) {
                self.add_failure(failure, event, side);
            }
            for depends in made.depends.iter().filter(|depends| scale.is_about(&depends.flow)) {
                self.depends.entry(depends.clone()).or_default().add(side);
            }
        }
    }

    fn add_action(&mut self, event: &Event, compared: &Compared<'_>, scale: &Scale) {
        let action = compared.action;
        let of = Pair {
            present: u64::from(compared.difference != Some(Difference::New)),
            proposed: u64::from(compared.difference != Some(Difference::Gone)),
        };
        let (flow, step) = action.step().unwrap_or_default();
        let due = compared.difference == Some(Difference::New) && scale.is_due(flow, event);
        self.calls.add(&scale.prices, action, of, event.arrived, due);
        let key = (flow.to_owned(), step.to_owned(), action.connection.clone(), action.operation.clone());
        let count = self.steps.entry(key).or_default();
        let Some(kind) = compared.difference else {
            count.counts.same += 1;
            return;
        };
        match kind {
            Difference::New => count.counts.new += 1,
            Difference::Gone => count.counts.gone += 1,
            Difference::Changed => count.counts.changed += 1,
        }
        count.counts.due += u64::from(due);
        if kind == Difference::Changed {
            for name in compared.names() {
                *count.parameters.entry(name.to_owned()).or_default() += 1;
            }
        }
        let samples = count.samples.entry(kind).or_default();
        if samples.wants(event.arrived, scale.samples) {
            samples.add(sample(event, kind, compared), scale.samples);
        }
    }

    fn add_skip(&mut self, skip: &Skip, side: Pair) {
        self.skipped.entry((skip.flow.clone(), skip.step.clone(), skip.why)).or_default().add(side);
    }

    fn add_failure(&mut self, failure: &Failure, event: &Event, side: Pair) {
        let Failure { code, flow, step, field, message } = failure.clone();
        let key = FailureKey { flow, step, field, code: Code::as_str(code), message };
        if self.failures.len() < MOST_FAILURES || self.failures.contains_key(&key) {
            let (of, shown) = self.failures.entry(key).or_default();
            of.add(side);
            if shown.is_empty() || shown.as_str() > event.id.as_str() {
                event.id.as_str().clone_into(shown);
            }
        }
    }

    /// Puts together what two threads counted.
    pub fn merge(&mut self, other: Self, samples: usize) {
        self.events += other.events;
        self.unreadable += other.unreadable;
        self.first = self.first.into_iter().chain(other.first).min();
        self.last = self.last.max(other.last);
        for (key, theirs) in other.steps {
            self.steps.entry(key).or_default().merge(theirs, samples);
        }
        for (key, (of, shown)) in other.failures {
            let mine = self.failures.entry(key).or_default();
            mine.0.add(of);
            if mine.1.is_empty() || mine.1 > shown {
                mine.1 = shown;
            }
        }
        other.skipped.into_iter().for_each(|(key, of)| self.skipped.entry(key).or_default().add(of));
        other.depends.into_iter().for_each(|(key, of)| self.depends.entry(key).or_default().add(of));
        self.calls.merge(other.calls);
    }

    /// When the first and the last event arrived.
    pub fn span(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        (self.first, self.last)
    }

    pub fn into_findings(self, scale: &Scale) -> Findings {
        let step = |((flow, step, connection, operation), count): (_, StepCount)| StepRow {
            flow,
            step,
            connection,
            operation,
            counts: count.counts,
            parameters: count.parameters,
            samples: count.samples.into_values().flat_map(|samples| samples.0.into_values().rev()).collect(),
        };
        let failure = |(key, (of, event)): (FailureKey, _)| FailureRow {
            flow: key.flow,
            step: key.step,
            field: key.field,
            code: key.code.to_owned(),
            message: key.message,
            of,
            event,
        };
        let skip = |((flow, step, why), of): ((_, _, Why), _)| SkipRow { flow, step, why: why.as_str().to_owned(), of };
        let depend = |(Depends { flow, step, on }, of)| DependRow { flow, step, on, of };
        Findings {
            steps: self.steps.into_iter().map(step).collect(),
            failures: self.failures.into_iter().map(failure).collect(),
            skipped: self.skipped.into_iter().map(skip).collect(),
            depends: self.depends.into_iter().map(depend).collect(),
            calls: self.calls.into_rows(&scale.prices),
        }
    }
}

impl StepCount {
    fn merge(&mut self, other: Self, most: usize) {
        let (mine, theirs) = (&mut self.counts, other.counts);
        mine.same += theirs.same;
        mine.new += theirs.new;
        mine.gone += theirs.gone;
        mine.changed += theirs.changed;
        mine.due += theirs.due;
        other.parameters.into_iter().for_each(|(name, count)| *self.parameters.entry(name).or_default() += count);
        for (kind, samples) in other.samples {
            let mine = self.samples.entry(kind).or_default();
            samples.0.into_values().for_each(|sample| mine.add(sample, most));
        }
    }
}

fn flow_of(action: &Action) -> &str {
    action.step().map_or("", |(flow, _)| flow)
}

fn sample(event: &Event, kind: Difference, compared: &Compared<'_>) -> Sample {
    Sample {
        kind,
        event: event.id.to_string(),
        event_type: event.event_type.name.to_owned(),
        subject: event.subject.clone(),
        arrived: event.arrived,
        action: compared.action.id.to_string(),
        changes: compared.changes(),
    }
}
