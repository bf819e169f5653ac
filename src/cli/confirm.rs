//! Asks before something moves.

use std::io::{BufRead as _, IsTerminal as _};

use super::output::Output;

/// What came of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Yes,
    No,
    /// No person is there: a script says `--yes`.
    NobodyThere,
}

/// Asks on a terminal; `yes` has answered already.
pub fn confirm(yes: bool, question: &str, output: &mut Output<'_>) -> std::io::Result<Answer> {
    if yes {
        return Ok(Answer::Yes);
    }
    if output.json || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(Answer::NobodyThere);
    }
    write!(output.err, "{question} [y/N] ")?;
    output.err.flush()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(if matches!(line.trim(), "y" | "Y" | "yes") { Answer::Yes } else { Answer::No })
}
