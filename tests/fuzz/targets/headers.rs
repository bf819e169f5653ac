//! Headers that we read: `traceparent` of callers, `Retry-After` of vendors.

#![no_main]

use libfuzzer_sys::fuzz_target;
use spojka::{
    connectors::{
        contract::Verdict,
        kit::status::{retry_after, verdict},
    },
    dispatcher::answer,
    model::http::Reply,
    telemetry::trace::TraceContext,
};
use spojka_fuzz::now;

fuzz_target!(|text: &str| {
    if let Some(context) = TraceContext::parse(text) {
        assert_eq!(TraceContext::parse(&context.to_string()), Some(context));
    }
    let reply = Reply::new(503).header("retry-after", text);
    let _seconds = retry_after(&reply);
    let verdict: Verdict = verdict(&reply).expect("a verdict");
    let _answer = answer::of_verdict(verdict, &reply, now());
});
