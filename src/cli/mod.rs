//! The commands. Each is one file: arguments in, an exit code out; what they print goes through [`output`].

mod approve;
mod arguments;
mod backtest;
mod check;
mod client;
mod confirm;
mod connectors;
mod counted;
mod dead;
mod demo;
mod doctor;
mod estimate;
mod explain;
mod flows;
mod import;
mod init;
mod lanes;
pub mod output;
mod progress;
pub mod reference;
mod reload;
mod replay;
mod run;
mod sandbox;
pub mod schema;
mod send;
mod simulate;
mod times;
mod topics;
mod trace;

use std::{io::Write, process::ExitCode};

use clap::Parser as _;

use arguments::{Arguments, Command};
use output::Output;

/// How a command ends. Documented in `spojka --help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It did what it was asked.
    Done = 0,
    /// It could not: the log is away, a target refused, not everything arrived.
    Failed = 1,
    /// The command line or the config is wrong.
    Usage = 2,
    /// What was asked for is not there.
    NotFound = 3,
    /// It ended in order, and webhooks wait in the spool for the next start.
    Spooled = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Runs a command line.
pub fn main(
    arguments: impl IntoIterator<Item = std::ffi::OsString>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let wrong = error.use_stderr();
            let (written, exit) = if wrong {
                (write!(err, "{}", error.render()), Exit::Usage)
            } else {
                (write!(out, "{}", error.render()), Exit::Done)
            };
            return written.map_or(Exit::Failed, |()| exit).into();
        }
    };
    let mut output = Output { json: arguments.json, out, err };
    match dispatch(arguments, &mut output) {
        Ok(exit) => exit.into(),
        Err(error) => {
            let exit = if error.downcast_ref::<client::NotFound>().is_some() {
                Exit::NotFound
            } else if error.downcast_ref::<client::BadConfig>().is_some() {
                Exit::Usage
            } else {
                Exit::Failed
            };
            // A closed pipe is how `| head` says that it has seen enough.
            let closed =
                error.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe);
            let told = if closed { Ok(()) } else { output.complain(&format!("error: {error:#}")) };
            if closed && told.is_ok() { Exit::Done.into() } else { exit.into() }
        }
    }
}

fn dispatch(arguments: Arguments, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    let config = arguments.config;
    match arguments.command {
        Command::Run(arguments) => run::run(&config, &arguments, output),
        Command::Demo(arguments) => demo::run(&arguments, output),
        Command::Init(arguments) => init::run(&config, &arguments, output),
        Command::Check(arguments) => check::run(&config, &arguments, output),
        Command::Simulate(arguments) => simulate::run(&config, &arguments, output),
        Command::Connectors { vendor } => connectors::run(vendor.as_deref(), output),
        Command::Explain { code } => Ok(explain::run(code.as_deref(), output)?),
        Command::Reference(arguments) => Ok(reference::run(&arguments, output)?),
        Command::Schema => Ok(schema::run(output)?),
        Command::Sandbox(arguments) => sandbox::run(&arguments, output),
        Command::Send(arguments) => send::run(&config, &arguments, output),
        Command::Doctor { connection } => doctor::run(&config, connection.as_deref(), output),
        Command::Lanes(arguments) => lanes::run(&config, &arguments, output),
        Command::Topics => topics::run(&config, output),
        Command::Approve(command) => approve::run(&config, command, output),
        Command::Dead(command) => dead::run(&config, command, output),
        Command::Replay(arguments) => replay::run(&config, arguments, output),
        Command::Backtest(arguments) => backtest::run(&config, &arguments, output),
        Command::Reload { admin } => reload::run(&config, admin, output),
        Command::Flows(command) => flows::run(&config, command, output),
        Command::Import(arguments) => import::run(&config, &arguments, output),
        Command::Trace { id } => trace::run(&config, id.as_deref(), output),
    }
}
