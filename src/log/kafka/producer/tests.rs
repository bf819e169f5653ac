//! Against librdkafka's own mock brokers, which can be told to fail.

use rdkafka::{
    mocking::MockCluster,
    producer::DefaultProducerContext,
    types::{RDKafkaApiKey, RDKafkaRespErr},
};

use super::*;
use crate::{
    log::kafka::settings::{Configs, KafkaSettings},
    model::time::{ManualClock, Timestamp},
};

const TOPIC: &str = "t";

struct Fixture {
    brokers: MockCluster<'static, DefaultProducerContext>,
    producer: Producer,
    clock: Arc<ManualClock>,
}

fn fixture(limit_bytes: usize) -> Fixture {
    let brokers = MockCluster::new(1).expect("brokers");
    brokers.create_topic(TOPIC, 1, 1).expect("a topic");
    let settings = KafkaSettings {
        delivery_timeout: Duration::from_secs(20),
        ..KafkaSettings::new(brokers.bootstrap_servers(), "/nowhere")
    };
    let config = Configs::new(settings).expect("configs").producer();
    let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
    let retirement = Retirement::start().expect("a thread");
    let producer =
        Producer::new(config, limit_bytes, Complaints::default(), retirement, Arc::clone(&clock) as Arc<dyn Clock>);
    Fixture { brokers, producer: producer.expect("a producer"), clock }
}

fn records(count: usize) -> Vec<Append> {
    let record = Append {
        topic: TOPIC.to_owned(),
        partition: Some(0),
        key: bytes::Bytes::new(),
        headers: RecordHeaders::default(),
        value: Some(bytes::Bytes::from_static(&[b'x'; 100])),
        timestamp: Timestamp::UNIX_EPOCH,
    };
    vec![record; count]
}

async fn append(producer: &Producer) -> LogResult<Vec<Position>> {
    producer.enqueue(&records(1))?.positions().await
}

#[tokio::test]
async fn a_producer_that_failed_for_good_is_replaced_by_the_next_append() {
    let Fixture { brokers, producer, clock } = fixture(1 << 20);
    append(&producer).await.expect("written");
    let error = RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    brokers.request_errors(RDKafkaApiKey::Produce, &[error]);
    assert!(matches!(append(&producer).await, Err(LogError::Unavailable(_))));
    append(&producer).await.expect("written by the next producer");

    brokers.request_errors(RDKafkaApiKey::Produce, &[error]);
    assert!(matches!(append(&producer).await, Err(LogError::Unavailable(_))));
    assert!(matches!(append(&producer).await, Err(LogError::Unavailable(_))), "not again at once");
    clock.advance(BETWEEN_REPLACEMENTS);
    append(&producer).await.expect("written by the third producer");
    assert_eq!(producer.pressure().queued_bytes, 0);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_takes_again_when_it_is_empty() {
    let Fixture { brokers, producer, .. } = fixture(250);
    brokers.broker_round_trip_time(1, Duration::from_millis(200)).expect("set");
    let first = producer.enqueue(&records(2)).expect("there is room");
    assert_eq!(producer.pressure(), Pressure { queued_bytes: 200, limit_bytes: 250 });
    assert!(producer.pressure().is_high());
    assert!(matches!(producer.enqueue(&records(1)), Err(LogError::Unavailable(_))));
    first.positions().await.expect("written");
    assert_eq!(producer.pressure().queued_bytes, 0);
    append(&producer).await.expect("there is room again");
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_answers_for_what_was_not_written() {
    let Fixture { brokers, producer, .. } = fixture(1 << 20);
    brokers.broker_down(1).expect("set");
    let waiting = producer.enqueue(&records(1)).expect("taken");
    let (left, answer) = tokio::join!(
        async { tokio::task::block_in_place(|| producer.close(Duration::from_millis(50))) },
        waiting.positions()
    );
    assert_eq!(left, 100);
    assert!(matches!(answer, Err(LogError::Unavailable(_))), "{answer:?}");
    assert!(matches!(append(&producer).await, Err(LogError::Unavailable(_))));
}
