//! Randomness as a parameter. The system's generator is used here and nowhere else.

use std::sync::Mutex;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

/// Gives random numbers.
pub trait Random: Send + Sync + 'static {
    /// 16 random bytes.
    fn bytes(&self) -> [u8; 16];

    /// A number from 0 (included) to 1 (not included).
    fn unit(&self) -> f64;
}

/// A seeded generator: from the system's entropy when running, from a fixed seed in tests.
#[derive(Debug)]
pub struct Generator(Mutex<StdRng>);

impl Generator {
    /// Seeded by the operating system.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system for entropy")]
    pub fn from_system() -> Self {
        Self(Mutex::new(rand::make_rng()))
    }

    /// The same numbers every time.
    pub fn seeded(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }

    fn with<T>(&self, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        draw(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

impl Random for Generator {
    fn bytes(&self) -> [u8; 16] {
        self.with(StdRng::random)
    }

    fn unit(&self) -> f64 {
        self.with(StdRng::random)
    }
}
