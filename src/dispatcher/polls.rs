//! Polls: the lane's owner asks the vendor what changed, and what it hears becomes webhooks like any other.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde_json::Value;

use super::{
    answer::{self, Answer},
    circuit::Pass,
    context::LaneContext,
    ledger::read_as,
    missed,
    sign::Sign,
};
use crate::{
    connectors::contract::{Poll, PollRead, PolledRow},
    log::{LogError, LogResult},
    model::{
        code::{self, Code},
        id::WebhookId,
        time::Timestamp,
    },
    telemetry::{bug, killpoint},
    topics::{
        event::Origin,
        memory::{self, key},
        record::Append,
        webhook::{Arrival, Webhook},
    },
};

/// The class of the requests, for limits.
pub(super) const CLASS: &str = "poll";
/// Pages read in one go; the rest follows at the next turn, so that a long list does not hold up actions for ever.
const MOST_PAGES: usize = 50;

/// What the lane hears of a poll.
#[derive(Debug)]
pub(super) enum PollReport {
    /// Read to its end.
    Done,
    /// There is more: go on soon.
    More,
    /// By the schedule again, not before the vendor's own wish.
    Failed(Code, Option<Duration>),
    /// The lane stands still.
    Halted,
}

/// Runs one poll: pages until its end. Rows are written first, then what was seen and the cursor.
pub(super) async fn poll(context: &Arc<LaneContext>, pass: &Pass, poll: &Poll) -> LogResult<PollReport> {
    for _page in 0..MOST_PAGES {
        let now = context.now();
        let cursor = read_as::<Value>(context.memory.as_ref(), &key::cursor(poll.name))?;
        match context.logged_in(pass).await? {
            Ok(_) => {}
            Err(answer) => return Ok(failed(&answer, context.now())),
        }
        let connector = &context.connection.connector;
        let Some(request) = connector.poll(poll.name, cursor.as_ref(), now) else { return Ok(PollReport::Done) };
        let reply = match context.send(pass, &request, CLASS).await? {
            Ok(reply) => reply,
            Err(answer) => {
                context.heard(pass, &answer).await?;
                return Ok(failed(&answer, context.now()));
            }
        };
        match connector.read(poll.name, cursor.as_ref(), now, &reply) {
            PollRead::Rows { rows, cursor, more } => {
                pass.heard(Sign::Lives);
                match record(context, poll, rows, &cursor, now).await {
                    Err(LogError::TooLarge { .. }) => return Ok(PollReport::Failed(code::ANSWER_TOO_LARGE, None)),
                    written => written?,
                }
                if !more {
                    return Ok(PollReport::Done);
                }
            }
            PollRead::Failed(code) => {
                let after = answer::wished(&reply, context.now());
                let answer = Answer::Retry { code, maybe_done: false, after };
                context.heard(pass, &answer).await?;
                return Ok(failed(&answer, context.now()));
            }
            PollRead::Unauthorized => {
                context.halt(code::UNAUTHORIZED).await?;
                return Ok(PollReport::Halted);
            }
        }
        if context.stop.is_cancelled() {
            break;
        }
    }
    Ok(PollReport::More)
}

fn failed(answer: &Answer, now: Timestamp) -> PollReport {
    match answer {
        Answer::Halts(_) | Answer::Barred(_) => PollReport::Halted,
        Answer::Retry { code, after, .. } => PollReport::Failed(*code, *after),
        Answer::Later { until } => {
            PollReport::Failed(code::LIMIT_REACHED, Duration::try_from(until.duration_since(now)).ok())
        }
        _ => PollReport::Failed(code::UNEXPECTED_ANSWER, None),
    }
}

/// Rows whose state was not seen before become webhooks; then memory learns that they were seen.
async fn record(
    context: &LaneContext,
    poll: &Poll,
    rows: Vec<PolledRow>,
    cursor: &Value,
    now: Timestamp,
) -> LogResult<()> {
    let mut fresh = Vec::new();
    let mut seen = Vec::new();
    let mut here = BTreeSet::new();
    for row in rows {
        let key = key::seen(poll.name, &row.row);
        if !here.insert((row.row.clone(), row.state.clone()))
            || read_as::<String>(context.memory.as_ref(), &key)?.as_ref() == Some(&row.state)
        {
            continue;
        }
        seen.push(memory::put(&context.memory_topic, &key, &row.state, context.epoch, now));
        fresh.push(row);
    }
    let missed = missed::count(context, poll.name, &fresh, now).await?;
    if missed > 0 {
        tracing::warn!(connection.id = %context.connection.name, missed, "a poll found what no webhook has told of");
        context.shared.metrics.webhooks_missed(&context.connection.name, missed);
    }
    let webhooks: Vec<_> =
        fresh.into_iter().map(|row| webhook(context, poll.name, row, now, Origin::default())).collect();
    context.shared.metrics.poll_rows(&context.connection.name, poll.name, webhooks.len());
    if bug::is("cursor-before-rows") {
        context.remember(seen.clone()).await?;
    }
    if !webhooks.is_empty() {
        killpoint::reached("rows-seen");
    }
    context.append(webhooks).await?;
    seen.push(memory::put(&context.memory_topic, &key::cursor(poll.name), cursor, context.epoch, now));
    context.remember(seen).await
}

/// A row as a webhook. The same row in the same state is the same webhook, whoever found it.
pub(super) fn webhook(context: &LaneContext, poll: &str, row: PolledRow, now: Timestamp, origin: Origin) -> Append {
    let name = &context.connection.name;
    let id: WebhookId = context.shared.ids.polled(name, poll, &row.row, &row.state);
    let key = context.shared.ids.partition(name, &row.row);
    let arrival = Arrival::Polled { poll: poll.to_owned(), row: row.row, version: row.version, complete: row.complete };
    Webhook {
        id,
        connection: name.clone(),
        arrived: now,
        arrival,
        body: row.body,
        replies: Vec::new(),
        origin,
        traceparent: None,
        key,
    }
    .to_append(context.shared.names.webhooks(name))
}
