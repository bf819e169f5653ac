use super::*;
use crate::{model::code, telemetry::names::FAMILIES};

fn shop() -> ConnectionName {
    ConnectionName::parse("shop").expect("name")
}

fn has(metrics: &Metrics, line: &str) -> bool {
    metrics.text().lines().any(|known| known == line)
}

/// Calls every method once.
fn all(metrics: &Metrics) {
    let shop = &shop();
    let second = Duration::from_secs(1);
    metrics.intake(shop).accepted(5, second);
    metrics.webhook_refused(Some(shop), code::SIGNATURE_MISMATCH);
    metrics.webhook_answered(shop, code::PING);
    metrics.gateway_queue_bytes().set(7);
    metrics.webhook_spooled(shop);
    metrics.set_spool(2, 900, second);
    metrics.fact(shop, "order.paid");
    metrics.nothing(code::NOTHING_NEW);
    metrics.dead("action", code::EXHAUSTED);
    metrics.action("paid-to-crm");
    metrics.event_skipped("condition");
    metrics.step_failed("paid-to-crm", code::BAD_PARAMETER);
    metrics.lookup_miss("statuses");
    metrics.attempt(shop, "add_to_list", Some(code::TIMED_OUT), second);
    metrics.attempt(shop, "add_to_list", None, second);
    metrics.outcome(shop, "add_to_list", "done");
    metrics.set_waiting(shop, 3);
    metrics.set_in_flight(shop, 2);
    metrics.set_held(shop, 1);
    metrics.set_oldest_waiting(shop, Duration::from_millis(1500));
    metrics.set_circuit_open(shop, true);
    metrics.call(shop, "write");
    metrics.set_quota(shop, "monthly-calls", 1200, 1000, Some((2000.0, "HUF")));
    metrics.poll_rows(shop, "orders", 4);
    metrics.webhooks_missed(shop, 2);
    metrics.loop_suspected(shop);
    metrics.set_flow_set(Some(&FlowSetHash::from_text("f-old")));
    metrics.set_flow_set(Some(&FlowSetHash::from_text("f-new")));
    metrics.reload("refused");
    metrics.log_appended(second);
    metrics.log_error("append");
    metrics.set_log_available(true);
    metrics.set_lag("router", "events.order", 9);
}

#[test]
fn every_name_of_the_list_is_exposed_with_its_labels() {
    let metrics = Metrics::new();
    all(&metrics);
    let text = metrics.text();
    for family in FAMILIES {
        assert!(text.contains(&format!("# HELP {} {}\n", family.name, family.help)), "{}", family.name);
        let sample = text.lines().find(|line| line.starts_with(family.name)).expect("a sample");
        for label in family.labels {
            assert!(sample.contains(&format!("{label}=\"")), "{label} of {}", family.name);
        }
    }
    let exposed = text.lines().filter(|line| line.starts_with("# TYPE ")).count();
    assert_eq!(exposed, FAMILIES.len(), "something is exposed that is not in the list");
}

#[test]
fn samples_say_what_was_counted() {
    let metrics = Metrics::new();
    all(&metrics);
    metrics.webhook_refused(None, code::UNKNOWN_CONNECTION);
    for line in [
        r#"spojka_webhooks_accepted_total{connection="shop"} 1"#,
        r#"spojka_webhook_body_bytes_total{connection="shop"} 5"#,
        r#"spojka_webhooks_refused_total{code="unknown-connection",connection="unknown"} 1"#,
        r#"spojka_attempts_total{code="timed-out",connection="shop",operation="add_to_list"} 1"#,
        r#"spojka_attempts_total{code="ok",connection="shop",operation="add_to_list"} 1"#,
        r#"spojka_oldest_waiting_seconds{connection="shop"} 1.5"#,
        r#"spojka_circuit_open{connection="shop"} 1"#,
        r#"spojka_quota_used{connection="shop",limit="monthly-calls"} 1200"#,
        r#"spojka_quota_cost{connection="shop",currency="HUF",limit="monthly-calls"} 2000"#,
        r#"spojka_poll_rows_total{connection="shop",poll="orders"} 4"#,
        r#"spojka_webhooks_missed_total{connection="shop"} 2"#,
        r#"spojka_lag_records{role="router",topic="events.order"} 9"#,
        r#"spojka_flow_set_info{flow_set="f-new"} 1"#,
        r#"spojka_reloads_total{result="refused"} 1"#,
        r#"spojka_webhook_ack_seconds_bucket{connection="shop",le="1"} 1"#,
    ] {
        assert!(has(&metrics, line), "{line}\n{}", metrics.text());
    }
    assert!(!metrics.text().contains("f-old"), "one is in force");
    metrics.forget_quota(&shop(), "monthly-calls", Some("HUF"));
    assert!(!metrics.text().contains("spojka_quota"));
    metrics.forget_lag("router", "events.order");
    assert!(!metrics.text().contains("spojka_lag_records"));
}

#[test]
fn two_registries_do_not_mix() {
    let (one, other) = (Metrics::new(), Metrics::new());
    one.nothing(code::PING);
    assert!(has(&one, r#"spojka_webhooks_without_facts_total{code="ping"} 1"#));
    assert!(!other.text().contains("spojka_webhooks_without_facts_total"));
}
