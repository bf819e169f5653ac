//! A vendor with one operation of each kind.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use spojka::{
    connectors::{
        contract::{
            Accept, Connector, Done, Normalized, Operation, Pace, Plan, Poll, PollRead, PolledRow, Progress, Register,
            RegisterRule, Repeat, Session, Target, Vendor, Verdict, Work, operation::OperationKind,
        },
        kit::status,
    },
    model::{
        code,
        http::{Inbound, Method, Reply, Request},
        secret::Secret,
        time::Timestamp,
    },
    topics::{action::Parameters, webhook::Webhook},
};

/// How long the toy vendor needs until a look-up shows what was done.
pub(super) const SETTLE: Duration = Duration::from_mins(1);
/// Between two polls.
pub(super) const POLL_EVERY: Duration = Duration::from_mins(5);
/// How long a session lasts.
pub(super) const SESSION: Duration = Duration::from_hours(1);

const fn operation(name: &'static str, kind: OperationKind, repeat: Repeat) -> Operation {
    Operation { name, doc: "", kind, parameters: &[], repeat, calls: 1, limit_class: "write", results: &[] }
}

pub(super) static VENDOR: Vendor = Vendor {
    name: "toy",
    title: "Toy",
    doc: "",
    settings: &[],
    operations: &[
        // Sets fields: the newest wins.
        operation("set", OperationKind::Write, Repeat::Natural),
        // Pays once; looks first when in doubt.
        operation("pay", OperationKind::Write, Repeat::Checked { settle: SETTLE }),
        // Takes money, and nothing tells whether it did.
        operation("charge", OperationKind::Write, Repeat::Unsafe),
        // Sums up contributions.
        operation("sum", OperationKind::Write, Repeat::Natural),
        // Two requests.
        operation("pair", OperationKind::Write, Repeat::Natural),
        operation("read", OperationKind::Fetch, Repeat::Natural),
    ],
    events: &[],
    url_events: &[],
    headers: &[],
    pace: Pace { per_second: None, concurrency: 4 },
    limits: &[],
    time_zone: "UTC",
    open: |_| Err(Vec::new()),
    sandbox: |_, _| unreachable!("the wire is the vendor"),
    samples: &[],
};

/// One account.
#[expect(clippy::struct_excessive_bools, reason = "each switches one thing on that some vendors have")]
#[derive(Clone, Copy, Default)]
pub(super) struct Toy {
    pub(super) login: bool,
    /// Its sessions must outlive the process.
    pub(super) durable: bool,
    pub(super) polls: bool,
    /// It has a request that only asks.
    pub(super) probe: bool,
}

fn request(method: Method, path: &str) -> Request {
    Request::new(method, url::Url::parse("http://toy.example").unwrap().join(path).unwrap())
}

fn done(reply: &Reply) -> Verdict {
    let id = String::from_utf8_lossy(&reply.body).into_owned();
    let result = BTreeMap::from([("id".to_owned(), id.clone())]);
    Verdict::Done(Done { result, vendor_id: Some(id), ..Done::default() })
}

fn step(name: &str) -> Progress {
    Progress(json!({ "step": name }))
}

fn registers(operation: &Operation, parameters: &Parameters) -> Vec<Register> {
    let (name, rule) = match operation.name {
        "pay" | "charge" => (operation.name, RegisterRule::Once),
        "sum" => ("sum", RegisterRule::Fold { contribution: parameters["id"].as_str().unwrap_or("").to_owned() }),
        _ => ("fields", RegisterRule::Newest),
    };
    if let ("set", Some(fields)) = (operation.name, parameters.get("fields").and_then(Value::as_object)) {
        let register = |(name, value): (&String, &Value)| Register {
            name: name.clone(),
            value: value.clone(),
            rule: RegisterRule::Newest,
        };
        return fields.iter().map(register).collect();
    }
    let value = parameters.get("value").cloned().unwrap_or(Value::Null);
    vec![Register { name: name.to_owned(), value, rule }]
}

impl Connector for Toy {
    fn accept(&self, _: &Inbound) -> Accept {
        Accept::refuse(404, code::UNKNOWN_EVENT)
    }

    fn normalize(&self, _: &Webhook) -> Normalized {
        Normalized::Nothing(code::NOTHING_NEW)
    }

    fn target(&self, operation: &Operation, parameters: &Parameters) -> Result<Target, String> {
        let object = parameters.get("object").and_then(Value::as_str).ok_or("`object` is missing")?;
        Ok(Target { object: object.to_owned(), registers: registers(operation, parameters) })
    }

    fn plan(&self, work: &Work<'_>, progress: &Progress) -> Plan {
        let object = work.text("object");
        let known = work.vendor_id.map(|id| format!("?id={id}")).unwrap_or_default();
        Plan::Send(match (work.operation.name, progress.step()) {
            ("pay", "") if work.maybe_done => request(Method::Get, &format!("/paid/{}", work.reference)),
            ("pay", _) => request(Method::Post, &format!("/pay/{object}/{}", work.reference)),
            ("sum", _) => {
                let sum: i64 = work.contributions.values().filter_map(Value::as_i64).sum();
                request(Method::Post, &format!("/sum/{object}/{sum}"))
            }
            ("pair", "") => request(Method::Post, &format!("/first/{object}")),
            ("pair", _) => request(Method::Post, &format!("/second/{object}")),
            ("read", _) => request(Method::Get, "/read"),
            (name, _) => {
                let fields = work.registers.iter().cloned().collect::<Vec<_>>().join("+");
                let session = work.session.map(|session| format!("/{}", session.secret.expose())).unwrap_or_default();
                request(Method::Post, &format!("/{name}/{object}/{fields}{session}{known}"))
            }
        })
    }

    fn interpret(&self, work: &Work<'_>, progress: &Progress, reply: &Reply) -> Verdict {
        if let Some(verdict) = status::verdict(reply) {
            return verdict;
        }
        match (reply.status, work.operation.name, progress.step()) {
            (401, ..) => Verdict::Unauthorized,
            (404, ..) if work.vendor_id.is_some() => Verdict::Forgotten,
            (404, ..) => Verdict::NotThere,
            (400, ..) => Verdict::Refused("the toy does not like it".to_owned()),
            (_, "pay", "") if work.maybe_done && reply.body != "yes" => Verdict::Next(step("pay")),
            (_, "pair", "") => Verdict::Next(step("second")),
            _ => done(reply),
        }
    }

    fn probe(&self) -> Option<Request> {
        self.probe.then(|| request(Method::Get, "/me"))
    }

    fn read_probe(&self, _: &Reply) -> Result<(), String> {
        Ok(())
    }

    fn polls(&self) -> Vec<Poll> {
        let poll = Poll { name: "rows", every: POLL_EVERY };
        if self.polls { vec![poll] } else { Vec::new() }
    }

    fn poll(&self, _: &str, cursor: Option<&Value>, _: Timestamp) -> Option<Request> {
        let after = cursor.map_or_else(|| "start".to_owned(), ToString::to_string);
        Some(request(Method::Get, &format!("/rows?after={after}")))
    }

    fn read(&self, _: &str, _: Option<&Value>, _: Timestamp, reply: &Reply) -> PollRead {
        match reply.status {
            200 => {}
            401 => return PollRead::Unauthorized,
            _ => return PollRead::Failed(code::VENDOR_ERROR),
        }
        let page: Value = serde_json::from_slice(&reply.body).expect("a page");
        let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
        let row = |row: &Value| PolledRow {
            row: text(row, "row"),
            state: text(row, "state"),
            version: row["version"].as_i64(),
            body: row.to_string().into(),
            complete: true,
        };
        let rows = page["rows"].as_array().unwrap().iter().map(row).collect();
        PollRead::Rows { rows, cursor: page["cursor"].clone(), more: false }
    }

    fn lists(&self) -> Vec<&'static str> {
        vec!["rows"]
    }

    fn list(&self, list: &str, since: Timestamp, cursor: Option<&Value>, now: Timestamp) -> Option<Request> {
        let begin = json!(since.as_second());
        (list == "rows").then(|| self.poll(list, Some(cursor.unwrap_or(&begin)), now)).flatten()
    }

    fn read_list(&self, list: &str, _: Timestamp, cursor: Option<&Value>, now: Timestamp, reply: &Reply) -> PollRead {
        match self.read(list, cursor, now, reply) {
            PollRead::Rows { rows, cursor, .. } => PollRead::Rows { more: !rows.is_empty(), rows, cursor },
            failed => failed,
        }
    }

    fn login(&self, session: Option<&Session>, now: Timestamp) -> Option<Request> {
        let lasts = session.is_some_and(|session| session.expires > now);
        (self.login && !lasts).then(|| request(Method::Post, "/login"))
    }

    fn logged_in(&self, _: Option<&Session>, reply: &Reply, now: Timestamp) -> Result<Session, Verdict> {
        match reply.status {
            200 => {
                let secret = Secret::new(String::from_utf8_lossy(&reply.body).into_owned());
                Ok(Session { secret, expires: now + SESSION, durable: self.durable })
            }
            _ => Err(Verdict::Unauthorized),
        }
    }
}
