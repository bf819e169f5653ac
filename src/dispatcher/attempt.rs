//! One try of an action: consult memory, judge, record the intent, talk to the vendor, settle or park.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use serde_json::Value;

use super::{
    answer::Answer,
    context::LaneContext,
    ledger::{self, Judgement},
    line::Item,
    settle::{Ended, How, settle},
    talk::{self, Spoken, converse},
    waiting,
};
use crate::{
    connectors::contract::{Done, Operation, Repeat, Target, operation::OperationKind},
    log::LogResult,
    model::{
        code::{self, Class, Code},
        time::Timestamp,
    },
    telemetry::{bug, killpoint},
    topics::{
        action::Action,
        memory::{self, ActionState, End, key},
    },
};

/// What the lane hears of an attempt.
#[derive(Debug)]
pub(super) enum Report {
    /// It came to its end.
    Settled(Item),
    /// It waits in memory.
    Parked { item: Item, due: Timestamp },
}

/// Tries an action once.
pub(super) async fn attempt(context: Arc<LaneContext>, mut item: Item) -> LogResult<Report> {
    let action = *item.action.take().expect("an action in line is whole");
    let turn = match decide(&context, &action, &mut item)? {
        Turn::Talk(aim) => {
            item.calls = aim.operation.calls;
            talk(&context, &action, &item, aim).await?
        }
        other => other,
    };
    match turn {
        Turn::Over => {
            // Settled before: only its place in line was left over.
            let records = waiting::forget(&context, &item);
            if !records.is_empty() {
                context.remember(records).await?;
            }
            Ok(Report::Settled(item))
        }
        Turn::Ends { how, aim } => {
            let aimed = aim.as_ref().map(|aim| (&aim.target, &aim.judgement));
            settle(&context, &Ended { action: &action, item: &item, how: *how, aimed }).await?;
            Ok(Report::Settled(item))
        }
        Turn::Waits(wait) => park(&context, action, item, wait).await,
        Turn::Talk(_) => unreachable!("talking ends in another turn"),
    }
}

/// What an action aims at, judged.
pub(super) struct Aim {
    pub operation: &'static Operation,
    pub target: Target,
    pub judgement: Judgement,
    pub repeat: Repeat,
}

enum Turn {
    /// It is settled already.
    Over,
    Talk(Box<Aim>),
    Ends {
        how: Box<How>,
        aim: Option<Box<Aim>>,
    },
    Waits(Wait),
}

struct Wait {
    due: Timestamp,
    code: Code,
    maybe_done: bool,
    /// A wait that is no failure: it counts as no attempt.
    counts: bool,
}

impl Turn {
    fn dead(code: Code, message: impl Into<String>) -> Self {
        Self::Ends { how: Box::new(How::Dead { code, message: message.into(), request: None, reply: None }), aim: None }
    }
}

/// What memory and the catalogue say, before anything is sent.
fn decide(context: &LaneContext, action: &Action, item: &mut Item) -> LogResult<Turn> {
    let now = context.now();
    let begun_at = match ledger::state(context.memory.as_ref(), &action.id)? {
        Some(ActionState::Settled(outcome)) if outcome.settles(action) => return Ok(Turn::Over),
        // Begun, and nothing was written about how it went: the process died in between, its request may have gone out at
        // any time before that, and has ended since.
        Some(ActionState::Begun { attempt, .. }) if attempt > item.attempts => {
            item.maybe_done = true;
            Some(context.taken_over)
        }
        Some(ActionState::Begun { at, .. }) => Some(at),
        Some(ActionState::Settled(_)) | None => None,
    };
    if let Some(due) = action.not_before.filter(|due| *due > now) {
        return Ok(Turn::Waits(Wait { due, code: code::NOT_THERE, maybe_done: item.maybe_done, counts: false }));
    }
    let Some(operation) = context.operation(&action.operation) else {
        let text = format!("`{}` has no operation `{}`", context.connection.vendor.name, action.operation);
        return Ok(Turn::dead(code::UNKNOWN_OPERATION, text));
    };
    let repeat = context.connection.connector.repeat(operation);
    // The ledger first: what it holds of this very action proves that it was done.
    let turn = aim(context, action, operation, repeat)?;
    let stops = match &turn {
        Turn::Talk(_) if operation.kind == OperationKind::Fetch => None,
        Turn::Talk(_) if item.maybe_done => in_doubt(repeat, begun_at, now),
        Turn::Talk(_) if item.attempts == 0 && begun_at.is_none() => suspect(context, action, now),
        _ => None,
    };
    Ok(stops.unwrap_or(turn))
}

/// An action that looks like the next turn of a loop is not sent.
fn suspect(context: &LaneContext, action: &Action, now: Timestamp) -> Option<Turn> {
    let why = context.loops.lock().unwrap_or_else(PoisonError::into_inner).suspect(action, now)?;
    context.shared.metrics.loop_suspected(&context.connection.name);
    Some(Turn::dead(code::LOOP_SUSPECTED, why))
}

/// What an action that may have happened must wait for, or why it must not be tried again.
fn in_doubt(repeat: Repeat, begun_at: Option<Timestamp>, now: Timestamp) -> Option<Turn> {
    match repeat {
        Repeat::Unsafe => {
            Some(Turn::dead(code::IN_DOUBT, "it was begun, its answer was lost, and it cannot be repeated safely"))
        }
        Repeat::Checked { settle } => {
            let due = begun_at? + settle;
            (due > now).then_some(Turn::Waits(Wait { due, code: code::TIMED_OUT, maybe_done: true, counts: false }))
        }
        Repeat::Natural | Repeat::Keyed => None,
    }
}

fn aim(context: &LaneContext, action: &Action, operation: &'static Operation, repeat: Repeat) -> LogResult<Turn> {
    let target = match operation.kind {
        OperationKind::Fetch => Target { object: String::new(), registers: Vec::new() },
        OperationKind::Write => match context.connection.connector.target(operation, &action.parameters) {
            Ok(target) => target,
            Err(why) => return Ok(Turn::dead(code::BAD_PARAMETER, why)),
        },
    };
    let judgement = ledger::judge(context.memory.as_ref(), action, &target)?;
    let end = match judgement.end(&target) {
        // The vendor holds it already: only the ledger learns of it, under the ledger's own rules.
        None | Some(End::Done) if action.adopt && operation.kind == OperationKind::Write => Some(End::Adopted),
        end => end,
    };
    let result = judgement.result.clone();
    let aim = Box::new(Aim { operation, target, judgement, repeat });
    Ok(match end {
        Some(end) => Turn::Ends { how: Box::new(How::Nothing { end, result }), aim: Some(aim) },
        None => Turn::Talk(aim),
    })
}

/// Records the intent where that is promised, and talks to the vendor.
async fn talk(context: &LaneContext, action: &Action, item: &Item, mut aim: Box<Aim>) -> LogResult<Turn> {
    if matches!(aim.repeat, Repeat::Checked { .. } | Repeat::Unsafe) && aim.operation.kind == OperationKind::Write {
        context.proof.ensure().await?;
        let state = ActionState::Begun { at: context.now(), attempt: item.attempts + 1, progress: Value::Null };
        let record = memory::put(&context.memory_topic, &key::action(&action.id), &state, context.epoch, context.now());
        if !bug::is("intent-unwritten") {
            context.remember(vec![record]).await?;
        }
        killpoint::reached("intent-written");
    }
    let begun = context.shared.clock.elapsed();
    let spoken = converse(context, action, &mut aim, item.maybe_done).await?;
    let took = context.shared.clock.elapsed().saturating_sub(begun);
    let name = &context.connection.name;
    context.shared.metrics.attempt(name, aim.operation.name, talk::failure_of(&spoken.answer), took);
    Ok(conclude(context, action, item, aim, spoken))
}

/// What the end of the conversation means for the action.
fn conclude(context: &LaneContext, action: &Action, item: &Item, aim: Box<Aim>, spoken: Spoken) -> Turn {
    let dead = |code, message: String, spoken: Spoken| Turn::Ends {
        how: Box::new(How::Dead { code, message, request: spoken.request, reply: spoken.reply }),
        aim: None,
    };
    match spoken.answer.clone() {
        Answer::Done(done) => {
            warn_of(context, action, &done);
            Turn::Ends { how: Box::new(How::Done { done, reply: spoken.reply }), aim: Some(aim) }
        }
        Answer::Refused(why) => dead(code::REFUSED, why, spoken),
        Answer::Forgotten => {
            let why = "the vendor does not know the object that it named itself";
            dead(code::REFUSED, why.to_owned(), spoken)
        }
        Answer::Halts(code) => {
            let maybe_done = item.maybe_done || spoken.got_through;
            Turn::Waits(Wait { due: context.now(), code, maybe_done, counts: true })
        }
        Answer::Retry { code, maybe_done, after } => {
            let maybe_done = item.maybe_done || maybe_done || spoken.got_through;
            match retry(context, item, &aim, code, maybe_done, after) {
                Ok(wait) => Turn::Waits(wait),
                Err((code, message)) => dead(code, message, spoken),
            }
        }
        Answer::Next(_) => unreachable!("the conversation goes on until it has an answer"),
    }
}

fn warn_of(context: &LaneContext, action: &Action, done: &Done) {
    for warning in &done.warnings {
        tracing::warn!(connection.id = %context.connection.name, action.id = %action.id, warning, "done with a warning");
    }
}

/// When to try again, or why not.
fn retry(
    context: &LaneContext,
    item: &Item,
    aim: &Aim,
    code: Code,
    maybe_done: bool,
    after: Option<Duration>,
) -> Result<Wait, (Code, String)> {
    let now = context.now();
    if maybe_done && aim.repeat == Repeat::Unsafe && aim.operation.kind == OperationKind::Write {
        return Err((
            code::IN_DOUBT,
            format!("`{}`: its answer was lost ({code}), and it cannot be repeated safely", aim.operation.name),
        ));
    }
    if code.page().class == Class::Permanent {
        return Err((code, format!("`{}`: {}", aim.operation.name, code.page().title)));
    }
    let delivery = &context.connection.delivery;
    let (limit, end) = if code == code::NOT_THERE {
        (delivery.not_there_max_age, code::NOT_THERE)
    } else {
        (delivery.max_age, code::EXHAUSTED)
    };
    let failing_for =
        item.since.map_or(Duration::ZERO, |since| Duration::try_from(now.duration_since(since)).unwrap_or_default());
    if failing_for >= limit {
        let title = code.page().title;
        return Err((end, format!("`{}`: still after {} attempts: {title}", aim.operation.name, item.attempts + 1)));
    }
    // Nobody waits longer than for the last try, whatever the vendor wishes.
    let mut wait = context.wait(item.attempts + 1, after.map(|wished| wished.min(limit)));
    if let (true, Repeat::Checked { settle }) = (maybe_done, aim.repeat) {
        wait = wait.max(settle);
    }
    Ok(Wait { due: now + wait, code, maybe_done, counts: true })
}

/// Parks an action in memory until its time.
async fn park(context: &LaneContext, action: Action, mut item: Item, wait: Wait) -> LogResult<Report> {
    let now = context.now();
    if wait.counts {
        item.attempts += 1;
        item.since = item.since.or(Some(now));
    }
    item.maybe_done = wait.maybe_done;
    context.remember(waiting::park(context, &item, action, wait.due, wait.code)).await?;
    Ok(Report::Parked { item, due: wait.due })
}
