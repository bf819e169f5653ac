//! Deliberate bugs, by which the conservation checker is tested. Nothing without the feature `bugs`, which no release has.
//!
//! | bug | what goes wrong |
//! |---|---|
//! | `acknowledged-before-durable` | the gateway answers before the webhook is in the log, and the process dies |
//! | `outputs-unwritten` | every third batch of a role's outputs is not written |
//! | `offset-before-outcome` | a lane's offset passes an action as soon as it is read |
//! | `gap-committed` | a lane's offset passes whatever was read, settled or not |
//! | `intent-unwritten` | a checked or unsafe action's intent is not in memory before its call |
//! | `ledger-unread` | everything is sent, whatever the ledger holds |
//! | `outputs-after-outcome` | reply, step event and dead letter are written after the outcome |
//! | `letter-unwritten` | an action dies without a dead letter |
//! | `followers-forgotten` | an action waits in memory, those behind it only in the process |
//! | `cursor-before-rows` | a poll notes what it has seen before that is in the log |
//! | `claim-unchecked` | an owner that was dropped, and whose lane was claimed over, goes on |
//! | `no-wait-after-claim` | a new owner does not wait out its predecessor's last request |

/// Whether the process has this bug.
#[cfg(not(feature = "bugs"))]
pub fn is(_name: &str) -> bool {
    false
}

/// Whether the process has this bug: `SPOJKA_BUG` names it.
#[cfg(feature = "bugs")]
#[expect(clippy::disallowed_methods, reason = "a switch for tests, compiled out of every release")]
pub fn is(name: &str) -> bool {
    static BUG: std::sync::LazyLock<Option<String>> = std::sync::LazyLock::new(|| std::env::var("SPOJKA_BUG").ok());
    BUG.as_deref() == Some(name)
}

/// Whether the process has this bug, and it strikes now: every third time.
pub fn strikes(name: &str) -> bool {
    use std::sync::atomic::{AtomicU32, Ordering};

    static TIMES: AtomicU32 = AtomicU32::new(0);
    is(name) && TIMES.fetch_add(1, Ordering::Relaxed) % 3 == 2
}
