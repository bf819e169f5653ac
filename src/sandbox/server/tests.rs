use serde_json::json;

use super::*;
use crate::{
    http::{Client, ClientSettings, Limits},
    model::{
        http::{Auth, Method, Request, Unanswered},
        secret::Secret,
        time::{ManualClock, Timestamp},
    },
};

/// A vendor that counts, and takes one command.
#[derive(Default)]
struct Counter {
    effects: Vec<Value>,
}

impl Sandbox for Counter {
    fn answer(&mut self, request: &SandboxRequest, now: Timestamp) -> Reply {
        if request.headers.get("authorization") != Some("Bearer t0k") {
            return Reply::new(401);
        }
        self.effects.push(json!({"effect": "called", "query": request.query, "at": now.to_string(), "changed": true}));
        let echo = String::from_utf8_lossy(&request.body).into_owned();
        Reply::new(201).header("x-path", request.path.clone()).text(echo)
    }

    fn effects(&self) -> &[Value] {
        &self.effects
    }

    fn state(&self) -> Value {
        json!({ "count": self.effects.len() })
    }

    fn command(&mut self, command: &Value, _now: Timestamp) -> Result<Value, String> {
        if command.get("reset").is_none() {
            return Err("the one command is `reset`".to_owned());
        }
        self.effects.clear();
        Ok(json!({}))
    }
}

struct Rig {
    server: SandboxServer,
    clock: Arc<ManualClock>,
    client: Client,
    limits: Limits,
}

fn rig() -> Rig {
    let clock = Arc::new(ManualClock::new("2025-10-09T08:53:20Z".parse().expect("a time")));
    let server = SandboxServer::start(Box::<Counter>::default(), Arc::clone(&clock) as Arc<dyn Clock>).expect("up");
    let client = Client::new(&ClientSettings::default()).expect("TLS");
    Rig { server, clock, client, limits: Limits { allow_private_addresses: true, ..Limits::default() } }
}

impl Rig {
    fn request(&self, method: Method, path: &str) -> Request {
        let url = self.server.base_url().join(path).expect("a URL");
        Request::new(method, url).auth(Auth::Bearer(Secret::new("t0k")))
    }

    async fn send(&self, request: Request) -> Result<Reply, Unanswered> {
        self.client.send(&request, &self.limits).await
    }

    async fn call(&self) -> Result<Reply, Unanswered> {
        let mut request = self.request(Method::Post, "v1/things%2F1?a=%20b");
        request.body = "hello".into();
        self.send(request).await
    }
}

#[tokio::test]
async fn a_call_reaches_the_simulator_as_it_was_sent() {
    let rig = rig();
    let reply = rig.call().await.expect("an answer");
    assert_eq!((reply.status, reply.body.as_ref()), (201, &b"hello"[..]));
    assert_eq!(reply.headers.get("x-path"), Some("/v1/things%2F1"));
    let effect = json!({"effect": "called", "query": "a=%20b", "at": "2025-10-09T08:53:20Z", "changed": true});
    assert_eq!(rig.server.effects(), [effect]);
    assert_eq!(rig.server.state(), json!({"count": 1}));
    assert_eq!(rig.server.calls(), 1);
}

#[tokio::test]
async fn a_dropped_call_has_no_effect_and_a_lost_answer_has_one() {
    let rig = rig();
    rig.server.fault(Fault::new(FaultKind::Drop).times(1));
    rig.server.fault(Fault::new(FaultKind::LostAnswer).times(1));
    assert_eq!(rig.call().await, Err(Unanswered::Broken));
    assert_eq!(rig.server.effects().len(), 0);
    assert_eq!(rig.call().await, Err(Unanswered::Broken));
    assert_eq!(rig.server.effects().len(), 1);
    assert_eq!(rig.call().await.expect("an answer").status, 201);
    assert_eq!(rig.server.calls(), 3);
}

#[tokio::test]
async fn somebody_in_front_of_the_vendor_answers_and_nothing_is_done() {
    let rig = rig();
    rig.server.fault(Fault::new(FaultKind::Status { status: 429, retry_after_seconds: Some(7) }));
    let reply = rig.call().await.expect("an answer");
    assert_eq!((reply.status, reply.headers.get("retry-after")), (429, Some("7")));
    assert_eq!(rig.server.effects().len(), 0);
    rig.server.clear_faults();
    assert_eq!(rig.call().await.expect("an answer").status, 201);
}

#[tokio::test]
async fn a_hanging_call_times_out_and_does_nothing() {
    let mut rig = rig();
    rig.limits.timeout = Duration::from_millis(100);
    rig.server.fault(Fault::new(FaultKind::Hang).times(1));
    assert_eq!(rig.call().await, Err(Unanswered::TimedOut));
    assert_eq!(rig.server.effects().len(), 0);
    assert!(rig.server.stop(Duration::from_secs(30)).await, "the hanging request went with its client");
}

#[tokio::test]
async fn latency_passes_on_the_clock_that_was_given() {
    let rig = rig();
    rig.server.fault(Fault::new(FaultKind::Latency(Duration::from_hours(1))).times(1));
    let advancing = async {
        while rig.server.calls() == 0 {
            tokio::task::yield_now().await;
        }
        // The sleeper may not be asleep yet, so time passes until it has had enough.
        while rig.server.effects().is_empty() {
            rig.clock.advance(Duration::from_hours(1));
            tokio::task::yield_now().await;
        }
    };
    let (reply, ()) = tokio::join!(rig.call(), advancing);
    assert_eq!(reply.expect("an answer").status, 201);
}

#[tokio::test]
async fn other_programs_look_and_interfere_by_http() {
    let rig = rig();
    let faults = json!([{"match": {"path_contains": "things"}, "kind": "status", "value": 503, "times": 1}]);
    let added = rig.send(rig.request(Method::Post, "_sandbox/faults").json(&faults)).await.expect("an answer");
    assert_eq!(added.status, 204);
    assert_eq!(rig.call().await.expect("an answer").status, 503);
    assert_eq!(rig.call().await.expect("an answer").status, 201);

    let effects = rig.send(rig.request(Method::Get, "_sandbox/effects")).await.expect("an answer");
    let effects: Vec<Value> = serde_json::from_slice(&effects.body).expect("JSON");
    assert_eq!(effects, rig.server.effects());
    let state = rig.send(rig.request(Method::Get, "_sandbox/state")).await.expect("an answer");
    assert_eq!(state.body.as_ref(), br#"{"count":1}"#);

    let reset = rig.send(rig.request(Method::Post, "_sandbox/command").json(&json!({"reset": true}))).await;
    assert_eq!((reset.expect("an answer").status, rig.server.effects().len()), (200, 0));
    let unknown = rig.send(rig.request(Method::Post, "_sandbox/command").json(&json!({"x": 1}))).await;
    let unknown = unknown.expect("an answer");
    assert!(unknown.status == 400 && unknown.body.windows(7).any(|part| part == b"`reset`"));
    let bad = rig.send(rig.request(Method::Post, "_sandbox/faults").json(&json!([{"kind": "x"}]))).await;
    assert_eq!(bad.expect("an answer").status, 400);
    assert_eq!(rig.server.calls(), 2, "looking is no call");
}
