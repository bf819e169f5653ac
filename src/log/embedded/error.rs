//! What SQLite's errors mean to whoever uses the log.

use rusqlite::ErrorCode;

use crate::log::LogError;

impl From<rusqlite::Error> for LogError {
    /// A full disk, a failed write and a busy file pass; damage, and rows that are not what we write, do not. No text of
    /// SQLite's names a value.
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) | None => Self::Broken(error.to_string()),
            Some(ErrorCode::DiskFull) => Self::Unavailable("the disk is full".to_owned()),
            Some(_) => Self::Unavailable(error.to_string()),
        }
    }
}

pub(super) fn closed() -> LogError {
    LogError::Unavailable("the log is closed".to_owned())
}
