//! The file: its tables, and how it is opened.
//!
//! - `records`: every record, under its partition's row and its offset in one number, so that an append goes to the end of
//!   its partition and a range is one walk. `behind` is what the timestamp lacks to the greatest one so far in the partition
//!   (mostly 0, which takes no space): it makes times searchable. `before` is how many bytes of values stand before it.
//! - `latest`: of compacted topics, the record of each key. There are no older ones.
//! - `ignored`: of compacted topics, records shut out by a claim (see [`crate::log::Fencing`]).
//! - `partitions`: what comes next, so that no offset is ever used twice, and the sums that go on.
//! - `offsets`: where groups have come to.

use std::{fs::OpenOptions, io::ErrorKind, os::unix::fs::OpenOptionsExt as _, path::Path, sync::Arc};

use rusqlite::{Connection, OpenFlags, Row, config::DbConfig, params};

use super::{
    EmbeddedOptions,
    catalog::{Catalog, Partition, PartitionRow, Topic},
    tails::{Tail, Tails},
};
use crate::log::{LogError, LogResult};

/// "Spoj": says that the file is one of ours.
const APPLICATION_ID: i32 = 0x5370_6f6a;
const VERSION: i32 = 1;

const OFFSET_BITS: u32 = 40;
const PAGE_BYTES: u64 = 4096;

/// Where a record stands in the table `records`.
pub(super) fn record_id(row: PartitionRow, offset: u64) -> i64 {
    (i64::from(row) << OFFSET_BITS) | offset.cast_signed()
}

/// The offset in a record's id.
pub(super) fn offset_of(id: i64) -> u64 {
    id.cast_unsigned() & ((1 << OFFSET_BITS) - 1)
}

/// A number that SQLite, which knows none without a sign, holds by the same bits.
pub(super) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get(column).map(i64::cast_unsigned)
}

const TABLES: &str = "
    CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE topics (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, compacted INTEGER NOT NULL);
    CREATE TABLE partitions (
        row INTEGER PRIMARY KEY,
        topic INTEGER NOT NULL REFERENCES topics (id),
        number INTEGER NOT NULL,
        next INTEGER NOT NULL DEFAULT 0,
        peak INTEGER NOT NULL DEFAULT 0,
        bytes INTEGER NOT NULL DEFAULT 0,
        epoch INTEGER NOT NULL DEFAULT 0,
        UNIQUE (topic, number)
    );
    CREATE TABLE records (
        id INTEGER PRIMARY KEY,
        timestamp INTEGER NOT NULL,
        behind INTEGER NOT NULL,
        before INTEGER NOT NULL,
        key BLOB NOT NULL,
        headers BLOB NOT NULL,
        value BLOB
    );
    CREATE TABLE latest (
        partition INTEGER NOT NULL, key BLOB NOT NULL, record INTEGER NOT NULL, PRIMARY KEY (partition, key)
    ) WITHOUT ROWID;
    CREATE TABLE ignored (
        partition INTEGER NOT NULL, key BLOB NOT NULL, record INTEGER NOT NULL, PRIMARY KEY (partition, key)
    ) WITHOUT ROWID;
    CREATE TABLE offsets (
        reader TEXT NOT NULL, topic INTEGER NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL,
        PRIMARY KEY (reader, topic, partition)
    ) WITHOUT ROWID;
";

/// Opens the file for writing, and makes it if it does not exist.
pub(super) fn open(path: &Path, options: &EmbeddedOptions) -> LogResult<Connection> {
    make_private(path)?;
    let mut connection = connect(path)?;
    // Both must be set before the first page is written, and do nothing later.
    connection.pragma_update(None, "page_size", PAGE_BYTES.cast_signed())?;
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -32 * 1024)?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    // The writer makes checkpoints itself, after it has answered.
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    if let Some(bytes) = options.max_file_bytes {
        connection.pragma_update_and_check(None, "max_page_count", (bytes / PAGE_BYTES).cast_signed(), |_| Ok(()))?;
    }
    make_tables(&mut connection, path, options)?;
    Ok(connection)
}

/// Opens the file, which exists, for reading.
pub(super) fn open_reader(path: &Path) -> LogResult<Connection> {
    let connection = connect(path)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -4 * 1024)?;
    Ok(connection)
}

/// Makes the file, if there is none, for its owner's eyes only: it holds what customers wrote and bought. SQLite gives the
/// files beside it the same mode.
fn make_private(path: &Path) -> LogResult<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(misfit(path, &format!("cannot be made: {error}")))
        }
        _ => Ok(()),
    }
}

fn connect(path: &Path) -> LogResult<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)
        .map_err(|error| misfit(path, &format!("cannot be opened: {error}")))?;
    // Only a person with SQLite's own tool can be in the way, and only for a moment.
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(64);
    // Without this, SQLite compiles a statement anew at nearly every use, to plan for the values that were bound this time
    // (its bound LIMIT is enough). Seen as a third of the processor time of a look-up.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

fn make_tables(connection: &mut Connection, path: &Path, options: &EmbeddedOptions) -> LogResult<()> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let application: i32 = transaction.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: i32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (application, version, tables) {
        (APPLICATION_ID, VERSION, _) => return Ok(()),
        (0, 0, 0) => {}
        (APPLICATION_ID, ..) => {
            return Err(misfit(path, &format!("has format {version}, this version reads {VERSION}")));
        }
        _ => return Err(misfit(path, "is a file of another program")),
    }
    transaction.execute_batch(TABLES)?;
    let created = options.clock.now().to_string();
    transaction.execute("INSERT INTO meta (name, value) VALUES ('created', ?1)", params![created])?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    Ok(transaction.commit()?)
}

fn misfit(path: &Path, why: &str) -> LogError {
    LogError::Broken(format!("`{}` {why}", path.display()))
}

/// Reads what exists: the topics, and where each partition stands.
pub(super) fn load(connection: &Connection) -> LogResult<(Catalog, Tails)> {
    let (catalog, mut tails) = (Catalog::default(), Tails::default());
    let mut statement = connection.prepare("SELECT id, name, compacted FROM topics")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (id, name, compacted) = (row.get(0)?, row.get::<_, String>(1)?, row.get(2)?);
        let partitions = load_partitions(connection, id, &mut tails)?;
        catalog.add(Arc::new(Topic::new(id, &name, compacted, partitions)));
    }
    Ok((catalog, tails))
}

fn load_partitions(connection: &Connection, topic: i64, tails: &mut Tails) -> LogResult<Vec<Partition>> {
    let mut statement = connection.prepare_cached(
        "SELECT row, next, peak, bytes, epoch, EXISTS (SELECT 1 FROM ignored WHERE ignored.partition = partitions.row)
         FROM partitions WHERE topic = ?1 ORDER BY number",
    )?;
    let mut rows = statement.query([topic])?;
    let mut partitions = Vec::new();
    while let Some(row) = rows.next()? {
        let (number, next) = (row.get(0)?, unsigned(row, 1)?);
        let tail = Tail {
            next,
            peak: row.get(2)?,
            bytes: unsigned(row, 3)?,
            epoch: unsigned(row, 4)?,
            has_ignored: row.get(5)?,
        };
        tails.set(number, tail);
        partitions.push(Partition::new(number, next));
    }
    Ok(partitions)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn an_id_holds_its_offset_and_keeps_the_order() {
        let last = (1 << OFFSET_BITS) - 1;
        assert_eq!(offset_of(record_id(7, 12)), 12);
        assert_eq!(offset_of(record_id(7, last)), last);
        assert!(record_id(7, last) < record_id(8, 0));
    }

    #[test]
    fn the_file_is_durable_shrinks_and_is_its_owners() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.db");
        let connection = open(&path, &EmbeddedOptions::default()).unwrap();
        let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
        let journal: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!((&*journal, number("synchronous"), number("auto_vacuum")), ("wal", 2, 2));
        for file in ["log.db", "log.db-wal", "log.db-shm"] {
            let mode = std::fs::metadata(folder.path().join(file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
    }

    #[test]
    fn a_foreign_file_and_a_newer_format_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.db");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
        let error = open(&path, &EmbeddedOptions::default()).unwrap_err();
        assert!(error.to_string().contains("another program"), "{error}");

        let path = folder.path().join("newer.db");
        drop(open(&path, &EmbeddedOptions::default()).unwrap());
        Connection::open(&path).unwrap().pragma_update(None, "user_version", VERSION + 1).unwrap();
        let error = open(&path, &EmbeddedOptions::default()).unwrap_err();
        assert!(error.to_string().contains("has format 2"), "{error}");
    }
}
