//! What a failed request proves. Whoever says "not connected" says that nothing was sent, so everything that is not surely
//! that counts as something that may have happened.

use std::error::Error;

use super::guard::Blocked;
use crate::model::http::Unanswered;

/// The one verdict over an error of the HTTP library.
pub(super) fn unanswered(error: &reqwest::Error) -> Unanswered {
    if chain(error).any(|cause| cause.downcast_ref::<Blocked>().is_some()) {
        Unanswered::Blocked
    } else if error.is_builder() {
        Unanswered::Unsendable
    } else if error.is_connect() {
        // Name, TCP or TLS; also when that took too long. The request itself was still in our hands.
        Unanswered::NotConnected
    } else if error.is_timeout() {
        Unanswered::TimedOut
    } else {
        Unanswered::Broken
    }
}

/// The innermost cause: what the operating system or TLS said. It knows no URL and no header.
pub(super) fn innermost(error: &reqwest::Error) -> String {
    chain(error).last().map_or_else(String::new, ToString::to_string)
}

fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}
