//! The local files of tables: believed when they fit, built anew when they do not.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions},
    client::DefaultClientContext,
};
use spojka::{
    log::{Fencing, Log, LogError, kafka::KafkaLog},
    model::time::{Clock, SystemClock, Timestamp},
};

use crate::support::{
    child,
    kafka::Kafka,
    logs::Logs as _,
    records::{create_table, deletion, record, soon},
};

/// The system's clock, ahead by a while.
struct Ahead(Duration);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now() + self.0
    }

    fn elapsed(&self) -> Duration {
        SystemClock.elapsed()
    }

    fn sleep(&self, duration: Duration) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// A table with `count` keys that was opened, written and closed, and whose file then got one key more than its topic has.
struct Planted {
    kafka: Kafka,
    topic: String,
    file: PathBuf,
}

const PLANTED: &str = "planted";

impl Planted {
    async fn new(count: usize) -> Option<Self> {
        let kafka = Kafka::from_env()?;
        let topic = kafka.name("table");
        let file = kafka.state_dir().join(format!("{topic}.table"));
        let planted = Self { kafka, topic, file };
        let log = planted.kafka.open().await;
        create_table(&log, &planted.topic).await;
        let table = soon(log.table(&planted.topic, Fencing::None)).await.unwrap();
        soon(table.write(planted.records(count))).await.unwrap();
        drop(table);
        planted.change("INSERT INTO records VALUES (CAST('planted' AS BLOB), x'')");
        Some(planted)
    }

    fn records(&self, count: usize) -> Vec<spojka::topics::record::Append> {
        (0..count).map(|n| record(&self.topic, &format!("k{n}"), &n.to_string())).collect()
    }

    fn change(&self, sql: &str) {
        let connection = rusqlite::Connection::open(&self.file).unwrap();
        assert_eq!(connection.execute(sql, []).unwrap(), 1);
    }

    /// Opens the table again; answers its keys.
    async fn keys(&self, clock: impl Clock) -> Vec<String> {
        let log: Log = Arc::new(KafkaLog::connect(self.kafka.settings(), Arc::new(clock)).unwrap());
        let table = soon(log.table(&self.topic, Fencing::None)).await.unwrap();
        table.scan("", None, 100).unwrap().into_iter().map(|(key, _)| key).collect()
    }

    async fn remake_topic(&self, count: usize) {
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", &self.kafka.brokers).create().unwrap();
        let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(20)));
        soon(admin.delete_topics(&[&self.topic], &options)).await.unwrap()[0].as_ref().unwrap();
        let log = self.kafka.open().await;
        let gone = async { while !matches!(log.describe(&self.topic).await, Err(LogError::NoSuchTopic(_))) {} };
        soon(gone).await;
        create_table(&log, &self.topic).await;
        let others = (0..count).map(|n| record(&self.topic, &format!("new{n}"), "")).collect();
        soon(log.append(others)).await.unwrap();
    }
}

#[tokio::test]
async fn a_file_that_fits_is_gone_on_with() {
    let Some(planted) = Planted::new(2).await else { return };
    assert_eq!(planted.keys(SystemClock).await, ["k0", "k1", PLANTED]);
}

#[tokio::test]
async fn a_file_that_is_gone_is_built_anew() {
    let Some(planted) = Planted::new(2).await else { return };
    fs::remove_file(&planted.file).unwrap();
    assert_eq!(planted.keys(SystemClock).await, ["k0", "k1"]);
}

/// More than is read one after another: it is sorted first.
const MANY: usize = 60_000;

#[tokio::test]
async fn a_long_table_is_built_anew_as_it_was() {
    let Some(planted) = Planted::new(MANY).await else { return };
    let log = planted.kafka.open().await;
    let gone: Vec<_> = (0..MANY - 3).map(|n| deletion(&planted.topic, &format!("k{n}"))).collect();
    for deletions in gone.chunks(5_000) {
        soon(log.append(deletions.to_vec())).await.unwrap();
    }
    soon(log.append(vec![record(&planted.topic, "k1", "again")])).await.unwrap();
    drop(log);
    fs::remove_file(&planted.file).unwrap();
    let expected = ["k1".to_owned(), format!("k{}", MANY - 3), format!("k{}", MANY - 2), format!("k{}", MANY - 1)];
    assert_eq!(planted.keys(SystemClock).await, expected);
    let log = planted.kafka.open().await;
    let table = soon(log.table(&planted.topic, Fencing::None)).await.unwrap();
    assert_eq!(table.get("k1").unwrap(), Some(Bytes::from("again")));
    drop((table, log));
    // What a first reading that never ended had written does not count.
    planted.change("UPDATE state SET next = 0");
    planted.change("INSERT INTO records VALUES (CAST('half' AS BLOB), x'')");
    assert_eq!(planted.keys(SystemClock).await, expected);
}

#[tokio::test]
async fn a_file_from_another_cluster_is_built_anew() {
    let Some(planted) = Planted::new(2).await else { return };
    planted.change("UPDATE state SET cluster = 'another'");
    assert_eq!(planted.keys(SystemClock).await, ["k0", "k1"]);
}

#[tokio::test]
async fn a_file_that_may_have_missed_deletions_is_built_anew() {
    let Some(planted) = Planted::new(2).await else { return };
    // Deletions are kept for a day unless the topic says otherwise.
    assert_eq!(planted.keys(Ahead(Duration::from_hours(11))).await, ["k0", "k1", PLANTED]);
    assert_eq!(planted.keys(Ahead(Duration::from_hours(24))).await, ["k0", "k1"]);
}

#[tokio::test]
async fn a_file_that_is_ahead_of_its_topic_is_built_anew() {
    let Some(planted) = Planted::new(3).await else { return };
    planted.remake_topic(1).await;
    assert_eq!(planted.keys(SystemClock).await, ["new0"]);
}

#[tokio::test]
async fn a_file_of_a_topic_that_was_made_again_is_built_anew() {
    let Some(planted) = Planted::new(2).await else { return };
    planted.remake_topic(5).await;
    assert_eq!(planted.keys(SystemClock).await, ["new0", "new1", "new2", "new3", "new4"]);
}

#[tokio::test]
async fn one_table_is_one_however_often_it_is_opened() {
    let Some(kafka) = Kafka::from_env() else { return };
    let (log, topic) = (kafka.open().await, kafka.name("table"));
    create_table(&log, &topic).await;
    let (one, other) =
        (log.table(&topic, Fencing::None).await.unwrap(), log.table(&topic, Fencing::None).await.unwrap());
    soon(one.write(vec![record(&topic, "a", "1")])).await.unwrap();
    assert_eq!(other.get("a").unwrap(), Some(Bytes::from("1")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writes_at_once_are_all_shown() {
    let Some(kafka) = Kafka::from_env() else { return };
    let (log, topic) = (kafka.open().await, kafka.name("table"));
    create_table(&log, &topic).await;
    let table = log.table(&topic, Fencing::None).await.unwrap();
    let writes = (0..200).map(|n| {
        let (table, topic) = (&table, &topic);
        async move {
            let key = format!("k{}", n % 10);
            table
                .write(vec![record(topic, &key, &n.to_string()), record(topic, &format!("own{n}"), "")])
                .await
                .unwrap();
            assert!(table.get(&format!("own{n}")).unwrap().is_some(), "what was written is shown");
        }
    });
    // A stranger's records stand in between.
    let stranger = async {
        for n in 0..20 {
            log.append(vec![record(&topic, &format!("stranger{n}"), "")]).await.unwrap();
        }
    };
    soon(async { tokio::join!(futures_util::future::join_all(writes), stranger) }).await;
    table.catch_up().await.unwrap();
    let fresh = Kafka::at(kafka.brokers.clone());
    let rebuilt = fresh.open().await.table(&topic, Fencing::None).await.unwrap();
    assert_eq!(table.scan("", None, 1000).unwrap(), rebuilt.scan("", None, 1000).unwrap());
}

/// The child: writes to a table without end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_until_killed() {
    let Some(folder) = child::folder() else { return };
    let told = fs::read_to_string(folder.join("told")).unwrap();
    let [brokers, topic, state_dir] = told.lines().collect::<Vec<_>>()[..] else { panic!("told wrongly") };
    let log = open(brokers, state_dir.as_ref());
    let table = log.table(topic, Fencing::None).await.unwrap();
    for n in 0u64.. {
        let records = (0..3).map(|part| record(topic, &format!("k{}", (n * 7 + part) % 50), &n.to_string()));
        table.write(records.collect()).await.unwrap();
        child::say(&format!("written {n}"));
    }
}

fn open(brokers: &str, state_dir: &Path) -> Log {
    let settings = spojka::log::kafka::KafkaSettings::new(brokers, state_dir);
    Arc::new(KafkaLog::connect(settings, Arc::new(SystemClock)).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_leaves_a_file_that_fits_its_topic() {
    let Some(kafka) = Kafka::from_env() else { return };
    let (log, topic) = (kafka.open().await, kafka.name("table"));
    create_table(&log, &topic).await;
    let folder = tempfile::tempdir().unwrap();
    let state_dir = folder.path().join("state");
    fs::write(folder.path().join("told"), format!("{}\n{topic}\n{}\n", kafka.brokers, state_dir.display())).unwrap();
    for lines in [1, 40, 200] {
        let mut writer = child::command("kafka::tables::writes_until_killed", folder.path()).spawn().unwrap();
        let said = BufReader::new(writer.stdout.take().unwrap()).lines().map_while(Result::ok);
        let written =
            tokio::task::block_in_place(|| said.filter(|line| line.starts_with("written")).take(lines).count());
        writer.kill().unwrap();
        writer.wait().unwrap();
        assert_eq!(written, lines);

        let left = open(&kafka.brokers, &state_dir).table(&topic, Fencing::None).await.unwrap();
        let fresh = tempfile::tempdir().unwrap();
        let rebuilt = open(&kafka.brokers, fresh.path()).table(&topic, Fencing::None).await.unwrap();
        assert_eq!(left.scan("", None, 1000).unwrap(), rebuilt.scan("", None, 1000).unwrap());
        assert!(!state_dir.join(format!("{topic}.2.table")).exists(), "the lock goes with the process");
    }
}
