//! W3C Trace Context: one webhook and all that comes of it share a trace. Only `traceparent`; we pass on no `tracestate`.

use std::fmt;

use crate::model::{hash::hex, random::Random};

/// A place in a trace.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace: [u8; 16],
    span: [u8; 8],
    sampled: bool,
}

impl TraceContext {
    /// A new trace.
    pub fn start(random: &dyn Random) -> Self {
        Self { trace: random.bytes(), span: span(random), sampled: true }
    }

    /// The next place in the same trace.
    #[must_use]
    pub fn next(self, random: &dyn Random) -> Self {
        Self { span: span(random), ..self }
    }

    /// Goes on with the trace that a caller named, or starts one.
    pub fn receive(traceparent: Option<&str>, random: &dyn Random) -> Self {
        match traceparent.and_then(Self::parse) {
            Some(caller) => caller.next(random),
            None => Self::start(random),
        }
    }

    /// Reads a `traceparent`. A version that we do not know is read as far as version 00 goes, as the standard asks.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let version: [u8; 1] = unhex(parts.next()?)?;
        let trace: [u8; 16] = unhex(parts.next()?)?;
        let span: [u8; 8] = unhex(parts.next()?)?;
        let flags: [u8; 1] = unhex(parts.next()?)?;
        let ends_well = match version[0] {
            0x00 => parts.next().is_none(),
            0xff => false,
            _ => true,
        };
        let zero = trace == [0; 16] || span == [0; 8];
        (ends_well && !zero).then_some(Self { trace, span, sampled: flags[0] & 1 == 1 })
    }

    pub fn trace_id(&self) -> String {
        hex(&self.trace)
    }
}

/// The trace's id in a record's `traceparent`, for log lines; empty where there is none.
pub fn id_in(traceparent: Option<&str>) -> String {
    traceparent.and_then(TraceContext::parse).map(|context| context.trace_id()).unwrap_or_default()
}

/// As a `traceparent` is written.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", hex(&self.trace), hex(&self.span), u8::from(self.sampled))
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn span(random: &dyn Random) -> [u8; 8] {
    let mut span = [0; 8];
    span.copy_from_slice(&random.bytes()[..8]);
    span
}

/// Lower-case hex of exactly `N` bytes.
fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::random::Generator;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_comes_back_as_it_was() {
        assert_eq!(TraceContext::parse(EXAMPLE).expect("valid").to_string(), EXAMPLE);
    }

    #[test]
    fn a_caller_s_trace_goes_on_under_a_new_span() {
        let random = Generator::seeded(1);
        let received = TraceContext::receive(Some(EXAMPLE), &random);
        assert_eq!(received.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_ne!(received.to_string(), EXAMPLE);
        let fresh = TraceContext::receive(Some("rubbish"), &random);
        assert_ne!(fresh.trace_id(), received.trace_id());
        assert_eq!(TraceContext::parse(&fresh.to_string()), Some(fresh));
    }

    #[test]
    fn what_the_standard_forbids_is_no_context() {
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceContext::parse(bad), None, "{bad}");
        }
        assert!(TraceContext::parse(&EXAMPLE.replacen("00", "01", 1)).is_some());
        assert!(TraceContext::parse(&format!("{}-future", EXAMPLE.replacen("00", "01", 1))).is_some());
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_written_the_same(text in "[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}|\\PC*") {
            if let Some(context) = TraceContext::parse(&text) {
                prop_assert_eq!(TraceContext::parse(&context.to_string()), Some(context));
            }
        }
    }
}
