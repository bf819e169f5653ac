//! `spojka backtest`: what other flows would have made of recorded events. Sends nothing, writes nothing.

pub mod print;

use std::path::Path;

use super::{
    Exit,
    arguments::BacktestArguments,
    client::{self, Installation},
    output::Output,
    progress::Progress,
    replay::{LOOK, first_name, with_installation},
    times,
};
use crate::{
    config::{self, Mode},
    model::time::{Clock as _, SystemClock},
    runtime::{
        self,
        admin::Question,
        backtest::report::{Backtest, Request},
    },
    topics::replay::State,
};

pub fn run(path: &Path, arguments: &BacktestArguments, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    let proposed = arguments.path.as_deref().unwrap_or(path);
    let request = request(path, arguments)?;
    let done = backtest(path, proposed, request, output)?;
    output.show(&done, print::all)?;
    if let Some(error) = &done.error {
        output.complain(&format!("error: {error}"))?;
    }
    Ok(if done.state == State::Done { Exit::Done } else { Exit::Failed })
}

/// Runs one backtest to its end, or until somebody stops it.
pub fn backtest(path: &Path, proposed: &Path, request: Request, output: &mut Output<'_>) -> anyhow::Result<Backtest> {
    // Told here, where the files are: with the exit code of a config that is wrong.
    client::load(proposed, Mode::CheckOnly)?;
    let files = config::read_texts(proposed).map_err(|report| client::BadConfig(report.to_string()))?;
    with_installation(path, output, async |installation, output| {
        let question = Question::BacktestBegin { files, request: Box::new(request) };
        follow(installation, installation.ask(question).await?, output).await
    })
}

fn request(path: &Path, arguments: &BacktestArguments) -> anyhow::Result<Request> {
    let now = SystemClock.now();
    let time = |text: &Option<String>| text.as_deref().map(|text| times::read(text, now)).transpose();
    Ok(Request {
        since: time(&arguments.since)?,
        until: time(&arguments.until)?,
        connection: arguments.connection.as_deref().map(|name| first_name(path, name)).transpose()?,
        event_type: arguments.event.clone(),
        flow: arguments.flow.clone(),
        samples: arguments.samples,
        against: arguments.against.into(),
    })
}

/// Shows how far it has come, until it has ended. Whoever stops it sees what it found so far.
async fn follow(
    installation: &Installation,
    mut backtest: Backtest,
    output: &mut Output<'_>,
) -> anyhow::Result<Backtest> {
    let mut progress = Progress::new();
    let told = runtime::told_to_stop();
    tokio::pin!(told);
    let mut stopped = false;
    while backtest.state == State::Running {
        tokio::select! {
            () = SystemClock.sleep(LOOK) => {}
            () = &mut told, if !stopped => {
                stopped = true;
                let _as_it_was: Backtest = installation.ask(Question::BacktestStop { id: backtest.id.clone() }).await?;
            }
        }
        backtest = installation.ask(Question::BacktestShow { id: backtest.id }).await?;
        progress.tell(&line(&backtest), output)?;
    }
    progress.end(output)?;
    Ok(backtest)
}

fn line(backtest: &Backtest) -> String {
    let read = &backtest.read;
    let per_second = (read.records * 1_000).checked_div(backtest.took_ms).unwrap_or(0);
    let of = read.of.max(read.records);
    format!("{} of {of} records read, {} events judged, {per_second} records a second", read.records, read.events)
}
