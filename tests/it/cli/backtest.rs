//! `spojka backtest` as a person and as a script meet it, with a process at work and without.

use std::{fs, path::PathBuf};

use serde_json::Value;

use super::{operator::Installation, with};
use crate::support::stage::eventually;

const FLOWS: &str = r#"
flows:
  buyer-to-list:
    on: order.paid
    from: eshop
    do:
      - crm.add_to_list: { email: "${order.customer.email}", list: Buyers, create_list: true, legal_basis: contract }
"#;

/// Another folder, with the same connections and other flows.
fn proposed(it: &Installation, flows: &str) -> PathBuf {
    let folder = it.stage.folder.path().join("proposed");
    fs::create_dir_all(&folder).unwrap();
    fs::copy(it.config.join("service.yaml"), folder.join("service.yaml")).unwrap();
    fs::write(folder.join("flows.yaml"), flows).unwrap();
    folder
}

fn counts(backtest: &Value) -> Value {
    backtest["found"]["steps"][0]["counts"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_change_is_reviewed_before_it_goes_live() {
    let it = Installation::new(FLOWS);
    let process = it.run();
    with(&it.config, &["send", "eshop", "paid"]).exits(0);
    eventually("the buyer is on the list", || it.listed() == 1).await;

    let folder = proposed(&it, &FLOWS.replace("list: Buyers", "list: Customers"));
    let folder = folder.to_str().unwrap();
    let said = with(&it.config, &["backtest", folder]).exits(0).out;
    for part in ["list (1)", "list: Buyers -> Customers", "which is in force", "crm: actions 1, calls"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let told = it.json(&["backtest", folder, "--samples", "0"]);
    assert_eq!((&told["state"], &counts(&told)["changed"]), (&Value::from("done"), &Value::from(1)), "{told}");
    assert_eq!(told["found"]["steps"][0]["samples"], Value::Array(Vec::new()));
    assert!(with(&it.config, &["backtest"]).exits(0).out.contains("no difference"), "its own config");
    assert_eq!(it.json(&["backtest", folder, "--since", "2100-01-01"])["read"]["events"], 0);

    assert!(with(&it.config, &["backtest", folder, "--flow", "buyer"]).exits(3).err.contains("no flow `buyer`"));
    assert!(with(&it.config, &["backtest", folder, "--connection", "eshp"]).exits(3).err.contains("`eshop`?"));
    assert!(with(&it.config, &["backtest", folder, "--event", "order.payd"]).exits(3).err.contains("order.payd"));
    let broken = proposed(&it, &FLOWS.replace("order.paid", "order.payed"));
    let refused = with(&it.config, &["backtest", broken.to_str().unwrap()]).exits(2).err;
    assert!(refused.contains("did you mean `order.paid`?"), "{refused}");

    proposed(&it, &FLOWS.replace("list: Buyers", "list: Customers"));
    assert!(process.stop());
    assert_eq!(counts(&it.json(&["backtest", folder])), counts(&told), "by itself too");
    assert_eq!(it.listed(), 1, "nothing was sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_activation_is_estimated_with_its_price() {
    let it = Installation::new(FLOWS);
    let process = it.run();
    with(&it.config, &["send", "eshop", "paid"]).exits(0);
    eventually("the buyer is on the list", || it.listed() == 1).await;

    // It is about what the config says now, not about what runs.
    let second = FLOWS
        .replace("flows:\n", "")
        .replace("buyer-to-list:", "old-buyers:")
        .replace("from: eshop", "from: eshop\n    start: 2020-01-01");
    fs::write(it.config.join("flows.yaml"), format!("{FLOWS}{second}")).unwrap();
    it.edit(|service| {
        let (before, crm) = service.split_once("  crm:").unwrap();
        let limit = "delivery: { limits: { tight: { calls: 3, window: month } },";
        format!("{before}  crm:{}", crm.replacen("delivery: {", limit, 1))
    });
    let told = it.json(&["check", "--against-log"]);
    let estimate = &told["estimate"];
    assert_eq!((&told["flows"], &estimate["days"]), (&Value::from(2), &Value::from(1)), "{told}");
    let due: Vec<_> =
        estimate["flows"].as_array().unwrap().iter().map(|flow| (&flow["flow"], &flow["due_at_once"])).collect();
    assert_eq!(due, [(&"buyer-to-list".into(), &0.into()), (&"old-buyers".into(), &1.into())], "{told}");
    assert!(estimate["warnings"][0].as_str().unwrap().contains("would go over the limit `tight` of 3"), "{told}");
    let said = with(&it.config, &["check", "--against-log"]).exits(0).out;
    for part in
        ["no problems", "flow `old-buyers`: about 1 actions a day", "due by its earlier `start`: 1", "warning: "]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(with(&it.config, &["check", "--json"]).exits(0).json()["estimate"], Value::Null, "only when asked");
    assert!(process.stop());
}
