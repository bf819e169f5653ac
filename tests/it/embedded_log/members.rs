//! Two members of one group in one process: the topic is the first one's until it leaves.

use futures_util::FutureExt as _;
use spojka::log::{Signal, embedded::EmbeddedOptions};

use crate::support::{
    logs::Embedded,
    records::{append_numbers, create, join, numbers, partition, receive, soon, texts},
};

#[tokio::test]
async fn a_second_member_waits_until_the_first_has_gone() {
    let logs = Embedded::new();
    let log = logs.open_with(EmbeddedOptions::default());
    create(&log, "shared", 1).await;
    create(&log, "own", 1).await;
    append_numbers(&log, "shared", 0..4).await;
    let (mut first, _) = join(&log, "group", &["shared"]).await;
    let (mut second, assigned) = join(&log, "group", &["shared", "own"]).await;
    assert_eq!(assigned, [partition("own", 0)], "what nobody else has comes at once");
    assert!(second.next().now_or_never().is_none());
    receive(&mut *first, 4).await;
    first.store(&partition("shared", 0), 3);
    soon(first.commit()).await.unwrap();

    let (signal, ()) = tokio::join!(soon(second.next()), async { drop(first) });
    let Signal::Assigned(assigned) = signal.unwrap() else { panic!("no partitions") };
    assert_eq!(assigned, [partition("shared", 0)]);
    assert_eq!(texts(&receive(&mut *second, 1).await), numbers(3..4));
}

#[tokio::test]
async fn a_member_hears_that_the_log_was_closed() {
    let logs = Embedded::new();
    let log = logs.open_with(EmbeddedOptions::default());
    create(&log, "quiet", 1).await;
    let (mut consumer, _) = join(&log, "group", &["quiet"]).await;
    let (signal, closed) = tokio::join!(soon(consumer.next()), log.close(std::time::Duration::from_secs(30)));
    closed.unwrap();
    assert!(signal.is_err(), "{signal:?}");
    assert!(soon(consumer.commit()).await.is_err(), "nothing proves that the partitions are still ours");
}
