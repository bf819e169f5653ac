//! Reading a range, outside any group.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{
    Shared,
    records::{self, Limit, Range},
};
use crate::{
    log::{Bound, LogResult, Reader},
    topics::record::Record,
};

pub(super) struct RangeReader {
    shared: Arc<Shared>,
    range: Range,
}

impl RangeReader {
    pub(super) async fn open(
        shared: Arc<Shared>,
        topic: &str,
        partition: u32,
        from: Bound,
        to: Bound,
    ) -> LogResult<Self> {
        let topic = shared.catalog.find(topic)?;
        let (row, end) = (topic.partition(partition)?.row, topic.partition(partition)?.end());
        let find = move |connection: &_, bound, edge| match bound {
            Bound::Edge => Ok(edge),
            Bound::Offset(offset) => Ok(offset.min(end)),
            Bound::Time(time) => records::first_since(connection, row, end, time.as_millisecond()),
        };
        let bounds = shared.pool.read(move |connection| Ok((find(connection, from, 0)?, find(connection, to, end)?)));
        let (from, until) = bounds.await?;
        Ok(Self { shared, range: Range { topic, partition, row, from, until } })
    }

    async fn read(&mut self) -> LogResult<Vec<Record>> {
        if self.range.from >= self.range.until {
            return Ok(Vec::new());
        }
        let range = self.range.clone();
        let read = self.shared.pool.read(move |connection| {
            let (mut limit, mut found) = (Limit::READ, Vec::new());
            let next = records::read(connection, &range, &mut limit, &mut found)?;
            Ok((found, next))
        });
        let (found, next) = read.await?;
        self.range.from = next;
        Ok(found)
    }
}

impl Reader for RangeReader {
    fn next(&mut self) -> BoxFuture<'_, LogResult<Vec<Record>>> {
        Box::pin(self.read())
    }
}
