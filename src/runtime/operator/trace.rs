//! The story of one id: from the webhook to the last outcome. Reads the topics; personal data stays in them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Operator, OperatorError};
use crate::{
    log::{Bound, Fencing},
    model::time::Timestamp,
    topics::{
        action::{Action, Purpose},
        event::{Entity, Event},
        memory::{self, ActionState, Waiting, key},
        record::Record,
        webhook::{Arrival, Webhook},
    },
};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub at: String,
    /// `webhook`, `reply`, `event`, `skipped`, `missed`, `action`, `answer`, `outcome`, `dead`.
    pub what: String,
    pub id: String,
    pub text: String,
}

/// What is recorded of all that began with one webhook.
pub(in crate::runtime) struct Story {
    pub webhook: String,
    pub lines: Vec<Line>,
    /// A fact that was told again stands here again.
    pub events: Vec<Event>,
}

impl Operator {
    /// All that began with the same webhook as `id` (a webhook's, an event's, an action's or a dead letter's), in order of
    /// time.
    ///
    /// # Errors
    /// [`OperatorError::NotFound`] when the topics hold no such id any more.
    pub async fn trace(&self, id: &str) -> Result<Vec<Line>, OperatorError> {
        Ok(self.story(id).await?.lines)
    }

    /// The same, with the events in it.
    pub(in crate::runtime) async fn story(&self, id: &str) -> Result<Story, OperatorError> {
        let webhook = self.find_webhook(id).await?;
        let (mut lines, mut events) = (Vec::new(), Vec::new());
        for connection in &self.connections {
            let topic = self.names.webhooks(connection);
            self.scan(&topic, |record| {
                lines.extend(
                    Webhook::from_record(record).ok().filter(|w| w.id.as_str() == webhook).map(|w| webhook_line(&w)),
                );
            })
            .await?;
        }
        for entity in Entity::ALL {
            self.scan(&self.names.events(entity), |record| {
                let event = Event::from_record(record).ok().filter(|event| event.webhook.as_str() == webhook);
                lines.extend(event.as_ref().map(event_line));
                events.extend(event);
            })
            .await?;
        }
        for connection in &self.connections {
            let mut actions = Vec::new();
            for topic in [self.names.actions(connection), self.names.bulk(connection)] {
                self.scan(&topic, |record| {
                    actions.extend(Action::from_record(record).ok().filter(|a| a.source.webhook.as_str() == webhook));
                })
                .await?;
            }
            actions.sort_by(|a, b| (&a.id, a.retry).cmp(&(&b.id, b.retry)));
            actions.dedup_by(|a, b| a.id == b.id && a.retry == b.retry);
            lines.extend(actions.iter().filter_map(answer_line));
            actions.dedup_by(|a, b| a.id == b.id);
            if actions.is_empty() {
                continue;
            }
            let memory = self.log.table(&self.names.memory(connection), Fencing::Epochs).await?;
            for action in &actions {
                lines.push(action_line(action));
                let state = memory.get(&key::action(&action.id))?;
                let waiting = memory.get(&key::waiting(&action.id))?;
                lines.extend(state_line(action, state.as_deref(), waiting.as_deref())?);
            }
        }
        for row in self.dead_list(&super::dead::DeadFilter::default()).await? {
            if row.webhook == webhook {
                lines.push(Line {
                    at: row.at,
                    what: "dead".to_owned(),
                    id: row.id,
                    text: format!("{}: {}", row.code, row.message),
                });
            }
        }
        lines.sort_by(|a, b| a.at.cmp(&b.at));
        Ok(Story { webhook, lines, events })
    }

    /// The webhooks that arrived last, the newest first: what there is to trace.
    pub async fn newest(&self, limit: usize) -> Result<Vec<Line>, OperatorError> {
        let mut newest: BTreeSet<(Timestamp, String, String)> = BTreeSet::new();
        for connection in &self.connections {
            self.scan(&self.names.webhooks(connection), |record| {
                if let Some(webhook) = Webhook::from_record(record).ok().filter(|webhook| webhook.replies.is_empty()) {
                    newest.insert((webhook.arrived, webhook.id.to_string(), webhook_line(&webhook).text));
                    if newest.len() > limit {
                        newest.pop_first();
                    }
                }
            })
            .await?;
        }
        Ok(newest.into_iter().rev().map(|(at, id, text)| line(&at, "webhook", &id, text)).collect())
    }

    /// The webhook that an id began with.
    pub(super) async fn find_webhook(&self, id: &str) -> Result<String, OperatorError> {
        if id.starts_with("w-") {
            return Ok(id.to_owned());
        }
        let mut found = None;
        for entity in Entity::ALL {
            self.scan(&self.names.events(entity), |record| {
                if let Ok(event) = Event::from_record(record)
                    && event.id.as_str() == id
                {
                    found = Some(event.webhook.to_string());
                }
            })
            .await?;
        }
        for connection in &self.connections {
            for topic in [self.names.actions(connection), self.names.bulk(connection)] {
                self.scan(&topic, |record| {
                    if let Ok(action) = Action::from_record(record)
                        && action.id.as_str() == id
                    {
                        found = Some(action.source.webhook.to_string());
                    }
                })
                .await?;
            }
        }
        if found.is_none() && id.starts_with("d-") {
            found = self.dead_show(id).await?.webhook.map(|webhook| webhook.to_string());
        }
        found.ok_or_else(|| OperatorError::NotFound(format!("no topic holds `{id}`")))
    }

    pub(super) async fn scan(&self, topic: &str, mut each: impl FnMut(&Record)) -> Result<(), OperatorError> {
        let partitions = self.log.describe(topic).await?.partitions.len();
        for partition in 0..partitions {
            let partition = u32::try_from(partition).unwrap_or(u32::MAX);
            let mut reader = self.log.read(topic, partition, Bound::Edge, Bound::Edge).await?;
            loop {
                let records = reader.next().await?;
                if records.is_empty() {
                    break;
                }
                records.iter().for_each(&mut each);
            }
        }
        Ok(())
    }
}

fn line(at: &dyn ToString, what: &str, id: &dyn ToString, text: String) -> Line {
    Line { at: at.to_string(), what: what.to_owned(), id: id.to_string(), text }
}

fn webhook_line(webhook: &Webhook) -> Line {
    if let Some(reply) = webhook.replies.last() {
        let text = format!(
            "{}: reply for `{}`, status {}, {} bytes",
            webhook.connection,
            reply.purpose,
            reply.status,
            reply.body.len()
        );
        return line(&reply.at, "reply", &reply.action, text);
    }
    let how = match &webhook.arrival {
        Arrival::Pushed { method, event, .. } => {
            format!("{}{}", method.as_str(), event.as_ref().map(|event| format!(" /{event}")).unwrap_or_default())
        }
        Arrival::Polled { poll, row, .. } => format!("poll `{poll}`, row {row}"),
    };
    line(
        &webhook.arrived,
        "webhook",
        &webhook.id,
        format!("{}: {how}, {} bytes", webhook.connection, webhook.body.len()),
    )
}

fn event_line(event: &Event) -> Line {
    let text = format!(
        "{} {} of {}, true since {} ({})",
        event.event_type.name, event.subject, event.connection, event.since.at, event.since.how
    );
    line(&event.arrived, "event", &event.id, text)
}

fn action_line(action: &Action) -> Line {
    let why = match &action.purpose {
        Purpose::Step { flow, step, flow_set: Some(flows), .. } => format!("flow `{flow}`, step `{step}`, by {flows}"),
        Purpose::Step { flow, step, .. } => format!("flow `{flow}`, step `{step}`"),
        Purpose::Fetch { purpose, .. } => format!("fetch `{purpose}`"),
        Purpose::List { list, .. } => format!("list `{list}`"),
    };
    line(&action.source.arrived, "action", &action.id, format!("{}.{} ({why})", action.connection, action.operation))
}

/// What a person said about an action. Later retries carry it along.
fn answer_line(action: &Action) -> Option<Line> {
    let answer = action.hold.as_ref()?.answer?;
    Some(line(&answer.at, "answer", &action.id, format!("{} by a person", answer.verdict.as_str())))
}

fn state_line(action: &Action, state: Option<&[u8]>, waiting: Option<&[u8]>) -> Result<Option<Line>, OperatorError> {
    if let Some(bytes) = waiting {
        let waiting: Waiting = memory::read(bytes)?;
        let text = format!("waits until {} after {} attempts: {}", waiting.due, waiting.attempts, waiting.code);
        return Ok(Some(line(&waiting.since, "outcome", &action.id, text)));
    }
    let Some(bytes) = state else { return Ok(None) };
    Ok(Some(match memory::read(bytes)? {
        ActionState::Begun { at, attempt, .. } => line(&at, "outcome", &action.id, format!("begun, attempt {attempt}")),
        ActionState::Settled(outcome) => {
            let text = format!("{} ({} attempts)", outcome.end.in_words(), outcome.attempts);
            line(&outcome.at, "outcome", &action.id, text)
        }
    }))
}
