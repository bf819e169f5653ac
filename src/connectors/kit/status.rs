//! What a status code means before a vendor has its say.

use std::time::Duration;

use super::super::contract::{Effect, Verdict};
use crate::model::{code, http::Reply};

/// What the status alone says: nothing for a success and for what the vendor must explain itself (400, 404, 406, 409, 422,
/// …), else a retry. 429 never happened; a 5xx may have.
pub fn verdict(reply: &Reply) -> Option<Verdict> {
    let retry = |code, effect| Some(Verdict::Retry { code, effect, after: retry_after(reply) });
    match reply.status {
        429 => retry(code::RATE_LIMITED, Effect::None),
        408 | 425 | 500..=599 => retry(code::VENDOR_ERROR, Effect::Possible),
        _ => None,
    }
}

/// `Retry-After` in seconds. A date is read by the engine, which has a clock.
pub fn retry_after(reply: &Reply) -> Option<Duration> {
    reply.headers.get("retry-after").and_then(|value| value.trim().parse().ok()).map(Duration::from_secs)
}

/// The verdict for an answer that the vendor does not document.
pub fn unexpected() -> Verdict {
    Verdict::Retry { code: code::UNEXPECTED_ANSWER, effect: Effect::Possible, after: None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn only_whole_seconds_are_a_wish(text in "\\PC{0,12}|[0-9]{1,25}| *[0-9]{1,4} *") {
            let reply = Reply::new(503).header("Retry-After", text.clone());
            let number = text.trim().parse::<u64>().ok();
            prop_assert_eq!(retry_after(&reply), number.map(Duration::from_secs));
        }
    }
}
