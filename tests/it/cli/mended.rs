//! A flow that failed on an event is mended: what its owner sees, and does.

use std::fs;

use serde_json::Value;

use super::{operator::Installation, reload, with};
use crate::support::stage::{Stage, eventually, text};

fn flows(rows: &str, later: &str) -> String {
    format!(
        r#"
lookups:
  lists: {{ rows: {{ {rows} }}, missing: error }}
flows:
  by-currency:
    on: order.paid
    from: shop
    do:
      - crm.add_to_list:
          email: ${{order.customer.email}}
          list: ${{lookup("lists", order.currency)}}
          create_list: true
          legal_basis: contract
  gratis:
    on: order.paid
    from: shop
    when: decimal_cmp(order.total.amount, "0") == 0
    do: [ {{ crm.add_to_list: {{ email: "${{order.customer.email}}", list: Gratis, legal_basis: contract }} }} ]
{later}"#
    )
}

const LATER: &str = r#"  later:
    on: order.paid
    from: shop
    do: [ { crm.add_to_list: { email: "${order.customer.email}", list: Later, create_list: true, legal_basis: contract } } ]
"#;

fn told<'a>(story: &'a Value, what: &str) -> Vec<&'a str> {
    let lines = story.as_array().unwrap().iter().filter(|line| line["what"] == what);
    lines.map(|line| line["text"].as_str().unwrap()).collect()
}

/// The last word of a command in a text, between backticks.
fn command(text: &str) -> Vec<&str> {
    let command = text.split('`').find(|part| part.starts_with("spojka replay")).expect("a command");
    command.split(' ').skip(1).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_retry_goes_by_the_mended_flow_and_by_no_other() {
    let it = Installation::new(&flows("HUF: Hungarians", ""));
    let process = it.run();
    reload::sell(&it.stage, &process, 7).await;
    eventually("there is no row, so the event dies", || it.dead().len() == 1).await;
    assert_eq!(it.dead()[0]["code"], "no-such-row");
    let webhook = text(&it.json(&["trace"])[0]["id"]);
    let story = it.json(&["trace", &webhook]);
    let missed = told(&story, "missed");
    assert!(missed[0].contains("flow `by-currency`") && missed[0].ends_with("`CZK` (error)"), "{missed:?}");
    let skipped = told(&story, "skipped");
    assert!(skipped[0].starts_with("flow `gratis` (its condition says no): `spojka simulate w-"), "{skipped:?}");

    assert_eq!(it.json(&["dead", "retry", "--code", "no-such-row", "--yes"])["moved"], 1);
    eventually("nothing was mended, so it dies again", || it.dead().len() == 1).await;

    fs::write(it.config.join("flows.yaml"), flows("CZK: Czechs", LATER)).unwrap();
    with(&it.config, &["reload"]).exits(0);
    eventually("the mended flows are in force", || reload::in_force(&it.config, 2)).await;
    assert_eq!(it.json(&["dead", "retry", "--code", "no-such-row", "--yes"])["moved"], 1);
    eventually("the buyer is on the list", || it.listed() == 1).await;
    let has = |list: &str| reload::lists(&it.stage).iter().any(|title| title == list);
    assert!(has("Czechs") && !has("Later"), "a flow that came later is not for this event");
    assert!(it.dead().is_empty());

    let story = it.json(&["trace", &webhook]);
    let skipped = told(&story, "skipped");
    let later = skipped.iter().find(|text| text.starts_with("flow `later` (true before the flow was in force)"));
    let command = command(later.unwrap_or_else(|| panic!("{skipped:?}")));
    with(&it.config, &[&command[..], &["--yes"]].concat()).exits(0);
    eventually("the command that was shown fires it", || has("Later")).await;
    assert_eq!(Stage::effects(&it.stage.anabix, "lists_managed").len(), 2);
    assert!(process.stop());
}
