//! A second process, to be killed or to be given limits: this test binary itself, running one test that does something else
//! when it is told where.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const FOLDER: &str = "SPOJKA_TEST_CHILD";

/// The command that runs the test of this name as a child working in `folder`. Its standard output can be read.
pub(crate) fn command(test: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    prepare(&mut command, test, folder);
    command
}

/// The same, started by a shell that does something first, such as setting limits.
pub(crate) fn command_after(shell: &str, test: &str, folder: &Path) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{shell}\nexec \"$@\"")).arg("sh").arg(std::env::current_exe().expect("this binary"));
    prepare(&mut command, test, folder);
    command
}

fn prepare(command: &mut Command, test: &str, folder: &Path) {
    command.args([OsStr::new("--exact"), OsStr::new(test), OsStr::new("--nocapture")]);
    command.env(FOLDER, folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
}

/// Tells the parent.
#[expect(clippy::print_stdout, reason = "the parent reads it there")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// The folder to work in, if this process is a child.
pub(crate) fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}
