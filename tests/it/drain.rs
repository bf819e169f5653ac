//! SIGTERM under load: a process that is told to end does so in order and in time, and what was acknowledged has its effect
//! once; on Kafka also when every role is restarted in turn.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use crate::support::{
    child::say,
    kafka,
    load::{FLOWS, Load, exactly_once, send_again},
    process::{Process, stopwatch},
    stage::Stage,
};

const SENDERS: usize = 8;
/// The longest that a process may take to end: its own deadlines, and nothing else.
const DEADLINE: Duration = Duration::from_secs(30);

/// Three ends under load, and a start after the last.
async fn told_to_end_under_load(brokers: Option<String>) {
    let stage = Arc::new(Stage::new(brokers));
    let config = stage.write_config(FLOWS);
    let (mut acknowledged, mut unsure) = (Vec::new(), Vec::new());
    let mut slowest = Duration::ZERO;
    for round in 1..=3 {
        let process = start(&config, &[]).await;
        let load = Load::begin_at(&stage, process.gateway, SENDERS, round * 100_000);
        load.acknowledges(40).await;
        let watch = stopwatch();
        let ended = tokio::task::block_in_place(|| process.end());
        slowest = slowest.max(watch());
        assert_eq!(ended.status.code(), Some(0), "{}", ended.last_line);
        assert!(ended.last_line.contains("stopped"), "{}", ended.last_line);
        let answers = load.end().await;
        acknowledged.extend(answers.acknowledged);
        unsure.extend([answers.refused, answers.unheard].concat());
    }
    assert!(slowest < DEADLINE, "it took {slowest:?} to end");
    let process = start(&config, &[]).await;
    send_again(&stage, process.gateway, &unsure[..unsure.len().min(50)]).await;
    exactly_once(&stage, &acknowledged).await;
    say(&format!("{} acknowledged, the slowest of three ends took {slowest:?}", acknowledged.len()));
    assert!(tokio::task::block_in_place(|| process.stop()));
}

async fn start(config: &std::path::Path, roles: &[&'static str]) -> Process {
    let (config, roles) = (config.to_owned(), roles.to_vec());
    let mut task = tokio::task::JoinSet::new();
    task.spawn(async move { tokio::task::block_in_place(|| Process::start_roles(&config, &roles)) });
    task.join_next().await.expect("a task").expect("it starts")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn told_to_end_under_load_on_the_embedded_log() {
    told_to_end_under_load(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn told_to_end_under_load_on_kafka() {
    match kafka::variable(kafka::BROKERS) {
        Some(brokers) => told_to_end_under_load(Some(brokers)).await,
        None => kafka::skipped(kafka::BROKERS),
    }
}

/// Processes of one installation: each has a folder of its own for its tables.
const PROCESSES: &[(&str, &str)] = &[
    ("gateway", "gateway"),
    ("normalizer", "normalizer"),
    ("router", "router"),
    ("dispatcher", "dispatcher"),
    ("dispatcher", "dispatcher-two"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rolling_restart_of_every_role_under_load_loses_and_repeats_nothing() {
    let Some(brokers) = kafka::variable(kafka::BROKERS) else { return kafka::skipped(kafka::BROKERS) };
    let address = free_address();
    let listen = format!("gateway: {{ listen: \"{address}\" }}");
    let stage = Arc::new(Stage::new(Some(brokers)).saying("gateway: { listen: \"127.0.0.1:0\" }", &listen));
    let mut processes = Vec::new();
    for (role, folder) in PROCESSES {
        let config = config_in(&stage, folder);
        let process = start(&config, &[*role]).await;
        processes.push((*role, config, process));
    }

    let load = Load::begin(&stage, address, 2);
    load.acknowledges(40).await;
    for _ in 0..processes.len() {
        let (role, config, process) = processes.remove(0);
        let ended = tokio::task::block_in_place(|| process.end());
        assert_eq!(ended.status.code(), Some(0), "{role}: {}", ended.last_line);
        let process = start(&config, &[role]).await;
        processes.push((role, config, process));
        load.acknowledges(20).await;
    }
    // Refused connections of the restarted gateway are the only thing besides 200 and 503: the load checks the rest.
    let answers = load.end().await;
    send_again(&stage, address, &answers.refused).await;
    exactly_once(&stage, &[answers.acknowledged.clone(), answers.refused].concat()).await;
    say(&format!(
        "a rolling restart: {} acknowledged, {} unheard, the longest time to an answer {:?}",
        answers.acknowledged.len(),
        answers.unheard.len(),
        answers.longest
    ));
    for (role, _, process) in processes {
        assert!(tokio::task::block_in_place(|| process.stop()), "{role}");
    }
}

fn config_in(stage: &Stage, folder: &str) -> PathBuf {
    let tables = format!("tables: {folder}-tables");
    let folder = stage.folder.path().join(folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    let service = stage.service();
    assert!(service.contains("tables: tables"), "each process needs tables of its own");
    std::fs::write(folder.join("service.yaml"), service.replace("tables: tables", &tables)).expect("written");
    std::fs::write(folder.join("flows.yaml"), FLOWS).expect("written");
    folder
}

/// An address that nobody listens at now.
fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("an address")
}
