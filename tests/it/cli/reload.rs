//! Reload against the real binary: SIGHUP, the admin port, several processes, and `spojka flows`.

use std::{fs, path::Path};

use serde_json::Value;
use spojka::{
    http::Limits,
    model::http::{Method, Request},
};

use super::{operator::Installation, with};
use crate::support::{
    kafka,
    process::{Launch, Process},
    stage::{self, Stage, eventually, text, values},
};

fn flows(list: &str) -> String {
    format!(
        r#"
flows:
  buyer-to-list:
    on: order.paid
    from: shop
    do:
      - crm.add_to_list: {{ email: "${{order.customer.email}}", list: {list}, create_list: true, legal_basis: contract }}
"#
    )
}

pub(super) async fn sell(stage: &Stage, process: &Process, id: u64) {
    let order = stage::paid_order(id, &format!("b{id}@example.cz"), stage.clock.now());
    let reply = stage.send(process.gateway, Stage::order_webhook("order.created", &order)).await.expect("an answer");
    assert_eq!(reply.status, 200);
}

/// The lists that the CRM has anybody on.
pub(super) fn lists(stage: &Stage) -> Vec<String> {
    let account = stage.anabix.state();
    let mut titles: Vec<String> = values(&account["lists"]).iter().map(|list| text(&list["title"])).collect();
    titles.sort();
    titles
}

async fn metrics(stage: &Stage, process: &Process) -> String {
    let url = url::Url::parse(&format!("http://{}/metrics", process.admin)).unwrap();
    let limits = Limits { allow_private_addresses: true, ..Limits::default() };
    let reply = stage.http.send(&Request::new(Method::Get, url), &limits).await.expect("an answer");
    String::from_utf8_lossy(&reply.body).into_owned()
}

pub(super) fn in_force(config: &Path, versions: usize) -> bool {
    let told = with(config, &["flows", "list", "--json"]).exits(0).json();
    let told = told.as_array().unwrap();
    told.len() == versions && told.last().is_some_and(|last| last["state"] == "in force")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hangup_puts_other_flows_in_force() {
    let it = Installation::new(&flows("Buyers"));
    let process = it.run();
    sell(&it.stage, &process, 7).await;
    eventually("the buyer is on the list", || it.listed() == 1).await;

    fs::write(it.config.join("flows.yaml"), flows("Customers")).unwrap();
    process.signal(rustix::process::Signal::HUP);
    eventually("the new flows are in force", || in_force(&it.config, 2)).await;
    sell(&it.stage, &process, 8).await;
    eventually("the next one is on another", || it.listed() == 2).await;
    assert!(lists(&it.stage).contains(&"Customers".to_owned()), "{:?}", lists(&it.stage));

    let versions = it.json(&["flows", "list"]);
    let hash = |at: usize| versions[at]["flow_set"].as_str().unwrap().to_owned();
    let newest = it.json(&["trace"])[0]["id"].as_str().unwrap().to_owned();
    let story = with(&it.config, &["trace", &newest]).exits(0).out;
    assert!(story.contains(&format!("flow `buyer-to-list`, step `crm.add_to_list`, by {}", hash(1))), "{story}");
    assert!(with(&it.config, &["flows", "show", &hash(0)[..10]]).exits(0).out.contains("list: Buyers"));
    assert!(with(&it.config, &["flows", "show"]).exits(0).out.contains("list: Customers"));
    with(&it.config, &["flows", "show", "f-none"]).exits(3);
    let diff = with(&it.config, &["flows", "diff", &hash(0), &hash(1)]).exits(0).out;
    assert!(diff.lines().any(|line| line.starts_with("- ") && line.contains("list: Buyers")), "{diff}");
    assert!(diff.lines().any(|line| line.starts_with("+ ") && line.contains("list: Customers")), "{diff}");
    assert_eq!(with(&it.config, &["flows", "diff"]).exits(0).out, "no difference\n");
    assert!(with(&it.config, &["reload"]).exits(0).out.contains("in force already"));

    // What cannot be reloaded is told, and the rest is done.
    it.edit(|service| service.replacen("per_second: unlimited", "per_second: 90", 1));
    fs::write(it.config.join("flows.yaml"), flows("Others")).unwrap();
    let told = it.json(&["reload"]);
    assert_eq!((&told["end"], &told["needs_restart"][0]), (&"done".into(), &"connections.eshop.delivery".into()));
    assert!(process.stop());
    assert!(with(&it.config, &["reload"]).exits(1).err.contains("is `spojka run` up?"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_broken_reload_is_refused_and_tells_no_secret() {
    let it = Installation::new(&flows("Buyers"));
    let log = it.stage.folder.path().join("process.log");
    let process = Launch { log: Some(log.clone()), ..Launch::default() }.start(&it.config).expect("it runs");
    let broken = format!("connections: {{ more: {{ anabyx: {{ user: x, token: hunter2 }} }} }}\n{}", flows("Others"));
    fs::write(it.config.join("flows.yaml"), broken).unwrap();
    process.signal(rustix::process::Signal::HUP);
    let said = || fs::read_to_string(&log).unwrap();
    eventually("it is refused", || said().contains("the old ones go on")).await;
    assert!(said().contains("did you mean `anabix`?") && !said().contains("hunter2"), "{}", said());
    let counted = metrics(&it.stage, &process).await;
    assert!(counted.contains("spojka_reloads_total{result=\"refused\"} 1"), "{counted}");
    assert!(counted.contains("spojka_flow_set_info{flow_set=\"f-"), "{counted}");

    let admin = process.admin.to_string();
    let refused = with(&it.config, &["reload", "--admin", &admin]).exits(2).out;
    assert!(refused.contains("did you mean `anabix`?") && refused.contains("the old flows go on"), "{refused}");
    assert!(!refused.contains("hunter2"), "{refused}");
    with(&it.config, &["reload"]).exits(2);
    sell(&it.stage, &process, 7).await;
    eventually("the old flows go on", || it.listed() == 1).await;
    assert!(!lists(&it.stage).contains(&"Others".to_owned()));

    // A connection that the process does not have yet.
    let new = format!(
        "connections: {{ other: {{ anabix: {{ user: shop, token: env:ANABIX_TOKEN }} }} }}\n{}",
        flows("Others").replace("crm.add", "other.add")
    );
    fs::write(it.config.join("flows.yaml"), new).unwrap();
    let refused = with(&it.config, &["reload", "--json"]).exits(2).json();
    assert_eq!((&refused["end"], &refused["needs_restart"][0]), (&"refused".into(), &"connections.other".into()));
    assert!(process.stop());
}

/// One process is told; the other one, which has fewer connections, reads it in the log and does what it can.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_process_is_told_and_all_of_them_change() {
    let Some(brokers) = kafka::variable(kafka::BROKERS) else { return kafka::skipped(kafka::BROKERS) };
    let stage = Stage::new(Some(brokers));
    let told = stage.write_config_to("told", &flows("Buyers"));
    let router = stage.write_config_to("router", &flows("Buyers"));
    let service = stage.service();
    let fewer: Vec<&str> = service.lines().filter(|line| !line.starts_with("  news:")).collect();
    fs::write(router.join("service.yaml"), fewer.join("\n")).unwrap();
    let log = stage.folder.path().join("router.log");
    let launch = |roles: Vec<&'static str>, log| Launch { roles, log, ..Launch::default() };
    let first = launch(vec!["gateway", "normalizer", "dispatcher"], None).start(&told).expect("it runs");
    let second = launch(vec!["router"], Some(log.clone())).start(&router).expect("it runs");
    sell(&stage, &first, 7).await;
    eventually("the buyer is on the list", || lists(&stage).contains(&"Buyers".to_owned())).await;

    let news = "  buyer-to-news:\n    on: order.paid\n    from: shop\n    do:\n      - news.subscribe: \
                { email: \"${order.customer.email}\" }\n";
    fs::write(told.join("flows.yaml"), format!("{}{news}", flows("Customers"))).unwrap();
    let admin = first.admin.to_string();
    let reloaded = with(&told, &["reload", "--admin", &admin, "--json"]).exits(0).json();
    assert_eq!((&reloaded["end"], &reloaded["flows"]), (&Value::from("done"), &Value::from(2)), "{reloaded}");
    let since: spojka::model::time::Timestamp = reloaded["since"].as_str().unwrap().parse().unwrap();
    eventually("it is in force", || stage.clock.now() >= since).await;
    sell(&stage, &first, 8).await;
    eventually("the other process has changed too", || lists(&stage).contains(&"Customers".to_owned())).await;
    let said = fs::read_to_string(&log).unwrap();
    assert!(said.contains("fits this process's connections in part") && said.contains("`news`"), "{said}");
    assert!(first.stop() && second.stop());
}
