//! The one function that settles an action. Nobody else produces or commits for one.
//!
//! What an action gives rise to (reply, step event, dead letter) is written first, then its ledger records, then its
//! outcome; the lane moves the offset after that. Whatever is missing after a crash is completed from what is there.

use std::collections::{BTreeMap, BTreeSet};

use super::{context::LaneContext, hold::Change, ledger, ledger::Judgement, line::Item, waiting};
use crate::{
    connectors::contract::{Done, Target},
    log::{LogError, LogResult},
    model::{
        code::{self, Code},
        http::{Reply, Request},
        time::Timestamp,
    },
    telemetry::{bug, killpoint, trace},
    topics::{
        action::{Action, Purpose},
        dead::{DeadLetter, Kind},
        event::Entity,
        memory::{self, ActionState, End, Link, Outcome, key},
        record::Append,
        step,
        webhook::FetchedReply,
    },
};

/// How an action ended, with all that must be written down.
pub(super) struct Ended<'a> {
    pub action: &'a Action,
    /// Its place in line.
    pub item: &'a Item,
    pub how: How,
    /// What it aimed at, where that could be told.
    pub aimed: Option<(&'a Target, &'a Judgement)>,
}

/// The ways to end.
pub(super) enum How {
    /// The vendor did it. A fetch has its reply.
    Done { done: Done, reply: Option<Reply> },
    /// There was nothing to do.
    Nothing { end: End, result: BTreeMap<String, String> },
    /// It is left out.
    Dropped(Code),
    /// It is a dead letter.
    Dead { code: Code, message: String, request: Option<Request>, reply: Option<Reply> },
    /// It waits until a person has agreed.
    Held { message: String },
    /// A person said no.
    Refused,
}

impl Ended<'_> {
    /// The attempt that has just ended included. What only waits for a person was not tried.
    fn attempts(&self) -> u32 {
        self.item.attempts + u32::from(!matches!(self.how, How::Held { .. } | How::Refused))
    }
}

impl How {
    pub fn end(&self) -> End {
        match self {
            Self::Done { .. } => End::Done,
            Self::Nothing { end, .. } => *end,
            Self::Dropped(code) => End::Dropped(*code),
            Self::Dead { code, .. } => End::Dead(*code),
            Self::Held { .. } => End::Held,
            Self::Refused => End::Refused,
        }
    }

    /// Whether the target now holds what the action wanted.
    fn achieved(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Nothing { .. })
    }

    /// The registers that were not written although they were to be.
    fn unwritten(&self) -> &BTreeSet<String> {
        static NONE: BTreeSet<String> = BTreeSet::new();
        match self {
            Self::Done { done, .. } => &done.unwritten,
            _ => &NONE,
        }
    }

    fn result(&self) -> BTreeMap<String, String> {
        match self {
            Self::Done { done, .. } => done.result.clone(),
            Self::Nothing { result, .. } => result.clone(),
            Self::Dropped(_) | Self::Dead { .. } | Self::Held { .. } | Self::Refused => BTreeMap::new(),
        }
    }
}

/// Settles an action, durably. A fetch whose reply has no room in the log is a dead letter instead.
pub(super) async fn settle(context: &LaneContext, ended: &Ended<'_>) -> LogResult<()> {
    match (settle_as_is(context, ended).await, &ended.how, &ended.action.purpose) {
        (Err(LogError::TooLarge { topic }), How::Done { .. }, Purpose::Fetch { .. }) => {
            let message = format!("the webhook with its reply is larger than the topic `{topic}` takes");
            let how = How::Dead { code: code::ANSWER_TOO_LARGE, message, request: None, reply: None };
            settle_as_is(context, &Ended { how, aimed: None, ..*ended }).await
        }
        (settled, _, _) => settled,
    }
}

async fn settle_as_is(context: &LaneContext, ended: &Ended<'_>) -> LogResult<()> {
    let now = context.now();
    let change = Change::of(context, &ended.action.id, &ended.how)?;
    let all_outputs = || {
        let mut outputs = outputs(context, ended, now);
        outputs.extend(change.removals(context, &ended.action.id, &ended.how));
        outputs
    };
    let late = bug::is("outputs-after-outcome");
    if !late {
        context.append(all_outputs()).await?;
    }
    killpoint::reached("settle-outputs-written");
    context.remember(change.around(context, &ended.action.id, records(context, ended, now))).await?;
    killpoint::reached("outcome-written");
    if late {
        context.append(all_outputs()).await?;
    }
    change.tell(context);
    let metrics = &context.shared.metrics;
    let operation = context.operation(&ended.action.operation).map_or("unknown", |operation| operation.name);
    metrics.outcome(&context.connection.name, operation, ended.how.end().as_str());
    if let How::Dead { code, .. } = &ended.how {
        metrics.dead(Kind::Action.as_str(), *code);
    }
    tell(context, ended);
    Ok(())
}

/// One line for the log.
fn tell(context: &LaneContext, ended: &Ended<'_>) {
    let (action, end) = (ended.action, ended.how.end());
    let (connection, operation) = (&context.connection.name, action.operation.as_str());
    let trace = trace::id_in(action.traceparent.as_deref());
    if let End::Dead(code) = end {
        tracing::warn!(
            connection.id = %connection, action.id = %action.id, trace.id = trace, operation, code = code.as_str(),
            attempt = ended.attempts(), "action is a dead letter"
        );
    } else {
        tracing::info!(
            connection.id = %connection, action.id = %action.id, trace.id = trace, operation, end = end.as_str(),
            attempt = ended.attempts(), "action settled"
        );
    }
}

fn outputs(context: &LaneContext, ended: &Ended<'_>, now: Timestamp) -> Vec<Append> {
    let mut outputs = Vec::new();
    match (&ended.how, &ended.action.purpose) {
        (How::Done { reply: Some(reply), .. }, Purpose::Fetch { purpose, webhook }) => {
            let mut webhook = webhook.as_ref().clone();
            webhook.replies.push(FetchedReply {
                purpose: purpose.clone(),
                action: ended.action.id.clone(),
                at: now,
                status: reply.status,
                body: reply.body.clone(),
            });
            outputs.push(webhook.to_append(context.shared.names.webhooks(&context.connection.name)));
        }
        (How::Dead { .. } | How::Held { .. }, _) if !bug::is("letter-unwritten") => {
            outputs.push(dead_letter(context, ended, now));
        }
        _ => {}
    }
    let (ids, end) = (&context.shared.ids, ended.how.end());
    let event = step::ended(ids, ended.action, end, ended.how.result(), now);
    outputs.extend(event.map(|event| event.to_append(context.shared.names.events(Entity::Step))));
    outputs
}

fn dead_letter(context: &LaneContext, ended: &Ended<'_>, now: Timestamp) -> Append {
    let (code, message, request, reply) = match &ended.how {
        How::Dead { code, message, request, reply } => (*code, message, request.as_ref(), reply.as_ref()),
        How::Held { message } => (code::HELD, message, None, None),
        _ => unreachable!("only what died or is held has a letter"),
    };
    let action = ended.action;
    let original = action.to_append(context.shared.names.lane(&action.connection, &action.origin));
    let what = match &action.purpose {
        Purpose::Step { flow, step, .. } => format!("{flow}/{step}"),
        Purpose::Fetch { purpose, .. } => format!("fetch {purpose}"),
        Purpose::List { list, .. } => format!("list {list}"),
    };
    DeadLetter {
        id: context.shared.ids.dead(action.id.as_str()),
        kind: Kind::Action,
        code,
        message: message.clone(),
        connection: Some(action.connection.clone()),
        what: Some(what),
        webhook: Some(action.source.webhook.clone()),
        at: now,
        attempts: ended.attempts(),
        request: request.map(|request| describe(request, &action.operation)),
        answer: reply.map(|reply| format!("status {}, {} bytes", reply.status, reply.body.len())),
        topic: original.topic,
        key: original.key,
        headers: original
            .headers
            .0
            .into_iter()
            .map(|(name, value)| (name, crate::topics::dead::HeaderBytes(value)))
            .collect(),
        value: original.value.unwrap_or_default(),
    }
    .to_append(context.shared.names.dead())
}

/// A request in short. Its path may name a person, so only the host is told.
fn describe(request: &Request, operation: &str) -> String {
    format!("{operation}: {} {}", request.method.as_str(), request.url.origin().ascii_serialization())
}

/// The ledger's records, then the outcome, then the waiting action's end: in this order, in one write.
fn records(context: &LaneContext, ended: &Ended<'_>, now: Timestamp) -> Vec<Append> {
    let (topic, epoch) = (context.memory_topic.as_str(), context.epoch);
    let action = ended.action;
    let result = ended.how.result();
    let mut records = Vec::new();
    if let Some((target, judgement)) = ended.aimed.filter(|_| ended.how.achieved()) {
        for (key, entry) in ledger::entries(action, target, judgement, &result, ended.how.unwritten()) {
            records.push(memory::put(topic, &key, &entry, epoch, now));
        }
    }
    if let How::Done { done: Done { vendor_id: Some(vendor_id), .. }, .. } = &ended.how {
        let link = Link { vendor_id: vendor_id.clone(), action: action.id.clone() };
        records.push(memory::put(topic, &key::link(&action.conflict), &link, epoch, now));
    }
    let (end, attempts, webhook) = (ended.how.end(), ended.attempts(), Some(action.source.webhook.clone()));
    let outcome = Outcome { end, at: now, attempts, retry: action.retry, result, webhook };
    records.push(memory::put(topic, &key::action(&action.id), &ActionState::Settled(outcome), epoch, now));
    records.extend(waiting::forget(context, ended.item));
    records
}
