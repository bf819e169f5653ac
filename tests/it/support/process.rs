//! Spojka as a process of its own, to be killed.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::stage;

/// A running `spojka run`.
pub(crate) struct Process {
    child: Child,
    pub gateway: SocketAddr,
}

impl Process {
    /// Starts it, and waits until it says that it runs. `None`: it died before that.
    pub fn start(config: &Path, kill_at: Option<&str>) -> Option<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spojka"));
        command.arg("--config").arg(config).arg("run").envs(stage::secrets());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        if let Some(kill_at) = kill_at {
            command.env("SPOJKA_KILL_AT", kill_at);
        }
        let mut child = command.spawn().expect("the binary starts");
        let (told, running) = mpsc::sync_channel(1);
        let out = BufReader::new(child.stdout.take().expect("its output"));
        // Reads to the end, so that the child never waits for us.
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if let Some(address) = gateway_of(&line) {
                    let _only_the_first = told.try_send(address);
                }
            }
        });
        if let Ok(gateway) = running.recv_timeout(Duration::from_mins(1)) {
            return Some(Self { child, gateway });
        }
        let status = child.wait().expect("it ended");
        assert!(killed(status), "it ended by itself: {status}");
        None
    }

    /// Whether it has died by now.
    pub fn is_dead(&mut self) -> bool {
        self.child.try_wait().expect("its state").is_some()
    }

    /// Ends it as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("it ended");
    }

    /// Asks it to end, and tells whether it did so in order.
    pub fn stop(mut self) -> bool {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("told");
        self.child.wait().expect("it ended").success()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _may_be_dead = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn killed(status: std::process::ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    status.signal() == Some(9)
}

/// The gateway's address, in the line that says that it runs.
fn gateway_of(line: &str) -> Option<SocketAddr> {
    let line: Value = serde_json::from_str(line).ok()?;
    let value = line.get("gateway").or_else(|| line.get("fields")?.get("gateway"))?;
    value.as_str()?.trim_start_matches("Some(\"").trim_end_matches("\")").parse().ok()
}

/// How long something takes.
#[expect(clippy::disallowed_methods, reason = "the measured process has its own clock; this one is the test's")]
pub(crate) fn stopwatch() -> impl Fn() -> Duration {
    let begun = Instant::now();
    move || begun.elapsed()
}
