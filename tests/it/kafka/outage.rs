//! Outages of the brokers under load, with the whole process: killed, silent (SIGSTOP), out of disk, away at the start.
//! Every sender has an answer within five seconds; what was acknowledged has its effect once; so has what was refused, stored
//! all the same perhaps, and sent again.

use std::{fs, io::Write as _, net::SocketAddr, sync::Arc, time::Duration};

use spojka::{
    http::Limits,
    model::http::{Method, Request},
    runtime::App,
};

use crate::support::{
    child::say,
    kafka::Cluster,
    load::{Answers, FLOWS, Load, exactly_once, send_again},
    stage::{Stage, eventually},
};

/// What every sender is promised.
const PROMISE: Duration = Duration::from_secs(5);
const SENDERS: usize = 8;

fn broker(cluster: &Cluster, command: &str) {
    tokio::task::block_in_place(|| cluster.broker(command, 1));
}

fn told(what: &str, answers: &Answers) {
    say(&format!(
        "{what}: {} acknowledged, {} refused, the longest time to an answer {:?}",
        answers.acknowledged.len(),
        answers.refused.len(),
        answers.longest
    ));
    assert!(answers.longest < PROMISE, "a sender waited {:?}", answers.longest);
    assert!(answers.unheard.is_empty(), "{} senders had no answer at all", answers.unheard.len());
}

/// What the ops port says of readiness: whether it is, and the whole answer.
async fn readiness(stage: &Stage, ops: SocketAddr) -> (bool, String) {
    let url = url::Url::parse(&format!("http://{ops}/readyz")).unwrap();
    let limits = Limits { timeout: PROMISE, allow_private_addresses: true, ..Limits::default() };
    let reply = stage.http.send(&Request::new(Method::Get, url), &limits).await.expect("an answer");
    (reply.status == 200, String::from_utf8_lossy(&reply.body).into_owned())
}

async fn is_ready(stage: &Stage, app: &App, ready: bool) -> String {
    let mut look = tokio::time::interval(Duration::from_millis(100));
    let looking = async {
        loop {
            let (is, text) = readiness(stage, app.ops_address()).await;
            if is == ready {
                return text;
            }
            look.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), looking).await.expect("readiness tells the truth in the end")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_a_spool_senders_are_sent_away_in_time_and_come_again() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let stage = Arc::new(Stage::new(Some(cluster.brokers.clone())));
    let app = stage.start(FLOWS).await;
    let gateway = app.gateway_address().unwrap();
    is_ready(&stage, &app, true).await;

    let load = Load::begin(&stage, gateway, SENDERS);
    load.acknowledges(20).await;
    broker(&cluster, "kill");
    load.refuses(SENDERS).await;
    let why = is_ready(&stage, &app, false).await;
    assert!(why.contains("the log"), "{why}");
    broker(&cluster, "revive");
    load.acknowledges(20).await;
    broker(&cluster, "pause");
    load.refuses(SENDERS).await;
    broker(&cluster, "cont");
    load.acknowledges(20).await;
    let answers = load.end().await;
    told("killed and silent, no spool", &answers);

    is_ready(&stage, &app, true).await;
    send_again(&stage, gateway, &answers.refused).await;
    exactly_once(&stage, &[answers.acknowledged, answers.refused].concat()).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn with_a_spool_nobody_is_sent_away_and_a_restart_meanwhile_loses_nothing() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let listen = "gateway: { listen: \"127.0.0.1:0\" }";
    let spooling = "gateway: { listen: \"127.0.0.1:0\", spool: { path: spool } }";
    let stage = Arc::new(Stage::new(Some(cluster.brokers.clone())).saying(listen, spooling));
    let app = stage.start(FLOWS).await;

    let load = Load::begin(&stage, app.gateway_address().unwrap(), SENDERS);
    load.acknowledges(20).await;
    broker(&cluster, "pause");
    load.acknowledges(100).await;
    let remains = is_ready(&stage, &app, true).await;
    assert!(remains.contains("webhooks in the spool"), "{remains}");
    broker(&cluster, "cont");
    load.acknowledges(50).await;
    broker(&cluster, "kill");
    load.acknowledges(100).await;
    let first = load.end().await;
    told("silent and killed, with a spool", &first);

    let end = app.finish().await;
    assert!(end.spooled.records > 0, "{end:?}");
    let app = stage.start(FLOWS).await;
    assert!(app.waits_for_the_log(), "no broker is there");
    let load = Load::begin_at(&stage, app.gateway_address().unwrap(), SENDERS, 500_000);
    load.acknowledges(50).await;
    broker(&cluster, "revive");
    eventually("the roles begin", || !app.waits_for_the_log()).await;
    let empty = "\nspojka_spool_records 0\n";
    load.acknowledges(20).await;
    let second = load.end().await;
    told("away at the start, with a spool", &second);
    eventually("the spool is drained", || app.metrics().text().contains(empty)).await;
    assert!(first.refused.is_empty() && second.refused.is_empty(), "the spool takes all");
    exactly_once(&stage, &[first.acknowledged, second.acknowledged].concat()).await;
    app.stop().await;
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
    fill(&filler);
    load.refuses(SENDERS).await;
    fs::remove_file(&filler).unwrap();
    // A broker whose only disk failed ends by itself; one that still lives would not look at it again.
    tokio::task::block_in_place(|| cluster.make_sure_it_is_dead(1));
    broker(&cluster, "revive");
    load.acknowledges(20).await;
    let answers = load.end().await;
    told("out of disk", &answers);
    send_again(&stage, gateway, &answers.refused).await;
    exactly_once(&stage, &[answers.acknowledged, answers.refused].concat()).await;
    app.stop().await;
}

/// Writes until there is no room left.
fn fill(path: &std::path::Path) {
    let mut file = fs::File::create(path).unwrap();
    for size in [1 << 20, 4096, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}
