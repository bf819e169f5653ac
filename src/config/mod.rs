//! The config: YAML as typed, then checked and as used. Nothing later sees raw input.
//!
//! Checking is pure and tells every problem at once, with file, line, column, excerpt and hint; the only things read are the
//! config's files and the secrets that it refers to. `load` is the way in. A key of a mapping that nobody asks for is an
//! error, so a new key needs no other place than the one that reads it.
//!
//! | file | what |
//! |---|---|
//! | `encoding`, `source`, `tree`, `slips`, `files` | bytes, text, places in it, YAML, its errors, several files as one |
//! | `report`, `excerpt`, `fields` | problems, the lines shown with them, and reading mappings so that none is missed |
//! | `secrets`, `plain` | references; the one place that reads the environment; secrets where none belong |
//! | `keys`, `schema` | every key as data, for the reference page and for editors |
//! | `volume` | what is expected, and whether limits allow for it |
//! | `service`, `log`, `connections`, `settings`, `delivery`, `lookups`, `flows` | what each key means |
//! | `flow_tests` | tests beside the flows: their form, and running them |

mod connections;
mod delivery;
mod encoding;
mod excerpt;
mod fields;
mod files;
mod flow_tests;
mod flows;
pub mod keys;
mod log;
mod lookups;
mod plain;
mod preflight;
pub mod report;
pub mod schema;
mod secrets;
mod service;
mod settings;
mod slips;
mod source;
mod tree;
mod volume;

use std::{collections::BTreeMap, path::Path, sync::Arc};

pub use connections::ConnectionConfig;
pub use delivery::{Circuit, Delivery, LimitConfig, Pauses, QuotaConfig, Retry, SpanConfig};
pub use flow_tests::TestsRun;
pub use log::{KafkaConfig, LogConfig, Sasl, Security};
pub use report::{Problem, Report, Severity};
pub use secrets::{Environment, FixedEnvironment, Mode, ProcessEnvironment};
pub use service::{AdminConfig, GatewayConfig, Installation, Keeping, SpoolConfig};

use crate::{
    connectors::contract::Vendor,
    expr::room::with_room,
    model::{code, connection::ConnectionName},
    router::FlowSet,
    topics::{body::Body, event::Entity},
};
use connections::Connections;
use fields::Fields;
use files::Files;
use flow_tests::FlowTest;
use flows::{FieldSets, Vocabulary};
use report::Problems;
use secrets::Secrets;
use source::SourceFile;
use tree::{Entry, Value};

/// A checked config.
#[derive(Clone, Debug)]
pub struct Config {
    pub installation: Installation,
    pub log: LogConfig,
    pub gateway: GatewayConfig,
    pub admin: AdminConfig,
    pub keeping: Keeping,
    /// By today's names. Records carry first names ([`ConnectionConfig::identity`]), and so do the flows' steps.
    pub connections: BTreeMap<ConnectionName, ConnectionConfig>,
    pub flows: Arc<FlowSet>,
    /// What checking found that does not keep the config from being used.
    pub warnings: Vec<Problem>,
    tests: Arc<Vec<FlowTest>>,
}

impl Config {
    /// Today's name of the connection that records know by a first name.
    pub fn name_of<'a>(&'a self, identity: &'a ConnectionName) -> &'a ConnectionName {
        let known = self.connections.iter().find(|(name, connection)| connection.identity(name) == identity);
        known.map_or(identity, |(name, _)| name)
    }
}

/// Reads and checks a config: one file, or all `*.yaml` and `*.yml` files of a directory.
///
/// # Errors
/// All problems.
pub fn load(
    path: &Path,
    environment: &dyn Environment,
    vendors: &'static [&'static Vendor],
    mode: Mode,
) -> Result<Config, Report> {
    let mut problems = Problems::default();
    let sources = files::find(path, &mut problems);
    let directory = directory_of(path);
    check(&sources, directory, &Secrets { environment, mode }, vendors, problems)
}

/// Reads an event's body as people write it, in YAML or JSON, by the schema's names.
///
/// # Errors
/// All problems.
pub fn event_body(path: &str, text: &str, entity: Entity) -> Result<Body, Report> {
    let mut problems = Problems::default();
    let file = SourceFile::new(path, text);
    let message = crate::expr::schema::entity(entity);
    let json = tree::read(&file, &mut problems).map(|node| flow_tests::read_body(&node, &message, &mut problems));
    let json = json.unwrap_or_else(|| serde_json::json!({}));
    if problems.count() == 0 {
        match Body::from_json(entity, json.to_string().as_bytes()) {
            Ok(body) => return Ok(body),
            Err(error) => {
                problems.add_global(code::WRONG_KIND, format!("the body does not fit: {error}"));
            }
        }
    }
    Err(problems.into_report().expect("something was wrong"))
}

/// Where relative paths in a config begin.
pub fn directory_of(path: &Path) -> &Path {
    if path.is_dir() { path } else { path.parent().unwrap_or(path) }
}

/// The files of a config as they stand, `(path, text)` each: what [`load_texts`] takes.
///
/// # Errors
/// What cannot be read.
pub fn read_texts(path: &Path) -> Result<Vec<(String, String)>, Report> {
    let mut problems = Problems::default();
    let sources = files::find(path, &mut problems);
    let texts = sources.iter().map(|source| (source.path.clone(), source.text.clone())).collect();
    problems.into_report().map_or(Ok(texts), Err)
}

/// Checks a config whose files are at hand: `(path, text)` each. `directory` is what relative paths in it begin at.
///
/// # Errors
/// All problems.
pub fn load_texts(
    files: &[(String, String)],
    directory: &Path,
    environment: &dyn Environment,
    vendors: &'static [&'static Vendor],
    mode: Mode,
) -> Result<Config, Report> {
    let sources: Vec<_> = files.iter().map(|(path, text)| SourceFile::new(path.clone(), text.clone())).collect();
    check(&sources, directory, &Secrets { environment, mode }, vendors, Problems::default())
}

fn check(
    sources: &[Arc<SourceFile>],
    directory: &Path,
    secrets: &Secrets<'_>,
    vendors: &'static [&'static Vendor],
    problems: Problems,
) -> Result<Config, Report> {
    with_room(|| check_all(sources, directory, secrets, vendors, problems))
}

fn check_all(
    sources: &[Arc<SourceFile>],
    directory: &Path,
    secrets: &Secrets<'_>,
    vendors: &'static [&'static Vendor],
    mut problems: Problems,
) -> Result<Config, Report> {
    let files = files::merge(sources, &mut problems);
    files::refuse_empty(&files, sources, &mut problems);
    let connections = connections::read(&files.connections, vendors, secrets, &mut problems);
    let lookups = lookups::read(&files.lookups, &mut problems);
    flows::defaults::check(&connections, &lookups, &mut problems);
    let field_sets = FieldSets::read(&files.field_sets, &mut problems);
    let vocabulary = Vocabulary { connections: &connections, lookups, field_sets };
    let flows = flows::read(&files.flows, &vocabulary, &mut problems);
    vocabulary.field_sets.finish(&mut problems);
    flows::compare(&flows, &connections, &mut problems);
    let flows: Vec<_> = flows.into_iter().map(|checked| checked.flow).collect();
    let tests = flow_tests::read(&files.tests, &files.flows, &flows, &connections, &mut problems);
    let config = service(&files, directory, secrets, &mut problems);
    for entries in [&files.connections, &files.flows, &files.lookups, &files.field_sets, &files.service] {
        plain::check(entries, &mut problems);
    }
    let flows = Arc::new(FlowSet::new(files.with_flows, flows));
    let config = Config { connections: connections.good, flows, tests: Arc::new(tests), ..config };
    problems.judge().map(|warnings| Config { warnings, ..config })
}

/// Everything but connections and flows.
fn service(files: &Files, directory: &Path, secrets: &Secrets<'_>, problems: &mut Problems) -> Config {
    let mut fields = Fields::some(&files.service, "a config", |_| true);
    // Read elsewhere; named here for the hint.
    fields.node("connections");
    fields.node("flows");
    fields.node("tests");
    fields.node("lookups");
    fields.node("field_sets");
    let installation = fields.fields("installation", problems);
    let log = fields.node("log");
    let gateway = fields.fields("gateway", problems);
    let admin = fields.fields("admin", problems);
    let keeping = Keeping::read(&mut fields, problems);
    let astray = astray(&files.service, problems);
    fields.without(&astray).finish(problems);
    let log =
        log.map_or_else(|| LogConfig::default_in(directory), |node| log::read(node, directory, secrets, problems));
    let gateway =
        gateway.map_or_else(GatewayConfig::default, |fields| GatewayConfig::read(fields, &log, directory, problems));
    Config {
        installation: installation
            .map_or_else(Installation::default, |fields| Installation::read(fields, secrets, problems)),
        log,
        gateway,
        admin: admin.map_or_else(AdminConfig::default, |fields| AdminConfig::read(fields, problems)),
        keeping,
        connections: BTreeMap::new(),
        flows: Arc::new(FlowSet::new(Vec::new(), Vec::new())),
        warnings: Vec::new(),
        tests: Arc::default(),
    }
}

/// Complains about flows that stand beside `flows` instead of under it.
fn astray<'a>(entries: &'a [Entry], problems: &mut Problems) -> Vec<&'a Entry> {
    let is_flow = |entry: &&Entry| {
        let has =
            |name: &str| matches!(&entry.value.value, Value::Map(inner) if inner.iter().any(|e| e.key.text == name));
        has("on") && has("do")
    };
    let flows: Vec<&Entry> = entries.iter().filter(is_flow).collect();
    for entry in &flows {
        let message = format!("the flow `{}` does not stand under `flows:`", entry.key.text);
        problems
            .add(&entry.key.place, code::UNKNOWN_KEY, message)
            .hint("indent all of it by two spaces under `flows:`");
    }
    flows
}

/// Compiles a flow set that the log kept, with the present connections, which it may know by earlier names. A flow that no
/// longer fits them (its connection is gone, its operation has changed) is left out, and the report says so.
pub fn stored_flows(
    files: &[(String, String)],
    connections: &BTreeMap<ConnectionName, ConnectionConfig>,
) -> (FlowSet, Option<Report>) {
    let mut problems = Problems::default();
    let sources: Vec<_> = files.iter().map(|(path, text)| SourceFile::new(path.clone(), text.clone())).collect();
    let merged = files::merge(&sources, &mut problems);
    let connections = Connections::through_time(connections, &merged.connections);
    let lookups = lookups::read(&merged.lookups, &mut problems);
    let field_sets = FieldSets::read(&merged.field_sets, &mut problems);
    let flows = with_room(|| {
        let vocabulary = Vocabulary { connections: &connections, lookups, field_sets };
        let flows = flows::read(&merged.flows, &vocabulary, &mut problems);
        flows.into_iter().map(|checked| checked.flow).collect()
    });
    (FlowSet::new(files.to_vec(), flows), problems.into_report())
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
