//! Real brokers, where the environment names them; without, tests that need them say so and pass.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use spojka::{
    log::{
        Log,
        kafka::{KafkaLog, KafkaSettings},
    },
    model::time::{Clock as _, SystemClock},
};

use super::{logs::Logs, proxy::Proxy};

/// Brokers to test with: `host:port`, separated by commas.
pub(crate) const BROKERS: &str = "SPOJKA_TEST_KAFKA_BROKERS";
/// `1`: tests may start clusters of their own, with `tests/kafka/cluster.sh`.
pub(crate) const CLUSTER: &str = "SPOJKA_TEST_KAFKA_CLUSTER";

/// Topics on a shared broker, under names of their own.
pub(crate) struct Kafka {
    pub(crate) brokers: String,
    prefix: String,
    state: tempfile::TempDir,
}

impl Kafka {
    pub(crate) fn from_env() -> Option<Self> {
        let Some(brokers) = variable(BROKERS) else {
            skipped(BROKERS);
            return None;
        };
        Some(Self::at(brokers))
    }

    pub(crate) fn at(brokers: String) -> Self {
        static TESTS: AtomicU64 = AtomicU64::new(0);
        let number = TESTS.fetch_add(1, Ordering::Relaxed);
        let started = SystemClock.now().as_millisecond();
        let prefix = format!("t{started}-{}-{number}.", std::process::id());
        Self { brokers, prefix, state: tempfile::tempdir().expect("a folder") }
    }

    /// Settings for tests: quick to notice that a member is gone.
    pub(crate) fn settings(&self) -> KafkaSettings {
        KafkaSettings {
            session_timeout: Duration::from_secs(6),
            // A busy machine should not fail a test.
            delivery_timeout: Duration::from_secs(20),
            request_timeout: Duration::from_secs(20),
            ..KafkaSettings::new(&self.brokers, self.state.path())
        }
    }

    pub(crate) fn state_dir(&self) -> &Path {
        self.state.path()
    }

    pub(crate) fn open_with(settings: KafkaSettings) -> Arc<KafkaLog> {
        Arc::new(KafkaLog::connect(settings, Arc::new(SystemClock)).expect("a log"))
    }
}

impl Logs for Kafka {
    fn open(&self) -> BoxFuture<'_, Log> {
        Box::pin(async { Self::open_with(self.settings()) as Log })
    }

    fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

/// Brokers that one test starts and stops. They go with it.
pub(crate) struct Cluster {
    folder: tempfile::TempDir,
    pub(crate) brokers: String,
}

impl Cluster {
    /// Starts one where tests may.
    pub(crate) fn start(arguments: &[&str]) -> Option<Self> {
        if variable(CLUSTER).as_deref() != Some("1") {
            skipped(CLUSTER);
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().join("cluster");
        let brokers = script(&[&["start", home.to_str().expect("a path")], arguments].concat());
        Some(Self { folder, brokers })
    }

    /// The same with a proxy in front of each broker, through which all clients go.
    pub(crate) fn behind_proxies(count: usize) -> Option<(Self, Vec<Proxy>)> {
        // The ports that brokers listen at are known only when they run, and they must tell their clients the proxies'.
        let ports: Vec<u16> = (0..count).map(|_| free_port()).collect();
        let proxies: Vec<_> = ports.iter().map(|port| Proxy::start(([127, 0, 0, 1], *port).into())).collect();
        let list = |ports: Vec<u16>| ports.iter().map(u16::to_string).collect::<Vec<_>>().join(",");
        let tell = list(proxies.iter().map(|proxy| proxy.address.port()).collect());
        let cluster = Self::start(&[&count.to_string(), "--listen", &list(ports), "--tell", &tell])?;
        Some((cluster, proxies))
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("cluster")
    }

    /// What stands in a file that the script wrote.
    pub(crate) fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.home().join(name)).expect("a file of the cluster")
    }

    /// Kills a broker, unless it has ended by itself.
    pub(crate) fn make_sure_it_is_dead(&self, number: u32) {
        let home = self.home();
        let pid = std::fs::read_to_string(home.join(format!("broker-{number}/pid"))).expect("its process id");
        if Path::new("/proc").join(pid.trim()).join("exe").exists() {
            self.broker("kill", number);
        }
    }

    /// `kill`, `revive`, `pause` or `cont`, and which broker.
    pub(crate) fn broker(&self, command: &str, number: u32) {
        script(&[command, self.home().to_str().expect("a path"), &number.to_string()]);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // A test that has failed already says so itself.
        let _stopped = run_script(&["stop", self.home().to_str().expect("a path")]);
    }
}

/// A port of which nobody listens now.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// Runs `cluster.sh` to its end and answers what it printed.
fn script(arguments: &[&str]) -> String {
    let output = run_script(arguments);
    assert!(output.status.success(), "cluster.sh {arguments:?}");
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

fn run_script(arguments: &[&str]) -> std::process::Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kafka/cluster.sh");
    let output = Command::new(script).args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    output.expect("cluster.sh runs")
}

#[expect(clippy::disallowed_methods, reason = "what a test may use is told by its environment")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[expect(clippy::print_stdout, reason = "whoever runs the tests should know what was not tested")]
pub(crate) fn skipped(name: &str) {
    println!("skipped: `{name}` is not set");
}
