//! Which records a request means, beyond their topics.

use crate::{
    model::{id::Ids, time::Timestamp},
    topics::{
        action::Action,
        body::Body,
        event::{Event, OriginKind},
        replay::Request,
        webhook::Webhook,
    },
};

/// What is asked of each record.
pub(super) struct Selection<'a> {
    pub request: &'a Request,
    pub ids: &'a Ids,
}

impl Selection<'_> {
    /// Whether something lies in the range: all that a webhook gave rise to has its time of arrival.
    pub fn arrived(&self, at: Timestamp) -> bool {
        self.request.since.is_none_or(|since| at >= since) && self.request.until.is_none_or(|until| at < until)
    }

    /// Whether a webhook belongs to the import that is meant, or, if none is, to no import.
    pub fn imported(&self, webhook: &Webhook) -> bool {
        match &self.request.import {
            Some(run) => webhook.origin.kind == OriginKind::Import && webhook.origin.run == *run,
            None => webhook.origin.kind != OriginKind::Import,
        }
    }

    /// Whether an event is meant by type and entity.
    pub fn event(&self, event: &Event) -> bool {
        let by_type = self.request.event_type.as_deref().is_none_or(|wanted| event.event_type.name == wanted);
        by_type && self.request.entity.as_deref().is_none_or(|wanted| self.is_about(event, wanted))
    }

    /// An id as `trace` shows it, or the vendor's id or number. Where the vendor's id is personal, only its hash is kept.
    fn is_about(&self, event: &Event, wanted: &str) -> bool {
        let entity = event.event_type.entity.as_str();
        [event.id.as_str(), event.webhook.as_str(), event.entity.as_str(), event.subject.as_str()].contains(&wanted)
            || number(&event.body) == Some(wanted)
            || self.ids.entity(&event.connection, entity, wanted) == event.entity
    }

    /// Whether an action is meant by its own ids.
    pub fn action(&self, action: &Action) -> bool {
        let ids = || [action.id.as_str(), action.source.webhook.as_str(), action.source.entity.as_str()];
        self.request.entity.as_deref().is_none_or(|wanted| ids().contains(&wanted))
    }

    pub fn flow(&self, flow: &str) -> bool {
        self.request.flow.as_deref().is_none_or(|wanted| wanted == flow)
    }

    /// Whether a fetch may be chosen: nobody knows what it would give rise to, so not when something narrower than its
    /// webhook is meant.
    pub fn fetch(&self, action: &Action) -> bool {
        self.request.event_type.is_none() && self.request.flow.is_none() && self.action(action)
    }
}

/// The number that people know an entity by.
fn number(body: &Body) -> Option<&str> {
    let number = match body {
        Body::Order(order) => order.number.as_str(),
        Body::Invoice(invoice) => invoice.number.as_str(),
        _ => "",
    };
    (!number.is_empty()).then_some(number)
}
