//! Nobody listens where the brokers should be.

use std::time::Duration;

use spojka::{
    log::{LogError, LogStore as _, kafka::KafkaSettings},
    model::time::{Clock as _, SystemClock},
};

use crate::support::{
    kafka::Kafka,
    records::{record, soon},
};

#[tokio::test]
async fn whoever_asks_hears_in_time_that_the_brokers_are_away() {
    // Port 1 is nobody's.
    let kafka = Kafka::at("127.0.0.1:1".to_owned());
    let limit = Duration::from_millis(500);
    let settings = KafkaSettings { delivery_timeout: limit, request_timeout: limit, ..kafka.settings() };
    let log = Kafka::open_with(settings);
    let begin = SystemClock.elapsed();
    let topics = ["missing".to_owned()];
    let errors = [
        soon(log.append(vec![record("missing", "k", "v")])).await.err(),
        soon(log.describe("missing")).await.err(),
        soon(log.consumer("group", &topics)).await.err(),
        soon(log.check()).await.err(),
    ];
    for error in errors {
        assert!(matches!(error, Some(LogError::Unavailable(_))), "{error:?}");
    }
    let took = SystemClock.elapsed().saturating_sub(begin);
    assert!(took < limit * 20, "took {took:?}");
    assert_eq!(log.pressure().queued_bytes, 0);
}
