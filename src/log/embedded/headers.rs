//! Headers as one blob: for each its name and its value, both behind their length (LEB128). Written with every record, so
//! short and quick to write.

use bytes::Bytes;

use crate::{log::LogError, topics::record::RecordHeaders};

pub(super) fn encode(headers: &RecordHeaders) -> Vec<u8> {
    let size = headers.0.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
    let mut out = Vec::with_capacity(size);
    for (name, value) in &headers.0 {
        put(&mut out, name.as_bytes());
        put(&mut out, value);
    }
    out
}

/// Reads what [`encode`] wrote. Values share the blob.
pub(super) fn decode(mut blob: Bytes) -> Result<RecordHeaders, LogError> {
    let mut headers = Vec::new();
    while !blob.is_empty() {
        let name = take(&mut blob)?;
        let name = String::from_utf8(name.to_vec()).map_err(|_| damaged())?;
        headers.push((name, take(&mut blob)?));
    }
    Ok(RecordHeaders(headers))
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push(u8::try_from(length & 0x7f).expect("seven bits") | 0x80);
        length >>= 7;
    }
    out.push(u8::try_from(length).expect("seven bits"));
    out.extend_from_slice(bytes);
}

fn take(blob: &mut Bytes) -> Result<Bytes, LogError> {
    let mut length: usize = 0;
    for (index, byte) in blob.iter().copied().enumerate().take(4) {
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let rest = blob.slice(index + 1..);
            if rest.len() < length {
                return Err(damaged());
            }
            *blob = rest.slice(length..);
            return Ok(rest.slice(..length));
        }
    }
    Err(damaged())
}

fn damaged() -> LogError {
    LogError::Broken("a record's headers cannot be read".to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_written_reads_back(
            headers in prop::collection::vec((".{0,200}", prop::collection::vec(any::<u8>(), 0..300)), 0..5)
        ) {
            let headers = RecordHeaders(headers.into_iter().map(|(n, v)| (n, Bytes::from(v))).collect());
            prop_assert_eq!(decode(Bytes::from(encode(&headers))).unwrap(), headers);
        }

        #[test]
        fn foreign_bytes_never_panic_and_what_is_accepted_is_used_up(
            bytes in prop::collection::vec(any::<u8>(), 0..64)
        ) {
            if let Ok(headers) = decode(Bytes::from(bytes.clone())) {
                let size: usize = headers.0.iter().map(|(n, v)| n.len() + v.len() + 2).sum();
                prop_assert!(size <= bytes.len());
            }
        }
    }

    #[test]
    fn a_blob_that_was_cut_is_refused() {
        let whole = encode(&RecordHeaders::default().with("epoch", "12"));
        for end in 1..whole.len() {
            assert!(decode(Bytes::copy_from_slice(&whole[..end])).is_err(), "cut at {end}");
        }
    }
}
