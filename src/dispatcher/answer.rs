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
    /// The request was not sent: the lane has come to stand still meanwhile.
    Barred(Code),
    Forgotten,
}

/// No wish of a vendor counts for longer: a date that somebody got wrong must not stop a lane for years. `spojka lanes
/// resume` ends the wait of a lane before that.
pub const LONGEST_WISH: Duration = Duration::from_hours(7 * 24);

impl Answer {
    /// Whether the vendor may have acted, as far as this answer tells. Decided here and nowhere else.
    pub fn may_have_acted(&self) -> bool {
        match self {
            Self::Done(_) | Self::Next(_) => true,
            Self::Retry { maybe_done, .. } => *maybe_done,
            Self::Refused(_) | Self::Halts(_) | Self::Barred(_) | Self::Later { .. } | Self::Forgotten => false,
        }
    }
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
            let after = after.map(|after| after.min(LONGEST_WISH)).or_else(|| wished(reply, now));
            Answer::Retry { code, maybe_done: effect == Effect::Possible, after }
        }
        Verdict::NotThere => Answer::Retry { code: code::NOT_THERE, maybe_done: false, after: None },
        Verdict::Refused(why) => Answer::Refused(why),
        Verdict::Unauthorized => Answer::Halts(code::UNAUTHORIZED),
        Verdict::Forgotten => Answer::Forgotten,
    }
}

/// `Retry-After`, in seconds or as a date, as far as it counts.
pub fn wished(reply: &Reply, now: Timestamp) -> Option<Duration> {
    let text = reply.headers.get("retry-after")?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds).min(LONGEST_WISH));
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Duration::try_from(at.duration_since(now)).ok().map(|wished| wished.min(LONGEST_WISH))
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

    #[test]
    fn a_wish_counts_for_a_week_at_most() {
        let now: Timestamp = "2015-10-21T07:27:00Z".parse().expect("time");
        for wish in ["604800", "604801", "99999999999", "Wed, 21 Oct 2099 07:28:00 GMT"] {
            assert_eq!(wished(&Reply::new(429).header("Retry-After", wish), now), Some(LONGEST_WISH), "{wish}");
        }
        let verdict =
            Verdict::Retry { code: code::RATE_LIMITED, effect: Effect::None, after: Some(Duration::from_hours(9999)) };
        let Answer::Retry { after, .. } = of_verdict(verdict, &Reply::new(429), now) else { panic!("a retry") };
        assert_eq!(after, Some(LONGEST_WISH));
    }

    proptest! {
        #[test]
        fn any_date_is_read_or_ignored_and_none_lies_in_the_past(
            text in "\\PC{0,30}|(Mon|Wed), [0-9]{1,2} (Oct|Feb) [0-9]{2,5} [0-9]{2}:[0-9]{2}:[0-9]{2} (GMT|[+-][0-9]{4})"
        ) {
            let now: Timestamp = "2015-10-21T07:27:00Z".parse().expect("time");
            let after = wished(&Reply::new(503).header("Retry-After", text), now);
            prop_assert!(after.is_none_or(|after| after <= LONGEST_WISH));
        }
    }
}
