//! A server in a process of its own: started, asked what it used, stopped.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{self, Command, Stdio},
};

use anyhow::{Context as _, ensure};

use crate::{
    server::{self, Kind},
    usage::Usage,
};

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

    /// What the system knows of it.
    pub(crate) fn usage(&self) -> Usage {
        Usage(self.process.id())
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
