//! The arguments of `spojka approve`.

use clap::{Args, Subcommand};

/// What to do with what is held.
#[derive(Debug, Subcommand)]
pub enum ApproveCommand {
    /// In short, without content.
    List(ApproveArguments),
    /// One, with its parameters: what would be sent.
    Show {
        /// Its id, as `approve list` shows it, or the action's.
        id: String,
    },
    /// Have them done. Tells how many, and does nothing without --yes.
    Approve {
        #[command(flatten)]
        which: ApproveArguments,
        /// Wait until they have ended, and tell how.
        #[arg(long)]
        wait: bool,
    },
    /// End them: nothing is sent. Tells how many, and does nothing without --yes.
    Refuse(ApproveArguments),
}

/// Which held actions.
#[derive(Debug, Args)]
pub struct ApproveArguments {
    /// One: its id, or the action's.
    pub id: Option<String>,
    /// Only those of this connection.
    #[arg(long)]
    pub connection: Option<String>,
    /// Only those of this flow.
    #[arg(long)]
    pub flow: Option<String>,
    /// Only those held since then or later: a day, a time, or so long ago (`2025-10-01`, `36h`).
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only those held before.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// At the most so many.
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    pub limit: usize,
    /// Do it.
    #[arg(long)]
    pub yes: bool,
}
