//! Chance that can be had again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A small generator (xorshift64*), whose seed is printed and taken from `OSTLER_SEED`.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// A new one.
    pub(crate) fn new() -> Self {
        let clock = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
        let seed = variable("OSTLER_SEED").unwrap_or_else(clock).max(1);
        println!("OSTLER_SEED={seed}");
        Self(seed)
    }

    /// Less than `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) % bound
    }

    /// Shorter than so many milliseconds.
    pub(crate) fn pause(&mut self, millis: u64) -> Duration {
        Duration::from_micros(self.below(millis * 1000))
    }
}

/// A number in the environment.
pub(crate) fn variable<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}
