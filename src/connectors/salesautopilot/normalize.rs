//! What a stored webhook proves: nothing, since none is ever stored. One that is there anyway (a config that was
//! changed to this vendor) becomes a dead letter.

use crate::{connectors::contract::Normalized, model::code};

pub(super) fn normalize() -> Normalized {
    Normalized::invalid(code::UNPARSEABLE, "SalesAutopilot is a target only: this version takes no webhooks from it")
}
