//! The file: whose it is, and how large.

use std::{fs, time::Duration};

use spojka::{
    log::{
        LogError, TrimRule,
        embedded::{EmbeddedLog, EmbeddedOptions},
    },
    topics::record::Append,
};

use crate::support::{
    logs::Embedded,
    records::{append_numbers, at, create, numbers, read_texts, record, soon},
};

#[tokio::test]
async fn a_second_one_is_refused_until_the_first_is_gone() {
    let logs = Embedded::new();
    let log = logs.open_with(EmbeddedOptions::default());
    create(&log, "mine", 1).await;
    let second = EmbeddedLog::open(&logs.path(), EmbeddedOptions::default()).unwrap_err();
    let LogError::Broken(text) = second else { panic!("{second:?}") };
    assert!(text.contains("is in use by process") && text.contains("hint:"), "{text}");
    append_numbers(&log, "mine", 0..3).await;
    soon(log.close(Duration::from_secs(30))).await.unwrap();

    let next = logs.open_with(EmbeddedOptions::default());
    assert_eq!(read_texts(&next, "mine").await, numbers(0..3));
    drop(log);
    append_numbers(&next, "mine", 3..4).await;
}

#[tokio::test]
async fn a_folder_that_does_not_exist_is_said() {
    let logs = Embedded::new();
    let error = EmbeddedLog::open(&logs.path().join("no/such/log.db"), EmbeddedOptions::default()).unwrap_err();
    assert!(matches!(&error, LogError::Broken(text) if text.contains("no/such")), "{error:?}");
}

#[tokio::test]
async fn the_write_ahead_file_stays_small() {
    let logs = Embedded::new();
    let log = logs.open_with(EmbeddedOptions::default());
    create(&log, "large", 1).await;
    for _ in 0..15 {
        let records = (0..40).map(|_| record("large", "", &"x".repeat(100_000)));
        soon(log.append(records.collect())).await.unwrap();
    }
    let size = fs::metadata(logs.path().with_extension("db-wal")).unwrap().len();
    assert!(size < 32 << 20, "{size} bytes, of sixty million written");
}

#[tokio::test]
async fn a_trimmed_file_gives_its_room_back() {
    let logs = Embedded::new();
    let log = logs.open_with(EmbeddedOptions::default());
    create(&log, "large", 1).await;
    for chunk in 0..20 {
        let records =
            (0..10).map(|n| Append { timestamp: at(chunk * 10 + n), ..record("large", "", &"x".repeat(100_000)) });
        soon(log.append(records.collect())).await.unwrap();
    }
    let rule = TrimRule { keep_bytes: Some(500_000), ..TrimRule::default() };
    assert_eq!(soon(log.trim("large", &rule, at(0))).await.unwrap(), 195);
    assert_eq!(read_texts(&log, "large").await.len(), 5);
    soon(log.close(Duration::from_secs(30))).await.unwrap();
    let size = fs::metadata(logs.path()).unwrap().len();
    assert!(size < 3 << 20, "{size} bytes for half a megabyte, of twenty");
}
