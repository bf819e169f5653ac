//! The parts that orders, documents and payments share: people, addresses, the owner's own fields, FAPI's ids.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    sale::Kind,
    wire::{self, Address, Invoice, Party},
};
use crate::topics::body::v1;

/// The customer as written on the document; what it leaves blank is filled from the client, where that was read.
pub(super) fn customer(invoice: &Invoice, client: Option<&Party>) -> v1::Party {
    let written =
        v1::Party { id: invoice.client.clone(), language: invoice.language.clone(), ..party(&invoice.customer) };
    let Some(client) = client.map(party) else { return written };
    let or = |written: String, client: String| if written.is_empty() { client } else { written };
    v1::Party {
        first_name: or(written.first_name, client.first_name),
        last_name: or(written.last_name, client.last_name),
        email: or(written.email, client.email),
        phone: or(written.phone, client.phone),
        company: or(written.company, client.company),
        company_id: or(written.company_id, client.company_id),
        tax_id: or(written.tax_id, client.tax_id),
        vat_id: or(written.vat_id, client.vat_id),
        address: written.address.or(client.address),
        shipping_address: written.shipping_address.or(client.shipping_address),
        ..written
    }
}

/// A customer, a supplier or a client.
pub(super) fn party(party: &Party) -> v1::Party {
    v1::Party {
        id: party.id.clone(),
        name: party.name.clone(),
        first_name: party.first_name.clone(),
        last_name: party.last_name.clone(),
        email: party.email.clone(),
        phone: party.phone.clone(),
        company: party.company.clone(),
        company_id: party.ic.clone(),
        tax_id: party.dic.clone(),
        vat_id: party.ic_dph.clone(),
        address: address(&party.address),
        shipping_address: address(&party.shipping_address),
        ..v1::Party::default()
    }
}

fn address(address: &Address) -> Option<v1::Address> {
    if *address == Address::default() {
        return None;
    }
    Some(v1::Address {
        name: format!("{} {}", address.name, address.surname).trim().to_owned(),
        street: address.street.clone(),
        city: address.city.clone(),
        postcode: address.zip.clone(),
        country: address.country.to_ascii_uppercase(),
        ..v1::Address::default()
    })
}

/// The fields that the owner added to the form.
pub(super) fn custom_fields(fields: &[wire::CustomField]) -> Vec<v1::CustomField> {
    fields.iter().map(custom_field).collect()
}

fn custom_field(field: &wire::CustomField) -> v1::CustomField {
    let values = several(field);
    let value = if values.is_empty() { scalar(&field.value) } else { values.join(", ") };
    v1::CustomField {
        id: field.custom_field_id.clone(),
        name: field.name.clone(),
        r#type: field.kind.clone(),
        value,
        values,
    }
}

/// The parts of a `multi_checkbox`, whose value is a JSON list inside a text.
fn several(field: &wire::CustomField) -> Vec<String> {
    let inner = match &field.value {
        Value::String(text) if field.kind == "multi_checkbox" => serde_json::from_str(text).unwrap_or(Value::Null),
        other => other.clone(),
    };
    inner.as_array().map(|parts| parts.iter().map(scalar).collect()).unwrap_or_default()
}

fn scalar(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

pub(super) fn labels(labels: &[wire::Label]) -> Vec<v1::Label> {
    labels.iter().map(|label| v1::Label { id: label.id.clone(), name: label.name.clone() }).collect()
}

/// FAPI's identifiers by its own names, without those that the document does not have.
pub(super) fn vendor_ids(invoice: &Invoice) -> BTreeMap<String, String> {
    let ids = [
        ("invoice", &invoice.id),
        ("client", &invoice.client),
        ("form", &invoice.form),
        ("project", &invoice.project),
        ("new_order", &invoice.new_order),
        ("variable_symbol", &invoice.variable_symbol),
        ("path", &invoice.path),
        ("parent", &invoice.parent),
        ("partial_parent", &invoice.partial_parent),
        ("periodic_invoice", &invoice.periodic_invoice),
    ];
    let told = ids.into_iter().filter(|(_, id)| !id.is_empty());
    told.map(|(name, id)| (name.to_owned(), id.clone())).collect()
}

/// What a document is, in our words.
pub(super) fn invoice_kind(kind: Kind) -> v1::InvoiceKind {
    match kind {
        Kind::Proforma => v1::InvoiceKind::Proforma,
        Kind::Invoice => v1::InvoiceKind::Invoice,
        Kind::Simplified => v1::InvoiceKind::Simplified,
        Kind::PaymentConfirmation => v1::InvoiceKind::PaymentConfirmation,
        Kind::CreditNote => v1::InvoiceKind::CreditNote,
        Kind::Unknown => v1::InvoiceKind::Unknown,
    }
}

/// A link made of a document's public key, which must look like one.
pub(super) fn public_link(wanted: bool, prefix: &str, invoice: &Invoice) -> String {
    let is_key = !invoice.path.is_empty() && invoice.path.bytes().all(|b| b.is_ascii_alphanumeric());
    if wanted && is_key { format!("{prefix}{}", invoice.path) } else { String::new() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_of_several_values_is_taken_apart() {
        let read: Vec<wire::CustomField> = serde_json::from_value(json!([
            {"custom_field_id": 31, "name": "Velikost", "type": "select_box", "value": "M"},
            {"custom_field_id": 32, "name": "Termíny", "type": "multi_checkbox", "value": "[\"1. 10.\",\"8. 10.\"]"},
            {"custom_field_id": 33, "name": "Rozbité", "type": "multi_checkbox", "value": "1. 10."},
            {"custom_field_id": 34, "name": "Text", "type": "text", "value": "[1]"},
            {"custom_field_id": 35, "name": "Prázdné", "type": "checkbox", "value": null},
        ]))
        .expect("fields");
        let fields = custom_fields(&read);
        assert_eq!((fields[0].id.as_str(), fields[0].value.as_str(), fields[0].values.len()), ("31", "M", 0));
        assert_eq!(
            (fields[1].value.as_str(), &fields[1].values[..]),
            ("1. 10., 8. 10.", &["1. 10.", "8. 10."].map(str::to_owned)[..])
        );
        assert_eq!((fields[2].value.as_str(), fields[2].values.len()), ("1. 10.", 0));
        assert_eq!((fields[3].value.as_str(), fields[3].values.len()), ("[1]", 0));
        assert_eq!(fields[4].value, "");
    }

    #[test]
    fn the_client_fills_blanks_only() {
        let invoice: Invoice = serde_json::from_value(json!({
            "client": 7, "customer": {"name": "Eva Malá", "email": "eva@example.cz", "phone": "1", "address": []},
        }))
        .expect("an invoice");
        let client: Party = serde_json::from_value(json!({
            "id": 7, "email": "other@example.cz", "phone": "2", "company": "Malá s.r.o.", "ic": "09876543",
            "address": {"street": "Dlouhá 5", "city": "Brno", "zip": "602 00", "country": "cz"},
        }))
        .expect("a client");
        let customer = customer(&invoice, Some(&client));
        assert_eq!(
            (customer.id.as_str(), customer.email.as_str(), customer.phone.as_str()),
            ("7", "eva@example.cz", "1")
        );
        assert_eq!((customer.company.as_str(), customer.company_id.as_str()), ("Malá s.r.o.", "09876543"));
        let address = customer.address.expect("the client's address");
        assert_eq!((address.postcode.as_str(), address.country.as_str()), ("602 00", "CZ"));
        assert_eq!(customer.shipping_address, None);
    }

    #[test]
    fn links_are_made_of_keys_only() {
        let with = |path: &str| Invoice { path: path.to_owned(), ..Invoice::default() };
        assert_eq!(public_link(true, "https://x/", &with("abc123")), "https://x/abc123");
        assert_eq!(public_link(false, "https://x/", &with("abc123")), "");
        assert_eq!(public_link(true, "https://x/", &with("a/../b")), "");
    }
}
