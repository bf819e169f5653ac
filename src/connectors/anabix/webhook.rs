//! What comes in: nothing yet.
//!
//! Anabix can call a URL by its automation `NotifyWebhook`: thin (a record's id without its kind), without a signature,
//! and only set up by hand. Taking it needs fetches and a setting per URL, which this connector does not have. Until
//! then it says so instead of storing what nobody would read.

use crate::{
    connectors::contract::{Accept, Normalized},
    model::code,
};

/// Refuses: this connection takes no webhooks yet.
pub(super) fn accept() -> Accept {
    Accept::refuse(404, code::UNKNOWN_CONNECTION)
}

/// Only a record that something else wrote could get here.
pub(super) fn normalize() -> Normalized {
    Normalized::invalid(code::UNPARSEABLE, "Anabix connections take no webhooks yet")
}
