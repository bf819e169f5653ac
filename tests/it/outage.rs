//! Outages that need no brokers: the embedded log's disk is full, or hangs; Kafka is not there at all.

use std::{fs, path::PathBuf, sync::Arc};

use crate::support::{
    disk::{self, Disk},
    load::{FLOWS, Load, exactly_once, is_ready, send_again},
    process::Process,
    stage::{Stage, paid_order},
};

const SENDERS: usize = 6;

/// A process whose log stands on a small disk. The disk goes first: a process that hangs on it cannot end.
struct OnDisk {
    disk: Disk,
    stage: Arc<Stage>,
    process: Process,
}

impl OnDisk {
    fn start() -> Option<Self> {
        let stage = Stage::new(None);
        let disk = Disk::mount(stage.folder.path())?;
        let path = format!("path: {}", disk.path.join("log.db").display());
        let stage = Arc::new(stage.saying("path: log.db", &path));
        let process = Process::start_roles(&stage.write_config(FLOWS), &[]);
        Some(Self { disk, stage, process })
    }

    /// Something happens to the disk while webhooks come in, and passes.
    async fn goes_through(self, what: &str, happens: impl FnOnce(&Disk), passes: impl FnOnce(&Disk)) {
        let gateway = self.process.gateway;
        let load = Load::begin(&self.stage, gateway, SENDERS);
        load.acknowledges(20).await;
        tokio::task::block_in_place(|| happens(&self.disk));
        load.refuses(SENDERS * 2).await;
        let why = is_ready(&self.stage, self.process.admin, false).await;
        assert!(why.contains("the log"), "{why}");
        tokio::task::block_in_place(|| passes(&self.disk));
        load.acknowledges(20).await;
        let answers = load.end().await;
        answers.keep_the_promise(what);
        is_ready(&self.stage, self.process.admin, true).await;
        send_again(&self.stage, gateway, &answers.refused).await;
        exactly_once(&self.stage, &[answers.acknowledged, answers.refused].concat()).await;
        assert!(tokio::task::block_in_place(|| self.process.stop()), "it ends in order");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_disk_that_hangs_under_the_embedded_log() {
    let Some(it) = tokio::task::block_in_place(OnDisk::start) else { return };
    it.goes_through("the disk hangs", Disk::freeze, |disk| assert!(disk.thaw())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_full_disk_under_the_embedded_log() {
    let Some(it) = tokio::task::block_in_place(OnDisk::start) else { return };
    let filler = |disk: &Disk| -> PathBuf { disk.path.join("filler") };
    it.goes_through(
        "the disk is full",
        |disk| disk::fill(&filler(disk)),
        |disk| {
            fs::remove_file(filler(disk)).expect("removed");
        },
    )
    .await;
}

/// Port 1 is nobody's.
fn without_kafka(gateway: &str) -> Stage {
    let stage = Stage::new(Some("127.0.0.1:1".to_owned()));
    stage.saying("gateway: { listen: \"127.0.0.1:0\" }", gateway)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_kafka_a_process_comes_up_and_sends_senders_away_in_time() {
    let stage = without_kafka("gateway: { listen: \"127.0.0.1:0\" }");
    let process = tokio::task::block_in_place(|| Process::start_roles(&stage.write_config(FLOWS), &[]));
    let why = is_ready(&stage, process.admin, false).await;
    assert!(why.contains("the log"), "{why}");
    let stage = Arc::new(stage);
    let load = Load::begin(&stage, process.gateway, SENDERS);
    load.refuses(SENDERS * 2).await;
    load.end().await.keep_the_promise("Kafka was never there");
    let ended = tokio::task::block_in_place(|| process.end());
    assert_eq!(ended.status.code(), Some(0), "nothing was taken, nothing is left: {}", ended.last_line);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_kafka_a_spool_takes_webhooks_and_the_end_says_what_is_in_it() {
    let stage = without_kafka("gateway: { listen: \"127.0.0.1:0\", spool: { path: spool } }");
    let config = stage.write_config(FLOWS);
    let process = tokio::task::block_in_place(|| Process::start_roles(&config, &["gateway"]));
    for id in 1..=3 {
        let order = paid_order(id, "eva@example.cz", stage.clock.now());
        let reply = stage.send(process.gateway, Stage::order_webhook("order.created", &order)).await;
        assert_eq!(reply.map(|reply| reply.status), Some(200));
    }
    let remains = is_ready(&stage, process.admin, true).await;
    assert!(remains.contains("webhooks in the spool: 3"), "{remains}");
    // As a power cut would: what was acknowledged is on the disk.
    process.kill();
    let process = tokio::task::block_in_place(|| Process::start_roles(&config, &["gateway"]));
    let remains = is_ready(&stage, process.admin, true).await;
    assert!(remains.contains("webhooks in the spool: 3"), "{remains}");
    let ended = tokio::task::block_in_place(|| process.end());
    assert_eq!(ended.status.code(), Some(4), "{}", ended.last_line);
    assert!(ended.last_line.contains("\"spooled\":3"), "{}", ended.last_line);
}
