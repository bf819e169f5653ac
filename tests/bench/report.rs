//! The table.

use std::{
    collections::HashMap,
    io::{self, Write as _},
    time::Duration,
};

use hdrhistogram::Histogram;

use crate::{disk::Fsync, load::Load, options::Scenario, server::Kind};

/// One server under one load.
pub(crate) struct Measured {
    pub(crate) load: Load,
    pub(crate) cpu: Duration,
    pub(crate) peak_memory: u64,
}

impl Measured {
    fn per_second(&self) -> f64 {
        count(self.load.answered) / self.load.took.as_secs_f64()
    }

    /// Processor time for one webhook, in microseconds.
    fn cpu_each(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / count(self.load.answered + self.load.refused)
    }
}

pub(crate) struct Report {
    seconds: u64,
    /// Of the bare server, by scenario: webhooks a second, and processor time for each.
    bare: HashMap<&'static str, (f64, f64)>,
}

impl Report {
    pub(crate) fn new(seconds: u64) -> Self {
        Self { seconds, bare: HashMap::new() }
    }

    /// The disk's times, and the table's head.
    pub(crate) fn fsync(&self, measured: &[Fsync]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        for Fsync { bytes, times } in measured {
            writeln!(out, "write and fsync of {:>3} KiB: {}", bytes >> 10, quantiles(times))?;
        }
        writeln!(out, "\n{} seconds each; latencies in ms from the scheduled start; ratios to `bare`\n", self.seconds)?;
        writeln!(
            out,
            "{:<13} {:<14} {:>8} {:>6} {:>8} {:>6} {:>8} {:>8} {:>8} {:>8} {:>8} {:>7}",
            "scenario",
            "server",
            "req/s",
            "ratio",
            "cpu us",
            "ratio",
            "p50",
            "p99",
            "p99.9",
            "max",
            "peak MiB",
            "refused"
        )
    }

    pub(crate) fn row(&mut self, kind: Kind, scenario: &Scenario, measured: &Measured) -> io::Result<()> {
        let (rate, cpu) = (measured.per_second(), measured.cpu_each());
        if kind == Kind::Bare {
            self.bare.insert(scenario.name, (rate, cpu));
        }
        let bare = self.bare.get(scenario.name);
        let ratio = |value: f64, of: Option<f64>| of.map_or("-".to_owned(), |of| format!("{:.2}", value / of));
        let at = |quantile| milliseconds(measured.load.latency.value_at_quantile(quantile));
        writeln!(
            io::stdout().lock(),
            "{:<13} {:<14} {:>8.0} {:>6} {:>8.1} {:>6} {:>8} {:>8} {:>8} {:>8} {:>8} {:>7}",
            scenario.name,
            kind.as_str(),
            rate,
            ratio(rate, bare.map(|(rate, _)| *rate)),
            cpu,
            ratio(cpu, bare.map(|(_, cpu)| *cpu)),
            at(0.5),
            at(0.99),
            at(0.999),
            milliseconds(measured.load.latency.max()),
            measured.peak_memory >> 20,
            measured.load.refused,
        )
    }
}

/// Says why the bench failed.
pub(crate) fn complain(error: &anyhow::Error) {
    let _nobody_listens = writeln!(io::stderr().lock(), "error: {error:#}");
}

fn quantiles(times: &Histogram<u64>) -> String {
    let at = |quantile| milliseconds(times.value_at_quantile(quantile));
    format!("p50 {} ms, p99 {} ms", at(0.5), at(0.99))
}

fn milliseconds(micros: u64) -> String {
    format!("{:.2}", count(micros) / 1e3)
}

#[expect(clippy::cast_precision_loss, reason = "for people, who read three digits")]
fn count(number: u64) -> f64 {
    number as f64
}
