//! Records of all topics: another version, or another program, may have written them. What reads must also write, and read
//! the same again.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use spojka::{
    model::time::Timestamp,
    topics::{
        Names,
        action::{Action, Continuation},
        dead::DeadLetter,
        event::Event,
        flows,
        memory::{self, ActionState, Claim, Contribution, Link, RegisterEntry, Waiting},
        record::{Append, Record, RecordHeaders},
        webhook::Webhook,
    },
};
use spojka_fuzz::pieces;

/// The first piece is the value, the second the key, then names and values of headers in turns.
fn record(pieces: &[Bytes]) -> Record {
    let headers = pieces.get(2..).unwrap_or_default().chunks_exact(2);
    let header = |pair: &[Bytes]| (String::from_utf8_lossy(&pair[0]).into_owned(), pair[1].clone());
    Record {
        topic: "t".into(),
        partition: 0,
        offset: 0,
        key: pieces.get(1).cloned().unwrap_or_default(),
        headers: RecordHeaders(headers.map(header).collect()),
        value: pieces.first().cloned(),
        timestamp: Timestamp::UNIX_EPOCH,
    }
}

fn stored(append: Append) -> Record {
    let Append { key, headers, value, timestamp, .. } = append;
    Record { topic: "t".into(), partition: 0, offset: 0, key, headers, value, timestamp }
}

fuzz_target!(|data: &[u8]| {
    let record = record(&pieces(data));
    if let Ok(webhook) = Webhook::from_record(&record) {
        let again = Webhook::from_record(&stored(webhook.to_append("t".to_owned())));
        assert_eq!(again.expect("readable"), webhook);
    }
    if let Ok(event) = Event::from_record(&record) {
        let again = Event::from_record(&stored(event.to_append("t".to_owned())));
        assert_eq!(again.expect("readable"), event);
    }
    if let Ok(action) = Action::from_record(&record) {
        let again = Action::from_record(&stored(action.to_append("t".to_owned())));
        assert_eq!(again.expect("readable"), action);
    }
    let bytes = record.bytes();
    if let Ok(letter) = DeadLetter::from_bytes(bytes) {
        let _append = letter.revival(&Names::new(""));
        let again = DeadLetter::from_bytes(stored(letter.to_append("t".to_owned())).bytes());
        assert_eq!(again.expect("readable"), letter);
    }
    if let Ok(continuation) = Continuation::from_text(&String::from_utf8_lossy(bytes)) {
        let _event = continuation.event.event();
    }
    let _memory = (
        memory::read::<ActionState>(bytes),
        memory::read::<Waiting>(bytes),
        memory::read::<Claim>(bytes),
        memory::read::<RegisterEntry>(bytes),
        memory::read::<Link>(bytes),
        memory::read::<Contribution>(bytes),
    );
    let _flows = (flows::read::<flows::FlowSet>(bytes), flows::read::<flows::Activation>(bytes));
});
