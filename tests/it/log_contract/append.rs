//! Appending: order, bytes, partitions, durability.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures_util::future::join_all;
use spojka::{
    log::{Bound, LogError, partitioner::partition_of},
    topics::record::{Append, RecordHeaders},
};

use crate::support::{
    logs::{Logs, contract},
    records::{at, create, create_table, numbers, read, read_partition, read_texts, record, soon, texts},
};

contract! {
    records_keep_their_order
    records_are_there_after_reopening
    one_append_may_hold_several_topics
    bytes_come_back_exactly
    two_mebibytes_pass_where_the_topic_takes_them
    an_empty_value_is_no_deletion
    keys_choose_their_partition_as_with_kafka
    a_named_partition_wins_over_the_key
    records_without_a_key_find_a_partition
    concurrent_appends_all_get_a_place_of_their_own
    nothing_is_nothing
    too_large_is_refused
    a_topic_that_does_not_exist_is_refused
    a_partition_that_does_not_exist_is_refused
}

async fn records_keep_their_order(logs: &dyn Logs) {
    let (log, topic) = (logs.open().await, logs.name("ordered"));
    create(&log, &topic, 1).await;
    for chunk in 0..10 {
        let records = (0..10).map(|n| record(&topic, "k", &(chunk * 10 + n).to_string()));
        let positions = soon(log.append(records.collect())).await.unwrap();
        let offsets: Vec<_> = positions.iter().map(|position| position.offset).collect();
        assert!(offsets.is_sorted() && offsets.len() == 10, "{offsets:?}");
    }
    assert_eq!(read_texts(&log, &topic).await, numbers(0..100));
}

async fn records_are_there_after_reopening(logs: &dyn Logs) {
    let topic = logs.name("durable");
    let log = logs.open().await;
    create(&log, &topic, 1).await;
    let before = soon(log.append(vec![record(&topic, "k", "one")])).await.unwrap();
    drop(log);

    let log = logs.open().await;
    assert_eq!(read_texts(&log, &topic).await, ["one"]);
    let after = soon(log.append(vec![record(&topic, "k", "two")])).await.unwrap();
    assert!(after[0].offset > before[0].offset);
    assert_eq!(read_texts(&log, &topic).await, ["one", "two"]);
}

async fn one_append_may_hold_several_topics(logs: &dyn Logs) {
    let (log, first, second, table) = (logs.open().await, logs.name("first"), logs.name("second"), logs.name("table"));
    create(&log, &first, 1).await;
    create(&log, &second, 3).await;
    create_table(&log, &table).await;
    let records = vec![
        record(&first, "a", "1"),
        Append { partition: Some(2), ..record(&second, "a", "2") },
        record(&table, "a", "3"),
        record(&first, "a", "4"),
    ];
    let positions = soon(log.append(records)).await.unwrap();
    assert_eq!(positions.iter().map(|position| position.partition).collect::<Vec<_>>(), [0, 2, 0, 0]);
    assert!(positions[3].offset > positions[0].offset);
    assert_eq!(read_texts(&log, &first).await, ["1", "4"]);
    assert_eq!(texts(&read_partition(&log, &second, 2, Bound::Edge, Bound::Edge).await), ["2"]);
    assert_eq!(read_texts(&log, &table).await, ["3"]);
}

async fn bytes_come_back_exactly(logs: &dyn Logs) {
    let (log, topic) = (logs.open().await, logs.name("bytes"));
    create(&log, &topic, 1).await;
    let every_byte = (0..=255u8).collect::<Bytes>();
    let headers = RecordHeaders::default()
        .with("id", "1")
        .with("empty", "")
        .with("binary", every_byte.clone())
        .with("id", "the same name again")
        .with("long", vec![7; 300]);
    let sent = Append {
        topic: topic.clone(),
        partition: Some(0),
        key: every_byte.clone(),
        headers: headers.clone(),
        value: Some(every_byte.clone()),
        timestamp: "2025-06-15T12:00:00.123Z".parse().unwrap(),
    };
    let position = soon(log.append(vec![sent.clone()])).await.unwrap()[0];
    let records = read(&log, &topic, Bound::Edge, Bound::Edge).await;
    assert_eq!(records.len(), 1);
    let got = &records[0];
    assert_eq!((&*got.topic, got.partition, got.offset), (&*topic, position.partition, position.offset));
    assert_eq!((&got.key, &got.value, got.timestamp), (&sent.key, &sent.value, sent.timestamp));
    assert_eq!(got.headers, headers);
}

async fn two_mebibytes_pass_where_the_topic_takes_them(logs: &dyn Logs) {
    let (log, topic) = (logs.open().await, logs.name("large"));
    create(&log, &topic, 1).await;
    let takes = soon(log.describe(&topic)).await.unwrap().max_message_bytes;
    let size = (2 << 20).min(takes - 1024);
    let value = (0..size).map(|n| u8::try_from(n % 251).unwrap()).collect::<Bytes>();
    let records = (0..3).map(|_| Append { value: Some(value.clone()), ..record(&topic, "k", "") });
    soon(log.append(records.collect())).await.unwrap();
    let records = read(&log, &topic, Bound::Edge, Bound::Edge).await;
    assert_eq!(records.len(), 3);
    assert!(records.iter().all(|record| record.value.as_ref() == Some(&value)));
}

async fn an_empty_value_is_no_deletion(logs: &dyn Logs) {
    let (log, topic) = (logs.open().await, logs.name("empty"));
    create(&log, &topic, 1).await;
    let records = vec![record(&topic, "a", ""), Append { value: None, ..record(&topic, "b", "") }];
    soon(log.append(records)).await.unwrap();
    let records = read(&log, &topic, Bound::Edge, Bound::Edge).await;
    let values: Vec<_> = records.iter().map(|record| record.value.clone()).collect();
    assert_eq!(values, [Some(Bytes::new()), None]);
}

async fn keys_choose_their_partition_as_with_kafka(logs: &dyn Logs) {
    let (log, topic) = (logs.open().await, logs.name("keyed"));
    create(&log, &topic, 6).await;
    let keys: Vec<_> = (0..60).map(|n| format!("key-{n}")).chain(["21".to_owned()]).collect();
    let positions = soon(log.append(keys.iter().map(|key| record(&topic, key, "")).collect())).await.unwrap();
    for (key, position) in keys.iter().zip(&positions) {
        assert_eq!(position.partition, partition_of(key.as_bytes(), 6), "{key}");
    }
    let used: BTreeSet<_> = positions.iter().map(|position| position.partition).collect();
    assert_eq!(used.len(), 6, "the keys spread over all partitions");
}

async fn a_named_partition_wins_over_the_key(logs: &dyn Logs) {
    let (log, topic) = (logs.open().await, logs.name("named"));
    create(&log, &topic, 3).await;
    let records = (0..3).map(|number| Append { partition: Some(number), ..record(&topic, "same", "") });
    let positions = soon(log.append(records.collect())).await.unwrap();
    assert_eq!(positions.iter().map(|position| position.partition).collect::<Vec<_>>(), [0, 1, 2]);
}

async fn records_without_a_key_find_a_partition(logs: &dyn Logs) {
    let (log, topic) = (logs.open().await, logs.name("keyless"));
    create(&log, &topic, 2).await;
    soon(log.append((0..20).map(|n| record(&topic, "", &n.to_string())).collect())).await.unwrap();
    let mut all = BTreeSet::new();
    for number in 0..2 {
        all.extend(texts(&read_partition(&log, &topic, number, Bound::Edge, Bound::Edge).await));
    }
    assert_eq!(all, BTreeSet::from_iter(numbers(0..20)));
}

async fn concurrent_appends_all_get_a_place_of_their_own(logs: &dyn Logs) {
    let (log, topic) = (logs.open().await, logs.name("concurrent"));
    create(&log, &topic, 2).await;
    let appends = (0..200).map(|n| {
        let records = (0..3).map(|part| record(&topic, &format!("key-{n}"), &format!("{n}.{part}"))).collect();
        let log = &log;
        async move { (n, soon(log.append(records)).await.unwrap()) }
    });
    let appended = join_all(appends).await;

    let mut read = Vec::new();
    for number in 0..2 {
        read.extend(read_partition(&log, &topic, number, Bound::Edge, Bound::Edge).await);
    }
    assert_eq!(read.len(), 600);
    for (n, positions) in appended {
        assert!(positions.is_sorted_by_key(|position| position.offset), "one key, one partition, in order");
        for (part, position) in positions.iter().enumerate() {
            let there = read.iter().find(|r| (r.partition, r.offset) == (position.partition, position.offset));
            assert_eq!(there.unwrap().bytes(), format!("{n}.{part}").as_bytes());
        }
    }
}

async fn nothing_is_nothing(logs: &dyn Logs) {
    let log = logs.open().await;
    assert_eq!(soon(log.append(Vec::new())).await.unwrap(), []);
}

async fn too_large_is_refused(logs: &dyn Logs) {
    let (log, topic) = (logs.open().await, logs.name("bounded"));
    create(&log, &topic, 1).await;
    let takes = soon(log.describe(&topic)).await.unwrap().max_message_bytes;
    let large = Append { value: Some(vec![0; takes + 1].into()), ..record(&topic, "k", "") };
    let error = soon(log.append(vec![large])).await.unwrap_err();
    assert_eq!(error, LogError::TooLarge { topic: topic.clone() });
    soon(log.append(vec![record(&topic, "k", "small")])).await.unwrap();
    assert_eq!(read_texts(&log, &topic).await, ["small"]);
}

async fn a_topic_that_does_not_exist_is_refused(logs: &dyn Logs) {
    let (log, missing) = (logs.open().await, logs.name("missing"));
    let error = soon(log.append(vec![record(&missing, "k", "v")])).await.unwrap_err();
    assert_eq!(error, LogError::NoSuchTopic(missing.clone()));
    assert_eq!(soon(log.describe(&missing)).await.unwrap_err(), LogError::NoSuchTopic(missing));
}

async fn a_partition_that_does_not_exist_is_refused(logs: &dyn Logs) {
    let (log, topic) = (logs.open().await, logs.name("narrow"));
    create(&log, &topic, 2).await;
    let wrong = Append { partition: Some(2), timestamp: at(0), ..record(&topic, "k", "v") };
    assert!(matches!(soon(log.append(vec![wrong])).await, Err(LogError::Broken(_))));
}
