//! Time as a parameter. The system's clocks are read here and nowhere else.

use std::{fmt, future::Future, pin::Pin, sync::Mutex, time::Duration};

pub use jiff::Timestamp;

/// Tells the time and waits.
pub trait Clock: Send + Sync + 'static {
    /// The time of day, for people and for vendors.
    fn now(&self) -> Timestamp;

    /// Time since some fixed moment, on a clock that nobody sets and that goes on while the machine sleeps.
    fn elapsed(&self) -> Duration;

    /// Waits until [`Clock::elapsed`] has grown by `duration`.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// The machine's own clocks.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        let t = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        Duration::new(u64::try_from(t.tv_sec).unwrap_or(0), u32::try_from(t.tv_nsec).unwrap_or(0))
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// A clock that stands still until a test moves it.
#[derive(Debug)]
pub struct ManualClock {
    start: Timestamp,
    elapsed: tokio::sync::watch::Sender<Duration>,
    shift: Mutex<jiff::SignedDuration>,
}

impl ManualClock {
    pub fn new(start: Timestamp) -> Self {
        Self {
            start,
            elapsed: tokio::sync::watch::Sender::new(Duration::ZERO),
            shift: Mutex::new(jiff::SignedDuration::ZERO),
        }
    }

    /// Lets time pass: both clocks go on, and whoever waits long enough wakes.
    pub fn advance(&self, by: Duration) {
        self.elapsed.send_modify(|elapsed| *elapsed += by);
    }

    /// Somebody sets the time of day; the other clock does not notice.
    pub fn set_wall(&self, shift: jiff::SignedDuration) {
        *self.shift.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = shift;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        let shift = *self.shift.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.start + *self.elapsed.borrow() + shift
    }

    fn elapsed(&self) -> Duration {
        *self.elapsed.borrow()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let mut watch = self.elapsed.subscribe();
        let due = *self.elapsed.borrow() + duration;
        Box::pin(async move {
            // The sender lives in `self`, so this ends only when the time has come.
            let _reached = watch.wait_for(|elapsed| *elapsed >= due).await;
        })
    }
}

/// A version of an entity at its source: microseconds of its change time, or a counter. Greater is newer.
pub type Version = i64;

/// The version that a moment stands for.
pub fn version_of(moment: Timestamp) -> Version {
    moment.as_microsecond()
}

/// When a fact became true, and how we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Since {
    pub at: Timestamp,
    pub how: How,
}

/// How we know when a fact became true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// The source gave the moment.
    Stated,
    /// The source gave the day only; the end of that day in its zone was taken, or the arrival if that was earlier.
    Day,
    /// The source gave nothing; the arrival was taken.
    Arrival,
}

impl Since {
    /// The source gave the moment. A moment after the arrival (a clock that is wrong) counts as the arrival.
    pub fn stated(at: Timestamp, arrived: Timestamp) -> Self {
        Self { at: at.min(arrived), how: How::Stated }
    }

    /// The source gave only a day: the end of that day in its zone, but never after the arrival.
    pub fn day(day: jiff::civil::Date, zone: &jiff::tz::TimeZone, arrived: Timestamp) -> Self {
        let end =
            day.tomorrow().and_then(|next| next.to_zoned(zone.clone())).map_or(arrived, |zoned| zoned.timestamp());
        Self { at: end.min(arrived), how: How::Day }
    }

    /// The source gave nothing.
    pub fn arrival(arrived: Timestamp) -> Self {
        Self { at: arrived, how: How::Arrival }
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stated => "stated",
            Self::Day => "day",
            Self::Arrival => "arrival",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_day_ends_in_its_zone_and_never_after_arrival() {
        let zone = jiff::tz::TimeZone::get("Europe/Prague").expect("zone");
        let day = jiff::civil::date(2025, 10, 9);
        assert_eq!(Since::day(day, &zone, at("2025-10-20T00:00:00Z")).at, at("2025-10-09T22:00:00Z"));
        assert_eq!(Since::day(day, &zone, at("2025-10-09T08:53:20Z")).at, at("2025-10-09T08:53:20Z"));
    }

    #[test]
    fn a_sender_with_a_fast_clock_cannot_date_a_fact_into_the_future() {
        assert_eq!(
            Since::stated(at("2030-01-01T00:00:00Z"), at("2025-01-01T00:00:00Z")).at,
            at("2025-01-01T00:00:00Z")
        );
    }

    #[tokio::test]
    async fn a_manual_clock_wakes_sleepers() {
        let clock = std::sync::Arc::new(ManualClock::new(at("2025-01-01T00:00:00Z")));
        let sleeper = {
            let clock = std::sync::Arc::clone(&clock);
            async move {
                clock.sleep(Duration::from_secs(5)).await;
                clock.now()
            }
        };
        let (woken, ()) = tokio::join!(sleeper, async { clock.advance(Duration::from_secs(5)) });
        assert_eq!(woken, at("2025-01-01T00:00:05Z"));
    }
}
