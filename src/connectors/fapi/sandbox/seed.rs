//! What a fresh sandbox holds: sales as they were half an hour ago, and the document and the voucher of the vendor's worked
//! digests. Samples are computed from the same constants.

use serde_json::{Map, Value, json};

use super::super::local::Local;
use crate::model::time::Timestamp;

/// A line: id, name, code, price without tax.
type Line = (u64, &'static str, &'static str, i64);

/// A seeded document.
pub(in crate::connectors::fapi) struct Document {
    pub(in crate::connectors::fapi) id: u64,
    pub(in crate::connectors::fapi) number: &'static str,
    kind: &'static str,
    paid: bool,
    parent: Option<u64>,
    /// Its number among the instalments of the first one.
    instalment: u32,
    client: u64,
    items: &'static [Line],
}

impl Document {
    /// Ids and names, as the digest takes them.
    pub(in crate::connectors::fapi) fn lines(&self) -> impl Iterator<Item = (u64, &'static str)> {
        self.items.iter().map(|(id, name, _, _)| (*id, *name))
    }
}

const COURSE: &str = "Kurz účetnictví pro živnostníky";
const EVA: u64 = 5_500_123;
const JAN: u64 = 5_500_124;

const PLAIN: Document =
    Document { id: 0, number: "", kind: "proforma", paid: false, parent: None, instalment: 0, client: EVA, items: &[] };

pub(in crate::connectors::fapi) const PAID: Document = Document {
    id: 300_100_210,
    number: "2025100050",
    paid: true,
    items: &[(70_010, COURSE, "COURSE-1", 2000)],
    ..PLAIN
};

pub(in crate::connectors::fapi) const UNPAID: Document = Document {
    id: 300_100_211,
    number: "2025100051",
    client: JAN,
    items: &[(70_011, COURSE, "COURSE-1", 2000), (70_012, "Pracovní sešit", "BOOK-1", 300)],
    ..PLAIN
};

const ROOT: Document = Document {
    id: 300_100_220,
    number: "2025100052",
    paid: true,
    items: &[(70_020, COURSE, "COURSE-2", 1500)],
    ..PLAIN
};

pub(in crate::connectors::fapi) const FOLLOW_UP: Document = Document {
    id: 300_100_221,
    number: "2025200001",
    kind: "invoice",
    parent: Some(ROOT.id),
    items: &[(70_021, COURSE, "COURSE-2", 1500)],
    ..ROOT
};

pub(in crate::connectors::fapi) const INSTALMENTS: [Document; 3] = [
    Document {
        id: 300_100_230,
        number: "2025100053",
        paid: true,
        instalment: 1,
        items: &[(70_030, COURSE, "COURSE-3", 1000)],
        ..PLAIN
    },
    Document {
        id: 300_100_231,
        number: "2025100054",
        instalment: 2,
        items: &[(70_031, COURSE, "COURSE-3", 1000)],
        ..PLAIN
    },
    Document {
        id: 300_100_232,
        number: "2025100055",
        instalment: 3,
        items: &[(70_032, COURSE, "COURSE-3", 1000)],
        ..PLAIN
    },
];

pub(in crate::connectors::fapi) const VOUCHER: u64 = 4471;
pub(in crate::connectors::fapi) const VOUCHER_CODE: &str = "KXWPQ8";
pub(in crate::connectors::fapi) const TEMPLATE: u64 = 9100;
pub(in crate::connectors::fapi) const TEMPLATE_CODE: &str = "KURZ-01";

/// Belongs to another account: FAPI answers 401 of a type that says so.
pub(in crate::connectors::fapi) const FOREIGN: u64 = 1;

/// The documents.
pub(super) fn invoices(local: Local<'_>, now: Timestamp) -> Vec<Map<String, Value>> {
    let created = now - jiff::SignedDuration::from_mins(60);
    let changed = now - jiff::SignedDuration::from_mins(30);
    let [first, second, third] = &INSTALMENTS;
    let documents = [&PAID, &UNPAID, &ROOT, &FOLLOW_UP, first, second, third];
    let mut invoices: Vec<_> =
        documents.into_iter().map(|document| invoice(document, local, [created, changed, now])).collect();
    invoices.push(object(printed()));
    invoices
}

fn invoice(document: &Document, local: Local<'_>, [created, changed, now]: [Timestamp; 3]) -> Map<String, Value> {
    let issued = day(local, created);
    let mut invoice = object(json!({
        "id": document.id, "number": document.number, "variable_symbol": document.number, "type": document.kind,
        "created_on": local.write(created), "last_modified_on": local.write(changed),
        "create_date": issued, "payday_date": issued, "vat_date": issued, "parent": document.parent,
        "paid": document.paid, "cancelled": false, "has_credit_note": false,
        "proforma": document.kind == "proforma", "payment_confirmation": false, "simplified_invoice": false,
        "credit_note": false, "periodic_invoice": null, "path": format!("{:0>40}", document.id),
    }));
    invoice.extend(content(document));
    if document.paid {
        // FAPI gives the day of a payment as its midnight. Today, so that flows which begin today see it.
        invoice.insert("paid_on".to_owned(), json!(format!("{} 00:00:00", day(local, now))));
    }
    if document.instalment > 0 {
        invoice.insert("repayment_number".to_owned(), json!(document.instalment));
        invoice.insert("partial_parent".to_owned(), json!(INSTALMENTS[0].id));
    }
    invoice
}

fn content(document: &Document) -> Map<String, Value> {
    let net: i64 = document.items.iter().map(|(_, _, _, price)| price).sum();
    let tax = net * 21 / 100;
    object(json!({
        "client": document.client, "form": 8123, "project": 31862, "new_order": "3023569",
        "payment_type": "wire", "language": "cs", "currency": "CZK", "exchange_rate": 1, "exchange_rate_czk": 1,
        "total": net + tax, "total_vat": tax, "total_czk": net + tax, "total_vat_czk": tax,
        "total_native": net + tax, "total_vat_native": tax,
        "supplier": supplier(), "customer": customer(document.client), "items": items(document),
        "custom_fields": [
            {"custom_field_id": 31, "name": "Velikost", "type": "select_box", "value": "M"},
            {"custom_field_id": 32, "name": "Termíny", "type": "multi_checkbox", "value": "[\"1. 10.\",\"8. 10.\"]"},
        ],
        "labels": [{"id": 5, "name": "Kurzy", "color": "#00aa00"}],
    }))
}

fn items(document: &Document) -> Vec<Value> {
    let item = |(id, name, code, price): &Line| {
        json!({
            "id": id, "invoice": document.id, "name": name, "code": code, "price": price, "count": 1,
            "vat": 21, "including_vat": false, "round_item": false, "correction_item": false, "type": null,
        })
    };
    document.items.iter().map(item).collect()
}

/// The document of the vendor's worked digest, shortened as its description prints it.
fn printed() -> Value {
    json!({
        "id": 300_100_200, "number": "2025100042", "type": "proforma", "proforma": true, "paid": true,
        "cancelled": false, "created_on": "2025-10-09 10:52:11", "paid_on": "2025-10-09 00:00:00",
        "client": EVA, "form": 8123, "currency": "CZK", "total": 1210, "total_vat": 210, "total_czk": 1210,
        "variable_symbol": "2025100042",
        "customer": {"name": "Eva Malá", "first_name": "Eva", "last_name": "Malá", "email": "eva.mala@example.cz"},
        "items": [{"id": 70001, "name": "Online course", "code": "OC-1", "price": 1000, "count": 1, "vat": 21,
            "including_vat": false}],
        "custom_fields": [{"custom_field_id": 31, "name": "Velikost", "type": "select_box", "value": "M"}],
    })
}

fn supplier() -> Value {
    json!({
        "name": "Kurzy s.r.o.", "ic": "01234567", "dic": "CZ01234567", "email": "kurzy@example.cz",
        "swift": "FIOBCZPPXXX", "iban": "CZ6520100000001234567890", "bank_account": "1234567890/2010",
        "address": {"street": "Krátká 1", "city": "Praha", "zip": "110 00", "country": "CZ"},
    })
}

fn customer(client: u64) -> Value {
    match client {
        JAN => json!({"name": "Jan Novák", "first_name": "Jan", "last_name": "Novák", "email": "jan.novak@example.cz"}),
        _ => json!({
            "name": "Eva Malá", "first_name": "Eva", "last_name": "Malá", "email": "eva.mala@example.cz",
            "phone": "+420601000111",
            "address": {"street": "Dlouhá 5", "city": "Brno", "zip": "602 00", "country": "CZ"},
        }),
    }
}

/// The clients.
pub(super) fn clients() -> Vec<Map<String, Value>> {
    [
        json!({
            "id": EVA, "email": "eva.mala@example.cz", "first_name": "Eva", "last_name": "Malá",
            "company": "Malá s.r.o.", "ic": "09876543", "dic": "CZ09876543", "tax_payer": true,
            "address": {"street": "Dlouhá 5", "city": "Brno", "zip": "602 00", "country": "CZ"},
        }),
        json!({
            "id": JAN, "email": "jan.novak@example.cz", "first_name": "Jan", "last_name": "Novák", "tax_payer": false,
        }),
    ]
    .into_iter()
    .map(object)
    .collect()
}

/// The vouchers: one applied and provable, one valid without a product code.
pub(super) fn vouchers(local: Local<'_>, now: Timestamp) -> Vec<Map<String, Value>> {
    let created = local.write(now - jiff::SignedDuration::from_hours(24));
    let applied = local.write(now - jiff::SignedDuration::from_mins(30));
    let expires = day(local, now + jiff::SignedDuration::from_hours(24 * 30));
    [
        json!({
            "id": VOUCHER, "code": VOUCHER_CODE, "status": "applied", "created_on": created,
            "expiration_date": expires, "applied_on": applied, "invoice_id": PAID.id, "product_name": COURSE,
            "item_template_code": TEMPLATE_CODE,
            "applicant": {"email": "eva.mala@example.cz", "form_url": "https://form.example.cz/kurz"},
        }),
        json!({
            "id": VOUCHER + 1, "code": "ABCDEF", "status": "valid", "created_on": created,
            "expiration_date": expires, "applied_on": null, "invoice_id": null, "product_name": COURSE,
            "item_template_code": null, "applicant": null,
        }),
    ]
    .into_iter()
    .map(object)
    .collect()
}

/// The products.
pub(super) fn templates() -> Vec<Value> {
    vec![json!({"id": TEMPLATE, "code": TEMPLATE_CODE, "name": COURSE, "price": 2000})]
}

pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// The day of a moment as FAPI writes it.
pub(super) fn day(local: Local<'_>, moment: Timestamp) -> String {
    local.write(moment).chars().take(10).collect()
}
