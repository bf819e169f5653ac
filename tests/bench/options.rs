//! What is measured.

use anyhow::{Context as _, bail};

use crate::server::Kind;

/// One kind of load.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) connections: u32,
    /// Requests a second over all connections; `None`: as many as get through.
    pub(crate) rate: Option<u32>,
    pub(crate) body_bytes: usize,
}

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario { name: "trickle-1k", connections: 64, rate: Some(2000), body_bytes: 1 << 10 },
    Scenario { name: "trickle-2k", connections: 64, rate: Some(2000), body_bytes: 2 << 10 },
    Scenario { name: "flood-64-1k", connections: 64, rate: None, body_bytes: 1 << 10 },
    Scenario { name: "flood-64-2k", connections: 64, rate: None, body_bytes: 2 << 10 },
    Scenario { name: "flood-256-1k", connections: 256, rate: None, body_bytes: 1 << 10 },
    Scenario { name: "flood-256-2k", connections: 256, rate: None, body_bytes: 2 << 10 },
];

pub(crate) struct Options {
    pub(crate) seconds: u64,
    pub(crate) servers: Vec<Kind>,
    scenarios: Vec<String>,
}

impl Options {
    /// One second of each server under one load.
    pub(crate) fn smoke() -> Self {
        Self { seconds: 1, servers: Kind::available(), scenarios: vec!["trickle-1k".to_owned()] }
    }

    pub(crate) fn parse(arguments: &[String]) -> anyhow::Result<Self> {
        let mut options = Self { seconds: 10, servers: Kind::available(), scenarios: Vec::new() };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().with_context(|| format!("`{argument}` needs a value"));
            match argument.as_str() {
                "--bench" => {}
                "--seconds" => options.seconds = value()?.parse().context("`--seconds` takes a number")?,
                "--servers" => options.servers = value()?.split(',').map(Kind::parse).collect::<Result<_, _>>()?,
                "--scenarios" => options.scenarios = value()?.split(',').map(str::to_owned).collect(),
                _ => bail!("unknown option `{argument}`: --seconds, --servers, --scenarios"),
            }
        }
        Ok(options)
    }

    /// Scenarios are chosen by the beginnings of their names; none chosen means all.
    pub(crate) fn wants(&self, scenario: &Scenario) -> bool {
        self.scenarios.is_empty() || self.scenarios.iter().any(|name| scenario.name.starts_with(name.as_str()))
    }
}
