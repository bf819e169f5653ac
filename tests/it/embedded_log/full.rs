//! No room on the disk: appends are refused, nothing is lost, and it goes on when there is room.

use std::{io::Read as _, path::Path, sync::Arc, time::Duration};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use spojka::{
    log::{
        Log, LogError, TrimRule,
        embedded::{EmbeddedLog, EmbeddedOptions},
    },
    topics::record::Append,
};

use crate::support::{
    child,
    logs::Embedded,
    records::{at, create, read_texts, record, soon},
};

/// Appends records of 10 kB until the log refuses; answers how many it took.
async fn fill(log: &Log, topic: &str) -> (u64, LogError) {
    for n in 0..100_000 {
        let record = Append { timestamp: at(n), ..record(topic, "", &"x".repeat(10_000)) };
        if let Err(error) = soon(log.append(vec![record])).await {
            return (n.cast_unsigned(), error);
        }
    }
    panic!("it was never full");
}

#[tokio::test]
async fn a_file_at_its_bound_takes_more_after_a_trim() {
    let logs = Embedded::new();
    let log = logs.open_with(EmbeddedOptions { max_file_bytes: Some(4 << 20), ..EmbeddedOptions::default() });
    create(&log, "full", 1).await;
    let (taken, error) = fill(&log, "full").await;
    assert!(matches!(error, LogError::Unavailable(_)), "{error:?}");
    assert!(taken > 200, "{taken} records fit in 4 MiB");
    assert_eq!(read_texts(&log, "full").await.len() as u64, taken, "what was taken is there");

    let rule = TrimRule { keep_bytes: Some(1 << 20), ..TrimRule::default() };
    let trimmed = soon(log.trim("full", &rule, at(0))).await.expect("a full log can be trimmed");
    assert!(trimmed > 100, "{trimmed}");
    let position = soon(log.append(vec![record("full", "", "it goes on")])).await.unwrap()[0];
    assert_eq!(position.offset, taken, "what was refused got no offset");
}

/// The child: its files must not grow over a limit; then the limit is lifted.
#[tokio::test]
async fn fills_the_disk() {
    let Some(folder) = child::folder() else { return };
    let log: Log = Arc::new(EmbeddedLog::open(&folder.join("log.db"), EmbeddedOptions::default()).unwrap());
    create(&log, "full", 1).await;
    let (taken, error) = fill(&log, "full").await;
    assert!(matches!(error, LogError::Unavailable(_)), "{error:?}");
    assert_eq!(read_texts(&log, "full").await.len() as u64, taken, "what was taken is there");
    let again = soon(log.append(vec![record("full", "", &"x".repeat(10_000))])).await;
    assert!(matches!(again, Err(LogError::Unavailable(_))), "still full: {again:?}");

    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: maximum, maximum }).unwrap();
    soon(log.append(vec![record("full", "", "it goes on")])).await.expect("there is room again");
    soon(log.close(Duration::from_secs(30))).await.unwrap();
    child::say(&format!("taken {taken} and one"));
}

fn run_with_limit(folder: &Path) -> u64 {
    // A write over the limit must fail instead of killing the process: an ignored signal stays ignored in what a shell runs.
    let limit = "trap '' XFSZ; ulimit -S -f 4096";
    let mut child = child::command_after(limit, "embedded_log::full::fills_the_disk", folder).spawn().unwrap();
    let mut output = String::new();
    child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    assert!(child.wait().unwrap().success(), "{output}");
    let taken = output.lines().find_map(|line| line.strip_prefix("taken ")?.strip_suffix(" and one"));
    taken.unwrap_or_else(|| panic!("the child did not say how it went: {output}")).parse().unwrap()
}

#[tokio::test]
async fn a_full_disk_loses_nothing_and_passes() {
    let folder = tempfile::tempdir().unwrap();
    let taken = run_with_limit(folder.path());
    assert!(taken > 50, "{taken}");
    let log: Log = Arc::new(EmbeddedLog::open(&folder.path().join("log.db"), EmbeddedOptions::default()).unwrap());
    let there = read_texts(&log, "full").await;
    assert_eq!(there.len() as u64, taken + 1);
    assert_eq!(there.last().unwrap(), "it goes on");
}
