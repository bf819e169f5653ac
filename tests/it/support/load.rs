//! Senders that never stop: each webhook is an order of its own, and each answer is kept, with the time it took.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use spojka::{
    http::Limits,
    model::http::{Method, Request},
};
use tokio::task::JoinSet;

use super::{
    child::say,
    process::stopwatch,
    stage::{self, Stage, eventually, text},
};

/// A flow whose effects can be counted: an order at the newsletter vendor, with one invoice.
pub(crate) const FLOWS: &str = r#"
flows:
  order-to-newsletter:
    on: order.paid
    from: shop
    do:
      - news.record_order: { order: "${order}" }
      - news.mark_paid: { order_reference: "${order.number}", paid_on: "${order.paid_at}" }
"#;

/// What every sender is promised.
const PROMISE: Duration = Duration::from_secs(5);
/// How long a sender waits between two webhooks.
const PACE: Duration = Duration::from_millis(100);

/// Longer than anything takes that works.
const PATIENCE: Duration = Duration::from_secs(50);

/// What the senders were answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers {
    pub acknowledged: Vec<u64>,
    /// Sent away with 503 and `Retry-After`.
    pub refused: Vec<u64>,
    /// No answer: the connection was refused, or ended.
    pub unheard: Vec<u64>,
    /// Answered in a way that nobody promised.
    pub strange: Vec<String>,
    /// The longest that one waited for an answer.
    pub longest: Duration,
}

impl Answers {
    /// Every sender was answered in time. Says how it went.
    pub fn keep_the_promise(&self, what: &str) {
        say(&format!(
            "{what}: {} acknowledged, {} refused, the longest time to an answer {:?}",
            self.acknowledged.len(),
            self.refused.len(),
            self.longest
        ));
        assert!(self.longest < PROMISE, "a sender waited {:?}", self.longest);
        assert!(self.unheard.is_empty(), "{} senders had no answer at all", self.unheard.len());
    }
}

/// Senders at work.
pub(crate) struct Load {
    shared: Arc<Shared>,
    senders: JoinSet<()>,
}

struct Shared {
    stage: Arc<Stage>,
    gateway: SocketAddr,
    next: AtomicU64,
    stop: AtomicBool,
    answers: Mutex<Answers>,
}

impl Load {
    /// Begins to send.
    pub fn begin(stage: &Arc<Stage>, gateway: SocketAddr, senders: usize) -> Self {
        Self::begin_at(stage, gateway, senders, 1_000)
    }

    /// Begins to send orders from this number on.
    pub fn begin_at(stage: &Arc<Stage>, gateway: SocketAddr, senders: usize, first: u64) -> Self {
        let shared = Arc::new(Shared {
            stage: Arc::clone(stage),
            gateway,
            next: AtomicU64::new(first),
            stop: AtomicBool::new(false),
            answers: Mutex::default(),
        });
        let mut tasks = JoinSet::new();
        for _ in 0..senders {
            tasks.spawn(Arc::clone(&shared).send());
        }
        Self { shared, senders: tasks }
    }

    /// Waits until so many more are acknowledged.
    pub async fn acknowledges(&self, more: usize) {
        let before = self.shared.answers().acknowledged.len();
        eventually("more webhooks are acknowledged", || self.shared.answers().acknowledged.len() >= before + more)
            .await;
    }

    /// Waits until so many more are refused.
    pub async fn refuses(&self, more: usize) {
        let before = self.shared.answers().refused.len();
        eventually("more webhooks are refused", || self.shared.answers().refused.len() >= before + more).await;
    }

    /// Ends; every sender hears its last answer.
    pub async fn end(mut self) -> Answers {
        self.shared.stop.store(true, Ordering::SeqCst);
        while let Some(ended) = self.senders.join_next().await {
            ended.expect("a sender does not fail");
        }
        let answers = self.shared.answers().clone();
        assert_eq!(answers.strange, Vec::<String>::new());
        answers
    }
}

impl Shared {
    async fn send(self: Arc<Self>) {
        let mut pace = tokio::time::interval(PACE);
        while !self.stop.load(Ordering::SeqCst) {
            pace.tick().await;
            let id = self.next.fetch_add(1, Ordering::Relaxed);
            let watch = stopwatch();
            let reply = self.stage.send(self.gateway, webhook(&self.stage, id)).await;
            let took = watch();
            let mut answers = self.answers();
            answers.longest = answers.longest.max(took);
            match reply {
                Some(reply) if reply.status == 200 => answers.acknowledged.push(id),
                Some(reply) if reply.status == 503 && reply.headers.get("retry-after").is_some() => {
                    answers.refused.push(id);
                }
                Some(reply) => answers.strange.push(format!("{id}: status {}", reply.status)),
                None => answers.unheard.push(id),
            }
        }
    }

    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap()
    }
}

fn webhook(stage: &Stage, id: u64) -> Request {
    let order = stage::paid_order(id, &format!("buyer{id}@example.cz"), stage.clock.now());
    Stage::order_webhook("order.created", &order)
}

/// Sends these again, as vendors do, until each is acknowledged.
pub(crate) async fn send_again(stage: &Stage, gateway: SocketAddr, ids: &[u64]) {
    for id in ids {
        let request = webhook(stage, *id);
        let trying = async {
            let mut pace = tokio::time::interval(PACE);
            while stage.send(gateway, request.clone()).await.is_none_or(|reply| reply.status != 200) {
                pace.tick().await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), trying).await.expect("it is taken in the end");
    }
}

/// Waits until the ops port says that the process is ready, or is not; answers what else it says.
pub(crate) async fn is_ready(stage: &Stage, ops: SocketAddr, ready: bool) -> String {
    let url = url::Url::parse(&format!("http://{ops}/readyz")).unwrap();
    let limits = Limits { timeout: PROMISE, allow_private_addresses: true, ..Limits::default() };
    let looking = async {
        let mut pace = tokio::time::interval(PACE);
        loop {
            pace.tick().await;
            let reply = stage.http.send(&Request::new(Method::Get, url.clone()), &limits).await.expect("an answer");
            if (reply.status == 200) == ready {
                return String::from_utf8_lossy(&reply.body).into_owned();
            }
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect("readiness tells the truth in the end")
}

/// Waits until all of these orders have had their effects, and checks that no order had any twice: these, and those that
/// were refused or not heard of and may have been stored all the same.
pub(crate) async fn exactly_once(stage: &Stage, ids: &[u64]) {
    let missing = || {
        let held: BTreeMap<String, String> = stage.orders().into_iter().collect();
        let is_missing = |id: &u64| held.get(&id.to_string()).is_none_or(|status| status != "2");
        ids.iter().copied().filter(is_missing).collect::<Vec<_>>()
    };
    let there =
        tokio::time::timeout(PATIENCE, eventually("every order has its effects", || missing().is_empty())).await;
    assert!(there.is_ok(), "of {} orders these have no effects: {:?}", ids.len(), missing());
    let mut orders: BTreeMap<String, u32> = BTreeMap::new();
    for (reference, _) in stage.orders() {
        *orders.entry(reference).or_default() += 1;
    }
    let mut invoices: BTreeMap<String, u32> = BTreeMap::new();
    for invoice in Stage::effects(&stage.newsletter, "invoice") {
        *invoices.entry(text(&invoice["order"])).or_default() += 1;
    }
    for (what, counted) in [("orders", &orders), ("invoices", &invoices)] {
        let twice: Vec<_> = counted.iter().filter(|(_, count)| **count > 1).collect();
        assert!(twice.is_empty(), "{what} that are there twice: {twice:?}");
    }
    for id in ids {
        assert!(invoices.contains_key(&id.to_string()), "the order {id} has no invoice");
    }
}
