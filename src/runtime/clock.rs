//! The clock of a running process. With the feature `killpoints` a test may set it wrong, and change that while it runs.

use std::sync::Arc;

use crate::model::time::{Clock, SystemClock};

/// The machine's clock.
#[cfg(not(feature = "killpoints"))]
pub fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// The machine's clock, shifted by the seconds that stand in the file which `SPOJKA_CLOCK_SHIFT` names, if it names one.
#[cfg(feature = "killpoints")]
pub fn clock() -> Arc<dyn Clock> {
    match std::env::var_os("SPOJKA_CLOCK_SHIFT") {
        Some(file) => Arc::new(shifted::ShiftedClock { file: file.into() }),
        None => Arc::new(SystemClock),
    }
}

#[cfg(feature = "killpoints")]
mod shifted {
    use std::{future::Future, path::PathBuf, pin::Pin, time::Duration};

    use crate::model::time::{Clock, SystemClock, Timestamp};

    /// A time of day that somebody has set wrong; the clock that nobody sets goes on as it does.
    pub(super) struct ShiftedClock {
        pub file: PathBuf,
    }

    impl Clock for ShiftedClock {
        fn now(&self) -> Timestamp {
            let text = std::fs::read_to_string(&self.file).unwrap_or_default();
            let shift = jiff::SignedDuration::from_secs(text.trim().parse().unwrap_or(0));
            let now = SystemClock.now();
            now.checked_add(shift).unwrap_or(now)
        }

        fn elapsed(&self) -> Duration {
            SystemClock.elapsed()
        }

        fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
            Box::pin(async move { SystemClock.sleep(duration).await })
        }
    }
}
