//! SalesAutopilot: what it answers.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use spojka::connectors::contract::Connector;
use spojka_fuzz::{drive, open, operation, pieces, vendor};

static CONNECTOR: LazyLock<Arc<dyn Connector>> = LazyLock::new(|| {
    open(
        vendor("salesautopilot"),
        &[
            ("user", "u"),
            ("password", "p"),
            ("newsletter_list", "51234"),
            ("subscribe_form", "88001"),
            ("update_form", "88002"),
            ("resubscribe_form", "88003"),
            ("order_list", "51300"),
            ("order_form", "88120"),
            ("status_form", "88125"),
            ("billing_form", "88130"),
            ("unique_email", "false"),
            ("purchase_date_field", "last"),
            ("purchase_count_field", "count"),
            ("purchase_sum_field", "sum"),
        ],
    )
});

static OPERATIONS: LazyLock<[(&str, Value); 6]> = LazyLock::new(|| {
    let order = json!({
        "id": "42", "number": "42", "customer": { "email": "eva@example.cz", "firstName": "Eva" },
        "createdAt": "2025-10-09T08:00:00Z", "total": { "amount": "1210.00", "currency": "HUF" },
        "items": [{ "code": "C-1", "name": "Course", "quantity": "1",
            "unitPrice": { "amount": "1000.00", "currency": "HUF" },
            "total": { "amount": "1000.00", "currency": "HUF" }, "taxRate": "21" }],
    });
    [
        ("subscribe", json!({ "email": "eva@example.cz", "first_name": "Eva" })),
        ("update_subscriber", json!({ "email": "eva@example.cz", "first_name": "Eva" })),
        ("update_purchase_history", json!({ "email": "eva@example.cz", "order": order })),
        ("record_order", json!({ "order": order })),
        ("update_order_status", json!({ "order_reference": "42", "status": "processing" })),
        ("mark_paid", json!({ "order_reference": "42", "paid_on": "2025-10-09" })),
    ]
});

fuzz_target!(|data: &[u8]| {
    let answers = pieces(data);
    for (name, parameters) in OPERATIONS.iter() {
        drive(CONNECTOR.as_ref(), operation(vendor("salesautopilot"), name), parameters, &answers);
    }
});
