//! The table, with what was aimed at beside what was measured.

use std::{
    collections::HashMap,
    fs,
    io::{self, Write as _},
    time::Duration,
};

use hdrhistogram::Histogram;

use crate::{
    disk::Fsync,
    load::Load,
    options::{Options, Rate, Scenario},
    server::Kind,
};

/// One server under one load.
pub(crate) struct Measured {
    pub(crate) load: Load,
    pub(crate) cpu: Duration,
    pub(crate) peak_memory: u64,
}

impl Measured {
    pub(crate) fn per_second(&self) -> f64 {
        count(self.load.answered) / self.load.took.as_secs_f64()
    }

    /// Processor time for one webhook, in microseconds.
    fn cpu_each(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / count(self.load.answered + self.load.refused)
    }

    fn latency(&self, quantile: f64) -> f64 {
        milliseconds(self.load.latency.value_at_quantile(quantile))
    }
}

pub(crate) struct Report {
    /// The longest that a hundredth of the disk's fsyncs takes less than, in ms.
    fsync_p99: f64,
    /// By server, connections and size of body: what it takes at most.
    most: HashMap<(Kind, u32, usize), f64>,
    /// Of the bare server, by scenario: webhooks a second, and processor time for each.
    bare: HashMap<&'static str, (f64, f64)>,
}

impl Report {
    pub(crate) fn new(fsync: &[Fsync]) -> Self {
        let p99 = |fsync: &Fsync| milliseconds(fsync.times.value_at_quantile(0.99));
        Self { fsync_p99: fsync.first().map_or(0.0, p99), most: HashMap::new(), bare: HashMap::new() }
    }

    /// The machine, the disk's times, and the table's head.
    pub(crate) fn head(options: &Options, measured: &[Fsync]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        writeln!(out, "{cores} cores, load average {}", load_average())?;
        for Fsync { bytes, times } in measured {
            writeln!(out, "write and fsync of {:>3} KiB: {}", bytes >> 10, quantiles(times))?;
        }
        let Options { seconds, rounds, .. } = options;
        writeln!(out, "\nmedians of {rounds} times {seconds} seconds; latencies in ms from the scheduled start;")?;
        writeln!(out, "ratios to `bare` in the same round; aims in parentheses\n")?;
        writeln!(
            out,
            "{:<13} {:<14} {:>8} {:>6} {:>8} {:>6} {:>6} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>7} {:>6}",
            "scenario",
            "server",
            "req/s",
            "ratio",
            "cpu us",
            "ratio",
            "(aim)",
            "p50",
            "p99",
            "(aim)",
            "p99.9",
            "max",
            "peak MiB",
            "refused",
            "load"
        )
    }

    /// What a server takes at most under this kind of load, if that was measured.
    pub(crate) fn most(&self, kind: Kind, scenario: &Scenario) -> Option<f64> {
        self.most.get(&(kind, scenario.connections, scenario.body_bytes)).copied()
    }

    pub(crate) fn row(&mut self, kind: Kind, scenario: &Scenario, rounds: &[Measured]) -> io::Result<()> {
        let rate = median(rounds, Measured::per_second);
        let cpu = median(rounds, Measured::cpu_each);
        if scenario.rate == Rate::Most {
            self.most.insert((kind, scenario.connections, scenario.body_bytes), rate);
        }
        if kind == Kind::Bare {
            self.bare.insert(scenario.name, (rate, cpu));
        }
        let bare = self.bare.get(scenario.name);
        let ratio = |value: f64, of: Option<f64>| of.map_or("-".to_owned(), |of| format!("{:.2}", value / of));
        let aim = |aim: Option<f64>| aim.map_or(String::new(), |aim| format!("({aim:.1})"));
        let at = |quantile| format!("{:.2}", median(rounds, |measured| measured.latency(quantile)));
        writeln!(
            io::stdout().lock(),
            "{:<13} {:<14} {:>8.0} {:>6} {:>8.1} {:>6} {:>6} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>7} {:>6}",
            scenario.name,
            kind.as_str(),
            rate,
            ratio(rate, bare.map(|(rate, _)| *rate)),
            cpu,
            ratio(cpu, bare.map(|(_, cpu)| *cpu)),
            aim(cpu_aim(kind, scenario)),
            at(0.5),
            at(0.99),
            aim(self.p99_aim(kind, scenario)),
            at(0.999),
            at(1.0),
            rounds.iter().map(|measured| measured.peak_memory >> 20).max().unwrap_or(0),
            rounds.iter().map(|measured| measured.load.refused).sum::<u64>(),
            load_average(),
        )
    }

    /// In ms, at half of the most.
    fn p99_aim(&self, kind: Kind, scenario: &Scenario) -> Option<f64> {
        match kind {
            _ if scenario.rate != Rate::Half => None,
            Kind::GatewayKafka => Some(5.0),
            Kind::Gateway => Some(2.0 * self.fsync_p99 + 3.0),
            Kind::Bare | Kind::GatewayNoLog => None,
        }
    }
}

/// How many times the bare server's processor time a webhook may cost.
fn cpu_aim(kind: Kind, scenario: &Scenario) -> Option<f64> {
    match (kind, scenario.rate) {
        (Kind::GatewayKafka, Rate::Of(_)) => Some(4.0),
        (Kind::GatewayKafka, Rate::Most) => Some(if scenario.connections < 256 { 3.0 } else { 2.0 }),
        (Kind::Gateway, Rate::Of(_) | Rate::Most) => Some(3.0),
        _ => None,
    }
}

/// Says why the bench failed.
pub(crate) fn complain(error: &anyhow::Error) {
    let _nobody_listens = writeln!(io::stderr().lock(), "error: {error:#}");
}

/// Of the last minute.
fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

fn median(rounds: &[Measured], of: impl Fn(&Measured) -> f64) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

fn quantiles(times: &Histogram<u64>) -> String {
    let at = |quantile| milliseconds(times.value_at_quantile(quantile));
    format!("p50 {:.2} ms, p99 {:.2} ms", at(0.5), at(0.99))
}

fn milliseconds(micros: u64) -> f64 {
    count(micros) / 1e3
}

#[expect(clippy::cast_precision_loss, reason = "for people, who read three digits")]
fn count(number: u64) -> f64 {
    number as f64
}

/// A rate as a whole number, at least one.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate that a server reached")]
pub(crate) fn whole(rate: f64) -> u32 {
    rate.max(1.0) as u32
}
