//! What the whole process costs before anybody sends anything: `cargo bench --bench idle`.
//!
//! All roles on the embedded log, in the real binary: how long from its start until `/readyz` says yes and until the last
//! lane is taken over, and what memory it then has. Once with one connection and an empty log, once with a hundred
//! connections whose lanes remember a million outcomes, and once with one lane in which a million actions wait on a hundred
//! thousand parked keys, beside ten million outcomes (`-- --waiting N --outcomes N` measures others, and only them;
//! `-- --lanes N` so many empty lanes).
//!
//! With brokers in `SPOJKA_TEST_KAFKA_BROKERS`, `--waiting` and `--lanes` are measured there: warm starts, and cold ones,
//! whose local copies of the tables were deleted. The topics stay.
#![expect(clippy::print_stdout, reason = "the numbers are what it is for")]

mod usage;

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use spojka::{
    log::{
        Log,
        embedded::{EmbeddedLog, EmbeddedOptions},
        kafka::{KafkaLog, KafkaSettings},
    },
    model::{
        code,
        connection::ConnectionName,
        id::{ActionId, EventId, KeyHash, WebhookId},
        time::{Clock as _, SystemClock},
    },
    topics::{
        Names,
        action::{Action, Purpose, Source},
        event::Origin,
        memory::{self, ActionState, Clocks, End, Outcome, Parked, Waiting, key},
        occasion::Occasions,
        record::Append,
    },
};

use usage::Usage;

const PREFIX: &str = "spojka.";
const LOG: &str = "log.db";
const TABLES: &str = "tables";
/// So many starts of each kind; the median counts.
const STARTS: usize = 5;
/// When what the start needed has been given back, or not.
const IDLE: Duration = Duration::from_secs(3);
/// Outcomes of one append.
const BATCH: usize = 1000;
/// What we write in an owner's place must count, however many owners there were.
const EPOCH: u64 = 1_000_000;

fn main() -> anyhow::Result<()> {
    // Tests of all targets run this program without `--bench`: then it only shows that it works.
    if !std::env::args().any(|argument| argument == "--bench") {
        measure("smoke", 2, 10, 1)?;
        return backlog("smoke", 100, 10, 1);
    }
    println!("medians of {STARTS} starts; memory {} s later\n", IDLE.as_secs());
    println!(
        "{:<28} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "all roles, embedded log", "ready ms", "lanes ms", "cpu ms", "RSS MiB", "peak MiB"
    );
    measure("1 lane, empty log", 1, 0, STARTS)?;
    if let Some(lanes) = argument("--lanes")? {
        return lanes_alone(lanes);
    }
    if let Some(waiting) = argument("--waiting")? {
        let outcomes = argument("--outcomes")?.unwrap_or(0);
        return backlog(&format!("1 lane, {waiting} waiting"), waiting, outcomes, STARTS);
    }
    measure("100 lanes, empty log", 100, 0, STARTS)?;
    measure("100 lanes, 1,000,000 outcomes", 100, 10_000, STARTS)?;
    backlog("1 lane, 1,000,000 waiting", 1_000_000, 10_000_000, STARTS)
}

/// A number that follows a name on the command line.
fn argument(name: &str) -> anyhow::Result<Option<usize>> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
    Ok(arguments.next().map(|number| number.parse()).transpose()?)
}

/// One lane with so many actions that wait, and so many outcomes beside them.
fn backlog(title: &str, waiting: usize, outcomes: usize, starts: usize) -> anyhow::Result<()> {
    let folder = folder(1)?;
    start(folder.path(), 1, Duration::ZERO)?;
    fill(folder.path(), |topic| {
        let waits = (0..waiting).flat_map(move |number| waits(topic, number));
        waits.chain((0..outcomes).map(move |number| settled(topic, number)))
    })?;
    if brokers().is_some() {
        print_each(&format!("{title}, cold"), starts, || {
            forget_tables(folder.path())?;
            start(folder.path(), 1, IDLE)
        })?;
    }
    print_each(title, starts, || start(folder.path(), 1, IDLE))
}

/// So many lanes with nothing in them: the first start makes their topics.
fn lanes_alone(lanes: usize) -> anyhow::Result<()> {
    let folder = folder(lanes)?;
    print_each(&format!("{lanes} lanes, made"), 1, || start(folder.path(), lanes, IDLE))?;
    if brokers().is_some() {
        print_each(&format!("{lanes} lanes, cold"), STARTS, || {
            forget_tables(folder.path())?;
            start(folder.path(), lanes, IDLE)
        })?;
    }
    print_each(&format!("{lanes} lanes, empty log"), STARTS, || start(folder.path(), lanes, IDLE))
}

fn print_each(title: &str, starts: usize, once: impl Fn() -> anyhow::Result<Started>) -> anyhow::Result<()> {
    let started: Vec<_> = (0..starts).map(|_| once()).collect::<anyhow::Result<_>>()?;
    print(title, &started);
    Ok(())
}

fn forget_tables(folder: &Path) -> anyhow::Result<()> {
    fs::remove_dir_all(folder.join(TABLES)).context("no tables")
}

#[expect(clippy::disallowed_methods, reason = "where to measure is told by the environment")]
fn brokers() -> Option<String> {
    std::env::var("SPOJKA_TEST_KAFKA_BROKERS").ok().filter(|brokers| !brokers.is_empty())
}

/// The log that the process will open.
fn open(folder: &Path) -> anyhow::Result<Log> {
    let Some(brokers) = brokers() else {
        return Ok(Arc::new(EmbeddedLog::open(&folder.join(LOG), EmbeddedOptions::default())?));
    };
    let settings = KafkaSettings::new(brokers, folder.join("bench-tables"));
    Ok(Arc::new(KafkaLog::connect(settings, Arc::new(SystemClock))?))
}

/// What one start came to.
struct Started {
    ready: Duration,
    lanes: Duration,
    cpu: Duration,
    resident: u64,
    peak: u64,
}

/// With outcomes, the first start (which makes the topics) does not count; without, each start has a log of its own.
fn measure(title: &str, connections: usize, outcomes: usize, starts: usize) -> anyhow::Result<()> {
    let mut folder = folder(connections)?;
    if outcomes > 0 {
        start(folder.path(), connections, Duration::ZERO)?;
        remember(folder.path(), connections, outcomes)?;
    }
    let mut started = Vec::new();
    for _ in 0..starts {
        started.push(start(folder.path(), connections, IDLE)?);
        if outcomes == 0 {
            folder = self::folder(connections)?;
        }
    }
    print(title, &started);
    Ok(())
}

fn print(title: &str, started: &[Started]) {
    let median = |of: fn(&Started) -> u64| {
        let mut values: Vec<u64> = started.iter().map(of).collect();
        values.sort_unstable();
        values[values.len() / 2]
    };
    println!(
        "{title:<28} {:>9} {:>9} {:>9} {:>9} {:>9}",
        median(|started| millis(started.ready)),
        median(|started| millis(started.lanes)),
        median(|started| millis(started.cpu)),
        median(|started| started.resident >> 20),
        median(|started| started.peak >> 20),
    );
}

/// A folder with a config in it.
fn folder(connections: usize) -> anyhow::Result<tempfile::TempDir> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).context("no temporary folder")?;
    let log = match brokers() {
        Some(brokers) => {
            format!(
                "{{ kafka: {{ brokers: ['{brokers}'], tables: {TABLES} }} }}\ninstallation: {{ hash_key: env:BENCH_SECRET }}"
            )
        }
        None => format!("{{ embedded: {{ path: {LOG} }} }}"),
    };
    let mut config =
        format!("gateway: {{ listen: 127.0.0.1:0 }}\nadmin: {{ listen: 127.0.0.1:0 }}\nlog: {log}\nconnections:\n");
    for number in 0..connections {
        writeln!(config, "  {}: {{ woocommerce: {{ secret: env:BENCH_SECRET }} }}", name(number))?;
    }
    fs::write(folder.path().join("spojka.yaml"), config)?;
    Ok(folder)
}

fn name(number: usize) -> String {
    format!("shop-{number}")
}

/// Starts the binary, waits until it is ready and owns all lanes, lets it be for a while, looks at it, and ends it.
fn start(folder: &Path, connections: usize, idle: Duration) -> anyhow::Result<Started> {
    let begun = SystemClock.elapsed();
    let since = || SystemClock.elapsed().saturating_sub(begun);
    let mut process = Process::start(folder)?;
    let mut output = Lines(BufReader::new(process.0.stdout.take().context("its output is ours")?));
    let (mut lanes, mut ready) = (0, None);
    while ready.is_none() || lanes < connections {
        let line = output.next()?;
        if text(&line, "message") == Some("lane taken over") {
            lanes += 1;
        }
        if let Some(admin) = text(&line, "admin") {
            ensure!(get_ready(admin.parse()?)?.starts_with("HTTP/1.1 200"), "it is not ready");
            ready = Some(since());
        }
    }
    let (all, usage) = (since(), Usage(process.0.id()));
    let cpu = usage.cpu()?;
    thread::sleep(idle);
    let started = Started {
        ready: ready.context("seen above")?,
        lanes: all,
        cpu,
        resident: usage.memory("VmRSS:")?,
        peak: usage.peak_memory()?,
    };
    process.stop(output)?;
    Ok(started)
}

struct Process(Child);

impl Process {
    fn start(folder: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spojka"));
        command.arg("--config").arg(folder).arg("run").env("BENCH_SECRET", "bench-secret-of-enough-length-for-a-key");
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        Ok(Self(command.spawn().context("the binary does not start")?))
    }

    fn stop(mut self, mut lines: Lines) -> anyhow::Result<()> {
        let id = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(id, rustix::process::Signal::TERM)?;
        // Whoever writes to a pipe that nobody reads waits for ever.
        lines.0.read_to_end(&mut Vec::new())?;
        ensure!(self.0.wait()?.success(), "it did not end well");
        Ok(())
    }
}

/// When a measurement fails, its process must not stay behind.
impl Drop for Process {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// The lines of its log.
struct Lines(BufReader<ChildStdout>);

impl Lines {
    fn next(&mut self) -> anyhow::Result<Value> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            bail!("it ended by itself");
        }
        Ok(serde_json::from_str(&line)?)
    }
}

fn text<'a>(line: &'a Value, name: &str) -> Option<&'a str> {
    line.get(name).or_else(|| line.get("fields")?.get(name))?.as_str()
}

fn get_ready(admin: SocketAddr) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(admin)?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Writes outcomes into each lane's memory, as its owner would.
fn remember(folder: &Path, connections: usize, outcomes: usize) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let log: Log = Arc::new(EmbeddedLog::open(&folder.join(LOG), EmbeddedOptions::default())?);
        for number in 0..connections {
            let topic = Names::new(PREFIX).memory(&ConnectionName::parse(&name(number))?);
            let records: Vec<_> = (0..outcomes).map(|outcome| settled(&topic, number * outcomes + outcome)).collect();
            for batch in records.chunks(BATCH) {
                log.append(batch.to_vec()).await?;
            }
        }
        log.close(Duration::from_mins(1)).await?;
        Ok(())
    })
}

/// Writes records into the memory of the only lane, as its owner would.
fn fill<I: Iterator<Item = Append>>(folder: &Path, records: impl FnOnce(&'static str) -> I) -> anyhow::Result<()> {
    let topic = Names::new(PREFIX).memory(&ConnectionName::parse(&name(0))?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let log = open(folder)?;
        let mut records = records(topic.leak());
        loop {
            let batch: Vec<_> = records.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                break;
            }
            log.append(batch).await?;
        }
        log.close(Duration::from_mins(1)).await?;
        Ok(())
    })
}

/// An action that waits for a day, on a key on which ten of them do.
fn waits(topic: &str, number: usize) -> Vec<Append> {
    const EACH: usize = 10;
    let (now, sequence) = (SystemClock.now(), number as u64);
    let due = now + Duration::from_hours(24);
    let conflict = KeyHash::from_text(format!("k-{:032x}", spread(number / EACH)));
    let action = Action {
        id: ActionId::from_text(format!("a-w{:031x}", spread(number) >> 4)),
        connection: ConnectionName::parse(&name(0)).expect("a name"),
        operation: "update_order".to_owned(),
        parameters: [("note".to_owned(), Value::from("x".repeat(500)))].into_iter().collect(),
        conflict: conflict.clone(),
        purpose: Purpose::Step {
            flow: "flow".to_owned(),
            step: "step".to_owned(),
            event: EventId::from_text("e-1"),
            flow_set: None,
            continuation: None,
        },
        source: Source { entity: conflict.clone(), version: 1, arrived: now, webhook: WebhookId::from_text("w-1") },
        not_before: None,
        retry: 0,
        optional: false,
        adopt: false,
        only: Occasions::default(),
        hold: None,
        origin: Origin::default(),
        traceparent: None,
    };
    let count = u32::try_from(EACH).expect("ten");
    let parked = Parked { due, parked: now, since: now, count, live: count };
    let mut records = Vec::new();
    if number.is_multiple_of(EACH) {
        records.push(memory::put(topic, &key::parked(&conflict), &parked, EPOCH, now));
    }
    records.push(memory::put(topic, &key::place(&conflict, sequence), &action.id, EPOCH, now));
    let waiting = Waiting {
        due,
        parked: now,
        sequence,
        attempts: 1,
        since: now,
        age: Duration::ZERO,
        clocks: Clocks::default(),
        code: code::NOT_THERE,
        maybe_done: false,
        progress: Value::Null,
        bulk: false,
        action,
    };
    records.push(memory::put(topic, &key::waiting(&waiting.action.id), &waiting, EPOCH, now));
    records
}

/// A digest's digits are spread evenly; a counter's would make the index look better than it is.
fn spread(number: usize) -> u128 {
    (number as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
}

fn settled(topic: &str, number: usize) -> Append {
    let at = SystemClock.now();
    let (result, webhook) = ([("id".to_owned(), number.to_string())].into(), Some(WebhookId::from_text("w-1")));
    let outcome = Outcome { end: End::Done, at, attempts: 1, retry: 0, result, webhook };
    let id = ActionId::from_text(format!("a-{:032x}", spread(number)));
    memory::put(topic, &key::action(&id), &ActionState::Settled(outcome), EPOCH, at)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
