//! How much of an event expressions may look at: the longest lists and texts, by field. They bound what an expression can cost
//! before any event is seen; an event that holds more makes the expression fail when it asks for that field, and only then.

use prost_reflect::FieldDescriptor;

use super::schema::CUSTOM_FIELD;

/// The most members of a mapping.
pub(super) const MOST_ENTRIES: u64 = 100;
/// The longest result of an earlier step, in bytes.
pub(super) const LONGEST_RESULT: u64 = 8 << 10;
/// The longest member of a mapping.
pub(super) const LONGEST_ENTRY: u64 = 2 << 10;
/// The longest text of a kind that is not known.
pub(super) const LONGEST_UNKNOWN: u64 = 2 << 10;

/// The most members of a list.
pub(super) fn most_members(field: &FieldDescriptor) -> u64 {
    let message = field.parent_message();
    match (message.name(), field.name()) {
        (_, "items") => 500,
        // Of an item: they multiply.
        ("Item", "custom_fields") | ("CustomField", "values") => 20,
        (_, "custom_fields") => 200,
        _ => 50,
    }
}

/// The longest text, in bytes.
pub(super) fn longest_text(field: &FieldDescriptor) -> u64 {
    let message = field.parent_message();
    match (message.full_name(), field.name()) {
        (CUSTOM_FIELD, "value" | "values") => 8 << 10,
        (_, "note") => 64 << 10,
        (_, "url" | "document_url" | "form_url" | "reason" | "street" | "street2") => 4 << 10,
        (
            _,
            "currency" | "country" | "language" | "code" | "tax_code" | "amount" | "quantity" | "rate" | "tax_rate",
        ) => 256,
        _ => 1 << 10,
    }
}
