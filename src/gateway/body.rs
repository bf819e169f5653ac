//! Reads a body: exactly as it came, within a size, a time and the gateway's budget.

use std::time::Duration;

use actix_web::{error::PayloadError, web::Payload};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;

use super::budget::Held;
use crate::{
    connectors::contract::Refusal,
    model::{code, code::Code},
};

/// The bounds of one body.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodyLimits {
    pub(super) max_bytes: usize,
    pub(super) timeout: Duration,
}

/// Reads a body to its end. `announced` is what the head says of its length.
pub(super) async fn read(
    payload: Payload,
    announced: Option<usize>,
    limits: BodyLimits,
    held: &mut Held,
) -> Result<Bytes, Refusal> {
    if announced.is_some_and(|announced| announced > limits.max_bytes) {
        return Err(refuse(413, code::BODY_TOO_LARGE));
    }
    tokio::time::timeout(limits.timeout, collect(payload, limits.max_bytes, held))
        .await
        .unwrap_or(Err(refuse(408, code::TOO_SLOW)))
}

/// A body that comes in one piece, as most do, is not copied.
async fn collect(mut payload: Payload, max_bytes: usize, held: &mut Held) -> Result<Bytes, Refusal> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    let mut length = 0;
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| broken(&error))?;
        length += chunk.len();
        if length > max_bytes {
            return Err(refuse(413, code::BODY_TOO_LARGE));
        }
        if !held.grow(chunk.len()) {
            return Err(refuse(503, code::OVERLOADED));
        }
        if first.is_empty() {
            first = chunk;
        } else {
            if all.is_empty() {
                all.extend_from_slice(&first);
            }
            all.extend_from_slice(&chunk);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

/// The sender went away in the middle, or its framing is wrong.
fn broken(error: &PayloadError) -> Refusal {
    match error {
        PayloadError::Overflow => refuse(413, code::BODY_TOO_LARGE),
        _ => refuse(400, code::MALFORMED_REQUEST),
    }
}

fn refuse(status: u16, code: Code) -> Refusal {
    Refusal { status, code }
}
