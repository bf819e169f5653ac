use std::path::Path;

use super::*;
use crate::{
    config::{self, FixedEnvironment, Mode},
    connectors::VENDORS,
};

const CONFIG: &str = "installation: { prefix: one., hash_key: env:KEY }\nlog: { embedded: { path: a.db } }\n\
    connections:\n  crm: { anabix: { user: shop, token: env:TOKEN, base_url: \"https://a.example/api\" }, delivery: { concurrency: 2 } }\n\
    \x20 shop: { woocommerce: { secret: env:SECRET } }\n";

fn config(text: &str, token: &str) -> Config {
    let variables = [("KEY", "k"), ("TOKEN", token), ("SECRET", "s")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let environment = FixedEnvironment { variables, ..FixedEnvironment::default() };
    let files = [("a.yaml".to_owned(), text.to_owned())];
    config::load_texts(&files, Path::new("."), &environment, VENDORS, Mode::Resolve).expect("a right config")
}

#[test]
fn what_changed_is_told_by_its_key() {
    let running = config(CONFIG, "t");
    let parts = |from: &str, to: &str| {
        assert!(CONFIG.contains(from), "{from}");
        needs_restart(&running, &config(&CONFIG.replace(from, to), "t"))
    };
    assert!(needs_restart(&running, &config(CONFIG, "t")).is_empty());
    assert_eq!(parts("concurrency: 2", "concurrency: 3"), ["connections.crm.delivery"]);
    assert_eq!(parts("a.example", "b.example"), ["connections.crm.anabix"]);
    assert_eq!(parts("}, delivery:", "}, preflight: off, delivery:"), ["connections.crm.preflight"]);
    assert!(parts("}, delivery:", "}, defaults: { list: Buyers }, delivery:").is_empty(), "they come with the flows");
    assert_eq!(parts("path: a.db", "path: b.db"), ["log"]);
    assert_eq!(parts("prefix: one.", "prefix: two."), ["installation.prefix"]);
    assert_eq!(parts("  shop: {", "  eshop: {"), ["connections.eshop", "connections.shop"]);
    assert_eq!(parts("  shop: {", "  shop: { was: old,"), ["connections.shop.was"]);
    assert_eq!(parts("connections:", "remember: 500d\nconnections:"), ["remember"]);
    assert_eq!(parts("connections:", "gateway: { listen: \"0.0.0.0:1\" }\nconnections:"), ["gateway"]);
    assert_eq!(needs_restart(&running, &config(CONFIG, "other")), ["connections.crm.anabix"], "a secret counts");
}
