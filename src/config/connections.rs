//! The connections: which account at which vendor.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    delivery::{self, Delivery},
    fields::{Fields, list, plain_name, texts},
    files::member,
    preflight,
    report::Problems,
    secrets::Secrets,
    settings,
    tree::{Entry, Node, Value},
    volume::Volume,
};
use crate::{
    connectors::contract::{Connector, Settings, Vendor},
    model::{code, connection::ConnectionName},
    router::preflight::Preflight,
};

/// Keys of a connection that are no vendors, sorted.
pub(super) const BESIDE: [&str; 5] = ["defaults", "delivery", "preflight", "volume", "was"];

/// One configured account at a vendor.
#[derive(Clone)]
pub struct ConnectionConfig {
    pub vendor: &'static Vendor,
    pub settings: Settings,
    pub connector: Arc<dyn Connector>,
    pub delivery: Delivery,
    /// What is checked before a document is written there.
    pub preflight: Preflight,
    /// Earlier names, the first one first.
    pub was: Vec<ConnectionName>,
}

impl ConnectionConfig {
    /// The first name it ever had: what does not change when it is renamed.
    pub fn identity<'a>(&'a self, name: &'a ConnectionName) -> &'a ConnectionName {
        self.was.first().unwrap_or(name)
    }
}

impl std::fmt::Debug for ConnectionConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectionConfig").field("vendor", &self.vendor.name).finish_non_exhaustive()
    }
}

/// All connections, and the names of those that are there but broken (so that nobody complains twice).
#[derive(Debug, Default)]
pub(crate) struct Connections {
    pub good: BTreeMap<ConnectionName, ConnectionConfig>,
    pub broken: Vec<String>,
    /// How many events of each type a connection gives.
    pub volumes: BTreeMap<ConnectionName, Volume>,
    /// What connections give to operations where a step does not, as it was written.
    pub defaults: BTreeMap<ConnectionName, Vec<Entry>>,
}

impl Connections {
    /// Those of a config, as its older flow sets knew them: under every name that each ever had, with the defaults that they
    /// had then, which stand in `entries`.
    pub fn through_time(connections: &BTreeMap<ConnectionName, ConnectionConfig>, entries: &[Entry]) -> Self {
        let under_all_names = connections
            .iter()
            .flat_map(|(name, config)| std::iter::once(name).chain(&config.was).map(move |name| (name, config)));
        let good = under_all_names.map(|(name, config)| (name.clone(), config.clone())).collect();
        Self { good, defaults: read_defaults(entries, &mut Problems::default()), ..Self::default() }
    }

    /// The first name of a connection, which is what records carry.
    pub fn identity(&self, name: &ConnectionName) -> Option<ConnectionName> {
        Some(self.good.get(name)?.identity(name).clone())
    }
}

/// Reads what stands under `connections`.
pub(crate) fn read(
    entries: &[Entry],
    vendors: &'static [&'static Vendor],
    secrets: &Secrets<'_>,
    problems: &mut Problems,
) -> Connections {
    let mut connections = Connections::default();
    for entry in entries {
        let name = ConnectionName::parse(&entry.key.text);
        if let Err(error) = &name {
            let hint = format!("such as `{}`", plain_name(&entry.key.text, '-'));
            problems.add(&entry.key.place, code::BAD_NAME, error.to_string()).hint(hint);
        }
        let config = read_one(entry, vendors, secrets, problems);
        match (name, config) {
            (Ok(name), Some((config, volume))) => {
                connections.volumes.extend(volume.map(|volume| (name.clone(), volume)));
                connections.good.insert(name, config);
            }
            _ => connections.broken.push(entry.key.text.clone()),
        }
    }
    connections.defaults = read_defaults(entries, problems);
    check_identities(entries, &connections, problems);
    delivery::divide(&mut connections.good, entries, problems);
    connections
}

/// The connections' `defaults`, which only the flows can make sense of.
fn read_defaults(entries: &[Entry], problems: &mut Problems) -> BTreeMap<ConnectionName, Vec<Entry>> {
    let mut defaults = BTreeMap::new();
    for entry in entries {
        match (ConnectionName::parse(&entry.key.text), member(&entry.value, "defaults")) {
            (Ok(name), Some(Node { value: Value::Map(given), .. })) => {
                defaults.insert(name, given.clone());
            }
            (_, Some(Node { value, place })) if !matches!(value, Value::Map(_) | Value::Null) => {
                let message = format!("`defaults` must be a mapping, found {}", value.describe());
                problems.add(place, code::WRONG_KIND, message).hint("from parameters, or operations, to their values");
            }
            _ => {}
        }
    }
    defaults
}

fn read_one(
    entry: &Entry,
    vendors: &'static [&'static Vendor],
    secrets: &Secrets<'_>,
    problems: &mut Problems,
) -> Option<(ConnectionConfig, Option<Volume>)> {
    let Value::Map(entries) = &entry.value.value else {
        let found = entry.value.value.describe();
        let message = format!("the connection `{}` must be a mapping, found {found}", entry.key.text);
        problems.add(&entry.key.place, code::WRONG_KIND, message).hint(name_vendors(vendors));
        return None;
    };
    let is_beside = |entry: &Entry| BESIDE.contains(&entry.key.text.as_str());
    let named: Vec<&Entry> = entries.iter().filter(|entry| !is_beside(entry)).collect();
    let vendor = find_vendor(entry, &named, vendors, problems);
    let opened = vendor.and_then(|(vendor, at)| settings::open(vendor, at, secrets, problems));
    let what = format!("the connection `{}`", entry.key.text);
    let mut fields = Fields::some(entries, what, is_beside);
    let was = fields.node("was").map_or_else(Vec::new, |node| read_was(node, problems));
    let volume = fields.node("volume").and_then(|node| Volume::read(node, problems));
    let delivery = fields.fields("delivery", problems);
    let base = Preflight::default();
    let preflight = fields.node("preflight").map_or(base.clone(), |node| preflight::read(node, &base, problems));
    fields.node("defaults");
    let (vendor, _) = vendor?;
    let delivery = delivery.map_or_else(|| Delivery::of(vendor), |fields| Delivery::read(fields, vendor, problems));
    let (settings, connector) = opened?;
    Some((ConnectionConfig { vendor, settings, connector, delivery, preflight, was }, volume))
}

/// The one key that names a vendor.
fn find_vendor<'a>(
    connection: &Entry,
    named: &[&'a Entry],
    vendors: &'static [&'static Vendor],
    problems: &mut Problems,
) -> Option<(&'static Vendor, &'a Entry)> {
    let known = |entry: &Entry| vendors.iter().copied().find(|vendor| vendor.name == entry.key.text);
    if let Some(vendor) = bare_settings(named, vendors) {
        let message = format!("the connection `{}` names no vendor", connection.key.text);
        let hint =
            format!("put the settings under the vendor's key: `{}: {{ {vendor}: {{ … }} }}`", connection.key.text);
        problems.add(&connection.key.place, code::MISSING_KEY, message).hint(hint);
        return None;
    }
    let mut found = None;
    for entry in named {
        match (known(entry), &found) {
            (Some(vendor), None) => found = Some((vendor, *entry)),
            (Some(_), Some(_)) => {
                let message = format!("the connection `{}` has a second vendor", connection.key.text);
                problems.add(&entry.key.place, code::UNKNOWN_KEY, message).hint("one connection is one account");
            }
            (None, _) => unknown_vendor(entry, vendors, problems),
        }
    }
    if named.is_empty() {
        let message = format!("the connection `{}` names no vendor", connection.key.text);
        problems.add(&connection.key.place, code::MISSING_KEY, message).hint(name_vendors(vendors));
    }
    found
}

/// The vendor whose settings stand where its key should: all entries are settings of it.
fn bare_settings(named: &[&Entry], vendors: &[&Vendor]) -> Option<&'static str> {
    let is_setting =
        |vendor: &Vendor, entry: &Entry| vendor.settings.iter().any(|setting| setting.name == entry.key.text);
    let fits = |vendor: &&&Vendor| !named.is_empty() && named.iter().all(|entry| is_setting(vendor, entry));
    vendors.iter().find(fits).map(|vendor| vendor.name)
}

fn unknown_vendor(entry: &Entry, vendors: &[&Vendor], problems: &mut Problems) {
    let name = entry.key.text.as_str();
    let known = vendors.iter().map(|vendor| vendor.name).chain(BESIDE);
    let near = crate::expr::suggest::nearest(name, known);
    let hint = near.map_or_else(|| name_vendors(vendors), |near| format!("did you mean `{near}`?"));
    problems.add(&entry.key.place, code::UNKNOWN_VENDOR, format!("there is no vendor `{name}`")).hint(hint);
}

fn name_vendors(vendors: &[&Vendor]) -> String {
    format!("a connection is a vendor's key with its settings; vendors are {}", list(vendors.iter().map(|v| v.name)))
}

fn read_was(node: &Node, problems: &mut Problems) -> Vec<ConnectionName> {
    let mut names = Vec::new();
    for (text, node) in texts(node, problems) {
        match ConnectionName::parse(text) {
            Ok(name) => names.push(name),
            Err(error) => {
                let hint = format!("such as `{}`", plain_name(text, '-'));
                problems.add(&node.place, code::BAD_NAME, error.to_string()).hint(hint);
            }
        }
    }
    names
}

/// What a connection was called before may not be a connection now, nor the past of another.
fn check_identities(entries: &[Entry], connections: &Connections, problems: &mut Problems) {
    let mut seen: BTreeMap<&str, &ConnectionName> = BTreeMap::new();
    for (name, config) in &connections.good {
        for past in config.was.iter().map(ConnectionName::as_str) {
            let clash =
                seen.insert(past, name).or_else(|| connections.good.get_key_value(past).map(|(other, _)| other));
            if let (Some(clash), Some(entry)) = (clash, entries.iter().find(|e| e.key.text == name.as_str())) {
                let message = format!("`{name}` and `{clash}` both claim the past of `{past}`");
                problems
                    .add(&entry.key.place, code::DUPLICATE_IDENTITY, message)
                    .hint("take it out of the `was:` of one of them");
            }
        }
    }
}
