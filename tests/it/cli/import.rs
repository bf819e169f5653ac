//! `spojka import` as a person and as a script meet it.

use std::fs;

use super::{operator::Installation, with};
use crate::support::stage::{Stage, eventually};

const FLOWS: &str = r#"
flows:
  buyer-to-list:
    on: order.paid
    from: eshop
    do:
      - crm.add_to_list: { email: "${order.customer.email}", list: Buyers, create_list: true, legal_basis: contract }
"#;

fn run_of(said: &str) -> String {
    let at = said.find("--run ").unwrap_or_else(|| panic!("no run in {said}"));
    said[at..].split_whitespace().nth(1).unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_vendor_holds_is_previewed_and_adopted() {
    let it = Installation::new(FLOWS);
    let alone = with(&it.config, &["import", "eshop", "--since", "2020-01-01"]).exits(1).err;
    assert!(alone.contains("hint: start `spojka run`"), "{alone}");

    let process = it.run();
    let previewed = with(&it.config, &["import", "eshop", "--since", "2020-01-01"]).exits(0).out;
    assert!(previewed.contains("rows of `invoices`") && previewed.contains("nothing was done"), "{previewed}");
    assert!(previewed.contains("buyer-to-list: crm.add_to_list"), "{previewed}");
    let run = run_of(&previewed);

    let asked = with(&it.config, &["import", "eshop", "--run", &run, "--adopt"]).exits(2).err;
    assert!(asked.contains("would be adopted") && asked.contains("hint: add --yes"), "{asked}");
    let counted = it.json(&["import", "eshop", "--run", &run]);
    let chosen = counted["counts"]["actions"]["chosen"].as_u64().unwrap();
    assert!(chosen > 0, "{counted}");

    let adopted = it.json(&["import", "eshop", "--run", &run, "--adopt", "--yes"]);
    assert_eq!(adopted["counts"]["appended"].as_u64(), Some(chosen), "{adopted}");
    eventually("all of it is known", || {
        let counted = it.json(&["import", "eshop", "--run", &run]);
        counted["counts"]["actions"]["done"].as_u64() == Some(chosen)
    })
    .await;
    assert_eq!(Stage::effects(&it.stage.anabix, "lists_managed").len(), 0, "nothing was sent");
    assert_eq!(Stage::effects(&it.stage.anabix, "contact_created").len(), 0, "nothing was sent");
    assert!(it.dead().is_empty());

    // What was adopted is not missing, and a replay leaves the rows alone.
    let replayed = it.json(&["replay", "--as-of", "present", "--dry-run"]);
    assert!(replayed["counts"]["imported"].as_u64() > Some(0), "{replayed}");
    assert_eq!(replayed["counts"]["actions"]["new"].as_u64(), Some(0), "{replayed}");
    let unknown = with(&it.config, &["import", "eshop", "--since", "1d", "--kind", "ordres"]).exits(1).err;
    assert!(unknown.contains("it has `invoices`"), "{unknown}");
    let listless = with(&it.config, &["import", "crm", "--since", "1d"]).exits(1).err;
    assert!(listless.contains("cannot list"), "{listless}");
    assert!(process.stop());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_vendor_holds_is_fired_when_that_is_said() {
    let it = Installation::new("flows: {}\n");
    assert!(it.run().stop());
    // The flow comes after all that is imported, and judges it all the same.
    fs::write(it.config.join("flows.yaml"), FLOWS).unwrap();
    let process = it.run();
    let fired = it.json(&["import", "eshop", "--since", "2020-01-01", "--kind", "invoices", "--fire", "--yes"]);
    let appended = fired["counts"]["appended"].as_u64().unwrap();
    assert!(appended > 0, "{fired}");
    eventually("the buyers are on the list", || it.listed() > 0).await;
    assert!(process.stop());
}
