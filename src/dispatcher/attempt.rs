//! One try of an action: consult memory, judge, record the intent, talk to the vendor, settle or park.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use serde_json::Value;

use super::{
    answer::Answer,
    circuit::Pass,
    context::LaneContext,
    hold,
    ledger::{self, Judgement},
    limits::Allowance,
    line::Item,
    list::{self, Listed},
    settle::{Ended, How, settle},
    sign::{self, Sign},
    slots::Slot,
    talk::{self, Spoken, ask_first, converse},
    timeline::span,
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
        action::{Action, Purpose},
        hold::Verdict,
        memory::{self, ActionState, End, Outcome, key},
    },
};

/// What the lane hears of an attempt.
#[derive(Debug)]
pub(super) enum Report {
    /// It came to its end.
    Settled(Item),
    /// It waits in memory, until then on the lane's timeline.
    Parked { item: Item, due: Timestamp },
}

/// Tries an action once. The slot is given back as soon as nothing more is to be said to the vendor.
pub(super) async fn attempt(context: Arc<LaneContext>, pass: Pass, slot: Slot, mut item: Item) -> LogResult<Report> {
    let action = *item.action.take().expect("an action in line is whole");
    hold::note_approval(&context, &action).await?;
    let turn = match decide(&context, &action, &mut item)? {
        Turn::Talk(aim) => {
            item.calls = aim.operation.calls;
            talk(&context, &pass, &action, &item, aim).await?
        }
        Turn::List => {
            let listed = list::page(&context, &pass, &action, &mut item).await?;
            turn_of_list(&context, &item, listed)
        }
        other => other,
    };
    drop(slot);
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
        Turn::Talk(_) | Turn::List => unreachable!("talking ends in another turn"),
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
    /// The next page of a list.
    List,
    Ends {
        how: Box<How>,
        aim: Option<Box<Aim>>,
    },
    Waits(Wait),
}

struct Wait {
    pause: Duration,
    code: Code,
    maybe_done: bool,
    /// A wait that is no failure: it counts as no attempt.
    counts: bool,
}

/// The longest that an action waits for a limit before it asks again: somebody may raise it, or set the clock.
const LONGEST_FOR_A_LIMIT: Duration = Duration::from_hours(1);

fn limited(context: &LaneContext, until: Timestamp, maybe_done: bool) -> Wait {
    let wait = span(context.now(), until).min(LONGEST_FOR_A_LIMIT);
    Wait { pause: wait, code: code::LIMIT_REACHED, maybe_done, counts: true }
}

impl Turn {
    fn ends(how: How) -> Self {
        Self::Ends { how: Box::new(how), aim: None }
    }

    fn dead(code: Code, message: impl Into<String>) -> Self {
        Self::ends(How::Dead { code, message: message.into(), request: None, reply: None })
    }
}

/// Whether an action's end, as memory holds it, is its end still.
pub(super) fn is_settled(context: &LaneContext, action: &Action, outcome: &Outcome) -> LogResult<bool> {
    let target = || {
        let operation = context.operation(&action.operation).filter(|it| it.kind == OperationKind::Write)?;
        context.connection.connector.target(operation, &action.standing()).ok()
    };
    ledger::settles(context.memory.as_ref(), outcome, action, target)
}

/// What memory and the catalogue say, before anything is sent.
fn decide(context: &LaneContext, action: &Action, item: &mut Item) -> LogResult<Turn> {
    let state = ledger::state(context.memory.as_ref(), &action.id)?;
    let begun = matches!(state, Some(ActionState::Begun { .. }));
    match state {
        Some(ActionState::Settled(outcome)) if is_settled(context, action, &outcome)? => return Ok(Turn::Over),
        // Begun, and nothing was written about how it went: the process died in between, its request may have gone out at
        // any time before that, and has ended since.
        Some(ActionState::Begun { attempt, .. }) if attempt > item.attempts => {
            item.maybe_done = true;
        }
        Some(ActionState::Begun { .. } | ActionState::Settled(_)) | None => {}
    }
    if action.verdict() == Some(Verdict::Refused) {
        return Ok(Turn::ends(How::Refused));
    }
    if let Some(wait) = too_early(context, action, item) {
        return Ok(Turn::Waits(Wait {
            pause: wait,
            code: code::NOT_THERE,
            maybe_done: item.maybe_done,
            counts: false,
        }));
    }
    if matches!(action.purpose, Purpose::List { .. }) {
        return Ok(Turn::List);
    }
    let Some(operation) = context.operation(&action.operation) else {
        let text = format!("`{}` has no operation `{}`", context.connection.vendor.name, action.operation);
        return Ok(Turn::dead(code::UNKNOWN_OPERATION, text));
    };
    let repeat = context.connection.connector.repeat(operation);
    // The ledger first: what it holds of this very action proves that it was done.
    let turn = aim(context, action, operation, repeat)?;
    if matches!(turn, Turn::Talk(_))
        && let Some(held) = hold::waits(context, action, begun)?
    {
        return Ok(Turn::ends(held));
    }
    let stops = match &turn {
        Turn::Talk(_) if operation.kind == OperationKind::Fetch => None,
        Turn::Talk(_) if item.maybe_done => in_doubt(context, item, repeat),
        Turn::Talk(_) if item.attempts == 0 => suspect(context, action),
        _ => None,
    };
    Ok(stops.unwrap_or(turn))
}

/// An action that looks like the next turn of a loop is not sent.
fn suspect(context: &LaneContext, action: &Action) -> Option<Turn> {
    let now = context.circuit.timeline.now();
    let why = context.loops.lock().unwrap_or_else(PoisonError::into_inner).suspect(action, now)?;
    context.shared.metrics.loop_suspected(&context.connection.name);
    Some(Turn::dead(code::LOOP_SUSPECTED, why))
}

/// How long an action must still wait for its time. What has waited for it once does not wait again, even if the time of day
/// was set back meanwhile.
fn too_early(context: &LaneContext, action: &Action, item: &Item) -> Option<Duration> {
    let due = action.not_before.filter(|due| item.age.waited_to.is_none_or(|to| to < *due))?;
    Some(span(context.now(), due)).filter(|wait| !wait.is_zero())
}

/// What an action that may have happened must wait for, or why it must not be tried again.
fn in_doubt(context: &LaneContext, item: &Item, repeat: Repeat) -> Option<Turn> {
    match repeat {
        Repeat::Unsafe => {
            Some(Turn::dead(code::IN_DOUBT, "it was begun, its answer was lost, and it cannot be repeated safely"))
        }
        Repeat::Checked { settle } => {
            let wait = context.unsettled_for(item, settle);
            let waits = Turn::Waits(Wait { pause: wait, code: code::TIMED_OUT, maybe_done: true, counts: false });
            (!wait.is_zero()).then_some(waits)
        }
        Repeat::Natural | Repeat::Keyed => None,
    }
}

fn aim(context: &LaneContext, action: &Action, operation: &'static Operation, repeat: Repeat) -> LogResult<Turn> {
    let target = match operation.kind {
        OperationKind::Fetch => Target { object: String::new(), registers: Vec::new() },
        OperationKind::Write => match context.connection.connector.target(operation, &action.standing()) {
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
async fn talk(context: &LaneContext, pass: &Pass, action: &Action, item: &Item, mut aim: Box<Aim>) -> LogResult<Turn> {
    // What may have happened already is not left out any more.
    match context.admit(aim.operation, action.optional && !item.maybe_done).await? {
        Allowance::Go => {}
        Allowance::Later(until) => {
            return Ok(Turn::Waits(Wait { counts: false, ..limited(context, until, item.maybe_done) }));
        }
        Allowance::Drop => return Ok(Turn::Ends { how: Box::new(How::Dropped(code::LIMIT_REACHED)), aim: None }),
    }
    if aim.repeat == Repeat::Unsafe
        && pass.is_probe()
        && let Some(answer) = ask_first(context, pass).await?
    {
        let code = talk::failure_of(&answer).unwrap_or(code::UNEXPECTED_ANSWER);
        let wait = Wait { pause: Duration::ZERO, code, maybe_done: item.maybe_done, counts: false };
        return Ok(Turn::Waits(wait));
    }
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
    let spoken = converse(context, pass, action, &mut aim, item.maybe_done).await?;
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
        Answer::Halts(code) | Answer::Barred(code) => {
            let maybe_done = item.maybe_done || spoken.may_have_acted();
            match stays_safe(&aim, code, maybe_done) {
                Ok(()) => Turn::Waits(Wait { pause: Duration::ZERO, code, maybe_done, counts: true }),
                Err((code, message)) => dead(code, message, spoken),
            }
        }
        // It counts as an attempt, because its intent does.
        Answer::Later { until } => {
            let maybe_done = item.maybe_done || spoken.may_have_acted();
            match stays_safe(&aim, code::LIMIT_REACHED, maybe_done) {
                Ok(()) => Turn::Waits(limited(context, until, maybe_done)),
                Err((code, message)) => dead(code, message, spoken),
            }
        }
        Answer::Retry { code, after, .. } => {
            let maybe_done = item.maybe_done || spoken.may_have_acted();
            let outage = !context.circuit.is_closed()
                && matches!(sign::of(&spoken.answer), Sign::Fails { .. } | Sign::Bans { .. });
            match retry(context, item, &aim, &Failure { code, maybe_done, after, outage }) {
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

/// What cannot be repeated safely must not wait for a second try once it may have happened.
fn stays_safe(aim: &Aim, code: Code, maybe_done: bool) -> Result<(), (Code, String)> {
    if maybe_done && aim.repeat == Repeat::Unsafe && aim.operation.kind == OperationKind::Write {
        let text = format!("`{}`: its answer was lost ({code}), and it cannot be repeated safely", aim.operation.name);
        return Err((code::IN_DOUBT, text));
    }
    Ok(())
}

/// What a failed attempt means for its action alone.
struct Failure {
    code: Code,
    maybe_done: bool,
    after: Option<Duration>,
    /// The target fails as a whole: the lane stands still, and this is not the action's own failure.
    outage: bool,
}

/// When to try again, or why not.
fn retry(context: &LaneContext, item: &Item, aim: &Aim, failure: &Failure) -> Result<Wait, (Code, String)> {
    let Failure { code, maybe_done, .. } = *failure;
    stays_safe(aim, code, maybe_done)?;
    let mut wait = pause(context, item, aim.operation.name, failure)?;
    if let (true, Repeat::Checked { settle }) = (maybe_done, aim.repeat) {
        wait = wait.max(settle);
    }
    Ok(Wait { pause: wait, code, maybe_done, counts: true })
}

/// How long what failed must wait, or why it is not tried again.
fn pause(context: &LaneContext, item: &Item, name: &str, failure: &Failure) -> Result<Duration, (Code, String)> {
    let Failure { code, after, outage, .. } = *failure;
    if code.page().class == Class::Permanent {
        return Err((code, format!("`{name}`: {}", code.page().title)));
    }
    if outage {
        // The circuit holds it back; what is more the vendor wished for it.
        return Ok(after.unwrap_or_default());
    }
    check_age(context, item, name, code)?;
    let delivery = &context.connection.delivery;
    let schedule = if code == code::NOT_THERE { &delivery.not_there } else { &delivery.backoff };
    Ok(context.wait(schedule, item.attempts + 1, after))
}

/// What a page of a list means for its action.
fn turn_of_list(context: &LaneContext, item: &Item, listed: Listed) -> Turn {
    let waits = |wait, code, counts| Turn::Waits(Wait { pause: wait, code, maybe_done: false, counts });
    match listed {
        Listed::More => waits(Duration::ZERO, code::NOT_THERE, false),
        Listed::Ends(how) => Turn::Ends { how, aim: None },
        Listed::Failed(answer) => match answer {
            Answer::Retry { code, after, .. } => {
                let outage =
                    !context.circuit.is_closed() && matches!(sign::of(&answer), Sign::Fails { .. } | Sign::Bans { .. });
                match pause(context, item, "list", &Failure { code, maybe_done: false, after, outage }) {
                    Ok(wait) => waits(wait, code, true),
                    Err((code, message)) => Turn::dead(code, message),
                }
            }
            Answer::Halts(code) | Answer::Barred(code) => waits(Duration::ZERO, code, true),
            _ => Turn::dead(code::UNEXPECTED_ANSWER, "the list's request came to no end"),
        },
    }
}

/// Fails when an action has failed for longer than it may. A vendor that asks us to slow down never ends an action.
fn check_age(context: &LaneContext, item: &Item, name: &str, code: Code) -> Result<(), (Code, String)> {
    let delivery = &context.connection.delivery;
    let (limit, end) = if code == code::NOT_THERE {
        (delivery.not_there_max_age, code::NOT_THERE)
    } else {
        (delivery.max_age, code::EXHAUSTED)
    };
    if code == code::RATE_LIMITED || context.age(item) < limit {
        return Ok(());
    }
    let title = code.page().title;
    Err((end, format!("`{name}`: still after {} attempts: {title}", item.attempts + 1)))
}

/// Parks an action in memory until its time.
async fn park(context: &LaneContext, action: Action, mut item: Item, wait: Wait) -> LogResult<Report> {
    let timeline = &context.circuit.timeline;
    let now = timeline.now();
    let due = now + wait.pause;
    if wait.counts {
        item.attempts += 1;
        item.since = item.since.or(Some(context.now()));
        item.age.failed(context.circuit.worked(), now);
    }
    if wait.code == code::LIMIT_REACHED {
        item.age.rests(context.circuit.worked());
    }
    item.maybe_done = wait.maybe_done;
    item.age.waited_to = Some(timeline.time_of_day(due));
    context.remember(waiting::park(context, &item, action, due, wait.code)).await?;
    Ok(Report::Parked { item, due })
}
