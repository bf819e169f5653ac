//! Deliberate bugs: each makes the conservation checker fail, naming the right kind, and the same scenario without the bug
//! passes. Needs `--features bugs`; the last two also `SPOJKA_TEST_KAFKA_BROKERS`, because they need two processes.

use std::{path::PathBuf, time::Duration};

use rustix::process::Signal;
use spojka::sandbox::{Fault, FaultKind};

use crate::support::{
    child::say,
    conservation::{FLOWS, Judgement, Sender, judge, unfinished},
    kafka::{BROKERS, variable},
    process::{Launch, Process, stopwatch},
    stage::{Stage, eventually},
};

/// How long a scenario waits for what a bug may have lost.
const PATIENCE: Duration = Duration::from_secs(4);

/// Orders only: what they lead to stands on one key, in order.
const ORDERS: &str = r#"
flows:
  order:
    on: order.paid
    from: shop
    do:
      - news.record_order: { order: "${order}" }
      - news.mark_paid: { order_reference: "${order.number}", paid_on: "${order.paid_at}" }
"#;

/// One action.
const ORDER: &str = r#"
flows:
  order:
    on: order.paid
    from: shop
    do:
      - news.record_order: { order: "${order}" }
"#;

/// One action, and one that needs its result.
const STEPS: &str = r#"
flows:
  subscriber:
    on: order.paid
    from: shop
    do:
      - news.subscribe: { email: "${order.customer.email}" }
        name: subscription
      - crm.add_to_list:
          email: ${order.customer.email}
          list: FAPI
          note: "Subscribed: ${steps.subscription.already}"
"#;

/// One action that is refused beside one that is not.
const REFUSED: &str = r#"
flows:
  refused:
    on: order.paid
    from: shop
    do:
      - crm.add_to_list: { email: "${order.customer.email}", list: No such list }
      - news.record_order: { order: "${order}" }
"#;

/// Tells whether the vendors show everything that these orders lead to.
type IsFinished = fn(&Stage, &[u64]) -> bool;

fn all(stage: &Stage, orders: &[u64]) -> bool {
    unfinished(stage, orders).is_empty()
}

/// Each order has an effect of this kind at the newsletter.
fn at_newsletter(stage: &Stage, orders: &[u64], effect: &str) -> bool {
    let effects = stage.newsletter.effects();
    let has = |order: &u64| {
        let object = format!("order:{order}");
        effects.iter().any(|it| it["effect"] == effect && it["object"] == object.as_str())
    };
    orders.iter().all(has)
}

fn recorded(stage: &Stage, orders: &[u64]) -> bool {
    at_newsletter(stage, orders, "order")
}

fn invoiced(stage: &Stage, orders: &[u64]) -> bool {
    at_newsletter(stage, orders, "invoice")
}

fn noted(stage: &Stage, orders: &[u64]) -> bool {
    let effects = stage.anabix.effects();
    effects.iter().filter(|effect| effect["effect"] == "activity_created").count() >= orders.len()
}

/// The refusal follows from one look at the lists.
fn recorded_and_looked_up(stage: &Stage, orders: &[u64]) -> bool {
    recorded(stage, orders) && stage.anabix.calls() >= orders.len() as u64
}

/// One installation with or without a bug.
struct Trial {
    stage: Stage,
    config: PathBuf,
    sender: Sender,
    bug: Option<&'static str>,
    is_finished: IsFinished,
}

impl Trial {
    fn begin(stage: Stage, bug: Option<&'static str>, flows: &str, is_finished: IsFinished) -> Self {
        let config = stage.write_config(flows);
        Self { stage, config, sender: Sender::default(), bug, is_finished }
    }

    /// A second process beside the first one, with tables of its own.
    fn successor(&mut self, flows: &str) -> Process {
        self.config = self.stage.write_config_to("successor", flows);
        self.start()
    }

    fn launch(&self, kill_at: Option<&str>) -> Option<Process> {
        let log = Some(self.stage.folder.path().join("process.log"));
        let (kill_at, bug) = (kill_at.map(str::to_owned), self.bug.map(str::to_owned));
        Launch { kill_at, bug, log, ..Launch::default() }.start(&self.config)
    }

    fn start(&self) -> Process {
        self.launch(None).expect("it starts")
    }

    async fn orders(&mut self, process: &Process, count: usize) {
        for _ in 0..count {
            self.sender.order(&self.stage, process.gateway).await;
        }
    }

    /// One order, and the process dies at the point.
    async fn killed_at(&mut self, kill_at: &str) {
        let mut process = self.launch(Some(kill_at)).expect("it starts");
        self.orders(&process, 1).await;
        eventually("it dies", || process.is_dead()).await;
    }

    /// Waits until the vendors show everything. With a bug they may never do so.
    async fn finished(&self, what: &str) {
        let is_finished = || (self.is_finished)(&self.stage, &self.sender.orders);
        if self.bug.is_none() {
            return eventually(what, is_finished).await;
        }
        let waited = stopwatch();
        eventually(what, || is_finished() || waited() > PATIENCE).await;
    }

    /// A last process that gets one more order and finishes everything, then the checker's judgement.
    async fn judged(mut self) -> Judgement {
        let process = self.start();
        self.orders(&process, 1).await;
        self.finished("everything is done").await;
        self.end(process).await
    }

    /// Vendors may show everything before the last outcomes are written: those get some lives more.
    async fn end(self, mut process: Process) -> Judgement {
        for _ in 0..5 {
            assert!(process.stop() || self.bug.is_some(), "it ends in order when it is asked to");
            let judgement = judge(&self.stage, &self.sender, self.bug.is_none());
            if !judgement.is_unfinished() {
                return judgement;
            }
            process = self.start();
            committed().await;
        }
        process.kill();
        judge(&self.stage, &self.sender, self.bug.is_none())
    }
}

/// Time for a role to commit what it has settled: it does so at least every second.
async fn committed() {
    let waited = stopwatch();
    eventually("a commit", || waited() > Duration::from_millis(1_500)).await;
}

/// Makes a test of a scenario: with the bug it is found, without it is not.
macro_rules! found {
    ($($name:ident: $bug:literal, $wrong:literal, $brokers:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let brokers: Option<Option<String>> = $brokers;
            let Some(brokers) = brokers.filter(|_| cfg!(feature = "bugs")) else {
                return say("skipped: needs --features bugs, and SPOJKA_TEST_KAFKA_BROKERS where two processes take part");
            };
            let with = scenario::$name(brokers.clone(), Some($bug)).await;
            assert!(with.wrongs.contains($wrong), "the bug is found as {}: {}", $wrong, with.text);
            let without = scenario::$name(brokers, None).await;
            assert!(without.clean, "without the bug: {}", without.text);
        }
    )*};
}

found! {
    acknowledged_before_durable: "acknowledged-before-durable", "lost", Some(None);
    outputs_not_written: "outputs-unwritten", "lost", Some(None);
    offset_before_outcome: "offset-before-outcome", "lost", Some(None);
    commit_of_a_gap: "gap-committed", "lost", Some(None);
    intent_not_written: "intent-unwritten", "repeated", Some(None);
    ledger_not_consulted: "ledger-unread", "repeated", Some(None);
    step_event_after_outcome: "outputs-after-outcome", "lost", Some(None);
    dead_letter_not_written: "letter-unwritten", "lost", Some(None);
    retry_without_its_followers: "followers-forgotten", "lost", Some(None);
    cursor_before_rows: "cursor-before-rows", "lost", Some(None);
    claim_not_checked: "claim-unchecked", "repeated", variable(BROKERS).map(Some);
    memory_read_before_the_wait: "no-wait-after-claim", "repeated", variable(BROKERS).map(Some);
}

/// The scenarios, by the names of their tests.
mod scenario {
    use super::*;

    type Bug = Option<&'static str>;

    fn trial(brokers: Option<String>, bug: Bug, flows: &str, is_finished: IsFinished) -> Trial {
        Trial::begin(Stage::new(brokers), bug, flows, is_finished)
    }

    /// Requests may take longer than a role waits before it commits.
    fn patient(brokers: Option<String>) -> Stage {
        let mut stage = Stage::new(brokers);
        if stage.brokers.is_some() {
            stage = stage.saying("session.timeout.ms: 3000", "session.timeout.ms: 6000");
        }
        (0..4).fold(stage, |stage, _connection| stage.saying("timeout: 900ms", "timeout: 3s"))
    }

    pub(super) async fn acknowledged_before_durable(brokers: Option<String>, bug: Bug) -> Judgement {
        trial(brokers, bug, ORDER, recorded).judged().await
    }

    pub(super) async fn outputs_not_written(brokers: Option<String>, bug: Bug) -> Judgement {
        let mut trial = trial(brokers, bug, ORDER, recorded);
        let process = trial.start();
        for _ in 0..3 {
            trial.orders(&process, 1).await;
            trial.finished("one order after the other").await;
        }
        trial.end(process).await
    }

    /// The vendor is silent; the process dies before an answer, and after the role has committed what it may.
    async fn silent_then_killed(brokers: Option<String>, bug: Bug) -> Judgement {
        let mut trial = Trial::begin(patient(brokers), bug, ORDER, recorded);
        trial.stage.newsletter.fault(Fault::new(FaultKind::Hang));
        let process = trial.start();
        trial.orders(&process, 1).await;
        eventually("a request is under way", || trial.stage.newsletter.calls() > 0).await;
        committed().await;
        process.kill();
        trial.stage.newsletter.clear_faults();
        trial.judged().await
    }

    pub(super) async fn offset_before_outcome(brokers: Option<String>, bug: Bug) -> Judgement {
        silent_then_killed(brokers, bug).await
    }

    pub(super) async fn commit_of_a_gap(brokers: Option<String>, bug: Bug) -> Judgement {
        silent_then_killed(brokers, bug).await
    }

    pub(super) async fn intent_not_written(brokers: Option<String>, bug: Bug) -> Judgement {
        let mut trial = trial(brokers, bug, ORDER, recorded);
        trial.killed_at("effect-done:1").await;
        trial.judged().await
    }

    pub(super) async fn ledger_not_consulted(brokers: Option<String>, bug: Bug) -> Judgement {
        trial(brokers, bug, FLOWS, all).judged().await
    }

    pub(super) async fn step_event_after_outcome(brokers: Option<String>, bug: Bug) -> Judgement {
        let mut trial = trial(brokers, bug, STEPS, noted);
        trial.killed_at("outcome-written:1").await;
        trial.judged().await
    }

    pub(super) async fn dead_letter_not_written(brokers: Option<String>, bug: Bug) -> Judgement {
        trial(brokers, bug, REFUSED, recorded_and_looked_up).judged().await
    }

    pub(super) async fn retry_without_its_followers(brokers: Option<String>, bug: Bug) -> Judgement {
        let mut trial = trial(brokers, bug, ORDERS, invoiced);
        // Recording the order fails for a while: marking it paid waits behind it.
        let fault = FaultKind::Status { status: 503, retry_after_seconds: Some(3) };
        trial.stage.newsletter.fault(Fault::new(fault).times(1));
        let process = trial.start();
        trial.orders(&process, 1).await;
        eventually("the order is refused for now", || trial.stage.newsletter.calls() > 0).await;
        committed().await;
        process.kill();
        trial.judged().await
    }

    pub(super) async fn cursor_before_rows(brokers: Option<String>, bug: Bug) -> Judgement {
        let stage = Stage::new(brokers).saying("poll_every: 0s", "poll_every: 1s");
        let trial = Trial::begin(stage, bug, ORDER, recorded);
        let mut process = trial.launch(Some("rows-seen:1")).expect("it starts");
        eventually("it polls", || trial.stage.fapi.calls() > 0).await;
        let invoice = trial.stage.fapi.state()["invoices"][0]["id"].clone();
        trial.stage.fapi.command(&serde_json::json!({ "pay_invoice": invoice })).expect("paid");
        eventually("it dies", || process.is_dead()).await;
        trial.judged().await
    }

    /// The owner stands still in the midst of its work, wakes while its successor does that work, and knows better.
    pub(super) async fn claim_not_checked(brokers: Option<String>, bug: Bug) -> Judgement {
        let mut trial = trial(brokers, bug, ORDER, recorded);
        trial.stage.newsletter.fault(Fault::new(FaultKind::Latency(Duration::from_millis(300))));
        let owner = trial.start();
        trial.orders(&owner, 20).await;
        eventually("the owner works", || trial.stage.newsletter.calls() > 0).await;
        owner.signal(Signal::STOP);
        let before = trial.stage.newsletter.calls();
        let successor = trial.successor(ORDER);
        eventually("the successor works", || trial.stage.newsletter.calls() > before).await;
        owner.signal(Signal::CONT);
        eventually("the work is done, by one or by both", || recorded(&trial.stage, &trial.sender.orders)).await;
        owner.kill();
        trial.end(successor).await
    }

    /// The owner stands still with a request under way, which lands within the time that its successor must wait.
    pub(super) async fn memory_read_before_the_wait(brokers: Option<String>, bug: Bug) -> Judgement {
        const LANDS_AFTER: Duration = Duration::from_secs(8);
        let mut trial = Trial::begin(patient(brokers), bug, ORDER, recorded);
        trial.stage.newsletter.fault(Fault::new(FaultKind::Latency(LANDS_AFTER)).times(1));
        let owner = trial.start();
        trial.orders(&owner, 1).await;
        eventually("a request is under way", || trial.stage.newsletter.calls() > 0).await;
        owner.signal(Signal::STOP);
        let stood = stopwatch();
        let successor = trial.successor(ORDER);
        eventually("the request has landed", || stood() > LANDS_AFTER + Duration::from_millis(500)).await;
        owner.kill();
        trial.finished("the successor knows").await;
        trial.end(successor).await
    }
}
