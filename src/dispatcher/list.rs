//! Lists for `import`: the lane's owner reads what the vendor holds, page by page, and every row becomes a webhook whose
//! origin is the import's run. What is done with them is not decided here.
//!
//! A page is an attempt: in between the action waits in memory with its cursor, so that live actions go first, the bulk
//! budget holds, and a restart goes on at the last page.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    age::Age,
    answer::{self, Answer},
    circuit::Pass,
    context::LaneContext,
    line::Item,
    polls,
    settle::How,
    sign::Sign,
};
use crate::{
    connectors::contract::{Done, PollRead, PolledRow},
    log::{LogError, LogResult},
    model::{
        code::{self, Code},
        time::{Timestamp, version_of},
    },
    topics::action::{Action, Purpose},
};

/// How far a list has come: the action's progress between two pages.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Progress {
    #[serde(default)]
    cursor: Option<Value>,
    #[serde(default)]
    rows: u64,
}

/// What came of a page.
pub(super) enum Listed {
    /// There are more. The item's progress has moved.
    More,
    Ends(Box<How>),
    /// The same page again, as the answer says.
    Failed(Answer),
}

/// What is listed.
struct Wanted<'a> {
    name: &'a str,
    since: Timestamp,
    until: Option<Timestamp>,
}

/// Reads one page.
pub(super) async fn page(context: &LaneContext, pass: &Pass, action: &Action, item: &mut Item) -> LogResult<Listed> {
    let Purpose::List { list, since, cursor, until } = &action.purpose else {
        unreachable!("only lists are listed");
    };
    let wanted = Wanted { name: list, since: *since, until: *until };
    let mut progress: Progress = serde_json::from_value(item.progress.clone()).unwrap_or_default();
    progress.cursor = progress.cursor.or_else(|| cursor.clone());
    let now = context.now();
    if let Err(answer) = context.logged_in(pass).await? {
        return Ok(Listed::Failed(answer));
    }
    let connector = &context.connection.connector;
    let cursor = progress.cursor.as_ref();
    let Some(request) = connector.list(wanted.name, wanted.since, cursor, now) else {
        let message = format!("`{}` has no list `{}`", context.connection.vendor.name, wanted.name);
        return Ok(dead(code::UNKNOWN_OPERATION, message));
    };
    item.calls = 1;
    let reply = match context.send(pass, &request, polls::CLASS).await? {
        Ok(reply) => reply,
        Err(answer) => return failed(context, pass, answer).await,
    };
    match connector.read_list(wanted.name, wanted.since, cursor, now, &reply) {
        PollRead::Rows { rows, cursor, more } => {
            pass.heard(Sign::Lives);
            progress.rows += match record(context, action, &wanted, rows).await {
                Err(LogError::TooLarge { topic }) => {
                    let message = format!("a row is larger than the topic `{topic}` takes");
                    return Ok(dead(code::ANSWER_TOO_LARGE, message));
                }
                written => written?,
            };
            progress.cursor = Some(cursor);
            Ok(if more { go_on(item, &progress) } else { end(&progress) })
        }
        PollRead::Failed(code) => {
            let after = answer::wished(&reply, context.now());
            failed(context, pass, Answer::Retry { code, maybe_done: false, after }).await
        }
        PollRead::Unauthorized => failed(context, pass, Answer::Halts(code::UNAUTHORIZED)).await,
    }
}

async fn failed(context: &LaneContext, pass: &Pass, answer: Answer) -> LogResult<Listed> {
    context.heard(pass, &answer).await?;
    Ok(Listed::Failed(answer))
}

fn go_on(item: &mut Item, progress: &Progress) -> Listed {
    item.progress = serde_json::to_value(progress).expect("progress is plain data");
    // A page that came is no failure: the age of failing begins anew.
    (item.attempts, item.since, item.age) = (0, None, Age::default());
    Listed::More
}

fn end(progress: &Progress) -> Listed {
    let result = [("rows".to_owned(), progress.rows.to_string())].into();
    Listed::Ends(Box::new(How::Done { done: Done { result, ..Done::default() }, reply: None }))
}

fn dead(code: Code, message: String) -> Listed {
    Listed::Ends(Box::new(How::Dead { code, message, request: None, reply: None }))
}

/// Writes the rows of a page as webhooks. Answers how many there were.
async fn record(
    context: &LaneContext,
    action: &Action,
    wanted: &Wanted<'_>,
    mut rows: Vec<PolledRow>,
) -> LogResult<u64> {
    let last = wanted.until.map(version_of);
    rows.retain(|row| row.version.zip(last).is_none_or(|(version, last)| version <= last));
    let mut here = BTreeSet::new();
    rows.retain(|row| here.insert((row.row.clone(), row.state.clone())));
    let count = rows.len() as u64;
    let now = context.now();
    let webhook = |row| polls::webhook(context, wanted.name, row, now, action.origin.clone());
    context.append(rows.into_iter().map(webhook).collect()).await?;
    Ok(count)
}
