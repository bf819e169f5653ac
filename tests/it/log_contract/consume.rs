//! Reading in a group: what is committed is settled, and nothing else is.

use futures_util::FutureExt as _;
use spojka::log::{Log, Signal, TopicPartition};

use crate::support::{
    logs::{Logs, contract},
    records::{append_numbers, create, join, numbers, partition, receive, record, soon, texts},
};

contract! {
    partitions_come_first_then_records_in_order
    a_member_goes_on_where_its_group_committed
    what_was_stored_but_not_committed_comes_again
    leaving_commits_what_was_stored
    groups_do_not_see_each_other
    a_commit_of_nothing_proves_membership
    a_partition_of_somebody_else_is_not_stored
    a_paused_partition_is_silent_until_resumed
    a_waiting_member_hears_of_a_new_record
    giving_up_a_wait_loses_nothing
    several_topics_are_read_together
    the_next_member_goes_on_when_the_first_has_left
}

/// One topic with one partition and the numbers 0 to 9.
async fn ten(logs: &dyn Logs) -> (Log, String, TopicPartition) {
    let (log, topic) = (logs.open().await, logs.name("ten"));
    create(&log, &topic, 1).await;
    append_numbers(&log, &topic, 0..10).await;
    let partition = partition(&topic, 0);
    (log, topic, partition)
}

async fn partitions_come_first_then_records_in_order(logs: &dyn Logs) {
    let (log, topic, one) = ten(logs).await;
    let (mut consumer, assigned) = join(&log, &logs.name("group"), &[&topic]).await;
    assert_eq!(assigned, [one]);
    assert_eq!(texts(&receive(&mut *consumer, 10).await), numbers(0..10));
}

async fn a_member_goes_on_where_its_group_committed(logs: &dyn Logs) {
    let (log, topic, one) = ten(logs).await;
    let group = logs.name("group");
    let (mut consumer, _) = join(&log, &group, &[&topic]).await;
    receive(&mut *consumer, 10).await;
    consumer.store(&one, 4);
    soon(consumer.commit()).await.unwrap();
    soon(consumer.leave()).await.unwrap();
    assert_eq!(soon(log.offsets(&group)).await.unwrap().get(&one), Some(&4));
    drop(log);

    let log = logs.open().await;
    let (mut consumer, _) = join(&log, &group, &[&topic]).await;
    assert_eq!(texts(&receive(&mut *consumer, 6).await), numbers(4..10));
}

async fn what_was_stored_but_not_committed_comes_again(logs: &dyn Logs) {
    let (log, topic, one) = ten(logs).await;
    let group = logs.name("group");
    let (mut consumer, _) = join(&log, &group, &[&topic]).await;
    receive(&mut *consumer, 10).await;
    consumer.store(&one, 3);
    soon(consumer.commit()).await.unwrap();
    consumer.store(&one, 8);
    drop(consumer);

    let (mut consumer, _) = join(&log, &group, &[&topic]).await;
    assert_eq!(texts(&receive(&mut *consumer, 7).await), numbers(3..10));
    assert_eq!(soon(log.offsets(&group)).await.unwrap().get(&one), Some(&3));
}

async fn leaving_commits_what_was_stored(logs: &dyn Logs) {
    let (log, topic, one) = ten(logs).await;
    let group = logs.name("group");
    let (mut consumer, _) = join(&log, &group, &[&topic]).await;
    receive(&mut *consumer, 10).await;
    consumer.store(&one, 6);
    soon(consumer.leave()).await.unwrap();
    assert_eq!(soon(log.offsets(&group)).await.unwrap().get(&one), Some(&6));
}

async fn groups_do_not_see_each_other(logs: &dyn Logs) {
    let (log, topic, one) = ten(logs).await;
    let (first, second) = (logs.name("first"), logs.name("second"));
    let (mut consumer, _) = join(&log, &first, &[&topic]).await;
    receive(&mut *consumer, 10).await;
    consumer.store(&one, 10);
    soon(consumer.commit()).await.unwrap();
    let (mut other, _) = join(&log, &second, &[&topic]).await;
    assert_eq!(texts(&receive(&mut *other, 10).await), numbers(0..10));
    assert_eq!(soon(log.offsets(&first)).await.unwrap().get(&one), Some(&10));
    assert_eq!(soon(log.offsets(&second)).await.unwrap().get(&one), None);
}

async fn a_commit_of_nothing_proves_membership(logs: &dyn Logs) {
    let (log, topic, one) = ten(logs).await;
    let (mut consumer, _) = join(&log, &logs.name("group"), &[&topic]).await;
    soon(consumer.commit()).await.expect("nothing was ever stored");
    receive(&mut *consumer, 10).await;
    consumer.store(&one, 2);
    soon(consumer.commit()).await.unwrap();
    soon(consumer.commit()).await.expect("nothing new was stored");
}

async fn a_partition_of_somebody_else_is_not_stored(logs: &dyn Logs) {
    let (log, topic, one) = ten(logs).await;
    let (other, group) = (logs.name("other"), logs.name("group"));
    create(&log, &other, 1).await;
    let (mut consumer, _) = join(&log, &group, &[&topic]).await;
    consumer.store(&partition(&other, 0), 1);
    consumer.store(&one, 1);
    soon(consumer.commit()).await.unwrap();
    let offsets = soon(log.offsets(&group)).await.unwrap();
    assert_eq!(offsets.into_iter().collect::<Vec<_>>(), [(one, 1)]);
}

async fn a_paused_partition_is_silent_until_resumed(logs: &dyn Logs) {
    let (log, topic) = (logs.open().await, logs.name("two"));
    create(&log, &topic, 2).await;
    let [quiet, loud] = [partition(&topic, 0), partition(&topic, 1)];
    let (mut consumer, _) = join(&log, &logs.name("group"), &[&topic]).await;
    consumer.pause(std::slice::from_ref(&quiet)).unwrap();
    append_numbers(&log, &topic, 0..5).await;
    for n in 0..3 {
        let record = record(&topic, "k", &format!("loud {n}"));
        soon(log.append(vec![spojka::topics::record::Append { partition: Some(1), ..record }])).await.unwrap();
        let records = receive(&mut *consumer, 1).await;
        assert_eq!((records[0].partition, texts(&records)), (loud.partition, vec![format!("loud {n}")]));
    }
    consumer.resume(&[quiet]).unwrap();
    assert_eq!(texts(&receive(&mut *consumer, 5).await), numbers(0..5));
}

async fn a_waiting_member_hears_of_a_new_record(logs: &dyn Logs) {
    let (log, topic, _) = ten(logs).await;
    let (mut consumer, _) = join(&log, &logs.name("group"), &[&topic]).await;
    receive(&mut *consumer, 10).await;
    let (heard, ()) = tokio::join!(receive(&mut *consumer, 1), append_numbers(&log, &topic, 10..11));
    assert_eq!(texts(&heard), ["10"]);
}

async fn giving_up_a_wait_loses_nothing(logs: &dyn Logs) {
    let (log, topic, _) = ten(logs).await;
    let (mut consumer, _) = join(&log, &logs.name("group"), &[&topic]).await;
    let mut all = Vec::new();
    while all.len() < 10 {
        // Polled once and dropped, again and again, as in a loop that waits for other things as well.
        match consumer.next().now_or_never() {
            Some(Ok(Signal::Records(records))) => all.extend(texts(&records)),
            Some(other) => panic!("not records: {other:?}"),
            None => tokio::task::yield_now().await,
        }
    }
    assert_eq!(all, numbers(0..10));
}

async fn several_topics_are_read_together(logs: &dyn Logs) {
    let (log, first, second) = (logs.open().await, logs.name("first"), logs.name("second"));
    create(&log, &first, 1).await;
    create(&log, &second, 2).await;
    append_numbers(&log, &first, 0..4).await;
    append_numbers(&log, &second, 0..6).await;
    let (mut consumer, assigned) = join(&log, &logs.name("group"), &[&first, &second]).await;
    assert_eq!(assigned, [partition(&first, 0), partition(&second, 0), partition(&second, 1)]);
    let records = receive(&mut *consumer, 10).await;
    for (topic, count) in [(&first, 4), (&second, 6)] {
        let of_topic: Vec<_> = records.iter().filter(|record| *record.topic == **topic).cloned().collect();
        assert_eq!(texts(&of_topic), numbers(0..count), "{topic}");
    }
}

async fn the_next_member_goes_on_when_the_first_has_left(logs: &dyn Logs) {
    let (log, topic, one) = ten(logs).await;
    let group = logs.name("group");
    let (mut first, _) = join(&log, &group, &[&topic]).await;
    receive(&mut *first, 10).await;
    first.store(&one, 5);
    soon(first.leave()).await.unwrap();
    let (mut second, assigned) = join(&log, &group, &[&topic]).await;
    assert_eq!(assigned, [one]);
    assert_eq!(texts(&receive(&mut *second, 5).await), numbers(5..10));
}
