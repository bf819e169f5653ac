//! `spojka approve` as people and scripts meet it, with a process at work and without.

use serde_json::Value;

use super::{operator::Installation, with};
use crate::support::stage::eventually;

const FLOWS: &str = r#"
flows:
  buyer-to-list:
    on: order.paid
    from: eshop
    start: 2020-01-01
    do:
      - crm.upsert_contact: { email: "${order.customer.email}", legal_basis: contract }
        name: contact
        hold: always
      - crm.add_to_list: { email: "${order.customer.email}", list: Buyers, create_list: true, legal_basis: contract }
        name: list
        when: steps.contact.contact_id != "none"
        hold: first 1
"#;

fn held(it: &Installation) -> Vec<Value> {
    it.json(&["approve", "list"]).as_array().unwrap().clone()
}

/// What `trace` tells of the newest webhook's outcomes and answers.
fn story(it: &Installation) -> Vec<String> {
    let newest = it.json(&["trace"]);
    let story = it.json(&["trace", newest[0]["id"].as_str().unwrap()]);
    let told = |line: &Value| format!("{}: {}", line["what"].as_str().unwrap(), line["text"].as_str().unwrap());
    story.as_array().unwrap().iter().map(told).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_held_is_listed_shown_and_approved_one_step_after_the_other() {
    let it = Installation::new(FLOWS);
    let process = it.run();
    assert_eq!(with(&it.config, &["approve", "list"]).exits(0).out, "nothing is held\n");
    with(&it.config, &["send", "eshop", "paid"]).exits(0);
    eventually("the first step is held", || held(&it).len() == 1).await;
    let row = held(&it)[0].clone();
    assert_eq!(
        (row["what"].as_str(), row["operation"].as_str()),
        (Some("buyer-to-list/contact"), Some("upsert_contact"))
    );
    let id = row["id"].as_str().unwrap().to_owned();
    let shown = with(&it.config, &["approve", "show", &id]).exits(0).out;
    assert!(shown.contains("legal_basis") && shown.contains(&format!("approve approve {id} --yes")), "{shown}");
    assert!(it.dead().is_empty(), "it is no dead letter");
    with(&it.config, &["dead", "retry", &id, "--yes"]).exits(3);
    assert!(story(&it).iter().any(|line| line.starts_with("outcome: held")), "{:?}", story(&it));

    assert!(with(&it.config, &["approve", "approve", &id]).exits(2).err.contains("1 held action would be approved"));
    with(&it.config, &["approve", "approve", "--flow", "other", "--yes"]).exits(3);
    with(&it.config, &["approve", "show", "d-none"]).exits(3);
    let approved = with(&it.config, &["approve", "approve", "--connection", "crm", "--since", "1h", "--yes", "--wait"]);
    assert!(approved.exits(0).out.contains("1 approved"));
    eventually("the second step is held", || held(&it).len() == 1 && held(&it)[0]["what"] == "buyer-to-list/list")
        .await;
    assert!(story(&it).contains(&"answer: approved by a person".to_owned()), "{:?}", story(&it));
    assert!(process.stop());

    // Nobody runs: the answer waits in the lane's topic, and is heard by whoever comes.
    assert_eq!(held(&it).len(), 1, "a restart forgets nothing");
    assert_eq!(it.json(&["approve", "approve", "--yes"])["moved"], 1);
    assert!(held(&it).is_empty());
    let process = it.run();
    eventually("it is done", || it.listed() == 1).await;
    assert!(process.stop());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_refused_is_not_sent_and_ends_its_flow() {
    let it = Installation::new(FLOWS);
    let process = it.run();
    with(&it.config, &["send", "eshop", "paid"]).exits(0);
    eventually("the first step is held", || held(&it).len() == 1).await;
    assert_eq!(it.json(&["approve", "refuse", "--yes"])["moved"], 1);
    eventually("trace says so", || {
        let story = story(&it);
        story.iter().any(|line| line.starts_with("outcome: refused"))
            && story.contains(&"answer: refused by a person".to_owned())
    })
    .await;
    assert!(it.listed() == 0 && held(&it).is_empty() && it.dead().is_empty());
    assert!(process.stop());
}
