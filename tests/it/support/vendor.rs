//! A simulated vendor: in this process, or in one of its own, which can be killed and is the same when it comes back.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Mutex,
    time::Duration,
};

use serde_json::{Value, json};
use spojka::sandbox::{Fault, SandboxServer};
use url::Url;

/// See the module's head.
pub(crate) enum Vendor {
    Here(SandboxServer),
    Apart(Apart),
}

/// A vendor in a process of its own. While it is dead, it shows nothing.
pub(crate) struct Apart {
    process: Mutex<Option<Child>>,
    arguments: Vec<String>,
    base_url: Url,
    /// What went wrong in its earlier lives.
    struck: Mutex<BTreeMap<&'static str, u64>>,
    /// Its effects, as last seen: they are looked at often, and become many.
    seen: Mutex<Vec<Value>>,
}

impl Vendor {
    pub fn base_url(&self) -> &Url {
        match self {
            Self::Here(server) => server.base_url(),
            Self::Apart(apart) => &apart.base_url,
        }
    }

    pub fn effects(&self) -> Vec<Value> {
        match self {
            Self::Here(server) => server.effects(),
            Self::Apart(apart) => apart.effects(),
        }
    }

    pub fn state(&self) -> Value {
        match self {
            Self::Here(server) => server.state(),
            Self::Apart(apart) => apart.get("state"),
        }
    }

    pub fn command(&self, command: &Value) -> Result<Value, String> {
        match self {
            Self::Here(server) => server.command(command),
            Self::Apart(apart) => match apart.ask("POST", "command", command) {
                Some((200, answer)) => Ok(answer),
                Some((_, answer)) => Err(answer.to_string()),
                None => Err("it is dead".to_owned()),
            },
        }
    }

    pub fn fault(&self, fault: Fault) {
        match self {
            Self::Here(server) => server.fault(fault),
            Self::Apart(apart) => drop(apart.ask("POST", "faults", &json!([fault]))),
        }
    }

    pub fn clear_faults(&self) {
        match self {
            Self::Here(server) => server.clear_faults(),
            Self::Apart(apart) => drop(apart.ask("DELETE", "faults", &Value::Null)),
        }
    }

    pub fn calls(&self) -> u64 {
        match self {
            Self::Here(server) => server.calls(),
            Self::Apart(apart) => apart.get("calls")["calls"].as_u64().unwrap_or(0),
        }
    }

    pub fn struck(&self) -> BTreeMap<&'static str, u64> {
        match self {
            Self::Here(server) => server.struck(),
            Self::Apart(apart) => apart.struck(),
        }
    }

    /// Kills its process, if it has one that lives. Answers whether it did.
    pub fn kill(&self) -> bool {
        match self {
            Self::Here(_) => false,
            Self::Apart(apart) => apart.kill(),
        }
    }

    /// Starts its process again, if it was killed.
    pub fn revive(&self) {
        if let Self::Apart(apart) = self {
            apart.revive();
        }
    }
}

impl Apart {
    /// Starts a vendor that writes down there what it is asked.
    pub fn start(vendor: &str, settings: &[(&str, &str)], journal: &Path) -> Self {
        let mut arguments = vec!["sandbox".to_owned(), vendor.to_owned(), "--json".to_owned(), "--journal".to_owned()];
        arguments.push(journal.display().to_string());
        for (name, value) in settings {
            arguments.extend(["--set".to_owned(), format!("{name}={value}")]);
        }
        let (process, base_url) = spawn(&arguments);
        let port = base_url.port().expect("a port");
        arguments.extend(["--listen".to_owned(), format!("127.0.0.1:{port}")]);
        Self {
            process: Mutex::new(Some(process)),
            arguments,
            base_url,
            struck: Mutex::default(),
            seen: Mutex::default(),
        }
    }

    fn kill(&self) -> bool {
        let struck = self.struck();
        let Some(mut process) = self.process.lock().expect("a process").take() else { return false };
        *self.struck.lock().expect("counts") = struck;
        process.kill().expect("killed");
        process.wait().expect("it ended");
        true
    }

    fn revive(&self) {
        let mut process = self.process.lock().expect("a process");
        if process.is_none() {
            let (again, base_url) = spawn(&self.arguments);
            assert_eq!(base_url, self.base_url);
            *process = Some(again);
        }
    }

    fn effects(&self) -> Vec<Value> {
        let Some(count) = self.get("calls")["effects"].as_u64() else { return Vec::new() };
        let mut seen = self.seen.lock().expect("effects");
        if seen.len() as u64 != count {
            *seen = self.get("effects").as_array().cloned().unwrap_or_default();
        }
        seen.clone()
    }

    fn struck(&self) -> BTreeMap<&'static str, u64> {
        const KINDS: [&str; 5] = ["latency", "status", "drop", "lost_answer", "hang"];
        let mut all = self.struck.lock().expect("counts").clone();
        let now = &self.get("calls")["struck"];
        for kind in KINDS {
            if let Some(count) = now[kind].as_u64() {
                *all.entry(kind).or_default() += count;
            }
        }
        all
    }

    fn get(&self, what: &str) -> Value {
        self.ask("GET", what, &Value::Null).map_or(Value::Null, |(_, answer)| answer)
    }

    /// `None`: it is dead.
    fn ask(&self, method: &str, what: &str, body: &Value) -> Option<(u16, Value)> {
        let port = self.base_url.port().expect("a port");
        let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let head = format!(
            "{method} /_sandbox/{what} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, serde_json::from_str(body).unwrap_or(Value::Null)))
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(arguments: &[String]) -> (Child, Url) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spojka"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the binary starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
    let told: Value = serde_json::from_str(&line).expect("it says where it is");
    (child, told["base_url"].as_str().expect("an address").parse().expect("an address"))
}
