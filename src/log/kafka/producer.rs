//! The one idempotent producer of a log, rebuilt when librdkafka gives it up.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rdkafka::{
    ClientConfig,
    client::ClientContext,
    config::RDKafkaLogLevel,
    error::KafkaError,
    message::{Header, Message as _, OwnedHeaders},
    producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, PurgeConfig, ThreadedProducer},
    types::RDKafkaErrorCode as Code,
};
use tokio::sync::oneshot;

use super::{
    client::{self, Complaints, Context},
    error,
    limits::size,
    lookup::{native, number},
    receipts::{Receipts, Ticket},
    retire::{Retirement, Retiring},
};
use crate::{
    log::{LogError, LogResult, Position, Pressure},
    model::time::Clock,
    topics::record::{Append, RecordHeaders},
};

/// How long a producer that is given up may take to answer for what it still holds.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Producers are replaced no more often than this: what fails at once again should not cost a thread per append.
const BETWEEN_REPLACEMENTS: Duration = Duration::from_secs(1);

type Waiter = oneshot::Receiver<LogResult<Vec<Position>>>;

/// Writes records.
pub(super) struct Producer {
    config: ClientConfig,
    limit_bytes: usize,
    receipts: Arc<Receipts>,
    complaints: Complaints,
    retirement: Retirement,
    clock: Arc<dyn Clock>,
    current: Mutex<Option<Current>>,
}

struct Current {
    native: Arc<Retiring<Native>>,
    /// When it replaced another, on the clock.
    replaced: Option<Duration>,
}

/// Records that librdkafka took, and whose acknowledgements are awaited.
pub(super) struct Receipt {
    waiter: Waiter,
    complaints: Complaints,
}

impl Receipt {
    /// Where the records came to stand.
    pub(super) async fn positions(self) -> LogResult<Vec<Position>> {
        let answer = self.waiter.await;
        let answer = answer.unwrap_or_else(|_| Err(LogError::Unavailable("the producer was closed".to_owned())));
        match answer {
            Ok(positions) => {
                self.complaints.forget();
                Ok(positions)
            }
            Err(error) => Err(self.complaints.explain(error)),
        }
    }
}

impl Producer {
    pub(super) fn new(
        config: ClientConfig,
        limit_bytes: usize,
        complaints: Complaints,
        retirement: Retirement,
        clock: Arc<dyn Clock>,
    ) -> LogResult<Self> {
        let receipts = Arc::new(Receipts::default());
        let native = Native::create(&config, &receipts, &complaints)?;
        let native = Arc::new(retirement.holds(native));
        let current = Mutex::new(Some(Current { native, replaced: None }));
        Ok(Self { config, limit_bytes, receipts, complaints, retirement, clock, current })
    }

    pub(super) fn pressure(&self) -> Pressure {
        Pressure { queued_bytes: self.receipts.bytes(), limit_bytes: self.limit_bytes }
    }

    /// Hands records over, in order. Never waits: a full queue is an error at once.
    pub(super) fn enqueue(&self, records: &[Append]) -> LogResult<Receipt> {
        let bytes = records.iter().map(size).sum();
        let queued = self.receipts.bytes();
        if queued > 0 && queued + bytes > self.limit_bytes {
            return Err(LogError::Unavailable(format!("{queued} bytes wait for the brokers already")));
        }
        let mut native = self.native()?;
        let (slot, waiter) = self.receipts.open(records.len(), bytes);
        for (index, record) in records.iter().enumerate() {
            let mut sent = native.send(record, slot.ticket(index));
            if sent.is_err() && index == 0 && native.has_failed() {
                // The first to notice. Nothing of this append was handed over, so it can begin with the next producer.
                sent = self.native().and_then(|next| {
                    native = next;
                    native.send(record, slot.ticket(index))
                });
            }
            if let Err(error) = sent {
                self.receipts.withdraw(slot, records.len() - index, error);
                break;
            }
        }
        Ok(Receipt { waiter, complaints: self.complaints.clone() })
    }

    /// The producer in use; a new one when librdkafka has given up the last.
    fn native(&self) -> LogResult<Arc<Retiring<Native>>> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(current) = &mut *current else {
            return Err(LogError::Unavailable("the log is closed".to_owned()));
        };
        if current.native.has_failed() {
            self.replace(current)?;
        }
        Ok(Arc::clone(&current.native))
    }

    fn replace(&self, current: &mut Current) -> LogResult<()> {
        let now = self.clock.elapsed();
        if current.replaced.is_some_and(|before| now.saturating_sub(before) < BETWEEN_REPLACEMENTS) {
            return Err(LogError::Unavailable("the producer fails again and again".to_owned()));
        }
        tracing::warn!("the producer failed for good and is replaced");
        let next = Native::create(&self.config, &self.receipts, &self.complaints)?;
        // The end of the one before answers for what it still holds.
        *current = Current { native: Arc::new(self.retirement.holds(next)), replaced: Some(now) };
        Ok(())
    }

    /// Waits for what is queued, then gives up the rest. Answers how many bytes were given up. Blocks.
    pub(super) fn close(&self, deadline: Duration) -> usize {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Current { native, .. }) = current else { return 0 };
        // Success says only that librdkafka's queue is empty; the delivery reports say what was written.
        let flushed = native.inner.flush(deadline);
        let left = self.receipts.bytes();
        if flushed.is_err() || left > 0 {
            native.give_up();
        }
        left
    }
}

/// Closes the producer on a thread of its own.
pub(super) async fn close(parts: Arc<super::Parts>, deadline: Duration) -> LogResult<usize> {
    let (done, closed) = oneshot::channel();
    let close = move || {
        // Whoever asked may have gone.
        let _unheard = done.send(parts.producer.close(deadline));
    };
    std::thread::Builder::new()
        .name("kafka-close".to_owned())
        .spawn(close)
        .map_err(|error| LogError::Broken(format!("no thread: {error}")))?;
    closed.await.map_err(|_| LogError::Broken("the thread that closes the producer died".to_owned()))
}

/// A producer of librdkafka's.
struct Native {
    inner: ThreadedProducer<Deliveries>,
}

impl Native {
    fn create(config: &ClientConfig, receipts: &Arc<Receipts>, complaints: &Complaints) -> LogResult<Self> {
        let context = Deliveries {
            receipts: Arc::clone(receipts),
            base: Context { complaints: complaints.clone() },
            failed: AtomicBool::new(false),
        };
        let inner = config.create_with_context(context).map_err(|error| error::plain(&error))?;
        Ok(Self { inner })
    }

    fn context(&self) -> &Deliveries {
        self.inner.client().context()
    }

    fn has_failed(&self) -> bool {
        self.context().failed.load(Ordering::Acquire)
    }

    fn send(&self, record: &Append, ticket: Ticket) -> LogResult<()> {
        let key = (!record.key.is_empty()).then_some(record.key.as_ref());
        let native = BaseRecord {
            topic: &record.topic,
            partition: record.partition.map(native),
            payload: record.value.as_deref(),
            key,
            timestamp: Some(record.timestamp.as_millisecond()),
            headers: headers(&record.headers),
            delivery_opaque: ticket,
        };
        self.inner.send::<[u8], [u8]>(native).map_err(|(error, _)| {
            self.context().notice(error.rdkafka_error_code());
            failure(&error, &record.topic)
        })
    }

    fn give_up(&self) {
        self.inner.purge(PurgeConfig::default().queue().inflight());
        if self.inner.flush(LAST_WORDS).is_err() {
            tracing::warn!("the producer was given up with records that it did not answer for");
        }
    }
}

/// Hears of every record, once.
struct Deliveries {
    receipts: Arc<Receipts>,
    base: Context,
    /// librdkafka gave this producer up: it takes nothing any more.
    failed: AtomicBool,
}

impl Deliveries {
    fn notice(&self, code: Option<Code>) {
        if code == Some(Code::Fatal) {
            self.failed.store(true, Ordering::Release);
        }
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.notice(error.rdkafka_error_code());
        self.base.error(error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Ticket;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Ticket) {
        let answer = match result {
            Ok(message) => position(message.partition(), message.offset()),
            Err((error, message)) => {
                self.notice(error.rdkafka_error_code());
                Err(failure(error, message.topic()))
            }
        };
        self.receipts.settle(ticket, answer);
    }
}

fn position(partition: i32, offset: i64) -> LogResult<Position> {
    // A broker that forgot a batch's place answers a repeated one with "written already" and no offset.
    let offset =
        u64::try_from(offset).map_err(|_| LogError::Unavailable("written, but nobody knows where".to_owned()))?;
    Ok(Position { partition: number(partition), offset })
}

fn failure(error: &KafkaError, topic: &str) -> LogError {
    match error.rdkafka_error_code() {
        Some(Code::QueueFull) => LogError::Unavailable("the queue to the brokers is full".to_owned()),
        Some(Code::MessageTimedOut) => LogError::Unavailable("the brokers did not take it in time".to_owned()),
        Some(Code::Fatal) => LogError::Unavailable("the producer failed and is replaced".to_owned()),
        // Topics have as many partitions as we make them: whoever appends to another one is mistaken.
        Some(Code::UnknownPartition) => LogError::Broken(format!("the topic `{topic}` has no such partition")),
        _ => error::of_topic(error, topic),
    }
}

fn headers(headers: &RecordHeaders) -> Option<OwnedHeaders> {
    if headers.0.is_empty() {
        return None;
    }
    let all = OwnedHeaders::new_with_capacity(headers.0.len());
    Some(headers.0.iter().fold(all, |all, (key, value)| all.insert(Header { key, value: Some(value.as_ref()) })))
}

#[cfg(test)]
mod tests;
