//! The conversation with a vendor over one action: plan, send, interpret, until there is an answer.

use super::{
    answer::{self, Answer},
    attempt::Aim,
    context::LaneContext,
    ledger,
};
use crate::{
    connectors::contract::{Plan, Progress, Work},
    log::LogResult,
    model::{
        code::{self, Code},
        http::{Reply, Request},
    },
    telemetry::killpoint,
    topics::{action::Action, memory},
};

/// More requests than any operation needs: a connector that goes on for ever is stopped.
const MOST_CALLS: usize = 100;

/// How a conversation with the vendor ended.
pub(super) struct Spoken {
    pub answer: Answer,
    pub request: Option<Request>,
    pub reply: Option<Reply>,
    /// A request before the last one was answered well: it may have done something.
    pub got_through: bool,
}

/// Talks to the vendor until the action has an answer. An id that the vendor no longer knows is forgotten, and the object
/// looked up once.
pub(super) async fn converse(
    context: &LaneContext,
    action: &Action,
    aim: &mut Aim,
    maybe_done: bool,
) -> LogResult<Spoken> {
    let memory = context.memory.as_ref();
    let mut vendor_id = ledger::vendor_id(memory, &action.conflict)?;
    let mut spoken = speak(context, action, aim, maybe_done, vendor_id.as_deref()).await?;
    if spoken.answer == Answer::Forgotten && vendor_id.take().is_some() {
        // Lost there: forget here what was written to it, and look the object up once.
        let forget = |key: String| memory::forget(&context.memory_topic, &key, context.epoch, context.now());
        let lost = ledger::keys_of_lost(memory, &action.conflict)?;
        context.remember(lost.into_iter().map(forget).collect()).await?;
        aim.judgement = ledger::judge(memory, action, &aim.target)?;
        spoken = speak(context, action, aim, maybe_done, None).await?;
    }
    Ok(spoken)
}

async fn speak(
    context: &LaneContext,
    action: &Action,
    aim: &Aim,
    maybe_done: bool,
    vendor_id: Option<&str>,
) -> LogResult<Spoken> {
    let connector = &context.connection.connector;
    let mut progress = Progress::default();
    let mut spoken = Spoken { answer: Answer::Forgotten, request: None, reply: None, got_through: false };
    for _call in 0..MOST_CALLS {
        let session = match context.logged_in().await? {
            Ok(session) => session,
            Err(answer) => return Ok(Spoken { answer, ..spoken }),
        };
        let work = Work {
            operation: aim.operation,
            parameters: &action.parameters,
            registers: &aim.judgement.send,
            vendor_id,
            contributions: &aim.judgement.contributions,
            maybe_done,
            reference: action.id.as_str(),
            now: context.now(),
            session: session.as_ref(),
        };
        let request = match connector.plan(&work, &progress) {
            Plan::Send(request) => request,
            Plan::Done(done) => return Ok(Spoken { answer: Answer::Done(done), ..spoken }),
            Plan::Refused(why) => return Ok(Spoken { answer: Answer::Refused(why), ..spoken }),
        };
        let sent = context.send(&request, aim.operation.limit_class).await?;
        spoken.request = Some(request);
        killpoint::reached("effect-done");
        spoken.reply = None;
        let answer = match sent {
            Ok(reply) => {
                let verdict = connector.interpret(&work, &progress, &reply);
                let answer = context.heard(answer::of_verdict(verdict, &reply, context.now()));
                spoken.reply = Some(reply);
                answer
            }
            Err(answer) => answer,
        };
        match answer {
            Answer::Next(next) => progress = next,
            answer => return Ok(Spoken { answer, ..spoken }),
        }
        spoken.got_through = true;
    }
    let why = format!("`{}` did not come to its end in {MOST_CALLS} calls", aim.operation.name);
    Ok(Spoken { answer: Answer::Refused(why), ..spoken })
}

/// What an attempt's answer is counted as.
pub(super) fn failure_of(answer: &Answer) -> Option<Code> {
    match answer {
        Answer::Done(_) | Answer::Next(_) => None,
        Answer::Retry { code, .. } | Answer::Halts(code) => Some(*code),
        Answer::Later { .. } => Some(code::LIMIT_REACHED),
        Answer::Refused(_) | Answer::Forgotten => Some(code::REFUSED),
    }
}
