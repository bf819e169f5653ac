//! A dead letter that is sent on its way may die again before whoever sent it has put its old place in order.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use spojka::{
    dispatcher::LaneBoard,
    log::{
        Bound, Consumer, Fencing, Log, LogResult, LogStore, Offsets, Position, Pressure, Reader, Table, TopicInfo,
        TopicSpec, TrimRule,
    },
    model::{
        code,
        id::DeadId,
        time::{SystemClock, Timestamp},
    },
    runtime::operator::{Operator, dead::DeadFilter},
    topics::{
        Names,
        dead::{DeadLetter, Kind},
        record::Append,
    },
};

use crate::support::logs::{Embedded, Logs as _};

/// A log on which whatever is appended dies at once: when the append returns, its letter is there again.
struct Deadly {
    inner: Log,
    letter: Append,
}

impl LogStore for Deadly {
    fn append(&self, records: Vec<Append>) -> BoxFuture<'_, LogResult<Vec<Position>>> {
        Box::pin(async {
            let positions = self.inner.append(records).await?;
            self.inner.append(vec![self.letter.clone()]).await?;
            Ok(positions)
        })
    }

    fn create_topics<'a>(&'a self, specs: &'a [TopicSpec]) -> BoxFuture<'a, LogResult<()>> {
        self.inner.create_topics(specs)
    }

    fn describe<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, LogResult<TopicInfo>> {
        self.inner.describe(topic)
    }

    fn is_exclusive(&self) -> bool {
        self.inner.is_exclusive()
    }

    fn pressure(&self) -> Pressure {
        self.inner.pressure()
    }

    fn consumer<'a>(&'a self, group: &'a str, topics: &'a [String]) -> BoxFuture<'a, LogResult<Box<dyn Consumer>>> {
        self.inner.consumer(group, topics)
    }

    fn read<'a>(
        &'a self,
        topic: &'a str,
        partition: u32,
        from: Bound,
        to: Bound,
    ) -> BoxFuture<'a, LogResult<Box<dyn Reader>>> {
        self.inner.read(topic, partition, from, to)
    }

    fn table<'a>(&'a self, topic: &'a str, fencing: Fencing) -> BoxFuture<'a, LogResult<Arc<dyn Table>>> {
        self.inner.table(topic, fencing)
    }

    fn offsets<'a>(&'a self, group: &'a str) -> BoxFuture<'a, LogResult<Offsets>> {
        self.inner.offsets(group)
    }

    fn trim<'a>(&'a self, topic: &'a str, rule: &'a TrimRule, now: Timestamp) -> BoxFuture<'a, LogResult<u64>> {
        self.inner.trim(topic, rule, now)
    }

    fn close(&self, deadline: Duration) -> BoxFuture<'_, LogResult<()>> {
        self.inner.close(deadline)
    }
}

fn letter(id: &str) -> DeadLetter {
    DeadLetter {
        id: DeadId::from_text(id),
        kind: Kind::Event,
        code: code::EVALUATION_FAILED,
        message: String::new(),
        connection: None,
        what: None,
        webhook: None,
        at: Timestamp::UNIX_EPOCH,
        attempts: 0,
        request: None,
        answer: None,
        topic: "events.order".to_owned(),
        key: Bytes::from_static(b"k-1"),
        headers: Vec::new(),
        value: Bytes::from_static(b"{}"),
    }
}

/// A log with one letter, and whoever retries letters on it.
async fn operator(logs: &Embedded, id: &str) -> Operator {
    let inner = logs.open().await;
    let names = Names::new("");
    let spec = |name: &str, compacted| TopicSpec { name: name.to_owned(), partitions: 1, compacted };
    inner.create_topics(&[spec("events.order", false), spec(&names.dead(), true)]).await.unwrap();
    inner.append(vec![letter(id).to_append(names.dead())]).await.unwrap();
    let log = Arc::new(Deadly { inner, letter: letter("d-1").to_append(names.dead()) });
    Operator {
        log,
        names,
        connections: Vec::new(),
        limits: BTreeMap::new(),
        board: LaneBoard::default(),
        clock: Arc::new(SystemClock),
    }
}

async fn letters(operator: &Operator) -> Vec<String> {
    operator.dead_list(&DeadFilter::default()).await.unwrap().into_iter().map(|row| row.id).collect()
}

#[tokio::test]
async fn what_dies_again_at_once_is_a_letter_again() {
    let logs = Embedded::new();
    let operator = operator(&logs, "d-1").await;
    for _ in 0..2 {
        assert_eq!(operator.dead_retry(&DeadFilter::default()).await.unwrap().moved, 1);
        assert_eq!(letters(&operator).await, ["d-1"]);
    }
}

/// A retry that was cut off leaves its letter aside; the next one sends it and clears it away.
#[tokio::test]
async fn what_a_crash_left_aside_is_sent_by_the_next_retry() {
    let logs = Embedded::new();
    let operator = operator(&logs, "d-1+retry").await;
    assert_eq!(operator.dead_retry(&DeadFilter::default()).await.unwrap().moved, 1);
    assert_eq!(letters(&operator).await, ["d-1"]);
}
