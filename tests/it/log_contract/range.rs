//! Reading a range by offset and by time.

use spojka::log::{Bound, LogError};

use crate::support::{
    logs::{Logs, contract},
    records::{append_numbers, at, create, numbers, read, record, soon, texts},
};

contract! {
    a_range_begins_and_ends_where_it_says
    a_range_ends_where_the_log_ended_when_it_began
    a_time_is_the_first_record_that_is_as_late
    many_records_come_in_order
    a_range_of_nothing_is_refused
}

async fn a_range_begins_and_ends_where_it_says(logs: &dyn Logs) {
    let (log, topic) = (logs.open().await, logs.name("range"));
    create(&log, &topic, 1).await;
    append_numbers(&log, &topic, 0..10).await;
    let check = async |from, to, expected| {
        assert_eq!(texts(&read(&log, &topic, from, to).await), numbers(expected), "{from:?} to {to:?}");
    };
    check(Bound::Edge, Bound::Edge, 0..10).await;
    check(Bound::Offset(3), Bound::Offset(6), 3..6).await;
    check(Bound::Offset(3), Bound::Edge, 3..10).await;
    check(Bound::Edge, Bound::Offset(3), 0..3).await;
    check(Bound::Offset(8), Bound::Offset(100), 8..10).await;
    check(Bound::Offset(10), Bound::Edge, 0..0).await;
    check(Bound::Offset(6), Bound::Offset(3), 0..0).await;
    check(Bound::Time(at(2)), Bound::Time(at(5)), 2..5).await;
    check(Bound::Time(at(7)), Bound::Edge, 7..10).await;
    check(Bound::Edge, Bound::Time(at(-1)), 0..0).await;
    check(Bound::Time(at(10)), Bound::Edge, 0..0).await;
    check(Bound::Offset(1), Bound::Time(at(100)), 1..10).await;
}

async fn a_range_ends_where_the_log_ended_when_it_began(logs: &dyn Logs) {
    let (log, topic) = (logs.open().await, logs.name("growing"));
    create(&log, &topic, 1).await;
    append_numbers(&log, &topic, 0..3).await;
    let mut reader = soon(log.read(&topic, 0, Bound::Edge, Bound::Edge)).await.unwrap();
    append_numbers(&log, &topic, 3..6).await;
    let mut all = Vec::new();
    loop {
        let records = soon(reader.next()).await.unwrap();
        if records.is_empty() {
            break;
        }
        all.extend(texts(&records));
    }
    assert_eq!(all, numbers(0..3));
    assert!(soon(reader.next()).await.unwrap().is_empty(), "the end stays the end");
}

async fn a_time_is_the_first_record_that_is_as_late(logs: &dyn Logs) {
    let (log, topic) = (logs.open().await, logs.name("times"));
    create(&log, &topic, 1).await;
    // Clocks disagree: times do not grow with offsets.
    for second in [10, 30, 20, 25, 40, 35] {
        let record =
            spojka::topics::record::Append { timestamp: at(second), ..record(&topic, "k", &second.to_string()) };
        soon(log.append(vec![record])).await.unwrap();
    }
    let first = async |second| {
        let records = read(&log, &topic, Bound::Time(at(second)), Bound::Edge).await;
        records.first().map(|record| record.offset)
    };
    assert_eq!(first(5).await, Some(0));
    assert_eq!(first(15).await, Some(1));
    assert_eq!(first(22).await, Some(1));
    assert_eq!(first(31).await, Some(4));
    assert_eq!(first(41).await, None);
}

async fn many_records_come_in_order(logs: &dyn Logs) {
    let (log, topic) = (logs.open().await, logs.name("many"));
    create(&log, &topic, 1).await;
    for chunk in 0..5 {
        append_numbers(&log, &topic, chunk * 500..(chunk + 1) * 500).await;
    }
    assert_eq!(texts(&read(&log, &topic, Bound::Offset(10), Bound::Edge).await), numbers(10..2500));
}

async fn a_range_of_nothing_is_refused(logs: &dyn Logs) {
    let (log, missing) = (logs.open().await, logs.name("missing"));
    let error = soon(log.read(&missing, 0, Bound::Edge, Bound::Edge)).await.err();
    assert_eq!(error, Some(LogError::NoSuchTopic(missing)));
}
