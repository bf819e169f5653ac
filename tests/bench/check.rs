//! How long checking takes: 1,000 flows in 20 files, as they would stand in a directory that grew for years.
//!
//! `cargo bench --bench check`; `cargo test --bench check` (or `--quick`) is a smoke run.

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "it measures, and tells what it measured")]

use std::{fmt::Write as _, path::Path, time::Instant};

use spojka::{
    config::{FixedEnvironment, Mode, load_texts},
    connectors::VENDORS,
};

/// What the checker must keep.
const MOST_MS: u128 = 500;

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick" || argument == "--test");
    let rounds = if quick { 1 } else { 20 };
    for flows in if quick { vec![20] } else { vec![100, 1000] } {
        let files = config(flows);
        let mut times: Vec<u128> = (0..rounds).map(|_| check(&files, flows)).collect();
        times.sort_unstable();
        let (best, middle, worst) = (times[0], times[times.len() / 2], times[times.len() - 1]);
        println!("{flows} flows: {best} ms at best, {middle} ms in the middle, {worst} ms at worst (of {rounds})");
        if flows == 1000 {
            println!("at most {MOST_MS} ms: {}", if middle <= MOST_MS { "kept" } else { "NOT KEPT" });
        }
    }
}

fn check(files: &[(String, String)], flows: usize) -> u128 {
    let start = Instant::now();
    let config = load_texts(files, Path::new("."), &FixedEnvironment::default(), VENDORS, Mode::CheckOnly);
    let took = start.elapsed().as_millis();
    let config = config.unwrap_or_else(|report| panic!("{report}"));
    assert_eq!(config.flows.flows().len(), flows);
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    took
}

/// Flows like those of the examples: a condition, templates, constants, some with a second step that uses the first.
fn config(flows: usize) -> Vec<(String, String)> {
    let connections = "connections:\n  eshop: { fapi: { user: a@example.cz, api_key: env:A, url_token: env:B } }\n  \
                       shop: { woocommerce: { secret: env:C } }\n  crm: { anabix: { user: shop, token: env:D } }\n";
    let mut files = vec![("connections.yaml".to_owned(), connections.to_owned())];
    for (file, numbers) in (0..flows).collect::<Vec<_>>().chunks(50).enumerate() {
        let mut text = "flows:\n".to_owned();
        for number in numbers {
            let source = if number % 2 == 0 { "eshop" } else { "shop" };
            write!(
                text,
                "  flow-{number}:\n    on: order.paid\n    from: {source}\n    \
                 when: order.items.exists(i, i.code == \"COURSE-{number}\") && order.customer.email != \"\"\n    do:\n      \
                 - crm.upsert_contact:\n          email: ${{order.customer.email}}\n          \
                 first_name: ${{order.customer.first_name}}\n          last_name: ${{order.customer.last_name}}\n        \
                 name: contact\n      - crm.add_to_list:\n          email: ${{order.customer.email}}\n          \
                 list: Course {number}\n          legal_basis: contract\n          \
                 note: Order ${{order.number}} of course {number}, contact ${{steps.contact.contact_id}}\n"
            )
            .expect("a String takes everything");
        }
        files.push((format!("flows-{file}.yaml"), text));
    }
    files
}
