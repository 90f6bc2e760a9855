//! Attempts on their way to the engine: failures at once, successes in batches.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use plimsoll_engine::probe::{Bucket, Check, Met};

/// How long successes may wait. With the pause between two writes of evidence this is what a crash loses: far less than ten
/// minutes.
const BATCH: Duration = Duration::from_mins(5);
const HOUR: i64 = 3_600;

/// What became of one attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// It was answered.
    Success,
    /// It was not.
    Failure,
    /// Maintenance: it counts neither way.
    Excluded,
}

impl Outcome {
    /// The word in metrics.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Excluded => "excluded",
        }
    }
}

/// Attempts that the engine has not been told of.
#[derive(Default, Debug)]
pub(crate) struct Tally {
    waiting: BTreeMap<(Arc<str>, Check), Pending>,
}

#[derive(Debug)]
struct Pending {
    hours: BTreeMap<i64, Bucket>,
    since: Instant,
}

impl Tally {
    /// Counts an attempt that stands for some seconds; gives what the engine has to be told of now. `news` tells that nothing
    /// is known of the host yet.
    pub(crate) fn count(
        &mut self,
        (namespace, check): (Arc<str>, Check),
        (at, now): (Timestamp, Instant),
        seconds: u32,
        outcome: Outcome,
        news: bool,
    ) -> Vec<Met> {
        let key = (namespace, check);
        let pending = self.waiting.entry(key.clone()).or_insert_with(|| Pending {
            hours: BTreeMap::new(),
            since: now,
        });
        let bucket = pending.hours.entry(at.as_second().div_euclid(HOUR)).or_default();
        match outcome {
            Outcome::Success => bucket.covered += seconds,
            Outcome::Failure => {
                bucket.covered += seconds;
                bucket.failed += seconds;
            }
            Outcome::Excluded => bucket.excluded += seconds,
        }
        if outcome == Outcome::Failure || news {
            self.take(&key)
        } else {
            Vec::new()
        }
    }

    /// What has waited long enough.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<Met> {
        let ripe = self
            .waiting
            .iter()
            .filter(|(_, pending)| now >= pending.since + BATCH);
        let ripe: Vec<_> = ripe.map(|(key, _)| key.clone()).collect();
        ripe.iter().flat_map(|key| self.take(key)).collect()
    }

    /// Everything.
    pub(crate) fn all(&mut self) -> Vec<Met> {
        let keys: Vec<_> = self.waiting.keys().cloned().collect();
        keys.iter().flat_map(|key| self.take(key)).collect()
    }

    fn take(&mut self, key: &(Arc<str>, Check)) -> Vec<Met> {
        let hours = self
            .waiting
            .remove(key)
            .map(|pending| pending.hours)
            .unwrap_or_default();
        let met = hours.into_iter().filter_map(|(hour, bucket)| {
            Some(Met::Attempts {
                namespace: key.0.clone(),
                check: key.1.clone(),
                at: Timestamp::from_second(hour.checked_mul(HOUR)?).ok()?,
                bucket,
            })
        });
        met.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> (Arc<str>, Check) {
        let check = Check {
            host: "a.example".into(),
            tls: true,
            path: "/".into(),
            criteria: "".into(),
        };
        ("shop".into(), check)
    }

    fn buckets(met: &[Met]) -> Vec<(i64, u32, u32, u32)> {
        let bucket = |met: &Met| match met {
            Met::Attempts { at, bucket, .. } => (
                at.as_second() / HOUR,
                bucket.covered,
                bucket.failed,
                bucket.excluded,
            ),
            Met::Handshake { .. } => panic!("an attempt"),
        };
        met.iter().map(bucket).collect()
    }

    #[test]
    fn failures_are_told_at_once_with_what_waited_and_successes_later() {
        let (mut tally, start) = (Tally::default(), Instant::now());
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(
            tally
                .count(key(), (at(0), start), 15, Outcome::Success, true)
                .len(),
            1
        );
        assert!(
            tally
                .count(key(), (at(3_590), start), 15, Outcome::Success, false)
                .is_empty()
        );
        assert!(
            tally
                .count(key(), (at(3_605), start), 15, Outcome::Excluded, false)
                .is_empty()
        );
        let told = tally.count(key(), (at(3_620), start), 15, Outcome::Failure, false);
        assert_eq!(buckets(&told), [(0, 15, 0, 0), (1, 15, 15, 15)]);
        assert!(
            tally
                .count(key(), (at(3_635), start), 15, Outcome::Success, false)
                .is_empty()
        );
        assert!(tally.due(start + Duration::from_secs(299)).is_empty());
        assert_eq!(buckets(&tally.due(start + BATCH)), [(1, 15, 0, 0)]);
        assert!(tally.all().is_empty());
    }
}
