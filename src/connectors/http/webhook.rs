//! Decides over a request at the gateway: what is not proved is refused; what is proved is stored, whatever it says.

use super::{event::Told, source::Source};
use crate::{
    connectors::{contract::Accept, kit::token},
    model::{
        code,
        http::{Inbound, Method, Reply},
    },
};

/// The headers worth keeping. No signature: with the body beside it, it would let whoever reads the log send it again.
pub(super) const KEPT: &[&str] =
    &["content-type", "user-agent", "webhook-id", "webhook-timestamp", "svix-id", "svix-timestamp"];

/// See the module's head.
pub(super) fn accept(source: &Source, request: &Inbound) -> Accept {
    if request.method != Method::Post {
        return Accept::refuse(405, code::METHOD_NOT_ALLOWED);
    }
    let Some(proof) = &source.proof else { return Accept::refuse(503, code::NO_SECRET) };
    let located = token::locate(request, &[], &source.url_tokens);
    if source.url_tokens.is_empty() && located.stray {
        return Accept::refuse(404, code::UNKNOWN_EVENT);
    }
    if !source.url_tokens.is_empty() && (!located.token_fits || located.stray) {
        return Accept::refuse(401, code::TOKEN_MISMATCH);
    }
    match proof.check(request) {
        Err(refusal) => Accept::Refuse(refusal),
        Ok(delivery) => Accept::Store {
            key: key(source, request, delivery.as_deref()),
            delivery,
            event: None,
            query: located.query,
            answer: Reply::new(204),
        },
    }
}

/// What it is about; where that cannot be told, the delivery.
fn key(source: &Source, request: &Inbound, delivery: Option<&str>) -> String {
    let told = Told::read(source, &request.body).ok().flatten();
    let object = told.and_then(|told| Some(format!("{}/{}", told.event_type.entity, told.entity().ok()?.id)));
    object.unwrap_or_else(|| format!("delivery/{}", delivery.unwrap_or("")))
}
