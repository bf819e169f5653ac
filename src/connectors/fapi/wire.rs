//! FAPI's own shapes, as far as we read them. Unknown keys are ignored: the set has grown over the years. Nothing here has
//! `Debug`: it is all personal.

#![expect(clippy::struct_field_names, clippy::struct_excessive_bools, reason = "the vendor's own names and flags")]

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;

use super::lenient::{decimal, flag, list, object, text, whole};

/// A document: pro forma, invoice, credit note.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Invoice {
    #[serde(deserialize_with = "text")]
    pub(super) id: String,
    #[serde(deserialize_with = "text")]
    pub(super) number: String,
    #[serde(deserialize_with = "text")]
    pub(super) variable_symbol: String,
    #[serde(rename = "type", deserialize_with = "text")]
    pub(super) kind: String,
    #[serde(deserialize_with = "flag")]
    pub(super) proforma: bool,
    #[serde(deserialize_with = "flag")]
    pub(super) payment_confirmation: bool,
    #[serde(deserialize_with = "flag")]
    pub(super) simplified_invoice: bool,
    #[serde(deserialize_with = "flag")]
    pub(super) credit_note: bool,
    pub(super) has_credit_note: Value,
    #[serde(deserialize_with = "text")]
    pub(super) parent: String,
    #[serde(deserialize_with = "text")]
    pub(super) partial_parent: String,
    /// 1 for the first instalment; 0 when it is none.
    #[serde(deserialize_with = "whole")]
    pub(super) repayment_number: u32,
    #[serde(deserialize_with = "text")]
    pub(super) periodic_invoice: String,
    #[serde(deserialize_with = "flag")]
    pub(super) paid: bool,
    #[serde(deserialize_with = "flag")]
    pub(super) cancelled: bool,
    #[serde(deserialize_with = "text")]
    pub(super) paid_on: String,
    #[serde(deserialize_with = "text")]
    pub(super) created_on: String,
    #[serde(deserialize_with = "text")]
    pub(super) last_modified_on: String,
    #[serde(deserialize_with = "text")]
    pub(super) create_date: String,
    #[serde(deserialize_with = "text")]
    pub(super) payday_date: String,
    #[serde(deserialize_with = "text")]
    pub(super) vat_date: String,
    #[serde(deserialize_with = "text")]
    pub(super) client: String,
    #[serde(deserialize_with = "text")]
    pub(super) form: String,
    #[serde(deserialize_with = "text")]
    pub(super) project: String,
    #[serde(deserialize_with = "text")]
    pub(super) new_order: String,
    #[serde(deserialize_with = "text")]
    pub(super) currency: String,
    #[serde(deserialize_with = "decimal")]
    pub(super) exchange_rate: Option<Decimal>,
    #[serde(deserialize_with = "decimal")]
    pub(super) exchange_rate_czk: Option<Decimal>,
    #[serde(deserialize_with = "decimal")]
    pub(super) total: Option<Decimal>,
    #[serde(deserialize_with = "decimal")]
    pub(super) total_vat: Option<Decimal>,
    #[serde(deserialize_with = "decimal")]
    pub(super) total_czk: Option<Decimal>,
    #[serde(deserialize_with = "decimal")]
    pub(super) total_vat_czk: Option<Decimal>,
    #[serde(deserialize_with = "text")]
    pub(super) payment_type: String,
    #[serde(deserialize_with = "text")]
    pub(super) language: String,
    #[serde(deserialize_with = "text")]
    pub(super) path: String,
    #[serde(deserialize_with = "text")]
    pub(super) notes: String,
    #[serde(deserialize_with = "object")]
    pub(super) supplier: Party,
    #[serde(deserialize_with = "object")]
    pub(super) customer: Party,
    #[serde(deserialize_with = "list")]
    pub(super) items: Vec<Item>,
    #[serde(deserialize_with = "list")]
    pub(super) custom_fields: Vec<CustomField>,
    #[serde(deserialize_with = "list")]
    pub(super) labels: Vec<Label>,
}

/// Who buys, who sells; also a client.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Party {
    #[serde(deserialize_with = "text")]
    pub(super) id: String,
    #[serde(deserialize_with = "text")]
    pub(super) name: String,
    #[serde(deserialize_with = "text")]
    pub(super) first_name: String,
    #[serde(deserialize_with = "text")]
    pub(super) last_name: String,
    #[serde(deserialize_with = "text")]
    pub(super) email: String,
    #[serde(deserialize_with = "text")]
    pub(super) phone: String,
    #[serde(deserialize_with = "text")]
    pub(super) company: String,
    #[serde(deserialize_with = "text")]
    pub(super) ic: String,
    #[serde(deserialize_with = "text")]
    pub(super) dic: String,
    #[serde(deserialize_with = "text")]
    pub(super) ic_dph: String,
    #[serde(deserialize_with = "text")]
    pub(super) bank_account: String,
    #[serde(deserialize_with = "text")]
    pub(super) iban: String,
    #[serde(deserialize_with = "text")]
    pub(super) swift: String,
    #[serde(deserialize_with = "object")]
    pub(super) address: Address,
    #[serde(deserialize_with = "object")]
    pub(super) shipping_address: Address,
}

impl Party {
    /// Whether it says anything about a company.
    pub(super) fn has_company(&self) -> bool {
        [&self.company, &self.ic, &self.dic, &self.ic_dph].iter().any(|text| !text.is_empty())
    }
}

#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Address {
    #[serde(deserialize_with = "text")]
    pub(super) name: String,
    #[serde(deserialize_with = "text")]
    pub(super) surname: String,
    #[serde(deserialize_with = "text")]
    pub(super) street: String,
    #[serde(deserialize_with = "text")]
    pub(super) city: String,
    #[serde(deserialize_with = "text")]
    pub(super) zip: String,
    #[serde(deserialize_with = "text")]
    pub(super) country: String,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Item {
    #[serde(deserialize_with = "text")]
    pub(super) id: String,
    #[serde(deserialize_with = "text")]
    pub(super) name: String,
    #[serde(deserialize_with = "text")]
    pub(super) code: String,
    #[serde(deserialize_with = "decimal")]
    pub(super) price: Option<Decimal>,
    #[serde(deserialize_with = "decimal")]
    pub(super) count: Option<Decimal>,
    /// Told by payers of VAT only.
    #[serde(deserialize_with = "decimal")]
    pub(super) vat: Option<Decimal>,
    #[serde(deserialize_with = "flag")]
    pub(super) including_vat: bool,
    #[serde(deserialize_with = "flag")]
    pub(super) round_item: bool,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct CustomField {
    #[serde(deserialize_with = "text")]
    pub(super) custom_field_id: String,
    #[serde(deserialize_with = "text")]
    pub(super) name: String,
    #[serde(rename = "type", deserialize_with = "text")]
    pub(super) kind: String,
    pub(super) value: Value,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Label {
    #[serde(deserialize_with = "text")]
    pub(super) id: String,
    #[serde(deserialize_with = "text")]
    pub(super) name: String,
}

/// A document's place in its sale.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct SequenceRow {
    #[serde(deserialize_with = "text")]
    pub(super) id: String,
    #[serde(rename = "type", deserialize_with = "text")]
    pub(super) kind: String,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Voucher {
    #[serde(deserialize_with = "text")]
    pub(super) id: String,
    #[serde(deserialize_with = "text")]
    pub(super) code: String,
    #[serde(deserialize_with = "text")]
    pub(super) status: String,
    #[serde(deserialize_with = "text")]
    pub(super) expiration_date: String,
    #[serde(deserialize_with = "text")]
    pub(super) applied_on: String,
    #[serde(deserialize_with = "text")]
    pub(super) invoice_id: String,
    #[serde(deserialize_with = "text")]
    pub(super) product_name: String,
    #[serde(deserialize_with = "text")]
    pub(super) item_template_code: String,
    #[serde(deserialize_with = "object")]
    pub(super) applicant: Applicant,
}

/// Who used a voucher, and where.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Applicant {
    #[serde(deserialize_with = "text")]
    pub(super) email: String,
    #[serde(deserialize_with = "text")]
    pub(super) form_url: String,
}

/// A product, as far as a voucher's digest needs it.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct ItemTemplate {
    #[serde(deserialize_with = "text")]
    pub(super) id: String,
    #[serde(deserialize_with = "text")]
    pub(super) code: String,
}

/// The body of an error: its `type` is what counts, its `message` is for people at the vendor and may name them.
#[derive(Deserialize)]
pub(super) struct Failure {
    #[serde(rename = "type")]
    pub(super) kind: String,
}

/// The rows of a list: an object with one member named after the resource. A bare list is taken as well.
pub(super) fn rows(reply: &Value) -> Option<&Vec<Value>> {
    match reply {
        Value::Array(rows) => Some(rows),
        Value::Object(members) if members.len() == 1 => members.values().next().and_then(Value::as_array),
        _ => None,
    }
}
