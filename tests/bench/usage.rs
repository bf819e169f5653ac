//! What the system knows of a process.

use std::{fs, time::Duration};

use anyhow::Context as _;

/// `/proc` counts processor time in hundredths of a second on every Linux.
const TICK: Duration = Duration::from_millis(10);

/// A process, by its number.
#[derive(Clone, Copy)]
pub(crate) struct Usage(pub(crate) u32);

impl Usage {
    /// Processor time so far, in user and kernel mode, of all its threads.
    pub(crate) fn cpu(self) -> anyhow::Result<Duration> {
        let stat = self.read("stat")?;
        // The second field is the program's name in parentheses, which may hold anything.
        let (_, fields) = stat.rsplit_once(") ").context("a stat line")?;
        let ticks = |at: usize| -> anyhow::Result<u32> { Ok(fields.split(' ').nth(at).context("a field")?.parse()?) };
        Ok(TICK * (ticks(11)? + ticks(12)?))
    }

    /// The most memory that it ever had, in bytes.
    pub(crate) fn peak_memory(self) -> anyhow::Result<u64> {
        self.memory("VmHWM:")
    }

    /// A line of `status` that is in kB, in bytes.
    pub(crate) fn memory(self, name: &str) -> anyhow::Result<u64> {
        let status = self.read("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)).context("no such line")?;
        let kilobytes: u64 = line.trim().strip_suffix(" kB").context("in kB")?.parse()?;
        Ok(kilobytes << 10)
    }

    fn read(self, file: &str) -> anyhow::Result<String> {
        fs::read_to_string(format!("/proc/{}/{file}", self.0)).context("only Linux has `/proc`")
    }
}
