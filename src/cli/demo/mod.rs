//! `spojka demo`: everything in one process, with simulated vendors. Sample webhooks go in over HTTP, and are followed until
//! the simulated targets hold what they should.

mod stage;
mod standing;

use std::{collections::BTreeSet, path::Path, sync::Arc, time::Duration};

use serde::Serialize;

use super::{Exit, arguments::DemoArguments, client, output::Output, send};
use crate::{
    model::{
        random::Generator,
        time::{Clock, SystemClock},
    },
    runtime::{self, App, Ground, Role, operator::Operator},
};
use stage::Stage;
use standing::Standing;

/// What came of it.
#[derive(Debug, Serialize)]
struct Summary {
    webhooks: usize,
    events: usize,
    actions: usize,
    /// Actions that came to a good end.
    done: usize,
    dead: usize,
    /// Everything is where it should be.
    arrived: bool,
    seconds: f64,
}

pub fn run(arguments: &DemoArguments, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    client::tokio_runtime_for_roles()?.block_on(async {
        let folder = stage::Folder::make()?;
        let exit = play(arguments, folder.path(), output).await;
        drop(folder);
        exit
    })
}

async fn play(arguments: &DemoArguments, folder: &Path, output: &mut Output<'_>) -> anyhow::Result<Exit> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let begun = clock.elapsed();
    let stage = Stage::set(&clock)?;
    let config = Arc::new(stage.config(arguments.brokers.as_deref(), folder)?);
    let random = Arc::new(Generator::from_system());
    let log = runtime::open_log(&config, Arc::clone(&clock))?;
    let ids = runtime::ids_of(&config, random.as_ref())?;
    let ground = Ground::new(&config, log, ids, Arc::clone(&clock), random);
    let app = App::start(Arc::clone(&config), &BTreeSet::from(Role::ALL), ground, &runtime::owner_name()).await?;
    let gateway = app.gateway_address().ok_or_else(|| anyhow::anyhow!("the gateway has no address"))?;
    output.say(&format!("webhooks are taken at http://{gateway}/webhooks/<connection>"))?;
    output.say(&format!("health and metrics are at http://{}/metrics", app.ops_address()))?;
    stage.introduce(output)?;

    let mut webhooks = 0;
    for (connection, sample) in stage::SAMPLES {
        let base = url::Url::parse(&format!("http://{gateway}/webhooks/{connection}"))?;
        let sample_of =
            config.connections.get(*connection).and_then(|c| c.connector.sample(sample, &base, clock.now()));
        let request = sample_of.ok_or_else(|| anyhow::anyhow!("`{connection}` has no sample `{sample}`"))?;
        let reply = send::post(&request).await?;
        webhooks += usize::from(reply.is_success());
        output.say(&format!("sent `{sample}` to `{connection}`: answered with status {}", reply.status))?;
    }
    let operator = runtime::operator_of(&config, &app.ground().log, Arc::clone(&clock));
    let arrived = arrives(&stage, &operator, Duration::from_secs(arguments.timeout_s)).await?;
    let Standing { events, actions, done, .. } = standing::look(&operator).await?;
    let dead = operator.dead_list(&runtime::operator::dead::DeadFilter::default()).await?.len();
    let seconds = clock.elapsed().saturating_sub(begun).as_secs_f64();
    let summary = Summary { webhooks, events, actions, done, dead, arrived, seconds };
    stage.tell_what_arrived(output)?;
    output.show(&summary, |out, it| {
        let verdict = if it.arrived { "everything arrived" } else { "NOT everything arrived" };
        writeln!(
            out,
            "webhooks {}, events {}, actions {}, done {}, dead {}: {verdict} in {:.1} s",
            it.webhooks, it.events, it.actions, it.done, it.dead, it.seconds
        )
    })?;
    if !arguments.exit {
        output.say("running until Ctrl-C")?;
        runtime::told_to_stop().await;
    }
    let clean = app.stop().await;
    Ok(if arrived && clean && dead == 0 { Exit::Done } else { Exit::Failed })
}

/// Waits until the targets hold what they should and nothing moves any more. The targets are somebody else's servers, so it
/// asks again and again.
async fn arrives(stage: &Stage, operator: &Operator, patience: Duration) -> anyhow::Result<bool> {
    let mut look = tokio::time::interval(Duration::from_millis(20));
    let waiting = async {
        while !(stage.has_arrived() && standing::is_at_rest(operator).await?) {
            look.tick().await;
        }
        anyhow::Ok(())
    };
    match tokio::time::timeout(patience, waiting).await {
        Ok(ended) => ended.map(|()| true),
        Err(_) => Ok(false),
    }
}
