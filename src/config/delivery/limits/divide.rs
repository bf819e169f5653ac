//! Divides limits that are wider than a connection among the connections of this config: those behind one address, or of one
//! registered program, do not know each other, so each keeps to its own part.
//!
//! Who says its `share` has that; the rest is divided evenly among the others.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::{LimitConfig, SpanConfig};
use crate::{
    config::{connections::ConnectionConfig, report::Problems, source::Place, tree::Entry},
    connectors::contract::limits::Scope,
    model::{code, connection::ConnectionName},
};

/// Divides, and complains where more is given away than there is, or too little is left.
pub(in crate::config) fn divide(
    connections: &mut BTreeMap<ConnectionName, ConnectionConfig>,
    entries: &[Entry],
    problems: &mut Problems,
) {
    let wide = |config: &ConnectionConfig| {
        let names: Vec<_> =
            config.delivery.limits.iter().filter(|limit| is_wide(limit)).map(|l| l.name.clone()).collect();
        names.into_iter().map(|name| (config.vendor.name, name))
    };
    let limits: BTreeSet<(&'static str, String)> = connections.values().flat_map(wide).collect();
    for (vendor, name) in limits {
        let mut parts: Vec<(&ConnectionName, &mut LimitConfig)> = Vec::new();
        for (connection, config) in connections.iter_mut().filter(|(_, config)| config.vendor.name == vendor) {
            let limit = config.delivery.limits.iter_mut().find(|limit| limit.name == name && is_wide(limit));
            parts.extend(limit.map(|limit| (connection, limit)));
        }
        divide_one(&name, parts, entries, problems);
    }
}

fn is_wide(limit: &LimitConfig) -> bool {
    limit.scope != Scope::Connection
}

fn divide_one(
    name: &str,
    mut parts: Vec<(&ConnectionName, &mut LimitConfig)>,
    entries: &[Entry],
    problems: &mut Problems,
) {
    let said: Decimal = parts.iter().filter_map(|(_, limit)| limit.share).sum();
    let unsaid = parts.iter().filter(|(_, limit)| limit.share.is_none()).count();
    let left = Decimal::ONE - said;
    let Some(place) = parts.last().and_then(|(connection, _)| place_of(connection, entries)) else { return };
    if left < Decimal::ZERO || (left.is_zero() && unsaid > 0) {
        let percent = (said * Decimal::ONE_HUNDRED).normalize();
        let message = format!("the shares of `{name}` come to {percent}%, for {} connections", parts.len());
        problems
            .add(place, code::WRONG_KIND, message)
            .hint("shares of one limit come to 100% at most; who says none has an equal part of the rest");
        return;
    }
    for (connection, limit) in &mut parts {
        limit.share = limit.share.or(Some(left / Decimal::from(unsaid.max(1))));
        let too_little = matches!(limit.span, SpanConfig::Long(_)) && super::whole(limit.share_of_calls()) == 0;
        if let Some(place) = place_of(connection, entries).filter(|_| too_little) {
            let message = format!("the share that `{connection}` has of `{name}` is less than one call");
            problems.add(place, code::WRONG_KIND, message).hint("give it a larger `share`");
        }
    }
}

fn place_of<'a>(connection: &ConnectionName, entries: &'a [Entry]) -> Option<&'a Place> {
    entries.iter().find(|entry| entry.key.text == connection.as_str()).map(|entry| &entry.key.place)
}
