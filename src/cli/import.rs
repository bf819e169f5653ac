//! `spojka import`: what a vendor holds already is read, shown as what the flows of now would do with it, and then adopted
//! or fired.

use std::{path::Path, time::Duration};

use anyhow::bail;

use super::{
    Exit,
    arguments::ImportArguments,
    client::{self, Installation},
    confirm::{Answer, confirm},
    counted,
    output::Output,
    progress::Progress,
    replay::{LOOK, begin, first_name, with_installation},
    times,
};
use crate::{
    config::{LogConfig, Mode},
    model::{
        connection::ConnectionName,
        time::{Clock as _, SystemClock},
    },
    runtime::{
        admin::Question,
        replay::{Import, ImportRequest, Listed, Listing},
    },
    topics::replay::{AsOf, Effect, Replay, Request, State},
};

/// Whoever owns the lane has begun to read by then, or nobody owns it.
const PATIENCE: Duration = Duration::from_secs(30);

pub fn run(path: &Path, arguments: &ImportArguments, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    let connection = first_name(path, &arguments.connection)?;
    let alone = matches!(client::load(path, Mode::CheckOnly)?.log, LogConfig::Embedded { .. });
    with_installation(path, output, async |installation, output| {
        let run = match &arguments.run {
            Some(run) => run.clone(),
            None if alone && !installation.is_running() => {
                bail!("nobody is there who could read from the vendor\nhint: start `spojka run`")
            }
            None => list(installation, &connection, arguments, output).await?,
        };
        let request = Request {
            connection: Some(connection),
            import: Some(run.clone()),
            as_of: AsOf::Present,
            per_second: arguments.rate,
            ..Request::default()
        };
        if installation.is_running() || !alone {
            read_details(installation, &request, output).await?;
        }
        decide(installation, request, &run, arguments, output).await
    })
}

/// Has the vendor's lists read, and waits for their ends.
async fn list(
    installation: &Installation,
    connection: &ConnectionName,
    arguments: &ImportArguments,
    output: &mut Output<'_>,
) -> anyhow::Result<String> {
    let now = SystemClock.now();
    let since = times::read(arguments.since.as_deref().unwrap_or_default(), now)?;
    let request = ImportRequest { connection: connection.clone(), since, lists: arguments.kind.clone() };
    let mut import: Import = installation.ask(Question::ImportBegin(request)).await?;
    let (mut progress, begun) = (Progress::new(), SystemClock.elapsed());
    while !import.lists.iter().all(has_ended) {
        let heard_of = import.lists.iter().any(|listing| listing.state.is_some());
        if !heard_of && SystemClock.elapsed() > begun + PATIENCE {
            bail!(
                "nobody has begun to read `{connection}` in {} s; the request stays in its lane\n\
                 hint: is a dispatcher running, and what does `spojka lanes` say of `{connection}`?",
                PATIENCE.as_secs()
            );
        }
        progress.tell(&format!("{}: reading `{connection}`", import.run), output)?;
        SystemClock.sleep(LOOK).await;
        import = installation.ask(Question::ImportState(import)).await?;
    }
    progress.end(output)?;
    for listing in &import.lists {
        match &listing.state {
            Some(Listed::Done { rows }) => output.say(&format!("{rows} rows of `{}`", listing.list))?,
            Some(Listed::Dead { code }) => {
                bail!("`{}` could not be read: {code}\nhint: spojka explain {code}", listing.list)
            }
            _ => {}
        }
    }
    Ok(import.run)
}

fn has_ended(listing: &Listing) -> bool {
    matches!(listing.state, Some(Listed::Done { .. } | Listed::Dead { .. }))
}

/// Where a row is not all there is to know, the rest is read before anything is counted.
async fn read_details(installation: &Installation, request: &Request, output: &mut Output<'_>) -> anyhow::Result<()> {
    let request = Request { effect: Effect::Fetch, ..request.clone() };
    let mut progress = Progress::new();
    loop {
        let counted = begin(installation, &request, true, output).await?;
        check(&counted)?;
        let fetches = counted.counts.fetches;
        if fetches.chosen > 0 {
            check(&begin(installation, &request, false, output).await?)?;
        } else if fetches.waiting == 0 {
            progress.end(output)?;
            return Ok(());
        }
        progress.tell(&format!("reading: {} done, {} to come", fetches.done, fetches.new + fetches.waiting), output)?;
        SystemClock.sleep(LOOK * 5).await;
    }
}

fn check(replay: &Replay) -> anyhow::Result<()> {
    match (replay.state, &replay.error) {
        (State::Done, _) => Ok(()),
        (_, Some(error)) => bail!("{error}"),
        (state, None) => bail!("the import is {}", state.as_str()),
    }
}

/// Shows what would be done, and does it if that was said.
async fn decide(
    installation: &Installation,
    request: Request,
    run: &str,
    arguments: &ImportArguments,
    output: &mut Output<'_>,
) -> anyhow::Result<Exit> {
    let effect = if arguments.adopt { Effect::Adopt } else { Effect::Fire };
    let request = Request { effect, ..request };
    let counted = begin(installation, &request, true, output).await?;
    check(&counted)?;
    let chosen = counted.counts.actions.chosen;
    if !arguments.adopt && !arguments.fire {
        let again = format!("spojka import {} --run {run}", arguments.connection);
        output.show(&counted, |out, counted| {
            counted::print(out, counted)?;
            writeln!(out, "nothing was done; {chosen} actions are to be decided on:")?;
            writeln!(out, "  {again} --adopt   the targets hold it already: nothing is sent")?;
            writeln!(out, "  {again} --fire    do what the flows say")
        })?;
        return Ok(Exit::Done);
    }
    if !output.json {
        counted::print(output.err, &counted)?;
    }
    let done = if arguments.adopt { "adopted" } else { "fired" };
    match confirm(arguments.yes, &format!("{chosen} actions would be {done}: go on?"), output)? {
        Answer::Yes => {}
        Answer::No => {
            output.complain("nothing was done")?;
            return Ok(Exit::Usage);
        }
        Answer::NobodyThere => {
            output.complain(&format!(
                "{chosen} actions would be {done}; nothing was done\nhint: add --yes and --run {run}"
            ))?;
            return Ok(Exit::Usage);
        }
    }
    let replay = begin(installation, &request, false, output).await?;
    check(&replay)?;
    output.show(&replay, |out, replay| writeln!(out, "{}: {} {done}", replay.id, replay.counts.appended))?;
    Ok(Exit::Done)
}
