//! `doctor` against simulated vendors in processes of their own.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use super::{Answer, free, spojka, with};

/// A running `spojka sandbox`.
struct Sandbox {
    child: Child,
    url: String,
}

impl Sandbox {
    fn start(vendor: &str, settings: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spojka"));
        command.args(["sandbox", vendor, "--json"]).args(settings.iter().flat_map(|setting| ["--set", setting]));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the binary starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        let told: Value = serde_json::from_str(&line).expect("JSON");
        Self { child, url: told["base_url"].as_str().expect("an address").to_owned() }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _may_be_dead = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// What `doctor` says with an account at this address.
fn doctor(url: &str, delivery: &str) -> Answer {
    examine(&format!(
        "  crm: {{ anabix: {{ user: shop, token: env:ANABIX_TOKEN, base_url: {url} }}, delivery: {{ {delivery} }} }}\n  \
         shop: {{ woocommerce: {{ secret: env:SHOP_SECRET }} }}\n"
    ))
}

fn examine(connections: &str) -> Answer {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "log: {{ embedded: {{ path: log.db }} }}\nadmin: {{ listen: \"{}\" }}\nconnections:\n{connections}",
        free()
    );
    fs::write(folder.path().join("spojka.yaml"), text).unwrap();
    with(folder.path(), &["doctor", "--json"])
}

fn finding(answer: &Answer, what: &str) -> (bool, String) {
    let findings = answer.json();
    let found = findings.as_array().unwrap().iter().find(|finding| finding["what"] == what).expect("a finding");
    (found["ok"].as_bool().unwrap(), found["text"].as_str().unwrap().to_owned())
}

const PRIVATE: &str = "allow_private_addresses: true";

#[test]
fn a_good_account_is_connected() {
    let sandbox = Sandbox::start("anabix", &["user=shop", "token=anabix-token"]);
    let answer = doctor(&format!("{}api", sandbox.url), PRIVATE).exits(0);
    assert_eq!(finding(&answer, "crm"), (true, "connected".to_owned()));
    assert!(finding(&answer, "log").1.contains("topics"));
    assert!(finding(&answer, "shop").1.contains("receives webhooks only"));
    let refused = doctor(&format!("{}api", sandbox.url), "").exits(1);
    assert!(finding(&refused, "crm").1.contains("allow_private_addresses"));
}

#[test]
fn wrong_credentials_are_named() {
    let sandbox = Sandbox::start("anabix", &["user=shop", "token=another"]);
    let answer = doctor(&format!("{}api", sandbox.url), PRIVATE).exits(1);
    let (ok, text) = finding(&answer, "crm");
    assert!(!ok && text.contains("`token`"), "{text}");
    assert!(!answer.out.contains("anabix-token"), "no secret is told");
}

#[test]
fn nobody_there_is_told_apart() {
    let answer = doctor(&format!("http://{}/api", free()), PRIVATE).exits(1);
    let (ok, text) = finding(&answer, "crm");
    assert!(!ok && text.contains("no connection"), "{text}");
}

/// A shop, and a table of its statuses that lacks some and has one that is misspelt.
#[test]
fn a_table_of_statuses_is_compared_with_the_shop_s_own() {
    let sandbox = Sandbox::start("woocommerce", &["secret=x", "consumer_key=ck_1", "consumer_secret=shop-secret"]);
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        r#"
log: {{ embedded: {{ path: log.db }} }}
admin: {{ listen: "{}" }}
connections:
  shop:
    woocommerce: {{ secret: env:SHOP_SECRET, base_url: {}, consumer_key: ck_1, consumer_secret: env:SHOP_SECRET }}
    delivery: {{ {PRIVATE} }}
  crm: {{ anabix: {{ user: shop, token: env:ANABIX_TOKEN, base_url: "http://{}/api" }}, delivery: {{ {PRIVATE} }} }}
lookups:
  statuses: {{ rows: {{ pending: New, processing: Paid, onhold: Waits }}, missing: skip }}
flows:
  tell:
    on: order.updated
    from: shop
    do: [ {{ crm.upsert_contact: {{ email: "${{order.customer.email}}", source: '${{lookup("statuses", order.source_status)}}' }} }} ]
"#,
        free(),
        sandbox.url,
        free()
    );
    fs::write(folder.path().join("spojka.yaml"), text).unwrap();
    let answer = with(folder.path(), &["doctor", "shop", "--json"]).exits(0);
    let (ok, text) = finding(&answer, "shop: order.source_status");
    assert!(ok && text.contains("no row for `cancelled`, `checkout-draft`, `completed`"), "{text}");
    assert!(text.contains("what is not there: `onhold`"), "{text}");
}

#[test]
fn an_own_system_is_asked_where_a_harmless_path_is_named() {
    let sandbox = Sandbox::start("http", &["authentication=bearer", "token=anabix-token"]);
    let website = |name: &str, more: &str| {
        format!(
            "  {name}: {{ http: {{ base_url: {}, authentication: bearer, {more} }}, delivery: {{ {PRIVATE} }} }}\n",
            sandbox.url
        )
    };
    let connections = [
        website("asked", "token: env:ANABIX_TOKEN, probe: health"),
        website("silent", "token: env:ANABIX_TOKEN"),
        website("stranger", "token: env:SHOP_SECRET, probe: health"),
    ];
    let answer = examine(&connections.concat()).exits(1);
    assert_eq!(finding(&answer, "asked"), (true, "connected".to_owned()));
    let (ok, text) = finding(&answer, "silent");
    assert!(ok && text.contains("`probe`"), "{text}");
    let (ok, text) = finding(&answer, "stranger");
    assert!(!ok && text.contains("`token`"), "{text}");
    assert!(!answer.out.contains("shop-secret"), "no secret is told");
}

#[test]
fn a_sandbox_knows_its_vendors_and_their_settings() {
    assert!(spojka(&["sandbox", "anabyx"]).exits(3).err.contains("did you mean `anabix`?"));
    assert!(spojka(&["sandbox", "anabix", "--set", "usr=x"]).exits(2).err.contains("`usr`"));
}
