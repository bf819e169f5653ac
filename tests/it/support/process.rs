//! Spojka as a process of its own, to be killed.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::stage;

/// A running `spojka run`.
pub(crate) struct Process {
    child: Child,
    /// Where it takes webhooks; nowhere (port 0) if it does not.
    pub gateway: SocketAddr,
    /// Where it tells of its health.
    pub admin: SocketAddr,
    /// What it says, to the end.
    last_line: JoinHandle<String>,
}

/// How a process ended that was told to.
#[derive(Debug)]
pub(crate) struct Ended {
    pub status: ExitStatus,
    pub last_line: String,
}

impl Process {
    /// Starts it, and waits until it says that it runs. `None`: it died before that.
    pub fn start(config: &Path, kill_at: Option<&str>) -> Option<Self> {
        let mut command = Self::command(config);
        if let Some(kill_at) = kill_at {
            command.env("SPOJKA_KILL_AT", kill_at);
        }
        Self::launch(command).map_err(|status| assert!(killed(status), "it ended by itself: {status}")).ok()
    }

    /// Starts some roles only, and waits until they run.
    pub fn start_roles(config: &Path, roles: &[&str]) -> Self {
        let mut command = Self::command(config);
        command.args(roles.iter().flat_map(|role| ["--role", role]));
        Self::launch(command).unwrap_or_else(|status| panic!("it ended by itself: {status}"))
    }

    fn command(config: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spojka"));
        command.arg("--config").arg(config).arg("run").envs(stage::secrets());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        command
    }

    fn launch(mut command: Command) -> Result<Self, ExitStatus> {
        let mut child = command.spawn().expect("the binary starts");
        let (told, running) = mpsc::sync_channel(1);
        let out = BufReader::new(child.stdout.take().expect("its output"));
        // Reads to the end, so that the child never waits for us.
        let last_line = std::thread::spawn(move || {
            let mut last = String::new();
            for line in out.lines().map_while(Result::ok) {
                if let Some(addresses) = running_at(&line) {
                    let _only_the_first = told.try_send(addresses);
                }
                last = line;
            }
            last
        });
        match running.recv_timeout(Duration::from_mins(1)) {
            Ok((gateway, admin)) => Ok(Self { child, gateway, admin, last_line }),
            Err(_) => Err(child.wait().expect("it ended")),
        }
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
    pub fn stop(self) -> bool {
        self.end().status.success()
    }

    /// Asks it to end, and tells how it did.
    pub fn end(mut self) -> Ended {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("told");
        let status = self.child.wait().expect("it ended");
        let nothing = std::thread::spawn(String::new);
        let last_line = std::mem::replace(&mut self.last_line, nothing).join().expect("it was read");
        Ended { status, last_line }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _may_be_dead = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn killed(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    status.signal() == Some(9)
}

/// The addresses of the gateway and of the ops port, if this is the line that says that it runs.
fn running_at(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let line: Value = serde_json::from_str(line).ok()?;
    let field = |name: &str| line.get(name).or_else(|| line.get("fields")?.get(name)).and_then(Value::as_str);
    let address = |name: &str| field(name)?.trim_start_matches("Some(\"").trim_end_matches("\")").parse().ok();
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
    (field("message")? == "running")
        .then(|| (address("gateway").unwrap_or(nowhere), address("admin").unwrap_or(nowhere)))
}

/// How long something takes.
#[expect(clippy::disallowed_methods, reason = "the measured process has its own clock; this one is the test's")]
pub(crate) fn stopwatch() -> impl Fn() -> Duration {
    let begun = Instant::now();
    move || begun.elapsed()
}
