//! One record as it was stored, content and all: for a person's own `simulate`.

use serde::{Deserialize, Serialize};

use super::{Operator, OperatorError};
use crate::topics::{
    action::StoredEvent,
    event::{Entity, Event},
    webhook::Webhook,
};

/// What a topic holds under an id.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recorded {
    /// With every reply that was fetched because of it.
    Webhook(Box<Webhook>),
    Event(StoredEvent),
}

impl Operator {
    /// The event of an id `e-…`; for any other id (a webhook's, an action's, a dead letter's) the webhook that it began with.
    ///
    /// # Errors
    /// [`OperatorError::NotFound`] when the topics hold no such id any more.
    pub async fn recorded(&self, id: &str) -> Result<Recorded, OperatorError> {
        let found = if id.starts_with("e-") {
            self.stored_event(id).await?.map(Recorded::Event)
        } else {
            let webhook = self.find_webhook(id).await?;
            self.whole_webhook(&webhook).await?.map(|webhook| Recorded::Webhook(Box::new(webhook)))
        };
        found.ok_or_else(|| {
            OperatorError::NotFound(format!(
                "no topic holds `{id}`\nhint: `spojka trace` lists the webhooks that arrived last"
            ))
        })
    }

    async fn stored_event(&self, id: &str) -> Result<Option<StoredEvent>, OperatorError> {
        let mut found = None;
        for entity in Entity::ALL.into_iter().filter(|entity| *entity != Entity::Step) {
            self.scan(&self.names.events(entity), |record| {
                let event = Event::from_record(record).ok().filter(|event| event.id.as_str() == id);
                found = event.map(|event| StoredEvent::of(&event)).or(found.take());
            })
            .await?;
        }
        Ok(found)
    }

    /// A webhook with all its replies: those fetched at once stand in records of their own.
    async fn whole_webhook(&self, id: &str) -> Result<Option<Webhook>, OperatorError> {
        let mut whole: Option<Webhook> = None;
        for connection in &self.connections {
            self.scan(&self.names.webhooks(connection), |record| {
                let Some(webhook) = Webhook::from_record(record).ok().filter(|webhook| webhook.id.as_str() == id)
                else {
                    return;
                };
                match &mut whole {
                    None => whole = Some(webhook),
                    Some(whole) => {
                        let new = webhook.replies.into_iter().filter(|reply| !whole.replies.contains(reply));
                        let new: Vec<_> = new.collect();
                        whole.replies.extend(new);
                    }
                }
            })
            .await?;
        }
        if let Some(webhook) = &mut whole {
            webhook.replies.sort_by_key(|reply| reply.at);
        }
        Ok(whole)
    }
}
