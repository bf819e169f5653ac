//! What the vendors say was done, held against what was asked for: counted by connection, object and kind of effect.
//!
//! The table below is what is known of each simulated vendor: which operations leave which effects, and how often one object
//! may show them. An effect that set what was set already (`"changed": false`) is no repetition.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use serde_json::Value;
use spojka::{
    model::connection::ConnectionName,
    topics::{action::Action, memory::End},
};

use super::{
    books::{Books, Standing},
    report::Wrong,
};

/// How often an effect may have changed one object.
#[derive(Clone, Copy, PartialEq)]
enum Most {
    /// However many actions ask for it.
    Once,
    /// Once for each action that asks for it.
    EachAction,
}

/// A kind of effect, and who may have asked for it.
struct Mark {
    vendor: &'static str,
    effect: &'static str,
    by: &'static [&'static str],
    most: Most,
    /// It happens to something else than the action's own object.
    beside: bool,
}

const fn mark(vendor: &'static str, effect: &'static str, by: &'static [&'static str], most: Most) -> Mark {
    Mark { vendor, effect, by, most, beside: false }
}

const CONTACTS: &[&str] = &["upsert_contact", "add_to_list"];
const SUBSCRIBERS: &[&str] = &["subscribe", "update_subscriber", "update_purchase_history"];

const MARKS: &[Mark] = &[
    mark("anabix", "contact_created", CONTACTS, Most::Once),
    mark("anabix", "contact_updated", CONTACTS, Most::EachAction),
    mark("anabix", "lists_managed", &["add_to_list", "remove_from_list"], Most::EachAction),
    mark("anabix", "activity_created", &["add_to_list"], Most::EachAction),
    Mark { beside: true, ..mark("anabix", "list_created", &["add_to_list"], Most::Once) },
    mark("salesautopilot", "order", &["record_order"], Most::Once),
    mark("salesautopilot", "invoice", &["mark_paid"], Most::Once),
    mark("salesautopilot", "subscribe", &["subscribe"], Most::Once),
    mark("salesautopilot", "resubscribe", &["subscribe"], Most::EachAction),
    mark("salesautopilot", "update", &["mark_paid", "update_order_status"], Most::EachAction),
    mark("salesautopilot", "update", SUBSCRIBERS, Most::EachAction),
];

/// Effects of which at least one must be there when an operation was done: changed or not.
const PROOFS: &[(&str, &str, &[&str])] = &[
    ("anabix", "add_to_list", &["lists_managed", "contact_created"]),
    ("anabix", "upsert_contact", &["contact_created", "contact_updated"]),
    ("salesautopilot", "record_order", &["order"]),
    ("salesautopilot", "mark_paid", &["update", "invoice"]),
    ("salesautopilot", "update_order_status", &["update"]),
    ("salesautopilot", "subscribe", &["subscribe", "resubscribe", "update"]),
    ("salesautopilot", "update_subscriber", &["update"]),
];

/// An action that may have touched an object.
struct Asker<'a> {
    action: &'a Action,
    standing: Standing,
}

impl Asker<'_> {
    /// How often it may have sent something: an action that found everything done by its first look sent nothing, and one
    /// that a person sent again may have done it again.
    fn may_have_acted(&self) -> usize {
        let retries = usize::try_from(self.action.retry).unwrap_or(usize::MAX);
        match &self.standing {
            Standing::Settled(outcome) if outcome.attempts <= 1 && retries == 0 => {
                usize::from(matches!(outcome.end, End::Done | End::Dead(_)))
            }
            _ => retries + 1,
        }
    }
}

/// Counts by object, then by kind of effect.
type Counted = BTreeMap<String, BTreeMap<String, (usize, usize)>>;

/// Holds the vendors' effects against the actions.
///
/// # Errors
/// Effects that are no objects with `effect` and `object`.
pub fn check(books: &mut Books<'_>, effects: &BTreeMap<String, Vec<Value>>) -> anyhow::Result<()> {
    for (name, effects) in effects {
        let connection = ConnectionName::parse(books.world.identity(name))
            .map_err(|error| anyhow::anyhow!("`{name}` is no connection: {error:?}"))?;
        let vendor = books.world.vendor(&connection).with_context(|| format!("the config has no `{name}`"))?.name;
        if MARKS.iter().all(|mark| mark.vendor != vendor) {
            // A source: nothing of ours writes there.
            continue;
        }
        let counted = count(effects);
        let askers = askers(books, &connection);
        happened(books, &connection, vendor, &counted, &askers);
        proved(books, &connection, vendor, &counted, &askers);
    }
    Ok(())
}

fn count(effects: &[Value]) -> Counted {
    let mut counted = Counted::new();
    for effect in effects {
        let text = |member: &str| effect.get(member).and_then(Value::as_str).unwrap_or("").to_owned();
        let (changed, all) = counted.entry(text("object")).or_default().entry(text("effect")).or_default();
        *changed += usize::from(effect.get("changed").and_then(Value::as_bool).unwrap_or(true));
        *all += 1;
    }
    counted
}

/// The actions of a connection by what they aim at.
fn askers<'a>(books: &Books<'a>, connection: &ConnectionName) -> BTreeMap<String, Vec<Asker<'a>>> {
    let mut askers: BTreeMap<String, Vec<Asker<'a>>> = BTreeMap::new();
    for records in books.topics.actions_by_id.values() {
        let action = records.iter().map(|index| &books.topics.actions[*index].it).max_by_key(|action| action.retry);
        let Some(action) = action.filter(|action| action.connection == *connection && action.step().is_some()) else {
            continue;
        };
        if let Some(target) = books.world.target(action) {
            let standing = books.standing(connection, &action.id);
            askers.entry(target.object).or_default().push(Asker { action, standing });
        }
    }
    askers
}

fn happened(
    books: &mut Books<'_>,
    connection: &ConnectionName,
    vendor: &str,
    counted: &Counted,
    askers: &BTreeMap<String, Vec<Asker<'_>>>,
) {
    for (object, kinds) in counted {
        for (effect, (changed, all)) in kinds {
            let marks: Vec<_> = MARKS.iter().filter(|mark| mark.vendor == vendor && mark.effect == effect).collect();
            let beside = marks.iter().any(|mark| mark.beside);
            let asking: Vec<_> = askers
                .iter()
                .filter(|(target, _)| beside || *target == object)
                .flat_map(|(_, askers)| askers)
                .filter(|asker| marks.iter().any(|mark| mark.by.contains(&asker.action.operation.as_str())))
                .collect();
            books.report.count("effects", format!("{connection}: {effect}"));
            let once = marks.iter().any(|mark| mark.most == Most::Once);
            let allowed: usize = asking.iter().map(|asker| asker.may_have_acted()).sum();
            let allowed = if once { allowed.min(1) } else { allowed };
            if asking.is_empty() || (allowed == 0 && *all > 0) {
                let text = format!("`{effect}` {all} times, and no action asks for it");
                books.report.violate(Wrong::Unasked, connection, object, text);
            } else if *changed > allowed {
                let text = format!("`{effect}` {changed} times, and {allowed} were asked for");
                books.report.violate(Wrong::Repeated, connection, object, text);
            }
        }
    }
}

/// What is remembered as done shows at the vendor, unless the vendor had it before.
fn proved(
    books: &mut Books<'_>,
    connection: &ConnectionName,
    vendor: &str,
    counted: &Counted,
    askers: &BTreeMap<String, Vec<Asker<'_>>>,
) {
    for (object, askers) in askers {
        let shown: BTreeSet<&str> =
            counted.get(object).into_iter().flat_map(BTreeMap::keys).map(String::as_str).collect();
        for Asker { action, standing } in askers {
            let Standing::Settled(outcome) = standing else { continue };
            let proofs = PROOFS.iter().find(|(of, operation, _)| *of == vendor && *operation == action.operation);
            let Some((_, _, proofs)) = proofs else { continue };
            let there_before = outcome.result.get("already").is_some_and(|already| already == "true");
            if outcome.end == End::Done && !there_before && !proofs.iter().any(|proof| shown.contains(proof)) {
                let text = format!(
                    "`{}` on {object} is remembered as done, and the vendor does not show it",
                    action.operation
                );
                books.report.violate(Wrong::Lost, connection, &action.id, text);
            }
        }
    }
}
