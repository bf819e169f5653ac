//! Named points at which a test kills the process, as a power cut would. Nothing without the feature `killpoints`.
//!
//! | point | what is true there |
//! |---|---|
//! | `webhook-durable` | a webhook is in the log, its sender has no answer yet |
//! | `webhook-spooled` | a webhook is in the spool, its sender has no answer yet |
//! | `spool-drained` | webhooks of the spool are in the log, the spool's offset has not moved |
//! | `outputs-written` | a role's outputs are in the log, its offset is not |
//! | `claim-written` | a lane is claimed, nothing of it is read yet |
//! | `intent-written` | an action's intent is in memory, its call is not sent |
//! | `effect-done` | the vendor has answered one request, nothing of it is written |
//! | `settle-outputs-written` | what an action gives rise to is written, its outcome is not |
//! | `outcome-written` | an action's outcome is in memory, its offset is not moved |
//! | `rows-seen` | a poll has read rows, and nothing of them is written |

/// The process reached a point.
#[cfg(not(feature = "killpoints"))]
pub fn reached(_point: &str) {}

/// The process reached a point. `SPOJKA_KILL_AT=point:n` kills it there the n-th time, without any warning.
#[cfg(feature = "killpoints")]
#[expect(clippy::disallowed_methods, reason = "a switch for tests, compiled out of every release")]
pub fn reached(point: &str) {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    };

    static WANTED: LazyLock<Option<(String, u32)>> = LazyLock::new(|| {
        let text = std::env::var("SPOJKA_KILL_AT").ok()?;
        let (point, count) = text.split_once(':')?;
        Some((point.to_owned(), count.parse().ok()?))
    });
    static REACHED: AtomicU32 = AtomicU32::new(0);

    if let Some((wanted, count)) = WANTED.as_ref()
        && wanted == point
        && REACHED.fetch_add(1, Ordering::SeqCst) + 1 == *count
    {
        let me = rustix::process::getpid();
        let _killed = rustix::process::kill_process(me, rustix::process::Signal::KILL);
        loop {
            std::thread::park();
        }
    }
}
