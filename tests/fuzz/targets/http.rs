//! A company's own system: bodies in our words and in theirs at the door and as facts, and whatever it answers.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use spojka::{
    connectors::contract::{Connector, Operation},
    model::http::Headers,
};
use spojka_fuzz::{accept, drive, normalize, open, operation, pieces, pushed, vendor};

const TARGET: &[(&str, &str)] = &[("base_url", "https://www.example.cz/api/"), ("find", "{path}?email={key}")];

static CONNECTORS: LazyLock<[Arc<dyn Connector>; 3]> = LazyLock::new(|| {
    let with = |more: &[(&'static str, &'static str)]| open(vendor("http"), &[TARGET, more].concat());
    [
        with(&[("secret", "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=")]),
        with(&[("scheme", "hmac"), ("secret", "s"), ("content_path", ""), ("zone", "Europe/Prague")]),
        with(&[
            ("scheme", "token"),
            ("url_token", "t0k"),
            ("types", "user.created: subscriber.subscribed"),
            ("fields", "party.email: user.mail, id: user.id, subscribed_at: at, order/customer.email: user.mail"),
        ]),
    ]
});

/// `delete` is not among them: it is content with an answer that something is not there.
static OPERATIONS: LazyLock<[(&'static Operation, Value); 2]> = LazyLock::new(|| {
    let of = |name| operation(vendor("http"), name);
    let fields = json!({ "email": "eva@example.cz", "address.city": "Brno" });
    [
        (of("create"), json!({ "path": "users", "key": "eva@example.cz", "fields": fields })),
        (of("update"), json!({ "path": "users", "id": "7", "fields": fields })),
    ]
});

fuzz_target!(|data: &[u8]| {
    let pieces = pieces(data);
    for connector in CONNECTORS.iter().map(AsRef::as_ref) {
        accept(connector, &pieces);
        normalize(connector, pushed(&pieces[0], Headers::new()), &[]);
        for (operation, parameters) in OPERATIONS.iter() {
            drive(connector, operation, parameters, &pieces);
        }
    }
});
