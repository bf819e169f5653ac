//! A table's local file: SQLite, one transaction for records and the offset behind them. It can be rebuilt from its topic at
//! any time, so nothing in it is worth mending: what does not fit is thrown away.
//!
//! While it is built from a long topic it has no journal. It stands at the beginning until all of it is on the disk, so
//! whatever a crash leaves of it is not believed.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, params};

use crate::{
    log::{LogError, LogResult},
    model::time::Timestamp,
};

/// Raised when the schema or the meaning of a column changes.
const FORMAT: i64 = 1;
/// How many processes of one machine may share a directory.
const PROCESSES: usize = 16;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS records (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS ignored (key BLOB PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS state (
        only INTEGER PRIMARY KEY CHECK (only = 0),
        format INTEGER NOT NULL, cluster TEXT NOT NULL, topic TEXT NOT NULL, fenced INTEGER NOT NULL,
        next INTEGER NOT NULL, epoch INTEGER NOT NULL, fresh INTEGER NOT NULL,
        last_offset INTEGER, last_time INTEGER, last_key BLOB
    );";

/// `normal` syncs at checkpoints only, which is what keeps the file whole through a loss of power.
const JOURNAL: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 2000;";

/// An open file. Locked as long as it is open.
pub(super) struct File {
    connection: Connection,
    directory: PathBuf,
    name: String,
    identity: Identity,
}

/// Which topic a file belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) cluster: String,
    pub(super) topic: String,
    pub(super) fenced: bool,
}

/// How far a file is, and how it knows its topic again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    /// The first offset that is not in it.
    pub(super) next: u64,
    /// The highest epoch claimed.
    pub(super) epoch: u64,
    /// When it was last known to be up to date.
    pub(super) fresh: Timestamp,
    pub(super) last: Option<Mark>,
}

/// The last record in the file. The client library does not tell a topic's id, so a topic that was deleted and made again
/// under its name is recognized by what stands at this record's offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) offset: u64,
    pub(super) time: Timestamp,
    pub(super) key: Bytes,
}

/// One change of one key.
#[derive(Clone, Copy)]
pub(super) enum Change<'a> {
    Put(&'a Bytes, &'a Bytes),
    Delete(&'a Bytes),
    /// A record was ignored.
    Ignore(&'a Bytes),
    /// The key was written again after a record of it was ignored.
    Heed(&'a Bytes),
}

impl File {
    /// Opens the first file of this name that no other process has open, or makes one. With its state, if it belongs to this
    /// topic.
    pub(super) fn open(directory: &Path, name: &str, identity: &Identity) -> LogResult<(Self, Option<State>)> {
        std::fs::create_dir_all(directory).map_err(|error| {
            LogError::Broken(format!("the directory `{}` cannot be made: {error}", directory.display()))
        })?;
        let open = |connection| Self {
            connection,
            directory: directory.to_owned(),
            name: name.to_owned(),
            identity: identity.clone(),
        };
        for number in 1..=PROCESSES {
            let path = path(directory, name, number);
            let opened = connect(&path).map(open).and_then(|file| file.state().map(|state| (file, state)));
            match opened {
                Ok(opened) => return Ok(opened),
                Err(error) if is(&error, &[ErrorCode::DatabaseBusy, ErrorCode::DatabaseLocked]) => {}
                Err(error) if is(&error, &[ErrorCode::NotADatabase, ErrorCode::DatabaseCorrupt]) => {
                    tracing::warn!(path = %path.display(), "a table's file is damaged and is made again");
                    remove(&path)?;
                    return Ok((open(connect(&path).map_err(|error| broken(&error))?), None));
                }
                Err(error) => return Err(broken(&error)),
            }
        }
        Err(LogError::Broken(format!("more than {PROCESSES} processes share `{}`", directory.display())))
    }

    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(self.connection.path().unwrap_or_default())
    }

    /// A path beside the file that nobody else uses as long as it is open.
    pub(super) fn beside(&self, extension: &str) -> PathBuf {
        let mut path = self.path().into_os_string();
        path.push(".");
        path.push(extension);
        PathBuf::from(path)
    }

    fn state(&self) -> rusqlite::Result<Option<State>> {
        let Identity { cluster, topic, fenced } = &self.identity;
        self.connection
            .query_row(
                "SELECT next, epoch, fresh, last_offset, last_time, last_key FROM state
                 WHERE only = 0 AND format = ?1 AND cluster = ?2 AND topic = ?3 AND fenced = ?4",
                params![FORMAT, cluster, topic, fenced],
                state_of,
            )
            .optional()
    }

    /// Throws the file away and makes an empty one for this topic. (Taking gigabytes of records out of it takes longer.)
    pub(super) fn renew(&mut self) -> LogResult<State> {
        let path = self.path();
        let nothing = Connection::open_in_memory().map_err(|error| broken(&error))?;
        drop(std::mem::replace(&mut self.connection, nothing));
        remove(&path)?;
        // Another process may be quicker than we are: then this is another file, with records of its own.
        (*self, _) = Self::open(&self.directory, &self.name, &self.identity)?;
        self.begin().map_err(|error| broken(&error))
    }

    fn begin(&mut self) -> rusqlite::Result<State> {
        let Identity { cluster, topic, fenced } = &self.identity;
        let transaction = self.connection.transaction()?;
        transaction.execute_batch("DELETE FROM records; DELETE FROM ignored;")?;
        transaction.execute(
            "INSERT OR REPLACE INTO state (only, format, cluster, topic, fenced, next, epoch, fresh)
             VALUES (0, ?1, ?2, ?3, ?4, 0, 0, 0)",
            params![FORMAT, cluster, topic, fenced],
        )?;
        transaction.commit()?;
        self.state()?.ok_or(rusqlite::Error::QueryReturnedNoRows)
    }

    /// From now on nothing is written twice, and what fails leaves a file of no use. Until [`Self::keep_journal`].
    pub(super) fn forgo_journal(&mut self) -> LogResult<()> {
        let pragmas = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;";
        self.connection.execute_batch(pragmas).map_err(|error| broken(&error))
    }

    /// From now on what was written is whole after every crash. Before it, all of it must be on the disk.
    pub(super) fn keep_journal(&mut self) -> LogResult<()> {
        self.connection.execute_batch(JOURNAL).map_err(|error| broken(&error))
    }

    /// Makes changes and moves on, as one.
    pub(super) fn apply<'a>(&mut self, changes: impl Iterator<Item = Change<'a>>, state: &State) -> LogResult<()> {
        self.try_apply(changes, state).map_err(|error| broken(&error))
    }

    fn try_apply<'a>(&mut self, changes: impl Iterator<Item = Change<'a>>, state: &State) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        {
            let mut put = transaction.prepare_cached("INSERT OR REPLACE INTO records (key, value) VALUES (?1, ?2)")?;
            let mut delete = transaction.prepare_cached("DELETE FROM records WHERE key = ?1")?;
            let mut ignore = transaction.prepare_cached("INSERT OR IGNORE INTO ignored (key) VALUES (?1)")?;
            let mut heed = transaction.prepare_cached("DELETE FROM ignored WHERE key = ?1")?;
            for change in changes {
                match change {
                    Change::Put(key, value) => put.execute(params![key.as_ref(), value.as_ref()])?,
                    Change::Delete(key) => delete.execute(params![key.as_ref()])?,
                    Change::Ignore(key) => ignore.execute(params![key.as_ref()])?,
                    Change::Heed(key) => heed.execute(params![key.as_ref()])?,
                };
            }
            let mut advance = transaction.prepare_cached(
                "UPDATE state SET next = ?1, epoch = ?2, fresh = ?3, last_offset = ?4, last_time = ?5, last_key = ?6",
            )?;
            let last = state.last.as_ref();
            advance.execute(params![
                signed(state.next),
                signed(state.epoch),
                state.fresh.as_millisecond(),
                last.map(|mark| signed(mark.offset)),
                last.map(|mark| mark.time.as_millisecond()),
                last.map(|mark| mark.key.as_ref()),
            ])?;
        }
        transaction.commit()
    }

    pub(super) fn get(&self, key: &[u8]) -> LogResult<Option<Bytes>> {
        self.connection
            .prepare_cached("SELECT value FROM records WHERE key = ?1")
            .and_then(|mut get| get.query_row([key], |row| row.get::<_, Vec<u8>>(0)).optional())
            .map(|value| value.map(Bytes::from))
            .map_err(|error| broken(&error))
    }

    /// Keys that begin with `prefix`, behind `after`.
    pub(super) fn scan(&self, prefix: &str, after: Option<&str>, limit: usize) -> LogResult<Vec<(String, Bytes)>> {
        let scan = || -> rusqlite::Result<Vec<(String, Bytes)>> {
            let range = Range::of(prefix, after);
            let mut scan = self.connection.prepare_cached(&range.query)?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = scan.query_map(params![range.from, range.to, limit], |row| {
                let key = String::from_utf8_lossy(row.get_ref(0)?.as_blob()?).into_owned();
                Ok((key, Bytes::from(row.get::<_, Vec<u8>>(1)?)))
            })?;
            rows.collect()
        };
        scan().map_err(|error| broken(&error))
    }

    pub(super) fn ignored(&self) -> LogResult<Vec<Bytes>> {
        let ignored = || -> rusqlite::Result<Vec<Bytes>> {
            let mut all = self.connection.prepare_cached("SELECT key FROM ignored ORDER BY key")?;
            let rows = all.query_map([], |row| Ok(Bytes::from(row.get::<_, Vec<u8>>(0)?)))?;
            rows.collect()
        };
        ignored().map_err(|error| broken(&error))
    }
}

/// Opens a file, and locks it.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(std::time::Duration::ZERO)?;
    // Exclusive: one process, no shared memory, and the lock goes with the process however it ends. With pages of 8 KiB,
    // records of up to 2 KB (all outcomes, most actions that wait) need no page of their own; with 4 KiB those over 1 KB do.
    connection.execute_batch("PRAGMA page_size = 8192; PRAGMA locking_mode = EXCLUSIVE;")?;
    connection.execute_batch(JOURNAL)?;
    connection.execute_batch("BEGIN IMMEDIATE; COMMIT;")?;
    connection.execute_batch(SCHEMA)?;
    Ok(connection)
}

/// What a scan goes over. SQLite goes from one bound to the other if each is named once: of two lower ones it takes either to
/// begin with, and one that may be missing ends nothing, so that a look at three records reads on to the end of the file.
struct Range {
    query: String,
    from: Vec<u8>,
    to: Vec<u8>,
}

impl Range {
    fn of(prefix: &str, after: Option<&str>) -> Self {
        let (from, lower) = match after.filter(|after| *after >= prefix) {
            Some(after) => (after, "key > ?1"),
            None => (prefix, "key >= ?1"),
        };
        let (to, upper) = match behind(prefix) {
            Some(to) => (to, "key < ?2"),
            None => (Vec::new(), "?2 = x''"),
        };
        let query = format!("SELECT key, value FROM records WHERE {lower} AND {upper} ORDER BY key LIMIT ?3");
        Self { query, from: from.as_bytes().to_vec(), to }
    }
}

fn state_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<State> {
    let time = |millis: i64| Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH);
    let last = match (row.get::<_, Option<i64>>(3)?, row.get::<_, Option<i64>>(4)?, row.get::<_, Option<Vec<u8>>>(5)?) {
        (Some(offset), Some(at), Some(key)) => {
            Some(Mark { offset: unsigned(offset), time: time(at), key: Bytes::from(key) })
        }
        _ => None,
    };
    Ok(State { next: unsigned(row.get(0)?), epoch: unsigned(row.get(1)?), fresh: time(row.get(2)?), last })
}

/// The first key behind all that begin with `prefix`; nothing when there is none.
fn behind(prefix: &str) -> Option<Vec<u8>> {
    let mut bytes = prefix.as_bytes().to_vec();
    while let Some(last) = bytes.pop() {
        if last < u8::MAX {
            bytes.push(last + 1);
            return Some(bytes);
        }
    }
    None
}

fn path(directory: &Path, topic: &str, number: usize) -> PathBuf {
    let suffix = if number == 1 { String::new() } else { format!(".{number}") };
    directory.join(format!("{topic}{suffix}.table"))
}

fn remove(path: &Path) -> LogResult<()> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(LogError::Broken(format!("`{}` cannot be removed: {error}", path.display())));
            }
            _ => {}
        }
    }
    Ok(())
}

fn is(error: &rusqlite::Error, codes: &[ErrorCode]) -> bool {
    error.sqlite_error_code().is_some_and(|code| codes.contains(&code))
}

fn broken(error: &rusqlite::Error) -> LogError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => LogError::Unavailable("the disk of the tables is full".to_owned()),
        _ => LogError::Broken(format!("a table's file: {error}")),
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests;
