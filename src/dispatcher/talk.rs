//! The conversation with a vendor over one action: plan, send, interpret, until there is an answer.

use super::{
    answer::{self, Answer},
    attempt::Aim,
    circuit::Pass,
    context::LaneContext,
    ledger,
    session::LoggedIn,
};
use crate::{
    connectors::{
        contract::{Plan, Progress, Work},
        kit::status,
    },
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

impl Spoken {
    /// Whether the vendor may have acted, all requests taken together.
    pub fn may_have_acted(&self) -> bool {
        self.got_through || self.answer.may_have_acted()
    }
}

/// Talks to the vendor until the action has an answer. An id that the vendor no longer knows is forgotten, and the object
/// looked up once.
pub(super) async fn converse(
    context: &LaneContext,
    pass: &Pass,
    action: &Action,
    aim: &mut Aim,
    maybe_done: bool,
) -> LogResult<Spoken> {
    let memory = context.memory.as_ref();
    let mut vendor_id = ledger::vendor_id(memory, &action.conflict)?;
    let mut spoken = speak(context, pass, action, aim, maybe_done, vendor_id.as_deref()).await?;
    if spoken.answer == Answer::Forgotten && vendor_id.take().is_some() {
        // Lost there: forget here what was written to it, and look the object up once.
        let forget = |key: String| memory::forget(&context.memory_topic, &key, context.epoch, context.now());
        let lost = ledger::keys_of_lost(memory, &action.conflict)?;
        context.remember(lost.into_iter().map(forget).collect()).await?;
        aim.judgement = ledger::judge(memory, action, &aim.target)?;
        spoken = speak(context, pass, action, aim, maybe_done, None).await?;
    }
    Ok(spoken)
}

async fn speak(
    context: &LaneContext,
    pass: &Pass,
    action: &Action,
    aim: &Aim,
    maybe_done: bool,
    vendor_id: Option<&str>,
) -> LogResult<Spoken> {
    let connector = &context.connection.connector;
    let mut progress = Progress::default();
    let mut spoken = Spoken { answer: Answer::Forgotten, request: None, reply: None, got_through: false };
    let mut logged_in_again = false;
    for _call in 0..MOST_CALLS {
        let login = match context.logged_in(pass).await? {
            Ok(login) => login,
            Err(answer) => return Ok(Spoken { answer, ..spoken }),
        };
        let work = Work {
            operation: aim.operation,
            parameters: &action.parameters,
            only: &action.only,
            registers: &aim.judgement.send,
            vendor_id,
            contributions: &aim.judgement.contributions,
            maybe_done,
            reference: action.id.as_str(),
            now: context.now(),
            session: login.session.as_ref(),
        };
        let request = match connector.plan(&work, &progress) {
            Plan::Send(request) => request,
            Plan::Done(done) => return Ok(Spoken { answer: Answer::Done(done), ..spoken }),
            Plan::Refused(why) => return Ok(Spoken { answer: Answer::Refused(why), ..spoken }),
        };
        let sent = context.send(pass, &request, aim.operation.limit_class).await?;
        spoken.request = Some(request);
        killpoint::reached("effect-done");
        spoken.reply = None;
        let answer = match sent {
            Ok(reply) => {
                let verdict = connector.interpret(&work, &progress, &reply);
                let answer = answer::of_verdict(verdict, &reply, context.now());
                spoken.reply = Some(reply);
                answer
            }
            Err(answer) => answer,
        };
        if !logged_in_again && session_is_stale(context, &login, &answer).await {
            logged_in_again = true;
            continue;
        }
        match answer {
            Answer::Next(next) => progress = next,
            answer => {
                context.heard(pass, &answer).await?;
                return Ok(Spoken { answer, ..spoken });
            }
        }
        spoken.got_through = true;
    }
    let why = format!("`{}` did not come to its end in {MOST_CALLS} calls", aim.operation.name);
    Ok(Spoken { answer: Answer::Refused(why), ..spoken })
}

/// Whether the credentials were rejected only because their session is over, so that the request is worth another try.
async fn session_is_stale(context: &LaneContext, login: &LoggedIn, answer: &Answer) -> bool {
    if *answer == Answer::Halts(code::UNAUTHORIZED) {
        return context.give_up_session(login).await;
    }
    if !matches!(answer, Answer::Barred(_) | Answer::Later { .. } | Answer::Retry { .. }) {
        context.session_worked(login);
    }
    false
}

/// Asks the target whether it lives by a request that changes nothing, where the vendor has one: a probe should not cost an
/// action that cannot be repeated. What is no good answer is why the action is not tried.
pub(super) async fn ask_first(context: &LaneContext, pass: &Pass) -> LogResult<Option<Answer>> {
    let Some(request) = context.connection.connector.probe() else { return Ok(None) };
    let answer = match context.send(pass, &request, "probe").await? {
        Err(answer) => answer,
        Ok(reply) if reply.status == 401 => Answer::Halts(code::UNAUTHORIZED),
        Ok(reply) => match status::verdict(&reply) {
            Some(verdict) => answer::of_verdict(verdict, &reply, context.now()),
            None => return Ok(None),
        },
    };
    context.heard(pass, &answer).await?;
    Ok(Some(answer))
}

/// What an attempt's answer is counted as.
pub(super) fn failure_of(answer: &Answer) -> Option<Code> {
    match answer {
        Answer::Done(_) | Answer::Next(_) => None,
        Answer::Retry { code, .. } | Answer::Halts(code) | Answer::Barred(code) => Some(*code),
        Answer::Later { .. } => Some(code::LIMIT_REACHED),
        Answer::Refused(_) | Answer::Forgotten => Some(code::REFUSED),
    }
}
