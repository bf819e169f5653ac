//! A table's file together with what is on its way into it: records that were acknowledged before those that stand in front
//! of them, and writes that wait for their acknowledgement. Records are applied in the order of the log, without gaps.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::{
    file::{Change, File, Mark, State},
    sorter::{Merge, Sorter},
};
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

/// A first reading under way: nothing of it shows before its end.
pub(super) struct Draft {
    sorter: Sorter,
    state: State,
    ignored: BTreeSet<Bytes>,
}

impl Draft {
    /// Nothing more comes.
    pub(super) fn close(self) -> LogResult<(Merge, Drafted)> {
        Ok((self.sorter.merge()?, Drafted { state: self.state, ignored: self.ignored }))
    }
}

/// What stands beside a draft's records.
pub(super) struct Drafted {
    state: State,
    ignored: BTreeSet<Bytes>,
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
        let mut ignored = self.ignored.clone();
        let changes = judge(entries, self.fencing, &mut state, &mut ignored);
        self.file.apply(changes.iter().copied(), &state)?;
        (self.state, self.ignored) = (state, ignored);
        Ok(())
    }

    /// Whether nothing was read yet.
    pub(super) fn is_blank(&self) -> bool {
        self.state.next == 0
    }

    /// Begins a first reading. What one that failed has left is gone.
    pub(super) fn draft(&mut self) -> LogResult<Draft> {
        self.state = self.file.renew()?;
        self.file.forgo_journal()?;
        let sorter = Sorter::new(self.file.beside("run"));
        Ok(Draft { sorter, state: self.state.clone(), ignored: BTreeSet::new() })
    }

    /// Takes what was read from the log into a draft.
    pub(super) fn note(&self, draft: &mut Draft, entries: &[Entry]) -> LogResult<()> {
        for change in judge(entries, self.fencing, &mut draft.state, &mut draft.ignored) {
            match change {
                Change::Put(key, value) => draft.sorter.take(key, Some(value))?,
                Change::Delete(key) => draft.sorter.take(key, None)?,
                Change::Ignore(_) | Change::Heed(_) => {}
            }
        }
        Ok(())
    }

    /// Writes a draft's records, sorted. Until [`Self::adopt`] they do not count: a process that dies begins afresh.
    pub(super) fn fill(&mut self, records: &[(Bytes, Bytes)]) -> LogResult<()> {
        self.file.apply(records.iter().map(|(key, value)| Change::Put(key, value)), &self.state)
    }

    /// All of a draft's records are in the file and on the disk: it is the topic up to `next` from now on.
    pub(super) fn adopt(&mut self, drafted: Drafted, next: u64, now: Timestamp) -> LogResult<()> {
        self.file.keep_journal()?;
        let state = State { next, fresh: now, ..drafted.state };
        self.file.apply(drafted.ignored.iter().map(Change::Ignore), &state)?;
        (self.state, self.ignored) = (state, drafted.ignored);
        self.acknowledged(std::iter::empty(), now)
    }
}

/// What records change, in the order of the log; the fence, the last record and what is ignored move on.
fn judge<'a>(
    entries: &'a [Entry],
    fencing: Fencing,
    state: &mut State,
    ignored: &mut BTreeSet<Bytes>,
) -> Vec<Change<'a>> {
    let mut changes = Vec::with_capacity(entries.len());
    let mut fence = Fence::at(state.epoch);
    for entry in entries {
        if fencing == Fencing::Epochs {
            if !fence.admits(&entry.key, entry.epoch) {
                ignored.insert(entry.key.clone());
                changes.push(Change::Ignore(&entry.key));
                continue;
            }
            if ignored.remove(&entry.key) {
                changes.push(Change::Heed(&entry.key));
            }
        }
        changes.push(match &entry.value {
            Some(value) => Change::Put(&entry.key, value),
            None => Change::Delete(&entry.key),
        });
    }
    state.epoch = fence.epoch();
    if let Some(last) = entries.last() {
        state.last = Some(Mark { offset: last.offset, time: last.time, key: last.key.clone() });
    }
    changes
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
        let (mut file, _) = File::open(directory.path(), "t", &identity).expect("file");
        let state = file.renew().expect("made");
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
    fn a_table_that_is_drafted_is_the_one_that_is_read() {
        let entries = [
            entry(0, CLAIM, Some("1"), 1),
            entry(1, "k", Some("first"), 1),
            entry(2, "deleted", Some("x"), 1),
            entry(3, CLAIM, Some("2"), 2),
            entry(4, "k", Some("late"), 1),
            entry(5, "gone", None, 1),
            entry(6, "deleted", None, 2),
            entry(7, "again", Some("late"), 1),
            entry(8, "again", Some("right"), 2),
        ];
        let mut read = fixture(Fencing::Epochs);
        read.read(entries.clone(), 9);
        let mut drafted = fixture(Fencing::Epochs);
        drafted.book.fill(&[(Bytes::from_static(b"half"), Bytes::from_static(b"x"))]).expect("filled");
        let mut draft = drafted.book.draft().expect("begun");
        assert_eq!(drafted.get("half"), None, "left by a reading that failed");
        entries.chunks(2).for_each(|some| drafted.book.note(&mut draft, some).expect("noted"));
        drafted.acknowledge([entry(9, "own", Some("mine"), 2)]);
        let (mut merge, beside) = draft.close().expect("closed");
        let all = merge.batch(100).expect("merged");
        drafted.book.fill(&all).expect("filled");
        assert_eq!(drafted.book.next(), 0, "nothing counts before the end");
        drafted.book.adopt(beside, 9, Timestamp::UNIX_EPOCH).expect("adopted");
        assert_eq!((drafted.book.next(), drafted.get("own").as_deref()), (10, Some("mine")));
        read.acknowledge([entry(9, "own", Some("mine"), 2)]);
        for key in [CLAIM, "k", "deleted", "gone", "again"] {
            assert_eq!(drafted.get(key), read.get(key), "{key}");
        }
        assert_eq!(drafted.book.ignored(), read.book.ignored());
        assert_eq!(drafted.book.state, read.book.state);
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
