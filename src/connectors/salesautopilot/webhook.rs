//! What comes in: nothing yet. The vendor has no webhooks, only an "external operation" that a form may call; until
//! that is taken, a request here is refused, so that nobody believes it was heard.

use crate::{connectors::contract::Accept, model::code};

pub(super) fn accept() -> Accept {
    Accept::refuse(404, code::UNKNOWN_CONNECTION)
}
