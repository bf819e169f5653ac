//! A table's file together with what is on its way into it: records that were acknowledged before those that stand in front
//! of them, and writes that wait for their acknowledgement. Records are applied in the order of the log, without gaps.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::file::{Change, File, Mark, State};
use crate::{
    log::{
        Fencing, LogResult,
        fencing::{Fence, epoch_of},
    },
    model::time::Timestamp,
    topics::record::{Append, Record},
};

/// The parts of a record that a table keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    offset: u64,
    key: Bytes,
    value: Option<Bytes>,
    epoch: u64,
    time: Timestamp,
}

impl Entry {
    pub(super) fn read(record: Record) -> Self {
        let epoch = epoch_of(&record.headers);
        Self { offset: record.offset, key: record.key, value: record.value, epoch, time: record.timestamp }
    }

    pub(super) fn written(record: Append, offset: u64) -> Self {
        let epoch = epoch_of(&record.headers);
        Self { offset, key: record.key, value: record.value, epoch, time: record.timestamp }
    }
}

/// A write's place in the order of writes.
pub(super) type Turn = u64;

/// A table's file and what is on its way into it.
pub(super) struct Book {
    file: File,
    state: State,
    fencing: Fencing,
    ignored: BTreeSet<Bytes>,
    /// Acknowledged, and not yet next in line.
    early: BTreeMap<u64, Entry>,
    /// Writes under way.
    turns: BTreeSet<Turn>,
    last_turn: Turn,
}

impl Book {
    pub(super) fn new(file: File, state: State, fencing: Fencing) -> LogResult<Self> {
        let ignored = file.ignored()?.into_iter().collect();
        Ok(Self { file, state, fencing, ignored, early: BTreeMap::new(), turns: BTreeSet::new(), last_turn: 0 })
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// The first offset that is not in the table.
    pub(super) fn next(&self) -> u64 {
        self.state.next
    }

    pub(super) fn ignored(&self) -> &BTreeSet<Bytes> {
        &self.ignored
    }

    /// A write begins. Turns must begin in the order in which the records are handed to the producer.
    pub(super) fn begin(&mut self) -> Turn {
        self.last_turn += 1;
        self.turns.insert(self.last_turn);
        self.last_turn
    }

    pub(super) fn end(&mut self, turn: Turn) {
        self.turns.remove(&turn);
    }

    /// A write that began earlier is still under way: what is missing before this one may be its records.
    pub(super) fn waits_behind_others(&self, turn: Turn) -> bool {
        self.turns.first().is_some_and(|first| *first < turn)
    }

    /// Takes what was acknowledged, and applies all that is next in line.
    pub(super) fn acknowledged(&mut self, entries: impl Iterator<Item = Entry>, now: Timestamp) -> LogResult<()> {
        self.early.extend(entries.map(|entry| (entry.offset, entry)));
        let mut line = Vec::new();
        let mut next = self.state.next;
        while let Some(first) = self.early.first_entry() {
            if *first.key() > next {
                break;
            }
            let entry = first.remove();
            if entry.offset == next {
                next += 1;
                line.push(entry);
            }
        }
        if line.is_empty() { Ok(()) } else { self.apply(&line, next, now) }
    }

    /// Takes what was read from the log, where gaps are what compaction left.
    pub(super) fn read(&mut self, mut entries: Vec<Entry>, next: u64, now: Timestamp) -> LogResult<()> {
        entries.retain(|entry| entry.offset >= self.state.next);
        let next = next.max(self.state.next);
        self.apply(&entries, next, now)?;
        self.acknowledged(std::iter::empty(), now)
    }

    fn apply(&mut self, entries: &[Entry], next: u64, now: Timestamp) -> LogResult<()> {
        let mut state = State { next, fresh: now, ..self.state.clone() };
        let mut changes = Vec::with_capacity(entries.len());
        let mut fence = Fence::at(state.epoch);
        for entry in entries {
            self.judge(entry, &mut fence, &mut changes);
        }
        state.epoch = fence.epoch();
        if let Some(last) = entries.last() {
            state.last = Some(Mark { offset: last.offset, time: last.time, key: last.key.clone() });
        }
        self.file.apply(changes.iter().copied(), &state)?;
        for change in changes {
            match change {
                Change::Ignore(key) => drop(self.ignored.insert(key.clone())),
                Change::Heed(key) => drop(self.ignored.remove(key)),
                Change::Put(..) | Change::Delete(_) => {}
            }
        }
        self.state = state;
        Ok(())
    }

    fn judge<'a>(&self, entry: &'a Entry, fence: &mut Fence, changes: &mut Vec<Change<'a>>) {
        if self.fencing == Fencing::Epochs {
            if !fence.admits(&entry.key, entry.epoch) {
                changes.push(Change::Ignore(&entry.key));
                return;
            }
            // Also when it was ignored a moment ago, in this very call.
            let ignored_now = changes.iter().any(|change| matches!(change, Change::Ignore(key) if **key == entry.key));
            if ignored_now || self.ignored.contains(&entry.key) {
                changes.push(Change::Heed(&entry.key));
            }
        }
        changes.push(match &entry.value {
            Some(value) => Change::Put(&entry.key, value),
            None => Change::Delete(&entry.key),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{super::file::Identity, *};
    use crate::topics::memory::key::CLAIM;

    struct Fixture {
        book: Book,
        _directory: tempfile::TempDir,
    }

    fn fixture(fencing: Fencing) -> Fixture {
        let directory = tempfile::tempdir().expect("directory");
        let identity = Identity { cluster: "c".to_owned(), topic: "t".to_owned(), fenced: false };
        let mut file = File::open(directory.path(), "t").expect("file");
        file.reset(&identity).expect("reset");
        let state = file.state(&identity).expect("read").expect("just made");
        Fixture { book: Book::new(file, state, fencing).expect("book"), _directory: directory }
    }

    fn entry(offset: u64, key: &'static str, value: Option<&'static str>, epoch: u64) -> Entry {
        let value = value.map(|text| Bytes::from_static(text.as_bytes()));
        Entry { offset, key: Bytes::from_static(key.as_bytes()), value, epoch, time: Timestamp::UNIX_EPOCH }
    }

    impl Fixture {
        fn acknowledge(&mut self, entries: impl IntoIterator<Item = Entry>) {
            self.book.acknowledged(entries.into_iter(), Timestamp::UNIX_EPOCH).expect("applied");
        }

        fn read(&mut self, entries: impl IntoIterator<Item = Entry>, next: u64) {
            self.book.read(entries.into_iter().collect(), next, Timestamp::UNIX_EPOCH).expect("applied");
        }

        fn get(&self, key: &str) -> Option<String> {
            let value = self.book.file().get(key.as_bytes()).expect("read");
            value.map(|bytes| String::from_utf8(bytes.to_vec()).expect("text"))
        }
    }

    #[test]
    fn acknowledgements_out_of_order_are_applied_in_the_order_of_the_log() {
        let mut fixture = fixture(Fencing::None);
        fixture.acknowledge([entry(1, "k", Some("new"), 0)]);
        assert_eq!((fixture.book.next(), fixture.get("k")), (0, None));
        fixture.acknowledge([entry(0, "k", Some("old"), 0)]);
        assert_eq!((fixture.book.next(), fixture.get("k")), (2, Some("new".to_owned())));
    }

    #[test]
    fn what_was_read_and_acknowledged_counts_once_and_a_deletion_stays_deleted() {
        let mut fixture = fixture(Fencing::None);
        fixture.acknowledge([entry(2, "k", None, 0)]);
        fixture.read([entry(0, "k", Some("a"), 0), entry(2, "k", None, 0)], 3);
        assert_eq!((fixture.book.next(), fixture.get("k")), (3, None));
        fixture.read([entry(0, "k", Some("a"), 0)], 1);
        assert_eq!((fixture.book.next(), fixture.get("k")), (3, None));
    }

    #[test]
    fn what_a_former_owner_wrote_behind_a_claim_is_ignored_until_it_is_written_again() {
        let mut fixture = fixture(Fencing::Epochs);
        fixture.read(
            [
                entry(0, CLAIM, Some("1"), 1),
                entry(1, "k", Some("first"), 1),
                entry(2, CLAIM, Some("2"), 2),
                entry(3, "k", Some("late"), 1),
                entry(4, "gone", None, 1),
            ],
            5,
        );
        assert_eq!(fixture.get("k").as_deref(), Some("first"));
        assert_eq!(fixture.book.ignored().len(), 2);
        fixture.acknowledge([entry(5, "k", Some("first"), 2), entry(6, "other", Some("x"), 2)]);
        assert_eq!(fixture.book.ignored().iter().collect::<Vec<_>>(), ["gone"]);
    }

    #[test]
    fn a_late_claim_is_ignored_like_everything_late() {
        let mut fixture = fixture(Fencing::Epochs);
        fixture.read([entry(0, CLAIM, Some("2"), 2), entry(1, CLAIM, Some("1"), 1), entry(2, "k", Some("x"), 1)], 3);
        assert_eq!((fixture.get(CLAIM).as_deref(), fixture.get("k")), (Some("2"), None));
    }

    #[test]
    fn a_write_waits_only_behind_earlier_ones() {
        let mut fixture = fixture(Fencing::None);
        let (first, second) = (fixture.book.begin(), fixture.book.begin());
        assert!(!fixture.book.waits_behind_others(first));
        assert!(fixture.book.waits_behind_others(second));
        fixture.book.end(first);
        assert!(!fixture.book.waits_behind_others(second));
    }
}
