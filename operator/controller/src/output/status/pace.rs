//! When a status is written again.

use std::time::{Duration, Instant};

/// Least time between two writes of one status.
const PAUSE: Duration = Duration::from_secs(5);
/// How often a status that says nothing new is confirmed.
const HEARTBEAT: Duration = Duration::from_mins(5);

/// A status as this process wrote it last.
pub(super) struct Kept<S> {
    pub(super) status: S,
    pub(super) written: Instant,
    /// `metadata.uid` of the object it was written to.
    pub(super) uid: Option<String>,
}

impl<S> Kept<S> {
    pub(super) fn new(status: S, uid: Option<String>) -> Self {
        Self {
            status,
            uid,
            written: Instant::now(),
        }
    }

    /// Whether it was written too short a time ago to be written again.
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.written) < PAUSE
    }
}

/// Whether to write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Due {
    /// Now.
    Now,
    /// Not yet, or not at all.
    Not,
}

/// `written`: when this process last wrote it, if ever. `same`: whether it would say the same.
pub(super) fn due(written: Option<Instant>, same: bool, now: Instant) -> Due {
    let Some(written) = written else { return Due::Now };
    let age = now.saturating_duration_since(written);
    let limit = if same { HEARTBEAT } else { PAUSE };
    if age >= limit { Due::Now } else { Due::Not }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_wait_five_seconds_and_heartbeats_five_minutes() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(due(None, true, start), Due::Now);
        for (same, seconds, expected) in [
            (false, 4, Due::Not),
            (false, 5, Due::Now),
            (true, 5, Due::Not),
            (true, 299, Due::Not),
            (true, 300, Due::Now),
        ] {
            assert_eq!(
                due(Some(start), same, at(seconds)),
                expected,
                "{same} after {seconds} s"
            );
        }
    }
}
