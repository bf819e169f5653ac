//! One snapshot for each way to be wrong: the config, and what people read about it.

use crate::config::testing::{CONNECTIONS, load_files, load_one};

fn check(name: &str, text: &str) {
    let report = load_one(text).expect_err("the config is wrong");
    insta::assert_snapshot!(name, format!("{text}\n-----\n{report}"));
}

#[test]
fn files_and_yaml() {
    check("yaml_syntax", "connections:\n  eshop: { shop: { user: a@example.cz\n");
    check(
        "yaml_duplicate_keys",
        "remember: 200d\ngateway: { listen: '127.0.0.1:1', listen: '127.0.0.1:2' }\nremember: 300d\n",
    );
    check("yaml_tag", "remember: !days 200\n");
    check("not_a_mapping", "- remember\n");
    check("second_document", "remember: 200d\n---\nremember: 300d\n");
}

#[test]
fn names_must_be_unique_over_all_files() {
    let report = load_files(&[("a.yaml", CONNECTIONS), ("b.yaml", CONNECTIONS)]).expect_err("twice");
    insta::assert_snapshot!(report);
}

#[test]
fn service() {
    check("unknown_top_key", "conections: {}\nremembr: 3d\nzzz: 1\n");
    check(
        "service_kinds",
        "gateway: [8080]\nadmin: { listen: localhost }\nremember: 3 days\ninstallation: { prefix: 'a b' }\n",
    );
    check("remember_too_short", "remember: 10d\nretention: 90d\n");
    check("log_two_ways", "log:\n  embedded: { path: x }\n  kafka: { brokers: [a:1] }\n");
    check(
        "log_kafka",
        "log:\n  kafka:\n    brokers: [nowhere]\n    options: { sasl.password: x }\n    security: { sasl: { mechanism: SCRAM, username: u } }\n",
    );
}

#[test]
fn connections() {
    check("connection_name", "connections:\n  My_Shop: { shop: { user: a@b, api_key: env:SHOP_KEY } }\n");
    check("connection_kind", "connections:\n  eshop: shop\n  other:\n");
    check(
        "connection_vendor",
        "connections:\n  eshop: { shpo: { user: a@b } }\n  other: { delivry: {} }\n  two: { shop: { user: a@b, api_key: env:SHOP_KEY }, crm: { token: env:CRM_TOKEN } }\n",
    );
    check("setting_missing", "connections:\n  eshop: { shop: { user: a@b } }\n");
    check(
        "setting_unknown",
        "connections:\n  eshop: { shop: { user: a@b, api_key: env:SHOP_KEY, apikey: env:SHOP_KEY } }\n",
    );
    check(
        "setting_kinds",
        "connections:\n  eshop:\n    shop:\n      user: [a]\n      api_key: env:SHOP_KEY\n      paid_when: sometimes\n      api: ftp://x\n      statuses: sent\n",
    );
    check(
        "setting_refused_by_the_vendor",
        "connections:\n  eshop:\n    shop:\n      user: nobody\n      api_key: env:SHOP_KEY\n      paid_when: authorized\n",
    );
    check("secret_in_plain_text", "connections:\n  eshop: { shop: { user: a@b, api_key: hunter2, tpyo: 1 } }\n");
    check(
        "secret_not_there",
        "connections:\n  eshop: { shop: { user: a@b, api_key: env:NOWHERE, signing: [env:EMPTY, file:/none] } }\n",
    );
    check(
        "delivery",
        "connections:\n  crm:\n    crm: { token: env:CRM_TOKEN }\n    delivery: { concurrency: 0, per_second: fast, timeout: 30, retries: 3, retry: { first: 1h, cap: 1m } }\n",
    );
    check(
        "connection_past",
        "connections:\n  crm: { crm: { token: env:CRM_TOKEN } }\n  new: { crm: { token: env:CRM_TOKEN }, was: crm }\n",
    );
}
