//! The command line.

pub mod approve;
mod backtest;
mod flows;

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use backtest::BacktestArguments;
pub use flows::FlowsCommand;

use super::{check::CheckArguments, init::InitArguments, reference::ReferenceArguments, simulate::SimulateArguments};
use crate::{
    model::code::Class,
    topics::{
        dead::Kind,
        replay::{AsOf, Begin, Mode},
    },
};

/// Webhooks in, your flows applied, actions done: nothing lost, nothing done twice.
#[derive(Debug, Parser)]
#[command(
    name = "spojka",
    version,
    after_help = "Exit codes: 0 done, 1 failed, 2 the command line or the config is wrong, 3 what was named is not there,\n\
                  4 `run` ended in order, and webhooks wait in the spool for the next start.\n\
                  Answers (and what `check` finds) go to standard output, errors and hints to standard error.\n\
                  Start with `spojka demo`, which shows it all at work; `spojka init` begins a config of your own."
)]
pub struct Arguments {
    /// The config: a directory of YAML files, or one file.
    #[arg(long, short, global = true, default_value = ".", value_name = "PATH")]
    pub config: PathBuf,

    /// Print JSON for programs.
    #[arg(long, global = true)]
    pub json: bool,

    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the roles: all in one process, or those named.
    Run(RunArguments),
    /// Everything in one process, with simulated vendors: send sample webhooks and follow them to the end.
    Demo(DemoArguments),
    /// Begin a config with one of the examples.
    Init(InitArguments),
    /// Check a config: every problem at once, no network.
    Check(CheckArguments),
    /// Call every connection's vendor once, harmlessly, and tell what is wrong and what to do.
    Doctor {
        /// Only this connection.
        connection: Option<String>,
    },
    /// Show what the flows would do with a webhook or an event, from a file or recorded, and why not. Sends nothing.
    Simulate(SimulateArguments),
    /// Sign a sample webhook as the vendor would, and post it to the gateway.
    Send(SendArguments),
    /// Serve a simulated vendor over HTTP.
    Sandbox(SandboxArguments),
    /// How the lanes stand: backlog, rate, circuit, quotas and what they cost. `pause` and `resume` stop one and start it.
    Lanes(LanesArguments),
    /// The topics as they stand.
    Topics,
    /// What each vendor takes and does.
    Connectors {
        /// One vendor, in full.
        vendor: Option<String>,
    },
    /// Actions that a step holds until a person has agreed.
    #[command(subcommand)]
    Approve(approve::ApproveCommand),
    /// Records that cannot go on by themselves.
    #[command(subcommand)]
    Dead(DeadCommand),
    /// Judge stored webhooks, events or actions again, and do what is missing. Counts first, and does nothing without --yes.
    #[command(args_conflicts_with_subcommands = true)]
    Replay(ReplayArguments),
    /// Run other flows against recorded events, and show how what they do differs from what the present flows do. Sends nothing.
    Backtest(BacktestArguments),
    /// Have the running process read its config again: its flows come into force, if all of it is right. As SIGHUP does.
    Reload {
        /// The process's admin port, if not the one that the config names.
        #[arg(long, value_name = "HOST:PORT")]
        admin: Option<SocketAddr>,
    },
    /// The versions of the flows: which were in force since when, and what they were.
    #[command(subcommand)]
    Flows(FlowsCommand),
    /// Read what a vendor holds already, show what the flows would do with it, and adopt or fire it.
    Import(ImportArguments),
    /// The story of one webhook, event, action or dead letter.
    Trace {
        /// Its id: `w-…`, `e-…`, `a-…` or `d-…`. Without one: the webhooks that arrived last.
        id: Option<String>,
    },
    /// Reference pages: config keys, events, connectors, functions, codes.
    Reference(ReferenceArguments),
    /// The JSON Schema of configs, for editors.
    Schema,
    /// What a code means, and what to do.
    Explain {
        /// Without one: all of them.
        code: Option<String>,
    },
}

#[derive(Debug, Args)]
pub struct RunArguments {
    /// Only these roles; may be given several times.
    #[arg(long = "role", value_name = "ROLE")]
    pub roles: Vec<Role>,
    /// How log lines look.
    #[arg(long, default_value = "json")]
    pub log_format: LogFormat,
    /// Which log lines, as `RUST_LOG` has them.
    #[arg(long, default_value = "info", value_name = "FILTER")]
    pub log_filter: String,
    /// Put a flow in force although its `start` is not the one that it was in force with; may be given several times.
    #[arg(long = "accept-start", value_name = "FLOW")]
    pub accept_starts: Vec<String>,
}

/// A part of Spojka that may run by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Role {
    Gateway,
    Normalizer,
    Router,
    Dispatcher,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Json,
    Human,
}

#[derive(Debug, Args)]
pub struct DemoArguments {
    /// Stop when everything has arrived, with a summary; exit code 0 only if it has.
    #[arg(long)]
    pub exit: bool,
    /// Use these Kafka brokers instead of a file.
    #[arg(long, value_name = "HOST:PORT,…")]
    pub brokers: Option<String>,
    /// The longest to wait with --exit, in seconds.
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    pub timeout_s: u64,
}

#[derive(Debug, Args)]
pub struct SendArguments {
    /// The connection that it should seem to come from.
    pub connection: String,
    /// The sample's name: `spojka connectors <vendor>` lists them.
    pub sample: String,
    /// Where to, instead of this machine's gateway.
    #[arg(long)]
    pub url: Option<url::Url>,
}

#[derive(Debug, Args)]
pub struct SandboxArguments {
    /// Its key in configs: `spojka connectors` lists them.
    pub vendor: String,
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Writes down there what it is asked, and goes on from it at the next start, also after it was killed.
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    /// A setting of the vendor, such as the credentials that the sandbox takes; may be given several times.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub settings: Vec<String>,
}

/// Which lanes, or what to tell one of them.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct LanesArguments {
    /// Only this connection's.
    pub connection: Option<String>,
    #[command(subcommand)]
    pub command: Option<LanesCommand>,
}

/// What to tell a lane's owner.
#[derive(Debug, Subcommand)]
pub enum LanesCommand {
    /// Send nothing to this connection until it is resumed. Everything is kept meanwhile.
    Pause { connection: String },
    /// Go on, whatever stopped it: a person, a failing target, rejected credentials.
    Resume { connection: String },
}

#[derive(Debug, Args)]
pub struct ReplayArguments {
    #[command(subcommand)]
    pub command: Option<ReplayCommand>,
    #[command(flatten)]
    pub what: ReplayWhat,
}

#[derive(Debug, Subcommand)]
pub enum ReplayCommand {
    /// All replays of the last 30 days.
    List,
    /// One replay: what was asked for, how far it is, what it counted. Follows it while it runs.
    Show { id: String },
    /// Stop a replay, wherever it runs.
    Stop { id: String },
    /// Go on with a replay that was stopped or cut off.
    Resume { id: String },
}

/// What is replayed, and how.
#[derive(Debug, Args)]
pub struct ReplayWhat {
    /// Webhooks that arrived then or later: a day, a time, or so long ago (`2025-10-01`, `2025-10-01T08:00:00Z`, `3d`).
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Webhooks that arrived before.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Only what came from this connection; with --from actions: what is done there.
    #[arg(long)]
    pub connection: Option<String>,
    /// Only one entity: an id as `trace` shows it, or the vendor's id or number.
    #[arg(long, value_name = "ID")]
    pub entity: Option<String>,
    /// Only events of this type.
    #[arg(long, value_name = "TYPE")]
    pub event: Option<String>,
    /// Only this flow.
    #[arg(long)]
    pub flow: Option<String>,
    /// What is read.
    #[arg(long = "from", default_value = "webhooks")]
    pub begin: ReplayFrom,
    /// Which actions are done.
    #[arg(long, default_value = "missing")]
    pub mode: ReplayMode,
    /// By which flows facts are judged.
    #[arg(long, default_value = "recorded")]
    pub as_of: ReplayAsOf,
    /// Actions appended a second, at the most.
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: u32,
    /// Only count.
    #[arg(long)]
    pub dry_run: bool,
    /// Do it.
    #[arg(long)]
    pub yes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReplayFrom {
    /// With the replies that were fetched for them.
    Webhooks,
    Events,
    Actions,
}

impl From<ReplayFrom> for Begin {
    fn from(from: ReplayFrom) -> Self {
        match from {
            ReplayFrom::Webhooks => Self::Webhooks,
            ReplayFrom::Events => Self::Events,
            ReplayFrom::Actions => Self::Actions,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReplayMode {
    /// Those that nobody knows.
    Missing,
    /// Those that died.
    Failed,
    /// All of them again, also what was done.
    All,
}

impl From<ReplayMode> for Mode {
    fn from(mode: ReplayMode) -> Self {
        match mode {
            ReplayMode::Missing => Self::Missing,
            ReplayMode::Failed => Self::Failed,
            ReplayMode::All => Self::All,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReplayAsOf {
    /// Those in force when the fact became true.
    Recorded,
    /// Those in force now, as if they had been in force then.
    Present,
}

impl From<ReplayAsOf> for AsOf {
    fn from(as_of: ReplayAsOf) -> Self {
        match as_of {
            ReplayAsOf::Recorded => Self::Recorded,
            ReplayAsOf::Present => Self::Present,
        }
    }
}

#[derive(Debug, Args)]
pub struct ImportArguments {
    /// The connection whose vendor is read.
    pub connection: String,
    /// What was there or changed since then: a day, a time, or so long ago (`2025-01-01`, `365d`).
    #[arg(long, value_name = "TIME", required_unless_present = "run")]
    pub since: Option<String>,
    /// Only these of the vendor's lists: `orders`, `invoices`, …
    #[arg(long, value_delimiter = ',', value_name = "LIST,…")]
    pub kind: Vec<String>,
    /// Rows that were read already: the import's name, as it was shown.
    #[arg(long, conflicts_with = "since")]
    pub run: Option<String>,
    /// The targets hold it already: it goes into the ledger, and nothing is sent.
    #[arg(long)]
    pub adopt: bool,
    /// Do what the flows in force now say.
    #[arg(long, conflicts_with = "adopt")]
    pub fire: bool,
    /// Actions appended a second, at the most.
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: u32,
    /// Do it.
    #[arg(long)]
    pub yes: bool,
}

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
pub enum DeadCommand {
    /// In short, without content.
    List(DeadArguments),
    /// One, with its original bytes.
    Show {
        /// Its id, as `dead list` shows it.
        id: String,
    },
    /// Send them on their way again, behind live traffic. Tells how many, and moves nothing without --yes.
    Retry {
        #[command(flatten)]
        which: DeadArguments,
        /// Wait until the retried actions have ended, and tell how.
        #[arg(long)]
        wait: bool,
    },
    /// Remove them for good. Tells how many, and removes nothing without --yes.
    Discard(DeadArguments),
}

/// Which dead letters.
#[derive(Debug, Args)]
pub struct DeadArguments {
    /// One letter.
    pub id: Option<String>,
    /// Only what was one of these.
    #[arg(long)]
    pub kind: Option<DeadKind>,
    /// Only those that died of this code.
    #[arg(long)]
    pub code: Option<String>,
    /// Only those that died of a code of this class.
    #[arg(long)]
    pub class: Option<DeadClass>,
    /// Only those of this connection.
    #[arg(long)]
    pub connection: Option<String>,
    /// Only those of this flow.
    #[arg(long)]
    pub flow: Option<String>,
    /// Only those that died then or later: a day, a time, or so long ago (`2025-10-01`, `36h`).
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only those that died before.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// At the most so many.
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    pub limit: usize,
    /// Do it.
    #[arg(long)]
    pub yes: bool,
}

/// What a dead letter was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DeadKind {
    Webhook,
    Event,
    Action,
}

impl DeadKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => Kind::Webhook.as_str(),
            Self::Event => Kind::Event.as_str(),
            Self::Action => Kind::Action.as_str(),
        }
    }
}

/// What kind of reason a dead letter has: `spojka explain` tells each code's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DeadClass {
    Transient,
    Permanent,
    Caller,
    Config,
    Ours,
}

impl DeadClass {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transient => Class::Transient.as_str(),
            Self::Permanent => Class::Permanent.as_str(),
            Self::Caller => Class::Caller.as_str(),
            Self::Config => Class::Config.as_str(),
            Self::Ours => Class::Ours.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
