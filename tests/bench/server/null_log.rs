//! A log that keeps nothing and answers at once: what is left is the gateway's own cost.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use spojka::{
    log::{
        Bound, Consumer, Fencing, LogError, LogResult, LogStore, Offsets, Position, Pressure, Reader, Table, TopicInfo,
        TopicSpec, TrimRule,
    },
    model::time::Timestamp,
    topics::record::Append,
};

pub(super) struct NullLog;

fn unused<T: Send + 'static>() -> BoxFuture<'static, LogResult<T>> {
    Box::pin(async { Err(LogError::Broken("this log only appends".to_owned())) })
}

impl LogStore for NullLog {
    fn append(&self, records: Vec<Append>) -> BoxFuture<'_, LogResult<Vec<Position>>> {
        Box::pin(async move { Ok(records.iter().map(|_| Position { partition: 0, offset: 0 }).collect()) })
    }

    fn is_exclusive(&self) -> bool {
        true
    }

    fn pressure(&self) -> Pressure {
        Pressure { queued_bytes: 0, limit_bytes: 1 }
    }

    fn create_topics<'a>(&'a self, _specs: &'a [TopicSpec]) -> BoxFuture<'a, LogResult<()>> {
        unused()
    }

    fn describe<'a>(&'a self, _topic: &'a str) -> BoxFuture<'a, LogResult<TopicInfo>> {
        unused()
    }

    fn consumer<'a>(&'a self, _group: &'a str, _topics: &'a [String]) -> BoxFuture<'a, LogResult<Box<dyn Consumer>>> {
        unused()
    }

    fn read<'a>(
        &'a self,
        _topic: &'a str,
        _partition: u32,
        _from: Bound,
        _to: Bound,
    ) -> BoxFuture<'a, LogResult<Box<dyn Reader>>> {
        unused()
    }

    fn table<'a>(&'a self, _topic: &'a str, _fencing: Fencing) -> BoxFuture<'a, LogResult<Arc<dyn Table>>> {
        unused()
    }

    fn offsets<'a>(&'a self, _group: &'a str) -> BoxFuture<'a, LogResult<Offsets>> {
        unused()
    }

    fn trim<'a>(&'a self, _topic: &'a str, _rule: &'a TrimRule, _now: Timestamp) -> BoxFuture<'a, LogResult<u64>> {
        unused()
    }

    fn close(&self, _deadline: Duration) -> BoxFuture<'_, LogResult<()>> {
        unused()
    }
}
