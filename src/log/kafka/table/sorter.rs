//! Sorts what a topic holds, so that a table's file can be written from its front to its end.
//!
//! Keys are digests: put into the file in the order of the log, each would land on another page. So the records of a first
//! reading are sorted in runs that fit into memory, and the runs are merged. The runs have no name on the disk: whatever
//! happens to this process, nothing of them stays.

use std::{
    cmp::Ordering,
    collections::{BinaryHeap, binary_heap::PeekMut},
    fs::{self, File, OpenOptions},
    io::{self, BufReader, BufWriter, Read, Seek as _, Write},
    path::{Path, PathBuf},
};

use bytes::Bytes;

use crate::log::{LogError, LogResult};

/// What a run may hold in memory.
const RUN_BYTES: usize = 24 << 20;
/// What is read of a run at a time while all are merged.
const BUFFER: usize = 32 << 10;

/// A key, and its value; `None`: deleted.
type Pair = (Bytes, Option<Bytes>);

/// Takes records in the order of the log.
pub(super) struct Sorter {
    /// Where runs are written, and under which name until they have none.
    path: PathBuf,
    limit: usize,
    run: Run,
    runs: Vec<File>,
}

/// The records of a run, one behind the other in one piece of memory: a million small ones would leave holes behind that
/// nothing else fits into.
#[derive(Default)]
struct Run {
    bytes: Vec<u8>,
    records: Vec<Slot>,
}

/// Where a record stands in its run.
#[derive(Clone, Copy)]
struct Slot {
    key: (u32, u32),
    /// `None`: deleted.
    value: Option<(u32, u32)>,
}

impl Run {
    fn size(&self) -> usize {
        self.bytes.len() + self.records.len() * size_of::<Slot>()
    }

    fn push(&mut self, key: &[u8], value: Option<&[u8]>) {
        let slot = Slot { key: self.put(key), value: value.map(|value| self.put(value)) };
        self.records.push(slot);
    }

    fn put(&mut self, bytes: &[u8]) -> (u32, u32) {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        (length(at), length(self.bytes.len()))
    }

    fn get(&self, (from, to): (u32, u32)) -> &[u8] {
        self.bytes.get(usize_of(from)..usize_of(to)).unwrap_or_default()
    }

    /// By key; of one key, the latest is the last.
    fn sort(&mut self) {
        let mut records = std::mem::take(&mut self.records);
        records.sort_by(|one, other| self.get(one.key).cmp(self.get(other.key)));
        self.records = records;
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.records.clear();
    }
}

impl Sorter {
    /// `path` must be of one process alone.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, limit: RUN_BYTES, run: Run::default(), runs: Vec::new() }
    }

    pub(super) fn take(&mut self, key: &[u8], value: Option<&[u8]>) -> LogResult<()> {
        self.run.push(key, value);
        if self.run.size() >= self.limit { self.write_run().map_err(|error| self.broken(&error)) } else { Ok(()) }
    }

    /// The latest value of each key that has one, by key.
    pub(super) fn merge(mut self) -> LogResult<Merge> {
        let path = self.path.clone();
        let merged = |this: &mut Self| -> io::Result<BinaryHeap<Head>> {
            this.write_run()?;
            this.run = Run::default();
            let mut heads = BinaryHeap::with_capacity(this.runs.len());
            for (run, mut file) in std::mem::take(&mut this.runs).into_iter().enumerate() {
                file.rewind()?;
                heads.extend(Head::next(BufReader::with_capacity(BUFFER, file), run)?);
            }
            Ok(heads)
        };
        match merged(&mut self) {
            Ok(heads) => Ok(Merge { heads, path }),
            Err(error) => Err(self.broken(&error)),
        }
    }

    /// Sorts what is in memory, and writes of each key what came last.
    fn write_run(&mut self) -> io::Result<()> {
        self.run.sort();
        let run = &self.run;
        let mut out = BufWriter::with_capacity(BUFFER, nameless(&self.path)?);
        let mut records = run.records.iter().peekable();
        while let Some(record) = records.next() {
            let key = run.get(record.key);
            if records.peek().is_none_or(|next| run.get(next.key) != key) {
                write(&mut out, key, record.value.map(|value| run.get(value)))?;
            }
        }
        self.runs.push(out.into_inner().map_err(io::IntoInnerError::into_error)?);
        self.run.clear();
        Ok(())
    }

    fn broken(&self, error: &io::Error) -> LogError {
        broken(&self.path, error)
    }
}

/// A file that goes with its last user.
fn nameless(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
    fs::remove_file(path)?;
    Ok(file)
}

fn broken(path: &Path, error: &io::Error) -> LogError {
    if error.kind() == io::ErrorKind::StorageFull {
        return LogError::Unavailable("the disk of the tables is full".to_owned());
    }
    LogError::Broken(format!("`{}`: {error}", path.display()))
}

fn write(out: &mut impl Write, key: &[u8], value: Option<&[u8]>) -> io::Result<()> {
    out.write_all(&length(key.len()).to_le_bytes())?;
    // One more than it is, so that a deletion is none.
    out.write_all(&value.map_or(0, |value| length(value.len()) + 1).to_le_bytes())?;
    out.write_all(key)?;
    out.write_all(value.unwrap_or_default())
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a run, and any record, is smaller than 4 GiB")
}

fn usize_of(length: u32) -> usize {
    usize::try_from(length).expect("32 bits fit")
}

fn read(input: &mut impl Read) -> io::Result<Option<Pair>> {
    let mut lengths = [0; 8];
    match input.read_exact(&mut lengths) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let [k0, k1, k2, k3, v0, v1, v2, v3] = lengths;
    let (key, value) = (u32::from_le_bytes([k0, k1, k2, k3]), u32::from_le_bytes([v0, v1, v2, v3]));
    let mut bytes = |length: u32| {
        let mut bytes = vec![0; usize_of(length)];
        input.read_exact(&mut bytes).map(|()| Bytes::from(bytes))
    };
    let key = bytes(key)?;
    Ok(Some((key, value.checked_sub(1).map(bytes).transpose()?)))
}

/// The runs, merged.
pub(super) struct Merge {
    heads: BinaryHeap<Head>,
    path: PathBuf,
}

/// The first record of a run that was not given yet.
struct Head {
    pair: Pair,
    run: usize,
    rest: BufReader<File>,
}

impl Head {
    fn next(mut rest: BufReader<File>, run: usize) -> io::Result<Option<Self>> {
        Ok(read(&mut rest)?.map(|pair| Self { pair, run, rest }))
    }
}

/// A heap gives its greatest first: that is the least key, and of one key what came last.
impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        other.pair.0.cmp(&self.pair.0).then(self.run.cmp(&other.run))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}

impl Merge {
    /// The next records that stand; none when there are no more.
    pub(super) fn batch(&mut self, most: usize) -> LogResult<Vec<(Bytes, Bytes)>> {
        let mut batch = Vec::with_capacity(most);
        while batch.len() < most {
            let Some((key, value)) = self.pop()? else { break };
            while self.heads.peek().is_some_and(|head| head.pair.0 == key) {
                self.pop()?;
            }
            batch.extend(value.map(|value| (key, value)));
        }
        Ok(batch)
    }

    fn pop(&mut self) -> LogResult<Option<Pair>> {
        let Some(mut head) = self.heads.peek_mut() else { return Ok(None) };
        match read(&mut head.rest).map_err(|error| broken(&self.path, &error))? {
            Some(next) => Ok(Some(std::mem::replace(&mut head.pair, next))),
            None => Ok(Some(PeekMut::pop(head).pair)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn of_each_key_the_latest_value_comes_out_in_order(
            records in prop::collection::vec((0_u8..20, prop::option::of(0_u8..9)), 0..200),
            limit in 1_usize..2_000,
        ) {
            let directory = tempfile::tempdir().expect("a folder");
            let mut sorter = Sorter { limit, ..Sorter::new(directory.path().join("t.run")) };
            let mut expected = BTreeMap::new();
            for (key, value) in &records {
                let bytes = |number: u8| Bytes::from(vec![number; usize::from(number)]);
                sorter.take(&bytes(*key), value.map(bytes).as_deref()).expect("taken");
                expected.insert(bytes(*key), value.map(bytes));
            }
            let mut merge = sorter.merge().expect("merged");
            let mut got = Vec::new();
            loop {
                let batch = merge.batch(7).expect("read");
                if batch.is_empty() {
                    break;
                }
                got.extend(batch);
            }
            let expected: Vec<_> = expected.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
            prop_assert_eq!(got, expected);
            prop_assert_eq!(std::fs::read_dir(directory.path()).expect("there").count(), 0);
        }
    }
}
