//! What a simulated vendor was asked, in a file: so that one whose process was killed is the same when it comes back, with all
//! that was done to it.
//!
//! A simulator is a function of what it is asked, and when. Each request is written before it is carried out, and at the next
//! start all of them are carried out again. A line that was cut off was never carried out. The file holds what was sent,
//! credentials included: it is for made-up vendors only.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead as _, BufReader, Write as _},
    path::Path,
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    connectors::contract::{Sandbox, sandbox::SandboxRequest},
    model::{
        http::{Headers, Method, Reply},
        time::Timestamp,
    },
};

/// A simulated vendor that writes down what it is asked.
pub struct Journaled {
    sandbox: Box<dyn Sandbox>,
    file: File,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
struct Line {
    at: Timestamp,
    what: What,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    /// The vendor was made, with some data in it.
    Opened,
    Request(Written),
    Command(Value),
}

/// A request, with all of it.
#[derive(Serialize, Deserialize)]
struct Written {
    method: Method,
    path: String,
    query: String,
    headers: Headers,
    #[serde(with = "crate::topics::base64")]
    body: Bytes,
}

impl Journaled {
    /// Makes a vendor, or the one that the file tells of again.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn open(path: &Path, now: Timestamp, make: impl FnOnce(Timestamp) -> Box<dyn Sandbox>) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let (lines, whole) = read(&file)?;
        // What was cut off would stand in the middle of the next line.
        file.set_len(whole)?;
        let mut lines = lines.into_iter();
        let sandbox = match lines.next() {
            Some(Line { at, what: What::Opened }) => lines.fold(make(at), again),
            Some(_) => return Err(io::Error::other("the journal does not begin at its beginning")),
            None => {
                write(&mut file, now, What::Opened)?;
                make(now)
            }
        };
        Ok(Self { sandbox, file })
    }
}

/// The lines, and how long they are; the last one does not count if it was cut off.
fn read(file: &File) -> io::Result<(Vec<Line>, u64)> {
    let (mut lines, mut whole, mut text) = (Vec::new(), 0, Vec::new());
    let mut input = BufReader::new(file);
    loop {
        text.clear();
        let length = input.read_until(b'\n', &mut text)?;
        if text.last() != Some(&b'\n') {
            return Ok((lines, whole));
        }
        lines.push(serde_json::from_slice(&text).map_err(io::Error::other)?);
        whole += length as u64;
    }
}

fn write(file: &mut File, at: Timestamp, what: What) -> io::Result<()> {
    let mut line = serde_json::to_vec(&Line { at, what })?;
    line.push(b'\n');
    file.write_all(&line)
}

/// Carries out once more what was carried out before.
fn again(mut sandbox: Box<dyn Sandbox>, Line { at, what }: Line) -> Box<dyn Sandbox> {
    match what {
        What::Opened => {}
        What::Request(Written { method, path, query, headers, body }) => {
            let _given_before = sandbox.answer(&SandboxRequest { method, path, query, headers, body }, at);
        }
        What::Command(command) => {
            let _given_before = sandbox.command(&command, at);
        }
    }
    sandbox
}

impl Sandbox for Journaled {
    fn answer(&mut self, request: &SandboxRequest, now: Timestamp) -> Reply {
        let SandboxRequest { method, path, query, headers, body } = request.clone();
        let written = write(&mut self.file, now, What::Request(Written { method, path, query, headers, body }));
        match written {
            Ok(()) => self.sandbox.answer(request, now),
            Err(error) => Reply::new(500).text(format!("the sandbox cannot write its journal: {}", error.kind())),
        }
    }

    fn effects(&self) -> &[Value] {
        self.sandbox.effects()
    }

    fn state(&self) -> Value {
        self.sandbox.state()
    }

    fn command(&mut self, command: &Value, now: Timestamp) -> Result<Value, String> {
        let written = write(&mut self.file, now, What::Command(command.clone()));
        written.map_err(|error| format!("the sandbox cannot write its journal: {}", error.kind()))?;
        self.sandbox.command(command, now)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::connectors;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_760_000_000 + second).expect("a time")
    }

    fn open(path: &Path, second: i64) -> Journaled {
        let vendor = connectors::find("http").expect("a vendor");
        let settings = connectors::contract::settings::settings_of(vendor.settings, &[]);
        Journaled::open(path, at(second), |now| (vendor.sandbox)(&settings, now)).expect("a vendor")
    }

    fn create(sandbox: &mut Journaled, email: &str, second: i64) -> u16 {
        let body = Bytes::from(json!({ "email": email }).to_string());
        let headers = Headers::new().with("content-type", "application/json");
        let (method, path, query) = (Method::Post, "/users".to_owned(), String::new());
        sandbox.answer(&SandboxRequest { method, path, query, headers, body }, at(second)).status
    }

    #[test]
    fn a_vendor_that_was_killed_is_the_same_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let mut first = open(&path, 0);
        assert_eq!((create(&mut first, "a@example.cz", 1), create(&mut first, "b@example.cz", 2)), (201, 201));
        let (effects, state) = (first.effects().to_vec(), first.state());
        drop(first);
        let mut second = open(&path, 60);
        assert_eq!((second.effects(), second.state()), (effects.as_slice(), state));
        assert_eq!(create(&mut second, "a@example.cz", 61), 409, "it knows what it did in its first life");
    }

    #[test]
    fn a_line_that_was_cut_off_was_never_carried_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let mut first = open(&path, 0);
        create(&mut first, "a@example.cz", 1);
        drop(first);
        let whole = std::fs::read(&path).expect("a journal");
        for cut in [1, 10, 50] {
            std::fs::write(&path, &whole[..whole.len() - cut]).expect("written");
            let mut second = open(&path, 60);
            assert!(second.effects().is_empty(), "{cut}");
            assert_eq!(create(&mut second, "a@example.cz", 61), 201);
            assert_eq!(open(&path, 70).effects().len(), 1, "what came after the cut is whole");
        }
        std::fs::write(&path, "{}\n").expect("written");
        let wrong = Journaled::open(&path, at(0), |_| unreachable!("nothing is made"));
        assert!(wrong.is_err(), "what is no journal is not taken for one");
    }
}
