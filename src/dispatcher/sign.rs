//! What an answer says about the target as a whole. Decided here and nowhere else: the circuit counts what this says.

use std::time::Duration;

use super::answer::Answer;
use crate::model::code::{self, Code};

/// What an answer says about the target as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It answered, well or badly: it lives.
    Lives,
    /// It says nothing about the whole.
    Nothing,
    /// It fails. `unreached`: the action itself never came to the target, so it cannot be the action's fault.
    Fails { code: Code, unreached: bool },
    /// It wants to hear nothing from us for a while: for how long, if it says so.
    Bans { code: Code, wish: Option<Duration> },
}

/// Reads an answer to a request that carried out an action or a poll.
pub fn of(answer: &Answer) -> Sign {
    match answer {
        Answer::Done(_) | Answer::Refused(_) | Answer::Forgotten => Sign::Lives,
        // The conversation goes on: its end counts. A rejection has its own way.
        Answer::Next(_) | Answer::Halts(_) | Answer::Barred(_) | Answer::Later { .. } => Sign::Nothing,
        Answer::Retry { code, after, .. } => of_failure(*code, *after),
    }
}

/// Reads an answer to a login, which no action can have spoiled.
pub fn of_login(answer: &Answer) -> Sign {
    match answer {
        Answer::Retry { code, after, .. } => match of_failure(*code, *after) {
            Sign::Bans { code, wish } => Sign::Bans { code, wish },
            Sign::Fails { .. } | Sign::Lives | Sign::Nothing => Sign::Fails { code: *code, unreached: true },
        },
        _ => Sign::Nothing,
    }
}

/// The vendor's, or the way's to it.
const FAILURES: [Code; 3] = [code::VENDOR_ERROR, code::TIMED_OUT, code::CONNECTION_BROKEN];
/// Failures of the action at a target that lives.
const ANSWERS: [Code; 2] = [code::NOT_THERE, code::ANSWER_TOO_LARGE];

fn of_failure(code: Code, wish: Option<Duration>) -> Sign {
    // `Retry-After` beside an error of the vendor's own (503) announces how long it will be away.
    if code == code::RATE_LIMITED || (code == code::VENDOR_ERROR && wish.is_some()) {
        Sign::Bans { code, wish }
    } else if code == code::NOT_CONNECTED {
        Sign::Fails { code, unreached: true }
    } else if FAILURES.contains(&code) {
        Sign::Fails { code, unreached: false }
    } else if ANSWERS.contains(&code) {
        Sign::Lives
    } else {
        // Somebody answered, but perhaps something in between.
        Sign::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{connectors::contract::Done, dispatcher::answer::of_unanswered, model::http::Unanswered};

    fn retry(code: Code, after: Option<u64>) -> Answer {
        Answer::Retry { code, maybe_done: false, after: after.map(Duration::from_secs) }
    }

    #[test]
    fn no_answer_says_that_the_target_fails_and_not_connected_that_nothing_reached_it() {
        let sign = |error| of(&of_unanswered(error));
        assert_eq!(sign(Unanswered::NotConnected), Sign::Fails { code: code::NOT_CONNECTED, unreached: true });
        assert_eq!(sign(Unanswered::TimedOut), Sign::Fails { code: code::TIMED_OUT, unreached: false });
        assert_eq!(sign(Unanswered::Broken), Sign::Fails { code: code::CONNECTION_BROKEN, unreached: false });
        assert_eq!(sign(Unanswered::TooLarge), Sign::Lives);
        assert_eq!(sign(Unanswered::Blocked), Sign::Nothing);
    }

    #[test]
    fn who_answers_lives_and_who_asks_for_time_gets_it() {
        for answer in [
            Answer::Done(Done::default()),
            Answer::Refused(String::new()),
            Answer::Forgotten,
            retry(code::NOT_THERE, None),
        ] {
            assert_eq!(of(&answer), Sign::Lives, "{answer:?}");
        }
        let wish = Some(Duration::from_secs(7));
        assert_eq!(of(&retry(code::RATE_LIMITED, None)), Sign::Bans { code: code::RATE_LIMITED, wish: None });
        assert_eq!(of(&retry(code::VENDOR_ERROR, Some(7))), Sign::Bans { code: code::VENDOR_ERROR, wish });
        assert_eq!(of(&retry(code::VENDOR_ERROR, None)), Sign::Fails { code: code::VENDOR_ERROR, unreached: false });
        assert_eq!(of(&retry(code::UNEXPECTED_ANSWER, Some(7))), Sign::Nothing);
    }

    #[test]
    fn a_login_that_fails_is_nobodys_fault_and_a_rejected_one_no_outage() {
        for code in [code::VENDOR_ERROR, code::UNEXPECTED_ANSWER, code::TIMED_OUT] {
            assert_eq!(of_login(&retry(code, None)), Sign::Fails { code, unreached: true });
        }
        assert_eq!(of_login(&retry(code::RATE_LIMITED, None)), Sign::Bans { code: code::RATE_LIMITED, wish: None });
        assert_eq!(of_login(&Answer::Halts(code::UNAUTHORIZED)), Sign::Nothing);
    }
}
