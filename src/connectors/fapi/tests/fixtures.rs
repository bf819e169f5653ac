//! Stored webhooks with their replies, and what each proves: `fixtures/*.json`, written after the vendor's description.

use std::path::Path;

use serde_json::Value;

use super::{at, config, invalid, pushed, replied};
use crate::connectors::{contract::Normalized, fapi::normalize::normalize};

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn check(fixture: &Value) {
    let about = text(&fixture["about"]);
    let settings = fixture["settings"].as_object().expect("settings");
    let config = config(&settings.iter().map(|(name, value)| (name.as_str(), text(value))).collect::<Vec<_>>());
    let read = at("2025-10-09T09:00:00Z");
    let mut webhook = pushed(text(&fixture["body"]).as_bytes(), read);
    for reply in fixture["replies"].as_array().expect("replies") {
        let status = u16::try_from(reply["status"].as_u64().expect("a status")).expect("a status");
        // Each reply is asked for, and nothing is said before the last is there.
        let Normalized::Proves { facts, fetches } = normalize(&config, &webhook) else { panic!("{about}: too soon") };
        assert!(facts.is_empty() && fetches.len() == 1 && fetches[0].purpose == text(&reply["purpose"]), "{about}");
        webhook.replies.push(replied(text(&reply["purpose"]), status, &reply["body"], read));
    }
    let end = normalize(&config, &webhook);
    if let Some(dead) = fixture.get("dead") {
        assert_eq!(invalid(&end).map(crate::model::code::Code::as_str), dead.as_str(), "{about}");
        return;
    }
    let Normalized::Proves { facts, fetches } = end else { panic!("{about}: no facts") };
    assert!(fetches.is_empty(), "{about}");
    let mut proven: Vec<_> = facts.iter().map(|fact| format!("{} {}", fact.event_type.name, fact.entity_id)).collect();
    proven.sort_unstable();
    assert_eq!(Value::from(proven), fixture["facts"], "{about}");
}

#[test]
fn every_fixture_proves_what_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/connectors/fapi/fixtures");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the folder of fixtures") {
        let bytes = std::fs::read(entry.expect("an entry").path()).expect("a fixture");
        check(&serde_json::from_slice(&bytes).expect("a fixture is JSON"));
        count += 1;
    }
    assert!(count >= 11, "{count} fixtures");
}
