//! What `spojka backtest` is told.

use std::path::PathBuf;

use clap::Args;

use super::ReplayAsOf;

/// Which flows, and which events.
#[derive(Debug, Args)]
pub struct BacktestArguments {
    /// The config with the flows to try; without it, what stands in --config now, beside what is in force.
    pub path: Option<PathBuf>,
    /// Events whose webhooks arrived then or later: a day, a time, or so long ago (`2025-10-01`, `2025-10-01T08:00:00Z`, `3d`).
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Events whose webhooks arrived before.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Only this flow.
    #[arg(long)]
    pub flow: Option<String>,
    /// Only events of this type.
    #[arg(long, value_name = "TYPE")]
    pub event: Option<String>,
    /// Only events from this connection.
    #[arg(long)]
    pub connection: Option<String>,
    /// The other side: the flows in force now, or those that were in force when each fact became true.
    #[arg(long, default_value = "present")]
    pub against: ReplayAsOf,
    /// Samples of what is new, gone and changed, for each step. They show what the events hold.
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub samples: usize,
}
