//! Spojka as a process of its own, to be killed.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::stage;

/// How a process is started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Launch {
    /// `point:n`.
    pub kill_at: Option<String>,
    /// A deliberate bug.
    pub bug: Option<String>,
    /// Only these roles.
    pub roles: Vec<&'static str>,
    /// Files grow no larger than this many blocks of 512 bytes: a full disk.
    pub file_blocks: Option<u64>,
    /// A file with the seconds by which its clock is wrong.
    pub clock_shift: Option<PathBuf>,
    /// Where its log lines are kept.
    pub log: Option<PathBuf>,
}

impl Launch {
    fn command(&self, config: &Path) -> Command {
        let spojka = env!("CARGO_BIN_EXE_spojka");
        let mut command = match self.file_blocks {
            None => Command::new(spojka),
            Some(blocks) => {
                // A write over the limit must fail instead of killing the process: an ignored signal stays ignored.
                let mut shell = Command::new("sh");
                shell.arg("-c").arg(format!("trap '' XFSZ; ulimit -S -f {blocks}; exec \"$@\"")).arg("sh").arg(spojka);
                shell
            }
        };
        command.arg("--config").arg(config).arg("run").envs(stage::secrets());
        for role in &self.roles {
            command.args(["--role", role]);
        }
        let variables = [
            ("SPOJKA_KILL_AT", self.kill_at.clone()),
            ("SPOJKA_BUG", self.bug.clone()),
            ("SPOJKA_CLOCK_SHIFT", self.clock_shift.as_ref().map(|path| path.display().to_string())),
        ];
        command.envs(variables.into_iter().filter_map(|(name, value)| Some((name, value?))));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        command
    }

    /// Starts it, and waits until it says that it runs. `None`: it died before that.
    pub fn start(&self, config: &Path) -> Option<Process> {
        let mut child = self.command(config).spawn().expect("the binary starts");
        let (told, running) = mpsc::sync_channel(1);
        let out = BufReader::new(child.stdout.take().expect("its output"));
        let open =
            |path| fs::OpenOptions::new().create(true).append(true).open(path).expect("a file for its log lines");
        let mut log = self.log.as_ref().map(open);
        // Reads to the end, so that the child never waits for us.
        let last_line = std::thread::spawn(move || {
            let mut last = String::new();
            for line in out.lines().map_while(Result::ok) {
                if let Some(log) = &mut log {
                    writeln!(log, "{line}").expect("a log line is kept");
                }
                if let Some(addresses) = running_at(&line) {
                    let _only_the_first = told.try_send(addresses);
                }
                last = line;
            }
            last
        });
        if let Ok((gateway, admin)) = running.recv_timeout(Duration::from_mins(1)) {
            return Some(Process { child, gateway, admin, is_limited: self.file_blocks.is_some(), last_line });
        }
        let _runs_without_saying_so = child.kill();
        let status = child.wait().expect("it ended");
        assert!(killed(status) || self.file_blocks.is_some(), "it ended by itself: {status}");
        None
    }
}

/// A running `spojka run`.
pub(crate) struct Process {
    child: Child,
    /// Where it takes webhooks; nowhere (port 0) if it does not.
    pub gateway: SocketAddr,
    /// Where it tells of its health.
    pub admin: SocketAddr,
    /// Its files cannot grow: its disk is full.
    pub is_limited: bool,
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
        Launch { kill_at: kill_at.map(str::to_owned), ..Launch::default() }.start(config)
    }

    /// Starts some roles only, and waits until they run.
    pub fn start_roles(config: &Path, roles: &[&'static str]) -> Self {
        Launch { roles: roles.to_vec(), ..Launch::default() }.start(config).expect("it starts")
    }

    /// Sends it a signal: `STOP` and `CONT` make it stand still and go on.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).expect("told");
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
        self.signal(rustix::process::Signal::TERM);
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
