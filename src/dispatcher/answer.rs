//! What came of a request: done, did not happen, or may have happened. One total function over transport errors and the
//! connector's reading of the reply; only what was never sent proves by itself that nothing happened.

use std::time::Duration;

use crate::{
    connectors::contract::{Done, Effect, Progress, Verdict},
    model::{
        code::{self, Code},
        http::{Reply, Unanswered},
        time::Timestamp,
    },
};

/// What came of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Done(Done),
    /// One more request.
    Next(Progress),
    /// Later again.
    Retry {
        code: Code,
        /// The vendor may have acted.
        maybe_done: bool,
        after: Option<Duration>,
    },
    /// Nothing was sent: a limit has no more room before this.
    Later {
        until: Timestamp,
    },
    Refused(String),
    /// Nothing happened, and nothing more may be sent: rejected credentials, a forbidden address.
    Halts(Code),
    Forgotten,
}

/// Reads a transport error.
pub fn of_unanswered(error: Unanswered) -> Answer {
    let code = match error {
        Unanswered::NotConnected => code::NOT_CONNECTED,
        Unanswered::Blocked => return Answer::Halts(code::BLOCKED_ADDRESS),
        Unanswered::TimedOut => code::TIMED_OUT,
        Unanswered::Broken => code::CONNECTION_BROKEN,
        Unanswered::TooLarge => code::ANSWER_TOO_LARGE,
        Unanswered::Unsendable => return Answer::Refused("a value of it cannot stand in an HTTP header".to_owned()),
    };
    Answer::Retry { code, maybe_done: !error.nothing_sent(), after: None }
}

/// Reads the connector's verdict over a reply.
pub fn of_verdict(verdict: Verdict, reply: &Reply, now: Timestamp) -> Answer {
    match verdict {
        Verdict::Done(done) => Answer::Done(done),
        Verdict::Next(progress) => Answer::Next(progress),
        Verdict::Retry { code, effect, after } => {
            Answer::Retry { code, maybe_done: effect == Effect::Possible, after: after.or_else(|| wished(reply, now)) }
        }
        Verdict::NotThere => Answer::Retry { code: code::NOT_THERE, maybe_done: false, after: None },
        Verdict::Refused(why) => Answer::Refused(why),
        Verdict::Unauthorized => Answer::Halts(code::UNAUTHORIZED),
        Verdict::Forgotten => Answer::Forgotten,
    }
}

/// `Retry-After`, in seconds or as a date.
pub fn wished(reply: &Reply, now: Timestamp) -> Option<Duration> {
    let text = reply.headers.get("retry-after")?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Duration::try_from(at.duration_since(now)).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_a_failure_to_connect_proves_that_nothing_happened() {
        let maybe = |error| matches!(of_unanswered(error), Answer::Retry { maybe_done: true, .. });
        assert!(!maybe(Unanswered::NotConnected));
        assert!(!maybe(Unanswered::Blocked));
        assert!(maybe(Unanswered::TimedOut));
        assert!(maybe(Unanswered::Broken));
        assert!(maybe(Unanswered::TooLarge));
    }

    #[test]
    fn a_date_in_retry_after_counts_from_now() {
        let now: Timestamp = "2015-10-21T07:27:00Z".parse().expect("time");
        let reply = Reply::new(503).header("Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT");
        let verdict = Verdict::Retry { code: code::VENDOR_ERROR, effect: Effect::Possible, after: None };
        let Answer::Retry { after, .. } = of_verdict(verdict, &reply, now) else { panic!("a retry") };
        assert_eq!(after, Some(Duration::from_mins(1)));
    }

    proptest! {
        #[test]
        fn any_date_is_read_or_ignored_and_none_lies_in_the_past(
            text in "\\PC{0,30}|(Mon|Wed), [0-9]{1,2} (Oct|Feb) [0-9]{2,5} [0-9]{2}:[0-9]{2}:[0-9]{2} (GMT|[+-][0-9]{4})"
        ) {
            let now: Timestamp = "2015-10-21T07:27:00Z".parse().expect("time");
            let after = wished(&Reply::new(503).header("Retry-After", text), now);
            prop_assert!(after.is_none_or(|after| now.checked_add(after).is_ok()));
        }
    }
}
