//! Outages of the brokers under load, with the whole process: killed, silent (SIGSTOP), out of disk, away at the start.
//! Every sender has an answer within five seconds; what was acknowledged has its effect once; so has what was refused, stored
//! all the same perhaps, and sent again.

use std::{fs, sync::Arc, time::Duration};

use crate::support::{
    child::say,
    disk,
    kafka::Cluster,
    load::{FLOWS, Load, exactly_once, is_ready, send_again},
    process::{Process, stopwatch},
    stage::{Stage, eventually},
};

const SENDERS: usize = 8;
/// Nobody is sent away: so many more have their effects to wait for.
const SPOOL_SENDERS: usize = 2;
/// What the metrics say of an empty spool.
const EMPTY: &str = "\nspojka_spool_records 0\n";
const LISTEN: &str = "gateway: { listen: \"127.0.0.1:0\" }";
const SPOOLING: &str = "gateway: { listen: \"127.0.0.1:0\", spool: { path: spool } }";

fn broker(cluster: &Cluster, command: &str) {
    tokio::task::block_in_place(|| cluster.broker(command, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_a_spool_senders_are_sent_away_in_time_and_come_again() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let stage = Arc::new(Stage::new(Some(cluster.brokers.clone())));
    let app = stage.start(FLOWS).await;
    let gateway = app.gateway_address().unwrap();
    is_ready(&stage, app.ops_address(), true).await;

    let load = Load::begin(&stage, gateway, SENDERS);
    load.acknowledges(20).await;
    broker(&cluster, "kill");
    load.refuses(SENDERS).await;
    let why = is_ready(&stage, app.ops_address(), false).await;
    assert!(why.contains("the log"), "{why}");
    broker(&cluster, "revive");
    load.acknowledges(20).await;
    broker(&cluster, "pause");
    load.refuses(SENDERS).await;
    broker(&cluster, "cont");
    load.acknowledges(20).await;
    let answers = load.end().await;
    answers.keep_the_promise("killed and silent, no spool");

    is_ready(&stage, app.ops_address(), true).await;
    send_again(&stage, gateway, &answers.refused).await;
    exactly_once(&stage, &[answers.acknowledged, answers.refused].concat()).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn with_a_spool_nobody_is_sent_away() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let stage = Arc::new(Stage::new(Some(cluster.brokers.clone())).saying(LISTEN, SPOOLING));
    let app = stage.start(FLOWS).await;
    let load = Load::begin(&stage, app.gateway_address().unwrap(), SPOOL_SENDERS);
    load.acknowledges(20).await;
    broker(&cluster, "pause");
    load.acknowledges(40).await;
    let remains = is_ready(&stage, app.ops_address(), true).await;
    assert!(remains.contains("webhooks in the spool"), "{remains}");
    broker(&cluster, "cont");
    eventually("the spool is drained", || app.metrics().text().contains(EMPTY)).await;
    load.acknowledges(20).await;
    let answers = load.end().await;
    answers.keep_the_promise("a silent broker, with a spool");
    assert!(answers.refused.is_empty(), "the spool takes all");
    exactly_once(&stage, &answers.acknowledged).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn with_a_spool_a_restart_during_an_outage_loses_nothing() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let stage = Arc::new(Stage::new(Some(cluster.brokers.clone())).saying(LISTEN, SPOOLING));
    let app = stage.start(FLOWS).await;
    let load = Load::begin(&stage, app.gateway_address().unwrap(), SPOOL_SENDERS);
    load.acknowledges(10).await;
    broker(&cluster, "kill");
    load.acknowledges(20).await;
    let first = load.end().await;
    first.keep_the_promise("a killed broker, with a spool");

    let watch = stopwatch();
    let end = app.finish().await;
    say(&format!("an end without brokers took {:?}: {end:?}", watch()));
    assert!(watch() < Duration::from_secs(20), "it does not wait for what cannot come");
    assert!(end.spooled.records > 0, "{end:?}");

    let app = stage.start(FLOWS).await;
    assert!(app.waits_for_the_log(), "no broker is there");
    let load = Load::begin_at(&stage, app.gateway_address().unwrap(), SPOOL_SENDERS, 500_000);
    load.acknowledges(20).await;
    broker(&cluster, "revive");
    eventually("the roles begin", || !app.waits_for_the_log()).await;
    eventually("the spool is drained", || app.metrics().text().contains(EMPTY)).await;
    let second = load.end().await;
    second.keep_the_promise("away at the start, with a spool");
    assert!(first.refused.is_empty() && second.refused.is_empty(), "the spool takes all");
    exactly_once(&stage, &[first.acknowledged, second.acknowledged].concat()).await;
    app.stop().await;
}

/// Killed while webhooks are being spooled, and again while they are being drained.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_in_the_spool_survives_kills_of_its_process() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let stage = Arc::new(Stage::new(Some(cluster.brokers.clone())).saying(LISTEN, SPOOLING));
    let config = stage.write_config(FLOWS);
    let start = || tokio::task::block_in_place(|| Process::start_roles(&config, &[]));
    let mut acknowledged = Vec::new();

    let process = start();
    let load = Load::begin(&stage, process.gateway, SPOOL_SENDERS);
    load.acknowledges(20).await;
    broker(&cluster, "kill");
    load.acknowledges(40).await;
    tokio::task::block_in_place(|| process.kill());
    acknowledged.extend(load.end().await.acknowledged);

    let process = start();
    let load = Load::begin_at(&stage, process.gateway, SPOOL_SENDERS, 100_000);
    load.acknowledges(20).await;
    broker(&cluster, "revive");
    eventually("the drain begins", || !stage.orders().is_empty()).await;
    tokio::task::block_in_place(|| process.kill());
    acknowledged.extend(load.end().await.acknowledged);

    let process = start();
    exactly_once(&stage, &acknowledged).await;
    let ended = tokio::task::block_in_place(|| process.end());
    assert!(ended.last_line.contains("\"spooled\":0"), "{}", ended.last_line);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn brokers_out_of_disk_are_an_outage_like_any_other() {
    if !rustix::process::geteuid().is_root() {
        say("skipped: a small disk can be mounted by root only");
        return;
    }
    let Some(cluster) = Cluster::start(&["--disk", "96"]) else { return };
    let stage = Arc::new(Stage::new(Some(cluster.brokers.clone())));
    let app = stage.start(FLOWS).await;
    let gateway = app.gateway_address().unwrap();
    let load = Load::begin(&stage, gateway, SENDERS);
    load.acknowledges(20).await;
    let filler = cluster.home().join("broker-1/data/filler");
    disk::fill(&filler);
    load.refuses(SENDERS).await;
    fs::remove_file(&filler).unwrap();
    // A broker whose only disk failed ends by itself; one that still lives would not look at it again.
    tokio::task::block_in_place(|| cluster.make_sure_it_is_dead(1));
    broker(&cluster, "revive");
    load.acknowledges(20).await;
    let answers = load.end().await;
    answers.keep_the_promise("out of disk");
    send_again(&stage, gateway, &answers.refused).await;
    exactly_once(&stage, &[answers.acknowledged, answers.refused].concat()).await;
    app.stop().await;
}
