use super::*;

fn ids() -> Ids {
    Ids::new(b"test vectors")
}

fn shop() -> ConnectionName {
    ConnectionName::parse("shop-cz").expect("name")
}

/// Computed once, written down, never changed: see the module's head.
#[test]
fn vectors() {
    let ids = ids();
    let webhook = ids.delivered(&shop(), "msg_1");
    let event = ids.event(&shop(), "order", "42", "paid", &Identity::Once);
    let state = Identity::State(1_760_000_000_000_000, ContentHash::of(&serde_json::json!({"a": 1})));
    let action = ids.action(&event, "paid-to-crm", "crm.add_to_list", "");
    insta::assert_snapshot!(
        [
            ("delivered", webhook.to_string()),
            ("arrived", ids.arrived(&shop(), [7; 16]).to_string()),
            ("polled", ids.polled(&shop(), "invoices", "300", "v1").to_string()),
            ("fetch", ids.fetch(&webhook, "invoice", "").to_string()),
            ("event once", event.to_string()),
            (
                "event counted",
                ids.event(&shop(), "payment", "42", "refunded", &Identity::Counted("7".into())).to_string()
            ),
            ("event state", ids.event(&shop(), "order", "42", "updated", &state).to_string()),
            ("action", action.to_string()),
            ("action of a run", ids.action(&event, "paid-to-crm", "crm.add_to_list", "run-1").to_string()),
            ("step event", ids.step_event(&action).to_string()),
            ("entity", ids.entity(&shop(), "order", "42").to_string()),
            ("conflict", ids.conflict(&shop(), "contact:eva@example.cz").to_string()),
            ("partition", ids.partition(&shop(), "order/42").to_string()),
            ("credentials", ids.credentials(&shop(), &["user", "shop", "token", "secret"]).to_string()),
            ("dead", ids.dead(action.as_str()).to_string()),
            ("flow set", ids.flow_set(&ContentHash::from_bytes(b"flows")).to_string()),
        ]
        .map(|(what, id)| format!("{what}: {id}"))
        .join("\n")
    );
}

#[test]
fn parts_cannot_run_into_each_other() {
    let ids = ids();
    assert_ne!(ids.conflict(&shop(), "ab"), ids.partition(&shop(), "ab"));
    let one = ids.event(&shop(), "order", "12", "paid", &Identity::Once);
    let two = ids.event(&shop(), "order", "1", "2paid", &Identity::Once);
    assert_ne!(one, two);
}

#[test]
fn another_key_gives_other_ids() {
    assert_ne!(ids().conflict(&shop(), "a"), Ids::new(b"other").conflict(&shop(), "a"));
}
