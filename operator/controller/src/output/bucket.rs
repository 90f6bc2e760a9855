//! A token bucket: bursts, and a steady rate after them.

use std::time::{Duration, Instant};

/// Lets `burst` through at once and then `per_second`.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    burst: u32,
    tokens: u32,
    every: Duration,
    refilled: Instant,
}

impl Bucket {
    pub(super) fn new(burst: u32, per_second: u32, now: Instant) -> Self {
        Self {
            burst,
            tokens: burst,
            every: Duration::from_secs(1) / per_second.max(1),
            refilled: now,
        }
    }

    /// Takes a token, if there is one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let due = now.saturating_duration_since(self.refilled).as_nanos() / self.every.as_nanos().max(1);
        let due = u32::try_from(due).unwrap_or(u32::MAX);
        if due >= self.burst - self.tokens {
            (self.tokens, self.refilled) = (self.burst, now);
        } else {
            self.tokens += due;
            self.refilled += self.every * due;
        }
        let granted = self.tokens > 0;
        self.tokens -= u32::from(granted);
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_the_rate_holds() {
        let start = Instant::now();
        let mut bucket = Bucket::new(5, 10, start);
        let passed = |bucket: &mut Bucket, at: Duration| (0..100).filter(|_| bucket.take(start + at)).count();
        assert_eq!(passed(&mut bucket, Duration::ZERO), 5);
        assert_eq!(passed(&mut bucket, Duration::from_millis(99)), 0);
        assert_eq!(passed(&mut bucket, Duration::from_millis(250)), 2);
        assert_eq!(
            passed(&mut bucket, Duration::from_millis(300)),
            1,
            "the half token was kept"
        );
        assert_eq!(
            passed(&mut bucket, Duration::from_hours(1)),
            5,
            "never more than the burst"
        );
    }

    #[test]
    fn at_every_moment_no_more_than_burst_and_rate_allow() {
        let start = Instant::now();
        let mut bucket = Bucket::new(50, 10, start);
        let passed = (0..10_000)
            .filter(|ms| bucket.take(start + Duration::from_millis(*ms)))
            .count();
        assert_eq!(passed, 50 + 99);
    }
}
