//! The gateway from outside: real sockets, a connector that knows one signature and one token, and a log in memory.

mod bounds;
mod fake_log;
mod garbage;
mod outage;
mod way;

use std::{net::SocketAddr, os::fd::AsFd as _, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::*;
use crate::{
    connectors::{
        contract::{
            Accept, Connector, Normalized, Operation, Pace, Plan, Progress, Sandbox, Settings, Target, Vendor, Verdict,
            Work,
        },
        kit::{hmac, token},
    },
    log::health::Health,
    model::{
        code,
        connection::ConnectionName,
        http::{Inbound, Method, Reply, Request},
        id::Ids,
        random::Generator,
        secret::Secret,
        time::{Clock, ManualClock, Timestamp},
    },
    telemetry::{Metrics, serving, serving::Running},
    topics::{Names, action::Parameters, record::Record, webhook::Webhook},
};
use fake_log::FakeLog;

const SECRET: &str = "s3cret";
const TOKEN: &str = "t0ken-in-the-url";
const NOW: &str = "2025-10-09T08:53:20Z";

static VENDOR: Vendor = Vendor {
    name: "test",
    title: "Test",
    doc: "",
    settings: &[],
    operations: &[],
    events: &[],
    url_events: &["paid"],
    headers: &["X-Topic", "X-Delivery", "Authorization"],
    pace: Pace { per_second: None, concurrency: 1 },
    limits: &[],
    time_zone: "UTC",
    open: |_: Settings| Ok(Arc::new(Signed)),
    sandbox: |_, _| unreachable!("the gateway calls no vendor") as Box<dyn Sandbox>,
    samples: &[],
};

/// Takes what carries an HMAC in `x-signature` or the token; answers GET, HEAD and OPTIONS.
struct Signed;

impl Connector for Signed {
    fn accept(&self, request: &Inbound) -> Accept {
        let located = token::locate(request, VENDOR.url_events, &[Secret::new(TOKEN)]);
        match request.method {
            Method::Post => {}
            Method::Get => return Accept::Answer { reply: Reply::new(200).text("challenge"), code: code::PING },
            Method::Head => return Accept::Answer { reply: Reply::new(200), code: code::PING },
            Method::Options => {
                return Accept::Answer { reply: Reply::new(204).header("allow", "POST, OPTIONS"), code: code::PING };
            }
            _ => return Accept::refuse(405, code::METHOD_NOT_ALLOWED),
        }
        if !located.token_fits {
            let Some(signature) = request.headers.get("x-signature") else {
                return Accept::refuse(401, code::SIGNATURE_MISSING);
            };
            if !hmac::verify_sha256_base64(&[Secret::new(SECRET)], &request.body, signature) {
                return Accept::refuse(401, code::SIGNATURE_MISMATCH);
            }
        }
        Accept::Store {
            delivery: request.headers.get("x-delivery").map(str::to_owned),
            key: "order:1".to_owned(),
            event: located.event,
            query: located.query,
            answer: Reply::new(202).text("taken"),
        }
    }

    fn normalize(&self, _webhook: &Webhook) -> Normalized {
        Normalized::facts(vec![])
    }

    fn target(&self, _operation: &Operation, _parameters: &Parameters) -> Result<Target, String> {
        Err("no operations".to_owned())
    }

    fn plan(&self, _work: &Work<'_>, _progress: &Progress) -> Plan {
        Plan::Refused("no operations".to_owned())
    }

    fn interpret(&self, _work: &Work<'_>, _progress: &Progress, _reply: &Reply) -> Verdict {
        Verdict::Unauthorized
    }

    fn probe(&self) -> Option<Request> {
        None
    }

    fn read_probe(&self, _reply: &Reply) -> Result<(), String> {
        Ok(())
    }
}

/// A gateway that is up, and everything around it.
struct Rig {
    log: Arc<FakeLog>,
    metrics: Arc<Metrics>,
    clock: Arc<ManualClock>,
    ids: Ids,
    running: Running,
}

impl Rig {
    fn start() -> Self {
        Self::with(GatewaySettings::default())
    }

    fn with(mut settings: GatewaySettings) -> Self {
        settings.workers = 1;
        Self::run(gateway(settings))
    }

    fn run(made: Made) -> Self {
        let Made { gateway, log, metrics, clock, ids } = made;
        let listener = serving::bind(([127, 0, 0, 1], 0).into()).expect("bound");
        Self { running: gateway.start(listener).expect("up"), log, metrics, clock, ids }
    }

    fn address(&self) -> SocketAddr {
        self.running.address()
    }

    async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address()).await.expect("connected"))
    }

    /// Sends bytes on a connection of its own and reads one answer.
    async fn ask(&self, request: &[u8]) -> Answer {
        let mut client = self.connect().await;
        client.send(request).await;
        client.answer().await.expect("an answer")
    }

    /// The webhooks that were stored, as a reader of the topic gets them.
    fn stored(&self) -> Vec<Webhook> {
        self.log.records().iter().map(|record| Webhook::from_record(record).expect("readable")).collect()
    }

    fn counted(&self, metric: &str, labels: &str) -> u64 {
        let sample = format!("spojka_{metric}{{{labels}}} ");
        let text = self.metrics.text();
        let line = text.lines().find_map(|line| line.strip_prefix(&sample));
        line.map_or(0, |value| value.parse().expect("a number"))
    }

    fn refused(&self, code: code::Code) -> u64 {
        self.counted("webhooks_refused_total", &format!("code=\"{code}\",connection=\"shop\""))
    }

    fn accepted(&self) -> u64 {
        self.counted("webhooks_accepted_total", "connection=\"shop\"")
    }

    /// The one worker has looked at all that was sent before: it answers this, too.
    async fn has_come_round(&self) {
        assert_eq!(self.ask(b"GET /webhooks/shop HTTP/1.1\r\nhost: x\r\n\r\n").await.status, 200);
    }

    /// A good webhook is taken: nothing before it has done harm.
    async fn is_healthy(&self) {
        let before = self.accepted();
        assert_eq!(self.ask(&signed(b"healthy?")).await.status, 202);
        assert_eq!(self.accepted(), before + 1);
    }
}

/// A gateway that is not up yet, and everything around it.
struct Made {
    gateway: Gateway,
    log: Arc<FakeLog>,
    metrics: Arc<Metrics>,
    clock: Arc<ManualClock>,
    ids: Ids,
}

/// What a gateway works with, in memory.
struct World {
    log: Arc<FakeLog>,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    clock: Arc<ManualClock>,
    ids: Ids,
}

impl World {
    fn new() -> Self {
        let metrics = Arc::new(Metrics::new());
        Self {
            log: Arc::new(FakeLog::default()),
            health: Arc::new(Health::new(Arc::clone(&metrics))),
            metrics,
            clock: Arc::new(ManualClock::new(NOW.parse().expect("a time"))),
            ids: Ids::new(b"installation"),
        }
    }

    fn gateway(self, settings: GatewaySettings, spool: Option<Arc<spool::Spool>>) -> Made {
        let parts = Parts {
            log: Arc::clone(&self.log) as crate::log::Log,
            health: self.health,
            spool,
            names: Names::new("test."),
            ids: self.ids.clone(),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            random: Arc::new(Generator::seeded(1)),
            metrics: Arc::clone(&self.metrics),
        };
        let connections = [shop(), other_shop()].map(|name| GatewayConnection {
            paths: vec![name.clone()],
            name,
            vendor: &VENDOR,
            connector: Arc::new(Signed),
        });
        let gateway = Gateway::new(settings, connections.into(), parts);
        Made { gateway, log: self.log, metrics: self.metrics, clock: self.clock, ids: self.ids }
    }
}

fn gateway(settings: GatewaySettings) -> Made {
    World::new().gateway(settings, None)
}

fn shop() -> ConnectionName {
    ConnectionName::parse("shop").expect("a name")
}

fn other_shop() -> ConnectionName {
    ConnectionName::parse("second").expect("a name")
}

/// A signed webhook with these bytes.
fn signed(body: &[u8]) -> Vec<u8> {
    post("/webhooks/shop", &[("x-signature", &hmac::sha256_base64(SECRET.as_bytes(), body))], body)
}

fn post(path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut request = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        request.extend([name, ": ", value, "\r\n"]);
    }
    request.push_str("\r\n");
    [request.as_bytes(), body].concat()
}

/// A sender, byte by byte.
struct Client(TcpStream);

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let find = |line: &'_ str| line.split_once(": ").is_some_and(|(known, _)| known.eq_ignore_ascii_case(name));
        self.head.lines().find(|line| find(line)).and_then(|line| line.split_once(": ")).map(|(_, value)| value)
    }
}

impl Client {
    /// What the other side no longer reads is no failure of ours.
    async fn send(&mut self, bytes: &[u8]) {
        let _gone = self.0.write_all(bytes).await;
    }

    /// The next answer; `None` when the connection ends without one.
    async fn answer(&mut self) -> Option<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match self.0.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return None,
            }
        }
        let head = String::from_utf8(head).expect("text");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let mut answer = Answer { status, head, body: String::new() };
        let length = answer.header("content-length").map_or(0, |length| length.parse().expect("a length"));
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.expect("a body");
        answer.body = String::from_utf8(body).expect("text");
        Some(answer)
    }

    /// Whether nothing has come and the connection is open, as the operating system knows it now.
    fn is_quiet(&self) -> bool {
        let handle = self.0.as_fd().try_clone_to_owned().expect("a file descriptor");
        let nothing = std::net::TcpStream::from(handle).peek(&mut [0; 1]);
        nothing.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    }
}
