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

/// So much room is made because of an announcement alone.
const TRUSTED_BYTES: usize = 16 << 10;

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
    tokio::time::timeout(limits.timeout, collect(payload, announced, limits.max_bytes, held))
        .await
        .unwrap_or(Err(refuse(408, code::TOO_SLOW)))
}

/// Copies: a piece as it comes is a part of the connection's read buffer, and would keep all of that alive for as long as
/// the record waits in the log's queue, where it counts with its own size only.
async fn collect(
    mut payload: Payload,
    announced: Option<usize>,
    max_bytes: usize,
    held: &mut Held,
) -> Result<Bytes, Refusal> {
    let mut body = BytesMut::with_capacity(announced.unwrap_or(0).min(TRUSTED_BYTES));
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| broken(&error))?;
        if body.len() + chunk.len() > max_bytes {
            return Err(refuse(413, code::BODY_TOO_LARGE));
        }
        if !held.grow(chunk.len()) {
            return Err(refuse(503, code::OVERLOADED));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
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
