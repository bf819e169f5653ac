//! FAPI: a notification at the door, and documents read back.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use spojka::{connectors::contract::Connector, model::http::Headers};
use spojka_fuzz::{accept, normalize, open, pieces, polled, pushed, vendor};

const ACCOUNT: &[(&str, &str)] = &[("user", "shop@example.cz"), ("api_key", "fapi-test-key-0001"), ("url_token", "t0k")];

static CONNECTORS: LazyLock<[Arc<dyn Connector>; 2]> = LazyLock::new(|| {
    let with = |more: &[(&'static str, &'static str)]| open(vendor("fapi"), &[ACCOUNT, more].concat());
    [with(&[]), with(&[("paid_when", "all"), ("unverifiable_vouchers", "accept"), ("number_variant", "either")])]
});

fuzz_target!(|data: &[u8]| {
    let pieces = pieces(data);
    for connector in CONNECTORS.iter().map(AsRef::as_ref) {
        accept(connector, &pieces);
        normalize(connector, pushed(&pieces[0], Headers::new()), &pieces[1..]);
        // What was polled needs no digest, so this is the way past it.
        normalize(connector, polled(&pieces[0], "invoices", true), &pieces[1..]);
        normalize(connector, polled(&pieces[0], "invoices", false), &pieces[1..]);
    }
});
