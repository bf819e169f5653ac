//! What `spojka flows` is told.

use clap::Subcommand;

/// What to tell of the versions.
#[derive(Debug, Subcommand)]
pub enum FlowsCommand {
    /// All of them, with when each came into force.
    List,
    /// One version's files.
    Show {
        /// Its hash, as `flows list` and `trace` show it, or the beginning of it. Without one: the version in force.
        hash: Option<String>,
    },
    /// What changed from one version to another.
    Diff {
        /// Without it: the version in force.
        from: Option<String>,
        /// Without it: the flows of --config as they stand now.
        to: Option<String>,
    },
}
