//! The conservation checker: every acknowledged webhook is a debt, and this program says what became of each.
//!
//! It takes the sender's own list of 2xx answers, the topics, and what the simulated vendors say was done to them. It never
//! asks Spojka's journal or metrics. What a webhook should have led to is derived again, by normalizing and routing as pure
//! functions with the flow sets that `flows` holds. What is not accounted for is *lost*, what a vendor did more often than
//! it was asked for is *repeated*, what nobody asked for is *unasked*, and topics that contradict themselves are
//! *disordered*: each of them makes it fail.
//!
//! Run it on an installation that is stopped or quiet (an embedded log opens only when nobody else has it), before trimming:
//!
//! `spojka-conservation --config DIR --sent sent.jsonl --effects crm=http://127.0.0.1:9101/_sandbox/effects`
//!
//! | file | what |
//! |---|---|
//! | `inputs` | the sender's list, the vendors' effects |
//! | `topics` | everything that the log holds, read by range: tables are replayed here, not asked |
//! | `world` | deriving again what a webhook and an event ask for |
//! | `books` | holding both against each other: what was read to what, what it gave, how it ended |
//! | `memory` | what the lanes remember, against the topics |
//! | `effects` | what the vendors say was done, against what was asked for |
//! | `report` | counts and violations |

mod books;
mod effects;
mod inputs;
mod memory;
mod report;
mod topics;
mod world;

use std::{io::Write as _, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use clap::Parser;
use spojka::{
    config::{self, Mode, ProcessEnvironment},
    connectors::VENDORS,
    model::{
        random::Generator,
        time::{Clock, SystemClock},
    },
    runtime,
};

use self::{books::Books, inputs::Inputs, report::Report, topics::Topics, world::World};

/// Accounts for every acknowledged webhook. Exit codes: 0 all accounted for, 1 violations, 2 it could not judge.
#[derive(Debug, Parser)]
#[command(name = "spojka-conservation")]
struct Arguments {
    /// The config of the installation; its secrets come from the environment, as for `spojka run`.
    #[arg(long, short)]
    config: PathBuf,
    /// The sender's list of 2xx answers, a line of JSON each: `{"connection", "mark", "at", "sha256"}`.
    #[arg(long)]
    sent: PathBuf,
    /// What was done at a connection's vendor: `CONNECTION=FILE` or `CONNECTION=URL`. May be given several times.
    #[arg(long, value_name = "CONNECTION=PLACE")]
    effects: Vec<String>,
    /// What still waits is a violation too: for an installation that had time to finish.
    #[arg(long)]
    finished: bool,
    /// How many violations are told one by one.
    #[arg(long, default_value_t = 20)]
    show: usize,
    /// Print JSON for programs.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let judged = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let judged = judged.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(judge(&arguments)));
    let told = judged.and_then(|report| {
        report.print(&mut std::io::stdout().lock(), arguments.json, arguments.show)?;
        Ok(report.is_clean())
    });
    match told {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            let _nobody_reads = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn judge(arguments: &Arguments) -> anyhow::Result<Report> {
    let config = config::load(&arguments.config, &ProcessEnvironment, VENDORS, Mode::Resolve)
        .map_err(|report| anyhow::anyhow!("the config is wrong\n{report}"))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let inputs = Inputs::read(&arguments.sent, &arguments.effects).await?;
    let log = runtime::open_log(&config, Arc::clone(&clock)).context("the log cannot be opened")?;
    let ids = runtime::ids_of(&config, &Generator::from_system())?;
    let topics = Topics::read(&config, &log).await?;
    log.close(Duration::from_secs(10)).await?;
    let world = World::new(&config, ids, &topics, clock.now());
    let mut books = Books::new(&world, &topics);
    books.debts(&inputs.sent);
    books.webhooks();
    books.events();
    books.actions();
    memory::check(&mut books);
    effects::check(&mut books, &inputs.effects)?;
    Ok(books.close(arguments.finished))
}
