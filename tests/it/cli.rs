//! The binary as people meet it: arguments, output, exit codes.

mod approve;
mod backtest;
mod doctor;
mod import;
mod mended;
mod operator;
mod pure;
mod reload;
mod replay;

use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use crate::support::stage;

/// What a command answered.
#[derive(Debug)]
struct Answer {
    exit: i32,
    out: String,
    err: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The answer, if the command ended with this exit code.
    #[track_caller]
    fn exits(self, code: i32) -> Self {
        assert_eq!(self.exit, code, "{self:?}");
        self
    }
}

/// Runs a command to its end.
fn spojka(arguments: &[&str]) -> Answer {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spojka"));
    command.args(arguments).envs(stage::secrets()).stdin(Stdio::null());
    let Output { status, stdout, stderr } = command.output().expect("the binary starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Answer { exit: status.code().expect("an exit code"), out: text(stdout), err: text(stderr) }
}

/// The same, for a config.
fn with(config: &Path, arguments: &[&str]) -> Answer {
    spojka(&[&["--config", config.to_str().expect("a path")], arguments].concat())
}

fn example(name: &str) -> String {
    format!("{}/deploy/examples/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// An address that nobody listens at.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}
