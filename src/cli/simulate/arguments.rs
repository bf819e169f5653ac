//! The arguments of `simulate`.

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "What goes in:\n  \
    spojka simulate order.yaml --event order.paid           an event's body, by the schema's names\n  \
    spojka simulate webhook.json --connection shop          a webhook's body, as the vendor posts it\n  \
    spojka simulate --sample paid                           the vendor's sample, read back from its simulator: no account needed\n  \
    spojka simulate w-…                                     what was recorded: a webhook, an event (`e-…`), an action or a\n                                                          \
    dead letter; `spojka trace` lists the webhooks\n\n\
    Exit codes: 0 it was shown; 1 something would become a dead letter; 2 the command line or the config is wrong;\n\
    3 what was named is not there.")]
pub struct SimulateArguments {
    /// A file, or the id of something recorded.
    #[arg(value_name = "FILE or ID", required_unless_present = "sample")]
    pub what: Option<String>,
    /// The connection that it comes from. Not needed where only one can be meant.
    #[arg(long)]
    pub connection: Option<String>,
    /// The file is the body of an event of this type.
    #[arg(long, value_name = "TYPE")]
    pub event: Option<String>,
    /// One of the vendor's sample webhooks: `spojka connectors <vendor>` lists them.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["what", "event"])]
    pub sample: Option<String>,
    /// The event that the webhook's URL names.
    #[arg(long, value_name = "NAME")]
    pub url_event: Option<String>,
    /// A header of the webhook; may be given several times.
    #[arg(long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// A fetched reply, as `purpose=file`; may be given several times.
    #[arg(long = "reply", value_name = "PURPOSE=FILE")]
    pub replies: Vec<String>,
    /// Only this flow, also where it is about something else.
    #[arg(long)]
    pub flow: Option<String>,
    /// What an earlier step returns, or that it fails: `find.contact_id=7`, `find=refused`; may be given several times.
    #[arg(long = "result", value_name = "STEP.NAME=VALUE")]
    pub results: Vec<String>,
    /// Print it as a test for the config, with what happens now as its expectations.
    #[arg(long)]
    pub as_test: bool,
}
