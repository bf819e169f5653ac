//! A server in a process of its own: started, asked what it used, stopped.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{self, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, ensure};

use crate::server::{self, Kind};

/// `/proc` counts processor time in hundredths of a second on every Linux.
const TICK: Duration = Duration::from_millis(10);

pub(crate) struct Child {
    process: process::Child,
    address: SocketAddr,
}

impl Child {
    pub(crate) fn start(kind: Kind, folder: &Path) -> anyhow::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args([server::ARGUMENT, kind.as_str()])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the server does not start")?;
        let mut line = String::new();
        let output = process.stdout.take().context("its output is ours")?;
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim().parse().with_context(|| format!("`{}` is no address", line.trim()))?;
        Ok(Self { process, address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Processor time so far, in user and kernel mode, of all its threads.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        let stat = self.read("stat")?;
        // The second field is the program's name in parentheses, which may hold anything.
        let (_, fields) = stat.rsplit_once(") ").context("a stat line")?;
        let ticks = |at: usize| -> anyhow::Result<u32> { Ok(fields.split(' ').nth(at).context("a field")?.parse()?) };
        Ok(TICK * (ticks(11)? + ticks(12)?))
    }

    /// The most memory that it ever had, in bytes.
    pub(crate) fn peak_memory(&self) -> anyhow::Result<u64> {
        let status = self.read("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("a peak")?;
        let kilobytes: u64 = line.trim().strip_suffix(" kB").context("in kB")?.parse()?;
        Ok(kilobytes << 10)
    }

    fn read(&self, file: &str) -> anyhow::Result<String> {
        fs::read_to_string(format!("/proc/{}/{file}", self.process.id())).context("only Linux has `/proc`")
    }

    /// Ends it by closing its input.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        drop(self.process.stdin.take());
        let status = self.process.wait()?;
        ensure!(status.success(), "the server failed: {status}");
        Ok(())
    }
}

/// When a measurement fails, its server must not stay behind.
impl Drop for Child {
    fn drop(&mut self) {
        let _ended_already = self.process.kill();
        let _reaped = self.process.wait();
    }
}
