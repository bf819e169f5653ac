//! The binary: arguments in, exit code out.

use std::{
    io::{stderr, stdout},
    process::ExitCode,
};

fn main() -> ExitCode {
    // Not locked: the roles' log lines go to the same stream from other threads.
    spojka::cli::main(std::env::args_os(), &mut stdout(), &mut stderr())
}
