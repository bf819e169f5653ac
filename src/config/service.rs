//! The installation's own settings: names, ports, how long things are remembered.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    fields::{Fields, scalar},
    log::LogConfig,
    report::Problems,
    secrets::Secrets,
    source::Place,
    tree::Node,
};
use crate::{
    connectors::contract::settings::{SettingKind, SettingValue},
    model::{code, secret::Secret},
};

const DAY: Duration = Duration::from_hours(24);

/// What sets this installation apart from others.
#[derive(Clone, Debug)]
pub struct Installation {
    /// Before every topic's name.
    pub prefix: String,
    /// What ids and keyed hashes are built with. It must never change.
    pub hash_key: Option<Secret>,
}

impl Default for Installation {
    fn default() -> Self {
        Self { prefix: "spojka.".to_owned(), hash_key: None }
    }
}

impl Installation {
    pub(crate) fn read(mut fields: Fields<'_>, secrets: &Secrets<'_>, problems: &mut Problems) -> Self {
        let allowed = |text: &str| {
            let fits = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) && text.len() <= 64;
            if fits {
                Ok(text.to_owned())
            } else {
                Err("expected up to 64 of `a-z`, `0-9`, `.`, `_` and `-`".to_owned())
            }
        };
        let prefix = fields.node("prefix").and_then(|node| scalar(node, problems, allowed));
        let hash_key = fields.node("hash_key").and_then(|node| secrets.resolve(node, problems));
        fields.finish(problems);
        Self { prefix: prefix.unwrap_or(Self::default().prefix), hash_key }
    }
}

/// The role that receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayConfig {
    pub listen: SocketAddr,
    pub max_body_bytes: usize,
    /// For a whole request: slow senders are cut off.
    pub request_timeout: Duration,
    /// Where vendors reach us from outside, for the URLs that people copy.
    pub public_url: Option<url::Url>,
    /// Where webhooks are kept while Kafka is away.
    pub spool: Option<SpoolConfig>,
}

/// Where webhooks are kept while Kafka is away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpoolConfig {
    /// A folder on a disk that outlives the process, for one gateway alone.
    pub path: PathBuf,
    pub max_bytes: u64,
}

/// A few minutes of a large shop's traffic fit into the least.
const LEAST_SPOOL_BYTES: i64 = 1 << 20;
const SPOOL_BYTES: u64 = 1 << 30;

impl SpoolConfig {
    fn read(node: &Node, log: &LogConfig, directory: &Path, problems: &mut Problems) -> Option<Self> {
        let mut fields = Fields::open(node, "`spool`", problems)?;
        let path = fields.text("path", problems);
        let bytes = SettingKind::Integer { min: LEAST_SPOOL_BYTES, max: i64::MAX };
        let max_bytes = match fields.read("max_bytes", bytes, problems) {
            Some(SettingValue::Integer(number)) => number.cast_unsigned(),
            _ => SPOOL_BYTES,
        };
        fields.finish(problems);
        if matches!(log, LogConfig::Embedded { .. }) {
            problems
                .add(&node.place, code::WRONG_KIND, "a spool is of use only where the log is Kafka")
                .hint("the embedded log is a file of this machine already: leave `spool` out");
        }
        if path.is_none() {
            problems
                .add(&node.place, code::MISSING_KEY, "`spool` needs `path`")
                .hint("name a folder on a disk that outlives the process: `path: /var/lib/spojka/spool`");
        }
        path.map(|path| Self { path: directory.join(path), max_bytes })
    }
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            max_body_bytes: 2 << 20,
            request_timeout: Duration::from_secs(10),
            public_url: None,
            spool: None,
        }
    }
}

impl GatewayConfig {
    pub(crate) fn read(mut fields: Fields<'_>, log: &LogConfig, directory: &Path, problems: &mut Problems) -> Self {
        let default = Self::default();
        let bytes = SettingKind::Integer { min: 1024, max: 64 << 20 };
        let max_body_bytes = match fields.read("max_body_bytes", bytes, problems) {
            Some(SettingValue::Integer(number)) => usize::try_from(number).unwrap_or(default.max_body_bytes),
            _ => default.max_body_bytes,
        };
        let public_url = match fields.read("public_url", SettingKind::Url, problems) {
            Some(SettingValue::Url(url)) => Some(url),
            _ => None,
        };
        let gateway = Self {
            listen: listen(&mut fields, default.listen, problems),
            max_body_bytes,
            request_timeout: fields.duration("request_timeout", default.request_timeout, problems),
            public_url,
            spool: fields.node("spool").and_then(|node| SpoolConfig::read(node, log, directory, problems)),
        };
        fields.finish(problems);
        gateway
    }
}

/// Health, metrics and commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminConfig {
    pub listen: SocketAddr,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 9090)) }
    }
}

impl AdminConfig {
    pub(crate) fn read(mut fields: Fields<'_>, problems: &mut Problems) -> Self {
        let listen = listen(&mut fields, Self::default().listen, problems);
        fields.finish(problems);
        Self { listen }
    }
}

fn listen(fields: &mut Fields<'_>, default: SocketAddr, problems: &mut Problems) -> SocketAddr {
    let read =
        |text: &str| text.parse().map_err(|_| "expected an address with its port, such as `127.0.0.1:8080`".to_owned());
    fields.node("listen").and_then(|node| scalar(node, problems, read)).unwrap_or(default)
}

/// How long things are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// Outcomes of actions: so long nothing is done twice.
    pub remember: Duration,
    /// Webhooks, events and actions: so long they can be replayed.
    pub retention: Duration,
}

impl Default for Keeping {
    fn default() -> Self {
        Self { remember: 400 * DAY, retention: 90 * DAY }
    }
}

impl Keeping {
    /// Reads both; what can be replayed must still be remembered.
    pub(crate) fn read(fields: &mut Fields<'_>, problems: &mut Problems) -> Self {
        let default = Self::default();
        let places: [Option<&Place>; 2] =
            [fields.node("remember"), fields.node("retention")].map(|node| node.map(|node| &node.place));
        let keeping = Self {
            remember: fields.duration("remember", default.remember, problems),
            retention: fields.duration("retention", default.retention, problems),
        };
        if let Some(place) = places.into_iter().flatten().next().filter(|_| keeping.remember <= keeping.retention) {
            problems
                .add(place, code::WRONG_KIND, "`remember` must be longer than `retention`")
                .hint("a replay of what is no longer remembered would do everything twice");
        }
        keeping
    }
}
