//! What is measured.

use anyhow::{Context as _, bail};

use crate::server::Kind;

/// One kind of load.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) connections: u32,
    pub(crate) rate: Rate,
    pub(crate) body_bytes: usize,
}

/// Requests a second over all connections.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rate {
    /// As many as get through.
    Most,
    /// Half of what the same server took at most, with as many connections and bodies of that size.
    Half,
    Of(u32),
}

impl Scenario {
    const fn new(name: &'static str, connections: u32, rate: Rate, kibibytes: usize) -> Self {
        Self { name, connections, rate, body_bytes: kibibytes << 10 }
    }
}

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("trickle-1k", 64, Rate::Of(2000), 1),
    Scenario::new("trickle-2k", 64, Rate::Of(2000), 2),
    Scenario::new("flood-64-1k", 64, Rate::Most, 1),
    Scenario::new("flood-64-2k", 64, Rate::Most, 2),
    Scenario::new("flood-256-1k", 256, Rate::Most, 1),
    Scenario::new("flood-256-2k", 256, Rate::Most, 2),
    Scenario::new("half-256-1k", 256, Rate::Half, 1),
    Scenario::new("half-256-2k", 256, Rate::Half, 2),
];

pub(crate) struct Options {
    pub(crate) seconds: u64,
    /// How often each server is measured under each load; the median counts.
    pub(crate) rounds: usize,
    pub(crate) servers: Vec<Kind>,
    scenarios: Vec<String>,
}

impl Options {
    /// One second of each server under one load.
    pub(crate) fn smoke() -> Self {
        Self { seconds: 1, rounds: 1, servers: Kind::available(), scenarios: vec!["trickle-1k".to_owned()] }
    }

    pub(crate) fn parse(arguments: &[String]) -> anyhow::Result<Self> {
        let mut options = Self { seconds: 5, rounds: 3, servers: Kind::available(), scenarios: Vec::new() };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().with_context(|| format!("`{argument}` needs a value"));
            match argument.as_str() {
                "--bench" => {}
                "--seconds" => options.seconds = value()?.parse().context("`--seconds` takes a number")?,
                "--rounds" => options.rounds = value()?.parse().context("`--rounds` takes a number")?,
                "--servers" => options.servers = value()?.split(',').map(Kind::parse).collect::<Result<_, _>>()?,
                "--scenarios" => options.scenarios = value()?.split(',').map(str::to_owned).collect(),
                _ => bail!("unknown option `{argument}`: --seconds, --rounds, --servers, --scenarios"),
            }
        }
        Ok(options)
    }

    /// Scenarios are chosen by the beginnings of their names; none chosen means all.
    pub(crate) fn wants(&self, scenario: &Scenario) -> bool {
        self.scenarios.is_empty() || self.scenarios.iter().any(|name| scenario.name.starts_with(name.as_str()))
    }
}
