//! `spojka replay` as a person and as a script meet it, with a process at work and without.

use std::fs;

use serde_json::Value;
use spojka::model::time::{Clock as _, SystemClock};

use super::{operator::Installation, with};
use crate::support::stage::{Stage, eventually};

const NOTHING: &str = "flows: {}\n";

const FLOWS: &str = r#"
flows:
  buyer-to-list:
    on: order.paid
    from: eshop
    do:
      - crm.add_to_list: { email: "${order.customer.email}", list: Buyers, create_list: true, legal_basis: contract }
"#;

/// An installation that heard of a sale before it had any flow.
async fn after_a_sale() -> Installation {
    let it = Installation::new(NOTHING);
    let process = it.run();
    with(&it.config, &["send", "eshop", "paid"]).exits(0);
    eventually("the document was read", || {
        let newest = it.json(&["trace"]);
        let id = newest[0]["id"].as_str().unwrap_or_default().to_owned();
        let story = with(&it.config, &["trace", &id, "--json"]);
        story.exit == 0 && story.json().as_array().unwrap().iter().any(|line| line["what"] == "event")
    })
    .await;
    assert!(process.stop());
    // Flows count from the whole second in which they come into force.
    let heard = SystemClock.now().as_second();
    eventually("the second of the sale is over", || SystemClock.now().as_second() > heard).await;
    fs::write(it.config.join("flows.yaml"), FLOWS).unwrap();
    it
}

fn actions(replay: &Value, what: &str) -> u64 {
    replay["counts"]["actions"][what].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_replay_counts_asks_does_and_is_known() {
    let it = after_a_sale().await;
    let process = it.run();
    assert_eq!(with(&it.config, &["replay", "list"]).exits(0).out, "no replays\n");

    let recorded = it.json(&["replay", "--dry-run"]);
    assert_eq!((actions(&recorded, "new"), actions(&recorded, "chosen")), (0, 0), "{recorded}");
    assert!(recorded["counts"]["skipped"]["buyer-to-list"]["before-flow"].as_u64() > Some(0), "{recorded}");
    let said = with(&it.config, &["replay", "--dry-run"]).exits(0).out;
    assert!(said.contains("true before the flow was in force") && said.contains("nothing to do"), "{said}");

    let now = ["replay", "--as-of", "present", "--connection", "eshop", "--since", "1h"];
    let asked = with(&it.config, &now).exits(2);
    assert!(asked.err.contains("1 new") && asked.err.contains("hint: add --yes"), "{asked:?}");
    assert_eq!(it.listed(), 0, "nothing was done");

    let done = it.json(&[&now[..], &["--yes"]].concat());
    assert_eq!((&done["state"], done["counts"]["appended"].as_u64()), (&Value::from("done"), Some(1)), "{done}");
    eventually("the buyer is on the list", || it.listed() == 1).await;
    let again = with(&it.config, &[&now[..], &["--yes"]].concat()).exits(0);
    assert!(again.out.contains("1 already done") && again.out.contains("nothing to do"), "{again:?}");
    assert_eq!(it.listed(), 1);

    let id = done["id"].as_str().unwrap();
    let list = with(&it.config, &["replay", "list"]).exits(0).out;
    assert!(list.lines().any(|line| line.starts_with(id) && line.contains("done")), "{list}");
    assert_eq!(it.json(&["replay", "show", id])["id"], *id);
    assert!(with(&it.config, &["replay", "stop", id]).exits(1).err.contains("is done"));
    assert!(with(&it.config, &["replay", "resume", id]).exits(1).err.contains("is done"));
    assert!(with(&it.config, &["replay", "show", "r-none"]).exits(3).err.contains("no replay `r-none`"));
    assert!(with(&it.config, &["replay", "--connection", "eshp"]).exits(3).err.contains("did you mean `eshop`?"));
    assert!(with(&it.config, &["replay", "--event", "order.payd", "--dry-run"]).exits(3).err.contains("order.payd"));
    with(&it.config, &["replay", "--rate", "0"]).exits(2);
    assert!(process.stop());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everything_again_is_said_out_loud() {
    let it = after_a_sale().await;
    let process = it.run();
    with(&it.config, &["replay", "--as-of", "present", "--yes"]).exits(0);
    eventually("the buyer is on the list", || it.listed() == 1).await;
    let all = ["replay", "--as-of", "present", "--mode", "all"];
    let asked = with(&it.config, &all).exits(2).err;
    assert!(asked.contains("1 actions would be done AGAIN") && asked.contains("hint: add --yes"), "{asked}");
    let refused = with(&it.config, &["replay", "--from", "actions", "--mode", "all"]).exits(1).err;
    assert!(refused.contains("begin at events or webhooks"), "{refused}");
    assert!(process.stop());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_replay_runs_by_itself_when_nobody_runs() {
    let it = after_a_sale().await;
    // The flows come into force with the next start, which is also what makes them known.
    assert!(it.run().stop());
    let done = it.json(&["replay", "--as-of", "present", "--yes"]);
    assert_eq!((&done["state"], done["counts"]["appended"].as_u64()), (&Value::from("done"), Some(1)), "{done}");
    assert_eq!(Stage::effects(&it.stage.anabix, "lists_managed").len(), 0, "nobody is there to do it");
    let waiting = it.json(&["replay", "--as-of", "present", "--dry-run"]);
    assert_eq!((actions(&waiting, "new"), actions(&waiting, "waiting")), (0, 1), "it is on its way: {waiting}");
    let process = it.run();
    eventually("whoever comes does it", || it.listed() == 1).await;
    assert!(process.stop());
}

const UNMADE: &str = r#"
flows:
  buyer-to-list:
    on: order.paid
    from: eshop
    do:
      - crm.add_to_list: { email: "${order.customer.email}", list: Unmade, legal_basis: contract }
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_retried_letter_is_waited_for() {
    let it = after_a_sale().await;
    fs::write(it.config.join("flows.yaml"), UNMADE).unwrap();
    let process = it.run();
    with(&it.config, &["replay", "--as-of", "present", "--yes"]).exits(0);
    eventually("there is no such list, so it dies", || it.dead().len() == 1).await;
    let again = with(&it.config, &["dead", "retry", "--flow", "buyer-to-list", "--wait", "--yes"]).exits(1).out;
    assert!(again.contains("1 retried") && again.contains("dead: refused"), "{again}");
    it.stage.anabix.command(&serde_json::json!({ "add_list": "Unmade" })).expect("a list");
    eventually("the letter is there again", || it.dead().len() == 1).await;
    let done = it.json(&["dead", "retry", "--class", "permanent", "--wait", "--yes"]);
    assert_eq!((&done["moved"], &done["ended"][0]["end"]), (&Value::from(1), &Value::from("done")), "{done}");
    assert!(it.dead().is_empty());
    assert!(process.stop());
    let nobody = with(&it.config, &["dead", "retry", "--wait", "--yes"]).exits(3);
    assert!(nobody.err.contains("no dead letter fits"), "{nobody:?}");
}
