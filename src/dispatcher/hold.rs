//! What a person has a say in before it is sent.
//!
//! An action that is held is settled as held: its offset passes, its conflict key is free, and a record in `dead` keeps its
//! bytes. A person's answer is the same action once more, on the topic that it came on. Approvals are counted here, because
//! only the lane's owner sees all of them in one order: one key for each approved action, so that reading one twice counts
//! once.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{context::LaneContext, ledger::read_as, settle::How};
use crate::{
    log::{LogResult, Table},
    model::id::ActionId,
    telemetry::killpoint,
    topics::{
        action::Action,
        dead::{ASIDE, DeadLetter},
        hold::{Rule, Verdict},
        memory::{self, Approval, Held, key},
        record::Append,
    },
};

/// Keys of one look into memory.
const PAGE: usize = 500;

/// Why an action must wait for a person, if it must. What was begun was allowed to begin.
pub(super) fn waits(context: &LaneContext, action: &Action, begun: bool) -> LogResult<Option<How>> {
    let Some(hold) = action.hold.as_ref().filter(|hold| hold.answer.is_none() && !begun) else { return Ok(None) };
    let message = match &hold.rule {
        Rule::Always | Rule::Condition => hold.rule.in_words(),
        Rule::First { count, of } => {
            let wanted = *count as usize;
            let approved = approvals(context.memory.as_ref(), of, wanted)?;
            if approved >= wanted {
                return Ok(None);
            }
            format!("{}; {approved} so far", hold.rule.in_words())
        }
    };
    Ok(Some(How::Held { message }))
}

/// How many actions of a step were approved, counted up to so many.
fn approvals(memory: &dyn Table, of: &str, most: usize) -> LogResult<usize> {
    count(memory, &key::approvals(of), most)
}

fn count(memory: &dyn Table, prefix: &str, most: usize) -> LogResult<usize> {
    let (mut counted, mut after) = (0, None);
    while counted < most {
        let page = memory.scan(prefix, after.as_deref(), PAGE.min(most - counted))?;
        let Some((last, _)) = page.last() else { break };
        after = Some(last.clone());
        counted += page.len();
    }
    Ok(counted)
}

/// Counts an approval, before anything else is done about it: whatever becomes of the action, a person has seen it.
pub(super) async fn note_approval(context: &LaneContext, action: &Action) -> LogResult<()> {
    let Some(hold) = action.hold.as_ref().filter(|hold| hold.verdict() == Some(Verdict::Approved)) else {
        return Ok(());
    };
    let (Rule::First { of, .. }, Some(answer)) = (&hold.rule, hold.answer) else { return Ok(()) };
    let key = key::approval(of, &action.id);
    if read_as::<Approval>(context.memory.as_ref(), &key)?.is_none() {
        let approval = Approval { at: answer.at };
        context
            .remember(vec![memory::put(&context.memory_topic, &key, &approval, context.epoch, context.now())])
            .await?;
        killpoint::reached("approval-counted");
    }
    Ok(())
}

/// How many actions of a lane are held.
#[derive(Debug, Default)]
pub(super) struct HeldCount(AtomicUsize);

impl HeldCount {
    /// As memory has it.
    pub fn load(context: &LaneContext) -> LogResult<()> {
        let held = count(context.memory.as_ref(), key::HELD, usize::MAX)?;
        context.held.0.store(held, Ordering::Relaxed);
        context.shared.metrics.set_held(&context.connection.name, held);
        Ok(())
    }

    fn tell(&self, context: &LaneContext, more: bool) {
        let next = |held: usize| Some(if more { held + 1 } else { held.saturating_sub(1) });
        // It never refuses: `next` always has an answer.
        let before = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap_or_default();
        context.shared.metrics.set_held(&context.connection.name, next(before).unwrap_or_default());
    }
}

/// Whether an action was held before, and what its end changes about that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It was not, and is not.
    None,
    Begins,
    /// It was, and is again: a newer wish for the same.
    Stays,
    Ends,
}

impl Change {
    pub fn of(context: &LaneContext, id: &ActionId, how: &How) -> LogResult<Self> {
        let was = read_as::<Held>(context.memory.as_ref(), &key::held(id))?.is_some();
        Ok(match (was, matches!(how, How::Held { .. })) {
            (false, false) => Self::None,
            (false, true) => Self::Begins,
            (true, true) => Self::Stays,
            (true, false) => Self::Ends,
        })
    }

    /// The record in `dead` of what is held no longer goes, also one that was left aside when a command was cut off. What
    /// died instead takes its place.
    pub fn removals(self, context: &LaneContext, id: &ActionId, how: &How) -> Vec<Append> {
        if self != Self::Ends {
            return Vec::new();
        }
        let (place, topic, now) = (context.shared.ids.dead(id.as_str()), context.shared.names.dead(), context.now());
        let aside = crate::model::id::DeadId::from_text(format!("{place}{ASIDE}"));
        let place = (!matches!(how, How::Dead { .. })).then_some(place);
        let gone = place.into_iter().chain([aside]);
        gone.map(|id| DeadLetter::removal(&id, topic.clone(), now)).collect()
    }

    /// What memory is told, around the records of the end: before the outcome that says that it is held, and behind one that
    /// says what became of it. So whatever a crash cuts off, nothing is held without being counted.
    pub fn around(self, context: &LaneContext, id: &ActionId, mut records: Vec<Append>) -> Vec<Append> {
        let (topic, now, key) = (context.memory_topic.as_str(), context.now(), key::held(id));
        match self {
            Self::None | Self::Stays => {}
            Self::Begins => records.insert(0, memory::put(topic, &key, &Held { at: now }, context.epoch, now)),
            Self::Ends => records.push(memory::forget(topic, &key, context.epoch, now)),
        }
        records
    }

    pub fn tell(self, context: &LaneContext) {
        match self {
            Self::None | Self::Stays => {}
            Self::Begins => context.held.tell(context, true),
            Self::Ends => context.held.tell(context, false),
        }
    }
}

/// Whether an action as it comes now says more than the one that waits under its id: a person has answered since.
pub(super) fn is_news(context: &LaneContext, action: &Action) -> LogResult<bool> {
    let waiting = read_as::<memory::Waiting>(context.memory.as_ref(), &key::waiting(&action.id))?;
    Ok(waiting.is_none_or(|waiting| waiting.action.retry < action.retry))
}
