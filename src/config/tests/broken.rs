//! One snapshot for each way to be wrong: the config, and what people read about it.

use crate::config::testing::{CONNECTIONS, load_files, load_one};

pub(super) fn check(name: &str, text: &str) {
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
    check(
        "yaml_expression_without_quotes",
        "flows:\n  one: { on: order.paid, do: [crm.add_note: { contact: ${order.id}, text: b }] }\n",
    );
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
    check("spool_embedded", "gateway: { spool: { path: spool } }\n");
    check("spool_kinds", "log: { kafka: { brokers: [a:1] } }\ngateway: { spool: { max_bytes: 7, paht: x } }\n");
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
        "delivery_schedules",
        "connections:\n  crm:\n    crm: { token: env:CRM_TOKEN }\n    delivery:\n      retry: { list: [1m], first: 1s }\n      not_there: { list: [1m, soon], max_age: 2h }\n      circuit: { failures: 0, first: 1h }\n  two: { crm: { token: env:CRM_TOKEN }, delivery: { retry: { list: [] } } }\n",
    );
    check(
        "connection_past",
        "connections:\n  crm: { crm: { token: env:CRM_TOKEN } }\n  new: { crm: { token: env:CRM_TOKEN }, was: crm }\n",
    );
}

#[test]
fn limits() {
    let crm = |limits: &str| {
        format!("connections:\n  crm:\n    crm: {{ token: env:CRM_TOKEN }}\n    delivery:\n      limits:\n{limits}")
    };
    check(
        "limit_kinds",
        &crm(
            "        monthly-calls: { calls: none, window: year, class: slow, scope: house, time_zone: Budapest, share: 120%,\n          on_exhausted: explode, warn_at: [half, 80%], max_calls: 0, budget: -1, callz: 3 }\n",
        ),
    );
    check(
        "limit_names",
        &crm(
            "        Bad Name: { calls: 1, window: minute }\n        pace: { calls: 1, window: minute }\n        monthly-call: { calls: 1 }\n        other: {}\n        per-adress: unlimited\n",
        ),
    );
    check("limit_not_a_mapping", &crm("        [60]\n"));
    check(
        "limit_short_with_a_price",
        &crm("        per-address: { price: { block: 1, amount: 1, currency: CZK }, on_exhausted: pause }\n"),
    );
    check(
        "limit_without_a_price",
        &crm("        daily: { calls: 500, window: day, on_exhausted: continue, max_calls: 600, budget: 10 }\n"),
    );
    check(
        "limit_price",
        &crm(
            "        daily: { calls: 5, window: day, price: { block: 10, amount: 1,5, currency: huf } }\n        hourly: { calls: 5, window: hour, price: { block: 10 } }\n        monthly-calls: { max_calls: 900 }\n",
        ),
    );
    check("limit_share_of_ones_own", &crm("        monthly-calls: { share: 50% }\n"));
}

#[test]
fn shares_of_a_limit() {
    let two = |one: &str, other: &str| {
        let connection = |name: &str, limits: &str| {
            format!("  {name}:\n    crm: {{ token: env:CRM_TOKEN }}\n    delivery: {{ limits: {{ {limits} }} }}\n")
        };
        format!("connections:\n{}{}", connection("crm", one), connection("crm-hu", other))
    };
    check("limit_shares_above_the_whole", &two("per-address: { share: 60% }", "per-address: { share: 0.5 }"));
    check("limit_share_that_leaves_nothing", &two("per-address: { share: 100% }", ""));
    let daily = "daily: { calls: 1, window: day, scope: application }";
    check("limit_share_below_one_call", &two(daily, daily));
}

/// A flow behind two connections, `eshop` (a shop) and `crm`.
pub(super) fn check_flow(name: &str, flow: &str) {
    let report = load_one(&format!("{CONNECTIONS}flows:\n{flow}")).expect_err("the flow is wrong");
    insta::assert_snapshot!(name, format!("{flow}\n-----\n{report}"));
}

#[test]
fn flows() {
    check_flow(
        "flow_keys",
        "  Bad Name: { on: order.paid, do: [crm.add_note: { contact: a, text: b }], wehn: true }\n  empty: {}\n  none: { on: [], do: [] }\n",
    );
    check_flow(
        "flow_event_types",
        "  one: { on: [order.payed, order.shipped, stock.low, order.paid, order.paid], do: [crm.add_note: { contact: a, text: b }] }\n",
    );
    check_flow(
        "flow_mixed_entities",
        "  one: { on: [order.paid, invoice.paid], do: [crm.add_note: { contact: a, text: b }] }\n",
    );
    check_flow(
        "step_optional",
        "  one:\n    on: order.paid\n    do:\n      - crm.add_note: { contact: a, text: b }\n        optional: sometimes\n      - crm.add_note: { contact: a, text: c }\n        name: second\n        optionl: true\n",
    );
    check_flow(
        "flow_from",
        "  one: { on: order.paid, from: [eshp, nowhere], do: [crm.add_note: { contact: a, text: b }] }\n",
    );
    check_flow(
        "flow_never_emitted",
        "  one: { on: order.completed, from: eshop, do: [crm.add_note: { contact: a, text: b }] }\n  two: { on: order.paid, from: [eshop, crm], do: [crm.add_note: { contact: a, text: b }] }\n",
    );
    check_flow(
        "flow_start",
        "  one: { on: order.paid, start: yesterday, do: [crm.add_note: { contact: a, text: b }] }\n",
    );
    check_flow(
        "flow_past",
        "  one: { on: order.paid, was: two, do: [crm.add_note: { contact: a, text: b }] }\n  two: { on: order.paid, do: [crm.add_note: { contact: a, text: b }] }\n",
    );
    check_flow(
        "flow_condition",
        "  one:\n    on: order.paid\n    when: order.itmes.exists(i, i.code == \"x\") && order.status == \"payed\"\n    do: [crm.add_note: { contact: a, text: b }]\n",
    );
    check_flow(
        "flow_condition_uses_steps",
        "  one:\n    on: order.paid\n    when: steps.crm.upsert_contact.contact_id != ''\n    do: [crm.upsert_contact: { email: a@b.cz }]\n",
    );
    check_flow(
        "flow_condition_folded",
        "  one:\n    on: order.paid\n    when: >\n      order.paid &&\n        order.totl != \"\"\n    do: [crm.add_note: { contact: a, text: b }]\n",
    );
}

#[test]
fn steps() {
    check_flow(
        "step_form",
        "  one:\n    on: order.paid\n    do:\n      - crm.add_note\n      - name: x\n      - crm.add_note: { contact: a, text: b }\n        crm.add_to_list: { email: a@b.cz, list: x }\n        naem: y\n        on_refusal: never\n",
    );
    check_flow(
        "step_target",
        "  one:\n    on: order.paid\n    do:\n      - crn.add_note: { contact: a, text: b }\n      - crm.add_notes: { contact: a, text: b }\n      - crm.delete_all: {}\n      - crm.read_contact: {}\n      - eshop.cancel: {}\n",
    );
    check_flow(
        "step_names",
        "  one:\n    on: order.paid\n    do:\n      - crm.add_note: { contact: a, text: b }\n      - crm.add_note: { contact: a, text: c }\n      - crm.add_to_list: { email: a@b.cz, list: x }\n        name: crm\n      - crm.upsert_contact: { email: a@b.cz }\n        was: crm.add_note\n",
    );
    check_flow(
        "step_parameters",
        "  one:\n    on: order.paid\n    do:\n      - crm.add_to_list:\n          emial: ${order.customer.email}\n          name: list\n          list:\n          whatever: 1\n",
    );
    check_flow(
        "parameter_constants",
        "  one:\n    on: order.paid\n    do:\n      - crm.add_to_list:\n          email: eva at example.cz\n          list: [a, b]\n          legal_basis: contrakt\n          priority: high\n          active: yes\n          on: 9. 10. 2025\n      - crm.add_note: { contact: a, text: '', amount: '1,5' }\n      - crm.upsert_contact: { email: a@b.cz, tags: { a: b }, fields: [a], name: { a: b } }\n",
    );
    check_flow(
        "parameter_types",
        "  one:\n    on: order.paid\n    do:\n      - crm.add_to_list:\n          email: ${order.customer}\n          list: Paid ${order.total}\n          priority: ${order.paid}\n          active: ${order.items}\n      - crm.add_note: { contact: a, text: \"${order.items.map(i, i.code)}\", amount: \"${order.total}\" }\n      - crm.upsert_contact: { email: \"${order.id}\", tags: [\"${order.items}\"], fields: { total: \"${order.total}\" } }\n",
    );
    check_flow(
        "parameter_messages",
        "  one:\n    on: order.paid\n    do:\n      - crm.record_order: { order: \"the ${order}\", buyer: \"${order.items[0]}\" }\n      - crm.record_order: { order: \"${order.customer}\" }\n        name: again\n",
    );
    check_flow(
        "parameter_expressions",
        "  one:\n    on: order.paid\n    do:\n      - crm.add_note:\n          contact: ${order.custmer.email} and ${ordr.id}\n          text: 'it''s ${order.number'\n          amount: \"${order.total.amnt}\"\n      - crm.add_to_list:\n          email: a@b.cz\n          list: |\n            Course\n            ${order.x}\n",
    );
    check_flow(
        "step_results",
        "  one:\n    on: order.paid\n    do:\n      - crm.add_note: { contact: \"${steps.contact.contact_id}\", text: \"${steps.crm.add_note.x}\" }\n      - crm.upsert_contact: { email: a@b.cz, name: \"${steps.conact.state}\" }\n        name: contact\n        when: steps.crm.add_note.note_id != ''\n      - crm.add_to_list: { email: a@b.cz, list: \"${steps.contact.id}${steps.contct.state}\" }\n",
    );
}

#[test]
fn a_broken_connection_is_told_once() {
    let config =
        "connections:\n  crm: { crm: {} }\nflows:\n  one: { on: order.paid, do: [crm.add_note: { contact: a }] }\n";
    let report = load_one(config).expect_err("broken");
    assert_eq!(report.problems.len(), 1, "{report}");
}

#[test]
fn as_json_a_problem_is_flat() {
    let report = load_one("remembr: 3d\n").expect_err("wrong");
    let json = serde_json::to_value(&report).expect("json");
    assert_eq!(
        json["problems"][0],
        serde_json::json!({
            "file": "spojka.yaml", "line": 1, "column": 1, "end_column": 8, "severity": "error", "code": "unknown-key",
            "message": "a config has no key `remembr`", "hint": "did you mean `remember`?", "excerpt": "remembr: 3d",
        })
    );
}

proptest::proptest! {
    /// Pieces of configs in any order: a report, or a config, but never a panic.
    #[test]
    fn any_config_is_loaded_or_refused(
        pieces in "(connections|flows|log|gateway|on|do|when|from|crm|eshop|order\\.paid|crm\\.add_note|text|contact|was|name|env:X|: |:\n  |:\n    |\n|\n  |\n    |\n      - |- |\\{|\\}|\\[|\\]|, |'|\"|\\$\\{order\\.id\\}|\\$\\{|&a |\\*a|#|é){0,40}"
    ) {
        if let Err(report) = load_files(&[("a.yaml", CONNECTIONS), ("b.yaml", &pieces)]) {
            proptest::prop_assert!(!report.problems.is_empty());
            proptest::prop_assert!(!report.to_string().is_empty());
        }
    }
}
