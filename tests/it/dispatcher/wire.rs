//! The toy vendor's end of the line: answers by a script, else as a vendor in good health, and remembers what it was asked
//! and what it did.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
};

use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use spojka::{
    dispatcher::Transport,
    model::http::{Method, Reply, Request, Unanswered},
};
use tokio::sync::watch;

/// Rings whenever something happened that a test may wait for.
pub(super) type Bell = Arc<watch::Sender<u64>>;

pub(super) fn ring(bell: &Bell) {
    bell.send_modify(|count| *count += 1);
}

/// What becomes of a request.
pub(super) enum Say {
    /// This answer, and nothing is done.
    Reply(Reply),
    /// No answer, and nothing is done.
    Fail(Unanswered),
    /// It is done, and the answer is lost.
    Lost,
    /// Nothing until [`Wire::release`]; then it is done.
    Hold,
}

#[derive(Default)]
struct State {
    script: VecDeque<(String, Say)>,
    /// Paths that fail until they are up again.
    down: Vec<(String, Result<Reply, Unanswered>)>,
    sent: Vec<String>,
    effects: Vec<String>,
    rows: Vec<Value>,
    logins: u32,
    under_way: usize,
    most_under_way: usize,
}

pub(super) struct Wire {
    state: Mutex<State>,
    gate: watch::Sender<bool>,
    bell: Bell,
}

impl Wire {
    pub(super) fn new(bell: Bell) -> Self {
        Self { state: Mutex::default(), gate: watch::Sender::new(false), bell }
    }

    /// The next request whose path begins so is answered so.
    pub(super) fn say(&self, path: &str, say: Say) {
        self.lock().script.push_back((path.to_owned(), say));
    }

    /// From now on all requests whose path begins so fail so, but for what is scripted.
    pub(super) fn down(&self, path: &str, how: Result<Reply, Unanswered>) {
        self.lock().down.push((path.to_owned(), how));
    }

    /// Everything works again.
    pub(super) fn up(&self) {
        self.lock().down.clear();
    }

    /// Lets through what is held, and what will be.
    pub(super) fn release(&self) {
        self.gate.send_replace(true);
    }

    /// All requests so far: method and path.
    pub(super) fn sent(&self) -> Vec<String> {
        self.lock().sent.clone()
    }

    /// The paths of all that was done.
    pub(super) fn effects(&self) -> Vec<String> {
        self.lock().effects.clone()
    }

    /// The most requests that were under way at the same time.
    pub(super) fn most_under_way(&self) -> usize {
        self.lock().most_under_way
    }

    /// What the next polls find: pairs of row and state.
    pub(super) fn set_rows(&self, rows: &[(&str, &str)]) {
        self.lock().rows = rows.iter().map(|(row, state)| json!({ "row": row, "state": state })).collect();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn begin(&self, request: &Request) -> Option<Say> {
        let mut state = self.lock();
        let query = request.url.query().map(|query| format!("?{query}")).unwrap_or_default();
        state.sent.push(format!("{} {}{query}", request.method.as_str(), request.url.path()));
        state.under_way += 1;
        state.most_under_way = state.most_under_way.max(state.under_way);
        let place = state.script.iter().position(|(path, _)| request.url.path().starts_with(path.as_str()));
        let said = place.and_then(|place| state.script.remove(place)).map(|(_, say)| say);
        let down = || state.down.iter().find(|(path, _)| request.url.path().starts_with(path.as_str()));
        said.or_else(|| {
            Some(match down()?.1.clone() {
                Ok(reply) => Say::Reply(reply),
                Err(error) => Say::Fail(error),
            })
        })
    }

    fn act(&self, request: &Request) -> Reply {
        let mut state = self.lock();
        let path = request.url.path().to_owned();
        if path == "/login" {
            state.logins += 1;
            return Reply::new(200).text(format!("session-{}", state.logins));
        }
        if path == "/me" {
            return Reply::new(200);
        }
        if path == "/rows" {
            return Reply::new(200).json(&json!({ "rows": state.rows, "cursor": state.sent.len() }));
        }
        if request.method == Method::Get {
            let wanted = path.rsplit('/').next().unwrap_or_default().to_owned();
            let found = state.effects.iter().any(|effect| effect.ends_with(&wanted));
            return Reply::new(200).text(if found { "yes" } else { "no" });
        }
        state.effects.push(path);
        Reply::new(200).text(format!("id-{}", state.effects.len()))
    }

    async fn answer(&self, request: &Request) -> Result<Reply, Unanswered> {
        let said = self.begin(request);
        ring(&self.bell);
        let _under_way = UnderWay(self);
        match said {
            Some(Say::Reply(reply)) => Ok(reply),
            Some(Say::Fail(error)) => Err(error),
            Some(Say::Lost) => {
                self.act(request);
                Err(Unanswered::TimedOut)
            }
            Some(Say::Hold) => {
                self.gate.subscribe().wait_for(|open| *open).await.expect("the wire is there");
                Ok(self.act(request))
            }
            None => {
                // Others get their turn, as they would.
                tokio::task::yield_now().await;
                Ok(self.act(request))
            }
        }
    }
}

/// A request is under way until this is dropped.
struct UnderWay<'a>(&'a Wire);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.lock().under_way -= 1;
    }
}

impl Transport for Wire {
    fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Reply, Unanswered>> {
        Box::pin(self.answer(request))
    }
}
