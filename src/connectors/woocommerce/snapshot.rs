//! One order as it was at one moment, and every fact that this proves.

use serde_json::Value;

use super::{
    content, order,
    settings::Account,
    status::{self, Paid},
    wire::Object,
};
use crate::{
    connectors::contract::Fact,
    model::{
        hash::ContentHash,
        time::{Since, Timestamp, Version, version_of},
    },
    topics::{
        body::{
            Body,
            v1::{Money, Order, OrderStatus, Payment, PaymentKind, Refund},
        },
        event::{self, EventType},
    },
};

/// The shop knows one payment of an order at most and gives it no id of its own; its `transaction_id` may be filled in
/// later than the payment's date, so counting by it could count one payment twice.
const THE_PAYMENT: &str = "paid";

/// See the module's head.
pub(super) struct Snapshot<'a> {
    source: Object<'a>,
    arrived: Timestamp,
    status: OrderStatus,
    paid: Paid,
    version: Version,
    content: ContentHash,
    order: Order,
}

impl<'a> Snapshot<'a> {
    /// Nothing when the body has no order's id.
    pub(super) fn read(account: &Account, body: &'a Value, arrived: Timestamp) -> Option<Self> {
        let source = Object::of(body);
        source.id("id")?;
        let status = status::of(account, source.text("status"));
        let paid = status::paid(account, source, status);
        Some(Self {
            source,
            arrived,
            status,
            paid,
            // A recorded order has no change time: then the arrival.
            version: version_of(source.moment("date_modified_gmt").unwrap_or(arrived)),
            content: content::hash(body),
            order: order::read(account, source, status, paid),
        })
    }

    /// All that it proves. What lies in the bin proves only that: nobody wants its payments acted upon.
    pub(super) fn facts(&self) -> Vec<Fact> {
        if self.status == OrderStatus::Deleted {
            return vec![self.fact(event::ORDER_DELETED, self.since("date_modified_gmt"))];
        }
        let mut facts = Vec::new();
        if self.status != OrderStatus::Draft {
            facts.push(self.fact(event::ORDER_CREATED, self.since("date_created_gmt")));
        }
        facts.push(self.fact(event::ORDER_UPDATED, self.since("date_modified_gmt")));
        facts.extend(self.progress());
        facts.extend(self.received());
        facts.extend(self.order.refunds.iter().filter_map(|refund| self.refunded(refund)));
        facts
    }

    fn progress(&self) -> Vec<Fact> {
        let mut facts = Vec::new();
        if let Some(since) = self.paid_since() {
            facts.push(self.fact(event::ORDER_PAID, since));
        }
        if self.status == OrderStatus::Completed || self.source.moment("date_completed_gmt").is_some() {
            facts.push(self.fact(event::ORDER_COMPLETED, self.first_of(&["date_completed_gmt", "date_modified_gmt"])));
        }
        match self.status {
            OrderStatus::Cancelled => facts.push(self.fact(event::ORDER_CANCELLED, self.since("date_modified_gmt"))),
            OrderStatus::Refunded => facts.push(self.fact(event::ORDER_REFUNDED, self.since("date_modified_gmt"))),
            _ => {}
        }
        facts
    }

    /// Where only the status says it, it became so when it was completed, or by the last change at the latest.
    fn paid_since(&self) -> Option<Since> {
        match self.paid {
            Paid::No => None,
            Paid::At(at) => Some(Since::stated(at, self.arrived)),
            Paid::ByStatus => Some(self.first_of(&["date_completed_gmt", "date_modified_gmt"])),
        }
    }

    /// The payment, of the whole total: the shop knows no other. Nothing was received for an order that costs nothing.
    fn received(&self) -> Option<Fact> {
        let since = self.paid_since()?;
        let total = self.source.decimal("total").filter(|total| !total.is_zero())?;
        let payment = Payment {
            id: self.order.transaction_id.clone(),
            paid_at: self.order.paid_at.clone(),
            ..self.payment(PaymentKind::Payment, Money { amount: total.abs().to_string(), ..self.order.total.clone()? })
        };
        Some(self.counted(event::PAYMENT_RECEIVED, THE_PAYMENT, since, payment))
    }

    /// One refund. The order does not say when it was made: by the last change at the latest.
    fn refunded(&self, refund: &Refund) -> Option<Fact> {
        if refund.id.is_empty() {
            return None;
        }
        let payment = Payment {
            id: refund.id.clone(),
            reason: refund.reason.clone(),
            ..self.payment(PaymentKind::Refund, refund.amount.clone()?)
        };
        Some(self.counted(event::PAYMENT_REFUNDED, &refund.id, self.since("date_modified_gmt"), payment))
    }

    fn payment(&self, kind: PaymentKind, amount: Money) -> Payment {
        Payment {
            kind: kind as i32,
            amount: Some(amount),
            method: self.order.payment_method.clone(),
            order: Some(self.order.clone()),
            vendor_ids: self.order.vendor_ids.clone(),
            ..Payment::default()
        }
    }

    fn since(&self, name: &str) -> Since {
        self.first_of(&[name])
    }

    fn first_of(&self, names: &[&str]) -> Since {
        let stated = names.iter().find_map(|name| self.source.moment(name));
        stated.map_or(Since::arrival(self.arrived), |at| Since::stated(at, self.arrived))
    }

    fn fact(&self, event_type: &'static EventType, since: Since) -> Fact {
        Fact {
            event_type,
            entity_id: self.order.id.clone(),
            counted: None,
            version: self.version,
            content: self.content.clone(),
            since,
            personal_id: false,
            body: Body::Order(Box::new(self.order.clone())),
        }
    }

    fn counted(&self, event_type: &'static EventType, count: &str, since: Since, payment: Payment) -> Fact {
        Fact { counted: Some(count.to_owned()), body: Body::Payment(Box::new(payment)), ..self.fact(event_type, since) }
    }
}
