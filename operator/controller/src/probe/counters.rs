//! What the prober says of itself in the metrics.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use jiff::Timestamp;

use super::tally::Outcome;

/// How long after its last sign of life a prober counts as down.
const ALIVE: i64 = 30;

/// Attempts by host and outcome, and the prober's last sign of life.
#[derive(Default, Debug)]
pub(crate) struct Counters {
    attempts: Mutex<BTreeMap<(Arc<str>, &'static str), u64>>,
    beat: AtomicI64,
}

impl Counters {
    pub(super) fn count(&self, host: &Arc<str>, outcome: Outcome) {
        if !host.is_empty() {
            let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
            *attempts.entry((host.clone(), outcome.word())).or_default() += 1;
        }
    }

    /// Hosts that are no longer probed have no series.
    pub(super) fn retain(&self, hosts: &BTreeSet<Arc<str>>) {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        attempts.retain(|(host, _), _| hosts.contains(host));
    }

    pub(super) fn beat(&self, at: Option<Timestamp>) {
        self.beat
            .store(at.map_or(0, Timestamp::as_second), Ordering::Relaxed);
    }

    /// Whether this process probes.
    pub(crate) fn is_up(&self, now: Timestamp) -> bool {
        now.as_second() - self.beat.load(Ordering::Relaxed) <= ALIVE
    }

    /// Attempts by host and outcome.
    pub(crate) fn series(&self) -> Vec<([String; 2], u64)> {
        let attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let series = attempts
            .iter()
            .map(|((host, result), count)| ([host.to_string(), (*result).to_owned()], *count));
        series.collect()
    }
}
