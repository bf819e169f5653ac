//! Anabix: what it answers.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use spojka::connectors::contract::Connector;
use spojka_fuzz::{drive, open, operation, pieces, vendor};

static CONNECTOR: LazyLock<Arc<dyn Connector>> =
    LazyLock::new(|| open(vendor("anabix"), &[("user", "shop"), ("token", "t0k"), ("several_contacts", "all")]));

static OPERATIONS: LazyLock<[(&str, Value); 3]> = LazyLock::new(|| {
    let person = json!({
        "email": "eva@example.cz", "first_name": "Eva", "custom_fields": { "Size": "M", "31": true },
        "legal_basis": "contract",
    });
    let mut listed = person.clone();
    listed["list"] = "Course participants".into();
    listed["create_list"] = true.into();
    listed["note"] = "Order 42".into();
    let removed = json!({ "email": "eva@example.cz", "list": "Course participants" });
    [("upsert_contact", person), ("add_to_list", listed), ("remove_from_list", removed)]
});

fuzz_target!(|data: &[u8]| {
    let answers = pieces(data);
    for (name, parameters) in OPERATIONS.iter() {
        drive(CONNECTOR.as_ref(), operation(vendor("anabix"), name), parameters, &answers);
    }
});
