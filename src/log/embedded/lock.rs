//! One process per file: the lock that keeps others out, and proves that a predecessor is dead.
//!
//! It is taken on a file of its own beside the log, because closing any second handle on the log's file would drop the locks
//! that SQLite holds on it.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
};

use crate::log::{LogError, LogResult};

/// Held as long as the log is open. The operating system lets go of it when the process dies, however it dies.
#[derive(Debug)]
pub(super) struct FileLock(File);

impl FileLock {
    pub(super) fn acquire(log: &Path) -> LogResult<Self> {
        let path = beside(log);
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|error| unusable(&path, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(taken(log, &mut file)),
            Err(TryLockError::Error(error)) => return Err(unusable(&path, &error)),
        }
        name_holder(&mut file).map_err(|error| unusable(&path, &error))?;
        Ok(Self(file))
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // Closing would do, unless a child process inherited the handle.
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "the log's lock file could not be unlocked");
        }
    }
}

fn beside(log: &Path) -> PathBuf {
    let mut name = OsString::from(log);
    name.push(".lock");
    PathBuf::from(name)
}

fn name_holder(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{}", std::process::id())
}

fn taken(log: &Path, file: &mut File) -> LogError {
    let mut holder = String::new();
    let known = file.read_to_string(&mut holder).is_ok_and(|_| holder.parse::<u32>().is_ok());
    let holder = if known { format!("process {holder}") } else { "another process".to_owned() };
    LogError::Broken(format!(
        "`{}` is in use by {holder}; hint: the file belongs to the one `spojka run` that has it open, other commands go \
         through its admin port; to run a second `spojka`, give it a file of its own",
        log.display()
    ))
}

fn unusable(path: &Path, error: &std::io::Error) -> LogError {
    LogError::Broken(format!("`{}` cannot be locked: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_one_hears_who_has_it_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.db");
        let held = FileLock::acquire(&path).unwrap();
        let LogError::Broken(text) = FileLock::acquire(&path).unwrap_err() else { panic!("not broken") };
        assert!(text.contains(&format!("process {}", std::process::id())), "{text}");
        assert!(text.contains("admin port"), "{text}");
        drop(held);
        FileLock::acquire(&path).unwrap();
    }
}
