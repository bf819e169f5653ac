//! The facts that a document proves, all of them every time: their ids make repeats harmless. Which notification brought the
//! document does not matter; a late fetch may find an "ordered" one paid already.

use super::{
    bodies,
    local::Local,
    paid,
    sale::{Document, Kind, Sale},
    settings::Config,
};
use crate::{
    connectors::contract::Fact,
    model::time::Since,
    topics::{
        body::{Body, v1},
        event::{
            EventType, INVOICE_CANCELLED, INVOICE_ISSUED, INVOICE_PAID, INVOICE_UPDATED, ORDER_CANCELLED,
            ORDER_CREATED, ORDER_PAID, ORDER_UPDATED, PAYMENT_RECEIVED, PAYMENT_REFUNDED,
        },
    },
};

/// Every fact that a sale's document proves.
pub(super) fn of(config: &Config, sale: &Sale) -> Vec<Fact> {
    let mut facts = of_document(config, sale);
    let order = bodies::order(config, sale);
    if let Some(order) = &order {
        facts.extend(of_order(config, sale, order));
    }
    facts.extend(of_money(config, sale, order.as_ref()));
    facts
}

fn of_document(config: &Config, sale: &Sale) -> Vec<Fact> {
    let document = &sale.document;
    let body = bodies::invoice(config, sale);
    let fact = |event_type, since| Fact {
        event_type,
        entity_id: document.id().to_owned(),
        counted: None,
        version: document.version(&config.zone),
        content: sale.content(),
        since,
        personal_id: false,
        body: Body::Invoice(Box::new(body.clone())),
    };
    let changed = changed(config, document);
    let mut facts = vec![fact(INVOICE_ISSUED, created(config, document)), fact(INVOICE_UPDATED, changed)];
    if document.is_paid() {
        let since = Local(&config.zone).since_day(&document.invoice.paid_on, document.read);
        facts.push(fact(INVOICE_PAID, since));
    }
    if document.invoice.cancelled {
        facts.push(fact(INVOICE_CANCELLED, changed));
    }
    facts
}

fn of_order(config: &Config, sale: &Sale, order: &v1::Order) -> Vec<Fact> {
    let newest = sale.newest(&config.zone);
    let fact = |event_type: &'static EventType, since| Fact {
        event_type,
        entity_id: sale.root_id.clone(),
        counted: None,
        version: newest.version(&config.zone),
        content: sale.content(),
        since,
        personal_id: false,
        body: Body::Order(Box::new(order.clone())),
    };
    let changed = changed(config, newest);
    let mut facts = vec![fact(ORDER_UPDATED, changed)];
    if sale.document.kind() == Kind::CreditNote {
        return facts;
    }
    facts.push(fact(ORDER_CREATED, created(config, sale.root.as_ref().unwrap_or(&sale.document))));
    if let Some(paid) = paid::sale(config, sale) {
        facts.push(fact(ORDER_PAID, paid.since));
    }
    if paid::is_cancelled(sale) {
        facts.push(fact(ORDER_CANCELLED, changed));
    }
    facts
}

fn of_money(config: &Config, sale: &Sale, order: Option<&v1::Order>) -> Option<Fact> {
    let invoice = &sale.document.invoice;
    let (event_type, counted, since) = match sale.document.kind() {
        // A credit note is told by its being there: FAPI has no other word for money given back.
        Kind::CreditNote if !invoice.cancelled => {
            (PAYMENT_REFUNDED, invoice.id.clone(), created(config, &sale.document))
        }
        Kind::CreditNote | Kind::Unknown => return None,
        _ => (PAYMENT_RECEIVED, sale.paid_id.clone(), paid::own(config, sale)?.since),
    };
    Some(Fact {
        event_type,
        entity_id: sale.root_id.clone(),
        counted: Some(counted),
        version: sale.document.version(&config.zone),
        content: sale.content(),
        since,
        personal_id: false,
        body: Body::Payment(Box::new(bodies::payment(config, sale, order))),
    })
}

fn created(config: &Config, document: &Document) -> Since {
    let local = Local(&config.zone);
    let invoice = &document.invoice;
    match local.moment(&invoice.created_on) {
        Some(moment) => Since::stated(moment, document.read),
        None => local.since_day(&invoice.create_date, document.read),
    }
}

fn changed(config: &Config, document: &Document) -> Since {
    Local(&config.zone).since(&document.invoice.last_modified_on, document.read)
}
