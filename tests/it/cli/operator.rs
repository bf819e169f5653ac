//! Commands about an installation: through the admin port of a running process, and by themselves when nobody runs.

use std::{fs, path::PathBuf, time::Duration};

use serde_json::Value;

use super::{free, with};
use crate::support::{
    process::{Process, stopwatch},
    stage::{Stage, eventually},
};

const FLOWS: &str = r#"
flows:
  buyer-to-list:
    on: order.paid
    from: eshop
    start: 2020-01-01
    do:
      - crm.add_to_list: { email: "${order.customer.email}", list: Buyers, create_list: true, legal_basis: contract }
"#;

/// A stage with a config on fixed ports, so that commands find the process.
pub(super) struct Installation {
    pub(super) stage: Stage,
    pub(super) config: PathBuf,
}

impl Installation {
    pub(super) fn new(flows: &str) -> Self {
        let stage = Stage::new(None);
        let config = stage.write_config(flows);
        let it = Self { stage, config };
        it.edit(|service| {
            service
                .replacen("gateway: { listen: \"127.0.0.1:0\" }", &format!("gateway: {{ listen: \"{}\" }}", free()), 1)
                .replacen("admin: { listen: \"127.0.0.1:0\" }", &format!("admin: {{ listen: \"{}\" }}", free()), 1)
        });
        it
    }

    pub(super) fn edit(&self, edit: impl FnOnce(String) -> String) {
        let path = self.config.join("service.yaml");
        let before = fs::read_to_string(&path).unwrap();
        let after = edit(before.clone());
        assert_ne!(before, after);
        fs::write(path, after).unwrap();
    }

    pub(super) fn run(&self) -> Process {
        Process::start(&self.config, None).expect("it runs")
    }

    pub(super) fn json(&self, arguments: &[&str]) -> Value {
        with(&self.config, &[arguments, &["--json"]].concat()).exits(0).json()
    }

    fn lane(&self, connection: &str) -> Value {
        self.json(&["lanes", connection])[0].clone()
    }

    pub(super) fn dead(&self) -> Vec<Value> {
        self.json(&["dead", "list"]).as_array().unwrap().clone()
    }

    /// How often a contact came onto a list.
    pub(super) fn listed(&self) -> usize {
        Stage::effects(&self.stage.anabix, "lists_managed").len()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_running_process_answers_and_stops_in_time() {
    let it = Installation::new(FLOWS);
    let process = it.run();

    let second = with(&it.config, &["run"]).exits(1);
    assert!(second.err.contains("is in use by process") && second.err.contains("hint: "), "{second:?}");

    with(&it.config, &["send", "eshop", "paid"]).exits(0);
    assert!(with(&it.config, &["send", "eshop", "payd"]).exits(3).err.contains("`paid`"));
    assert!(with(&it.config, &["send", "eshp", "paid"]).exits(3).err.contains("did you mean `eshop`?"));
    eventually("the buyer is on the list", || it.listed() == 1).await;

    let newest = it.json(&["trace"]);
    let id = newest[0]["id"].as_str().unwrap().to_owned();
    eventually("the story has its end", || {
        let story = it.json(&["trace", &id]);
        let is_done = |line: &Value| line["what"] == "outcome" && line["text"].as_str().unwrap().starts_with("done");
        story.as_array().unwrap().iter().filter(|line| is_done(line)).count() >= 2
    })
    .await;
    let story = with(&it.config, &["trace", &id]).exits(0).out;
    for part in ["webhook", "reply for `invoice`", "order.paid", "flow `buyer-to-list`", "crm.add_to_list"] {
        assert!(story.contains(part), "{part}: {story}");
    }
    assert!(!story.contains('@'), "no personal data: {story}");

    assert!(!story.contains("skipped"), "nothing was: {story}");

    let topics = it.json(&["topics"]);
    assert!(topics.as_array().unwrap().iter().any(|topic| topic["name"].as_str().unwrap().ends_with("actions.crm")));
    let doctor = it.json(&["doctor"]);
    assert!(doctor.as_array().unwrap().iter().all(|finding| finding["ok"] == true), "{doctor}");

    // What was recorded, whole: with the reply that was fetched, and by the flows at hand.
    let event = story_id(&it.json(&["trace", &id]), "event", "order.paid");
    for id in [&id, &event] {
        let told = it.json(&["simulate", id, "--flow", "buyer-to-list"]);
        let paid = told.as_array().unwrap().iter().find(|told| told["event"] == "order.paid").unwrap();
        assert_eq!(paid["actions"][0]["parameters"]["email"], "eva.mala@example.cz", "{told}");
    }
    assert!(with(&it.config, &["simulate", "w-none"]).exits(3).err.contains("no topic holds `w-none`"));

    let watch = stopwatch();
    assert!(process.stop(), "SIGTERM ends it with exit code 0");
    assert!(watch() < Duration::from_secs(10), "{:?}", watch());
    // The same answers without it.
    assert_eq!(it.json(&["trace"]), newest);
    assert_eq!(it.json(&["simulate", &event])[0]["event"], "order.paid");
}

/// The id of a line of a story.
fn story_id(story: &Value, what: &str, text: &str) -> String {
    let is_it = |line: &&Value| line["what"] == what && line["text"].as_str().unwrap().starts_with(text);
    story.as_array().unwrap().iter().find(is_it).unwrap()["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn commands_open_the_log_themselves_when_nobody_runs() {
    let it = Installation::new(FLOWS);
    assert!(with(&it.config, &["topics"]).exits(0).out.contains("webhooks.eshop"));
    assert_eq!(with(&it.config, &["dead", "list"]).exits(0).out, "no dead letters\n");
    assert_eq!(with(&it.config, &["trace"]).exits(0).out, "no webhooks yet\n");
    assert!(with(&it.config, &["trace", "w-none"]).exits(3).err.contains("no topic holds `w-none`"));
    assert!(with(&it.config, &["dead", "show", "d-none"]).exits(3).err.contains("there is no dead letter"));
    with(&it.config, &["dead", "retry", "--yes"]).exits(3);
    let sent = with(&it.config, &["send", "eshop", "paid"]).exits(1);
    assert!(sent.err.contains("hint: is `spojka run` up?"), "{sent:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_dead_letter_is_shown_retried_and_discarded() {
    let it = Installation::new(&FLOWS.replace(", create_list: true", ""));
    let process = it.run();
    with(&it.config, &["send", "eshop", "paid"]).exits(0);
    eventually("there is no such list, so it dies", || it.dead().len() == 1).await;
    let id = it.dead()[0]["id"].as_str().unwrap().to_owned();
    let shown = with(&it.config, &["dead", "show", &id]).exits(0).out;
    assert!(shown.contains("original (") && shown.contains(&format!("spojka dead retry {id} --yes")), "{shown}");
    assert_eq!(
        with(&it.config, &["dead", "list", "--connection", "crm", "--kind", "action"]).exits(0).out.lines().count(),
        2
    );
    assert!(with(&it.config, &["dead", "list", "--kind", "actoin"]).exits(2).err.contains("action"));

    assert!(with(&it.config, &["dead", "retry", &id]).exits(2).err.contains("hint: add --yes"));
    assert_eq!(it.dead().len(), 1, "nothing was done");
    it.stage.anabix.command(&serde_json::json!({ "add_list": "Buyers" })).expect("a list");
    assert_eq!(it.json(&["dead", "retry", &id, "--yes"])["moved"], 1);
    eventually("it is done now", || it.listed() == 1).await;
    assert!(it.dead().is_empty());

    assert!(process.stop());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn dead_letters_are_chosen_by_what_they_are() {
    let it = Installation::new(&FLOWS.replace(", create_list: true", ""));
    let process = it.run();
    with(&it.config, &["send", "eshop", "paid"]).exits(0);
    eventually("it dies", || it.dead().len() == 1).await;
    let count = |filter: &[&str]| it.json(&[&["dead", "list"], filter].concat()).as_array().unwrap().len();
    assert_eq!(it.dead()[0]["class"], "permanent");
    let fitting: [&[&str]; 6] = [
        &["--class", "permanent"],
        &["--code", "refused"],
        &["--flow", "buyer-to-list"],
        &["--since", "1h"],
        &["--until", "2100-01-01"],
        &["--kind", "action", "--connection", "crm", "--class", "permanent", "--since", "1d"],
    ];
    for filter in fitting {
        assert_eq!(count(filter), 1, "{filter:?}");
    }
    let others: [&[&str]; 5] = [
        &["--class", "config"],
        &["--flow", "buyer"],
        &["--since", "2100-01-01"],
        &["--until", "1h"],
        &["--connection", "news"],
    ];
    for filter in others {
        assert_eq!(count(filter), 0, "{filter:?}");
    }
    let wrong = with(&it.config, &["dead", "list", "--since", "soon"]).exits(1);
    assert!(wrong.err.contains("`soon` is no time") && wrong.err.contains("hint: "), "{wrong:?}");
    assert!(process.stop());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_discarded_letter_is_gone() {
    let it = Installation::new(&FLOWS.replace(", create_list: true", ""));
    let process = it.run();
    with(&it.config, &["send", "eshop", "paid"]).exits(0);
    eventually("it dies", || it.dead().len() == 1).await;
    assert!(process.stop());
    assert_eq!(it.dead().len(), 1, "by itself too");
    assert_eq!(it.json(&["dead", "discard", "--connection", "crm", "--yes"])["moved"], 1);
    assert!(it.dead().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_done_again_after_connections_are_renamed() {
    let it = Installation::new(FLOWS);
    let process = it.run();
    with(&it.config, &["send", "eshop", "paid"]).exits(0);
    eventually("the buyer is on the list", || it.listed() == 1).await;
    assert!(process.stop());

    it.edit(|service| {
        service.replacen(" eshop: {", " laden: { was: eshop,", 1).replacen(" crm: {", " kunden: { was: crm,", 1)
    });
    let renamed = FLOWS.replace("from: eshop", "from: laden").replace("crm.", "kunden.");
    // Behind it, on the same contact: when this is done, that has been judged.
    let mark = "      - kunden.add_to_list: { email: \"${order.customer.email}\", list: Marked, create_list: true }\n        name: mark\n";
    fs::write(it.config.join("flows.yaml"), format!("{renamed}{mark}")).unwrap();
    let process = it.run();
    with(&it.config, &["send", "laden", "paid"]).exits(0);
    eventually("the second list has the buyer", || it.listed() == 2).await;
    let lists = Stage::effects(&it.stage.anabix, "list_created");
    assert_eq!(lists.len(), 2, "{lists:?}");
    assert!(with(&it.config, &["topics"]).exits(0).out.contains("actions.crm"), "topics keep their names");
    assert!(it.dead().is_empty());
    assert!(process.stop());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn lanes_are_told_by_their_owner_and_without_one_by_the_log() {
    let it = Installation::new(FLOWS);
    let process = it.run();
    with(&it.config, &["send", "eshop", "paid"]).exits(0);
    eventually("the buyer is on the list", || it.listed() == 1).await;
    eventually("the lane has counted it", || it.lane("crm")["per_minute"].as_f64().is_some_and(|rate| rate > 0.0))
        .await;
    let lane = it.lane("crm");
    assert_eq!((&lane["waiting"], &lane["in_flight"], &lane["circuit"]), (&0.into(), &0.into(), &"closed".into()));
    assert!(lane["owner"].is_string() && lane["epoch"] == 1, "{lane}");
    let quota = &it.lane("news")["quotas"][0];
    assert_eq!((&quota["limit"], &quota["used"]), (&"monthly-calls".into(), &0.into()));
    assert_eq!(quota["cost"], serde_json::json!({ "amount": "0", "currency": "HUF", "vat": "excluded" }));

    let all = with(&it.config, &["lanes"]).exits(0).out;
    for connection in ["crm", "eshop", "news", "shop"] {
        assert!(all.lines().any(|line| line.starts_with(connection) && line.contains("closed")), "{all}");
    }
    assert!(all.contains("cost so far") && all.contains("0 HUF + VAT"), "{all}");
    let unknown = with(&it.config, &["lanes", "eshp"]).exits(3);
    assert!(unknown.err.contains("did you mean `eshop`?"), "{unknown:?}");

    assert!(process.stop());
    let lane = it.lane("crm");
    assert_eq!((&lane["owner"], &lane["waiting"], &lane["circuit"]), (&Value::Null, &Value::Null, &Value::Null));
    assert_eq!((&lane["backlog"], &lane["epoch"]), (&0.into(), &1.into()));
    assert!(with(&it.config, &["lanes", "crm"]).exits(0).out.contains("no process owns it"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lane_is_told_to_pause_through_its_bulk_topic() {
    let it = Installation::new(FLOWS);
    let told = with(&it.config, &["lanes", "pause", "crm"]).exits(0).out;
    assert!(told.contains("spojka lanes resume crm"), "{told}");
    assert_eq!(it.lane("crm")["bulk"], 1, "it waits for the owner");
    assert!(with(&it.config, &["lanes", "resume", "nowhere"]).exits(3).err.contains("no connection `nowhere`"));
    assert!(with(&it.config, &["lanes", "resume"]).exits(2).err.contains("CONNECTION"));
}
