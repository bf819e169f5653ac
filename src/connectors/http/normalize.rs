//! What a stored webhook proves: one fact, the one that its type names. A body is not searched for more, because nobody has
//! promised that it is a whole snapshot.

use super::{event::Told, source::Source};
use crate::{
    connectors::contract::{Fact, Normalized},
    model::{
        code,
        hash::ContentHash,
        time::{Since, Timestamp, version_of},
    },
    topics::{body::Body, event::EventType, webhook::Webhook},
};

/// See the module's head.
pub(super) fn normalize(source: &Source, webhook: &Webhook) -> Normalized {
    let told = match Told::read(source, &webhook.body) {
        Ok(Some(told)) => told,
        // Kept all the same: when `types` names it, a replay finds it.
        Ok(None) => return Normalized::Nothing(code::UNWANTED_TOPIC),
        Err(why) => return Normalized::invalid(code::UNPARSEABLE, why),
    };
    match fact(source, &told, webhook.arrived) {
        Ok(fact) => Normalized::facts(vec![fact]),
        Err(why) => Normalized::invalid(code::UNPARSEABLE, why),
    }
}

fn fact(source: &Source, told: &Told, arrived: Timestamp) -> Result<Fact, String> {
    let about = told.entity()?;
    let json = told.message.to_string();
    let body = Body::from_json(told.event_type.entity, json.as_bytes())
        .map_err(|_| "the body does not fit its message".to_owned())?;
    Ok(Fact {
        event_type: told.event_type,
        // An id may be an e-mail too.
        personal_id: about.id.contains('@'),
        entity_id: about.id,
        counted: about.counted,
        version: version_of(changed(told, arrived)),
        content: ContentHash::of(&told.message),
        since: since(source, told, arrived),
        body,
    })
}

/// The message's own time of change, else when the sender says that it happened, else the arrival.
fn changed(told: &Told, arrived: Timestamp) -> Timestamp {
    told.text("/updatedAt").parse().ok().or(told.at).unwrap_or(arrived)
}

/// The field that says since when a type is true.
fn dated_by(event_type: &EventType) -> &'static str {
    match event_type.name {
        "order.created" | "invoice.issued" | "customer.created" => "/createdAt",
        "order.paid" | "invoice.paid" | "payment.received" | "payment.refunded" => "/paidAt",
        "order.completed" => "/completedAt",
        "subscriber.subscribed" => "/subscribedAt",
        "subscriber.voucher_applied" => "/voucher/appliedAt",
        _ => "/updatedAt",
    }
}

fn since(source: &Source, told: &Told, arrived: Timestamp) -> Since {
    let text = told.text(dated_by(told.event_type));
    if let Ok(at) = text.parse() {
        return Since::stated(at, arrived);
    }
    match (text.parse(), told.at) {
        (Ok(day), _) => Since::day(day, &source.zone, arrived),
        (Err(_), Some(at)) => Since::stated(at, arrived),
        (Err(_), None) => Since::arrival(arrived),
    }
}
