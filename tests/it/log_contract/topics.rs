//! Making and describing topics.

use std::time::Duration;

use spojka::log::{LogError, TopicSpec, TrimRule};

use crate::support::{
    logs::{Logs, contract},
    records::{append_numbers, at, create, create_table, numbers, read_texts, soon},
};

contract! {
    making_a_topic_again_changes_nothing
    a_topic_that_does_not_fit_is_refused
    a_topic_is_described
    the_ends_of_many_topics_are_told_at_once
}

fn spec(name: &str, partitions: u32, compacted: bool) -> TopicSpec {
    TopicSpec { name: name.to_owned(), partitions, compacted }
}

async fn making_a_topic_again_changes_nothing(logs: &dyn Logs) {
    let (log, topic, new) = (logs.open().await, logs.name("twice"), logs.name("new"));
    create(&log, &topic, 2).await;
    append_numbers(&log, &topic, 0..3).await;
    soon(log.create_topics(&[spec(&topic, 2, false), spec(&new, 1, false)])).await.unwrap();
    soon(log.create_topics(&[spec(&topic, 1, false)])).await.expect("it may have more partitions than it must");
    assert_eq!(read_texts(&log, &topic).await, numbers(0..3));
    assert_eq!(soon(log.describe(&topic)).await.unwrap().partitions.len(), 2);
    assert_eq!(soon(log.describe(&new)).await.unwrap().partitions.len(), 1);
}

async fn a_topic_that_does_not_fit_is_refused(logs: &dyn Logs) {
    let (log, plain, table) = (logs.open().await, logs.name("plain"), logs.name("table"));
    create(&log, &plain, 2).await;
    create_table(&log, &table).await;
    for misfit in [spec(&plain, 3, false), spec(&plain, 2, true), spec(&table, 1, false)] {
        let error = soon(log.create_topics(std::slice::from_ref(&misfit))).await.unwrap_err();
        let LogError::Broken(text) = error else { panic!("not broken: {error:?}") };
        assert!(text.contains(&misfit.name), "{text}");
    }
}

async fn the_ends_of_many_topics_are_told_at_once(logs: &dyn Logs) {
    let (log, full, empty, trimmed) = (logs.open().await, logs.name("full"), logs.name("empty"), logs.name("trimmed"));
    for topic in [&full, &empty, &trimmed] {
        create(&log, topic, 1).await;
    }
    assert_eq!(soon(log.ends(&[])).await, Ok(Vec::new()));
    append_numbers(&log, &full, 0..5).await;
    append_numbers(&log, &trimmed, 0..3).await;
    let rule = TrimRule { keep_for: Some(Duration::ZERO), ..TrimRule::default() };
    soon(log.trim(&trimmed, &rule, at(1_000))).await.unwrap();
    let topics = [trimmed, empty.clone(), full];
    assert_eq!(soon(log.ends(&topics)).await, Ok(vec![3, 0, 5]), "in the order of the question");
    append_numbers(&log, &empty, 0..1).await;
    assert_eq!(soon(log.ends(&topics)).await, Ok(vec![3, 1, 5]));
    let unknown = [empty, logs.name("unknown")];
    assert_eq!(soon(log.ends(&unknown)).await, Err(LogError::NoSuchTopic(unknown[1].clone())));
}

async fn a_topic_is_described(logs: &dyn Logs) {
    let (log, plain, table) = (logs.open().await, logs.name("plain"), logs.name("table"));
    create(&log, &plain, 2).await;
    create_table(&log, &table).await;
    append_numbers(&log, &plain, 0..5).await;
    let info = soon(log.describe(&plain)).await.unwrap();
    assert_eq!((&*info.name, info.compacted), (&*plain, false));
    assert_eq!(info.partitions, [(0, 5), (0, 0)]);
    assert!(info.max_message_bytes >= 100_000);
    assert!(soon(log.describe(&table)).await.unwrap().compacted);
}
