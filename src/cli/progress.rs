//! How far something has come, while it goes: one line that changes on a terminal, a line every few seconds elsewhere,
//! nothing for programs.

use std::{
    io::{self, IsTerminal as _},
    time::Duration,
};

use super::output::Output;
use crate::model::time::{Clock as _, SystemClock};

/// Between two lines where lines cannot change.
const EVERY: Duration = Duration::from_secs(5);

/// One thing's progress.
pub struct Progress {
    terminal: bool,
    last: Duration,
    shown: usize,
}

impl Progress {
    pub fn new() -> Self {
        Self { terminal: io::stderr().is_terminal(), last: SystemClock.elapsed(), shown: 0 }
    }

    pub fn tell(&mut self, line: &str, output: &mut Output<'_>) -> io::Result<()> {
        if output.json {
            return Ok(());
        }
        if self.terminal {
            let width = line.chars().count();
            write!(output.err, "\r{line}{}", " ".repeat(self.shown.saturating_sub(width)))?;
            self.shown = width;
            return output.err.flush();
        }
        let now = SystemClock.elapsed();
        if now >= self.last + EVERY {
            self.last = now;
            writeln!(output.err, "{line}")?;
        }
        Ok(())
    }

    /// Takes the line away.
    pub fn end(&mut self, output: &mut Output<'_>) -> io::Result<()> {
        if self.shown > 0 {
            write!(output.err, "\r{}\r", " ".repeat(self.shown))?;
            output.err.flush()?;
            self.shown = 0;
        }
        Ok(())
    }
}
