//! `spojka replay`: counts, asks, does, and shows how far it has come.

use std::{path::Path, time::Duration};

use super::{
    Exit,
    arguments::{ReplayArguments, ReplayCommand, ReplayWhat},
    client::{self, Installation},
    confirm::{Answer, confirm},
    counted,
    output::{Output, table},
    progress::Progress,
    times,
};
use crate::{
    config::Mode as Secrets,
    model::{
        connection::ConnectionName,
        time::{Clock as _, SystemClock, Timestamp},
    },
    runtime::{self, admin::Question},
    topics::replay::{Mode, Replay, Request, State},
};

/// Between two looks.
pub const LOOK: Duration = Duration::from_millis(100);
/// A replay that has written nothing for so long has lost its process.
const GONE: jiff::SignedDuration = jiff::SignedDuration::from_mins(1);

pub fn run(path: &Path, arguments: ReplayArguments, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    match arguments.command {
        None => {
            let request = request(path, &arguments.what)?;
            with_installation(path, output, async |installation, output| {
                count_and_do(installation, request, &arguments.what, output).await
            })
        }
        Some(ReplayCommand::List) => list(path, output),
        Some(ReplayCommand::Show { id }) => with_installation(path, output, async |installation, output| {
            let replay = installation.ask(Question::ReplayShow { id }).await?;
            end(&follow(installation, replay, output).await?, output)
        }),
        Some(ReplayCommand::Stop { id }) => {
            let replay: Replay = client::ask(path, Question::ReplayStop { id })?;
            output.show(&replay, |out, replay| {
                writeln!(out, "{} is told to stop\nhint: `spojka replay resume {}` goes on", replay.id, replay.id)
            })?;
            Ok(Exit::Done)
        }
        Some(ReplayCommand::Resume { id }) => with_installation(path, output, async |installation, output| {
            let replay = installation.ask(Question::ReplayResume { id }).await?;
            end(&follow(installation, replay, output).await?, output)
        }),
    }
}

/// Does something that asks more than once, and leaves the log in order.
pub fn with_installation<T>(
    path: &Path,
    output: &mut Output<'_>,
    work: impl AsyncFnOnce(&Installation, &mut Output<'_>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    client::tokio_runtime()?.block_on(async {
        let installation = Installation::find(path).await?;
        let done = work(&installation, output).await;
        installation.close().await?;
        done
    })
}

fn request(path: &Path, what: &ReplayWhat) -> anyhow::Result<Request> {
    let now = SystemClock.now();
    let time = |text: &Option<String>| text.as_deref().map(|text| times::read(text, now)).transpose();
    Ok(Request {
        begin: what.begin.into(),
        since: time(&what.since)?,
        until: time(&what.until)?,
        connection: what.connection.as_deref().map(|name| first_name(path, name)).transpose()?,
        entity: what.entity.clone(),
        event_type: what.event.clone(),
        flow: what.flow.clone(),
        mode: what.mode.into(),
        as_of: what.as_of.into(),
        per_second: what.rate,
        ..Request::default()
    })
}

/// Records know a connection by its first name, people by today's.
pub fn first_name(path: &Path, name: &str) -> anyhow::Result<ConnectionName> {
    let config = client::load(path, Secrets::CheckOnly)?;
    let (name, connection) = client::find_connection(&config, name)?;
    Ok(connection.identity(name).clone())
}

async fn count_and_do(
    installation: &Installation,
    request: Request,
    what: &ReplayWhat,
    output: &mut Output<'_>,
) -> anyhow::Result<Exit> {
    let counted = begin(installation, &request, true, output).await?;
    if counted.state != State::Done || what.dry_run {
        return end(&counted, output);
    }
    let chosen = counted.counts.actions.chosen + counted.counts.fetches.chosen;
    if chosen == 0 {
        return end(&counted, output);
    }
    if !output.json {
        counted::print(output.err, &counted)?;
    }
    let again = request.mode == Mode::All;
    if again {
        output.complain(&format!("{chosen} actions would be done AGAIN, also those that were done"))?;
    }
    let answer = confirm(
        what.yes,
        &format!("do these {chosen}?"),
        &mut Output { json: output.json || again, ..reborrow(output) },
    )?;
    match answer {
        Answer::Yes => end(&begin(installation, &request, false, output).await?, output),
        Answer::No => {
            output.complain("nothing was done")?;
            Ok(Exit::Usage)
        }
        Answer::NobodyThere => {
            output.complain(&format!(
                "{chosen} would be done; nothing was done\nhint: add --yes, or --dry-run to count only"
            ))?;
            Ok(Exit::Usage)
        }
    }
}

fn reborrow<'a>(output: &'a mut Output<'_>) -> Output<'a> {
    Output { json: output.json, out: &mut *output.out, err: &mut *output.err }
}

/// Begins a replay and waits for its end.
pub async fn begin(
    installation: &Installation,
    request: &Request,
    dry: bool,
    output: &mut Output<'_>,
) -> anyhow::Result<Replay> {
    let question = Question::ReplayBegin { request: Box::new(request.clone()), dry };
    let replay = installation.ask(question).await?;
    follow(installation, replay, output).await
}

/// Shows how far a replay has come, until it has ended or somebody stops looking.
async fn follow(installation: &Installation, mut replay: Replay, output: &mut Output<'_>) -> anyhow::Result<Replay> {
    let mut progress = Progress::new();
    let told = runtime::told_to_stop();
    tokio::pin!(told);
    while replay.state == State::Running {
        tokio::select! {
            () = SystemClock.sleep(LOOK) => {}
            () = &mut told => {
                progress.end(output)?;
                return leave(installation, replay, output).await;
            }
        }
        replay = installation.ask(Question::ReplayShow { id: replay.id }).await?;
        progress.tell(&line(&replay), output)?;
    }
    progress.end(output)?;
    Ok(replay)
}

/// Nobody looks any more. What runs in another process goes on there; a count is of no use to anybody.
async fn leave(installation: &Installation, replay: Replay, output: &mut Output<'_>) -> anyhow::Result<Replay> {
    let id = replay.id.clone();
    let runs_on = installation.is_running() && !replay.dry;
    if runs_on {
        output.complain(&format!("{id} goes on in the background\nhint: `spojka replay stop {id}` stops it"))?;
        return Ok(replay);
    }
    let stopped: Replay = installation.ask(Question::ReplayStop { id }).await?;
    if !stopped.dry {
        output.complain(&format!("hint: `spojka replay resume {}` goes on", stopped.id))?;
    }
    Ok(Replay { state: State::Stopped, ..stopped })
}

fn line(replay: &Replay) -> String {
    let counts = &replay.counts;
    let chosen = counts.actions.chosen + counts.fetches.chosen;
    if replay.dry {
        return format!("counting: {} records read, {chosen} to be done", counts.records);
    }
    format!("{}: {} records read, {} of {chosen} appended", replay.id, counts.records, counts.appended)
}

/// The last word about a replay.
fn end(replay: &Replay, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    let exit = match replay.state {
        // One that runs on in its process is in order.
        State::Done | State::Running => Exit::Done,
        State::Failed | State::Stopped => Exit::Failed,
    };
    output.show(replay, |out, replay| {
        counted::print(out, replay)?;
        let counts = &replay.counts;
        let chosen = counts.actions.chosen + counts.fetches.chosen;
        match (replay.dry, replay.state) {
            (true, _) if chosen == 0 => writeln!(out, "nothing to do"),
            (true, _) => writeln!(out, "{chosen} would be done"),
            (false, state) => writeln!(out, "{}: {}, {} appended", replay.id, state.as_str(), counts.appended),
        }
    })?;
    if let Some(error) = &replay.error {
        output.complain(&format!("error: {error}\nhint: `spojka replay resume {}` goes on", replay.id))?;
    }
    Ok(exit)
}

fn list(path: &Path, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    let all: Vec<Replay> = client::ask(path, Question::ReplayList)?;
    let now = SystemClock.now();
    output.show(&all, |out, all| {
        if all.is_empty() {
            return writeln!(out, "no replays");
        }
        table(
            out,
            &["id", "state", "read", "appended", "by", ""],
            &all.iter().map(|replay| row(replay, now)).collect::<Vec<_>>(),
        )
    })?;
    Ok(Exit::Done)
}

fn row(replay: &Replay, now: Timestamp) -> Vec<String> {
    let cut_off = replay.state == State::Running && now.duration_since(replay.at) > GONE;
    let state = if cut_off { "cut off" } else { replay.state.as_str() };
    let (read, appended) = (replay.counts.records.to_string(), replay.counts.appended.to_string());
    vec![replay.id.clone(), state.to_owned(), read, appended, replay.runner.clone(), asked(&replay.request)]
}

/// What was asked for, in short.
fn asked(request: &Request) -> String {
    let mut parts = vec![format!("{:?}", request.begin).to_lowercase(), format!("{:?}", request.mode).to_lowercase()];
    parts.extend(request.since.map(|since| format!("since {since}")));
    parts.extend(request.until.map(|until| format!("until {until}")));
    parts.extend(request.connection.as_ref().map(ToString::to_string));
    parts.extend([&request.event_type, &request.flow, &request.import].into_iter().flatten().cloned());
    // What names an entity may be personal.
    parts.extend(request.entity.as_ref().map(|_| "one entity".to_owned()));
    parts.join(", ")
}
