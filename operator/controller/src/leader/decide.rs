//! Who may lead, decided without a clock or a network of its own.
//!
//! The rule is client-go's: a lease has expired when *we* have not seen its record change for as long as it is valid. The
//! times written in the record come from other machines' clocks and are never compared with ours.

use std::time::{Duration, Instant};

/// The three durations of an election. A leader stops leading `lease - renew` before anybody else may begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timing {
    /// How long others wait after the last change of the record before they take over.
    pub lease: Duration,
    /// How long a leader that cannot renew goes on leading.
    pub renew: Duration,
    /// Pause between attempts.
    pub retry: Duration,
}

impl Default for Timing {
    /// What every Kubernetes component uses: 15 s, 10 s, 2 s.
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(15),
            renew: Duration::from_secs(10),
            retry: Duration::from_secs(2),
        }
    }
}

/// What a Lease says, as far as the election goes. Any difference counts as a sign of life.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Record {
    /// `spec.holderIdentity`; empty when released.
    pub holder: String,
    /// `spec.leaseDurationSeconds`.
    pub duration: Option<Duration>,
    /// `spec.acquireTime`, in its writer's clock; compared with itself only.
    pub acquired: Option<jiff::Timestamp>,
    /// `spec.renewTime`, in its writer's clock; compared with itself only.
    pub renewed: Option<jiff::Timestamp>,
    /// `spec.leaseTransitions`.
    pub transitions: i32,
}

/// A record and since when, by our own clock, it has been as it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Observed {
    /// What the Lease says; `None` while there is no Lease.
    pub record: Option<Record>,
    /// When we first saw it so.
    pub since: Instant,
}

impl Observed {
    /// Takes in what the Lease says now: `since` moves only when something changed.
    #[must_use]
    pub fn update(self, record: Option<Record>, now: Instant) -> Self {
        if self.record == record {
            self
        } else {
            Self { record, since: now }
        }
    }
}

/// What to do about the Lease.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// It is free or has expired: write our name into it.
    Acquire,
    /// It is ours: write it again.
    Renew,
    /// It is somebody else's, at least until then.
    Wait(Instant),
    /// It is ours and we are stopping: take our name out.
    Release,
    /// We are stopping and hold nothing.
    Stop,
}

/// Decides what `me` does next.
pub fn decide(observed: &Observed, timing: Timing, now: Instant, me: &str, stopping: bool) -> Action {
    let held = observed
        .record
        .as_ref()
        .filter(|record| !record.holder.is_empty());
    match held {
        Some(record) if record.holder == me && stopping => Action::Release,
        _ if stopping => Action::Stop,
        None => Action::Acquire,
        Some(record) if record.holder == me => Action::Renew,
        Some(record) => {
            let expires = observed.since + validity(record, timing);
            if now >= expires {
                Action::Acquire
            } else {
                Action::Wait(expires)
            }
        }
    }
}

/// How long a record holds unchanged. A replica that is configured to wait longer than we are is respected; a nonsensical
/// duration does not keep us out for ever.
fn validity(record: &Record, timing: Timing) -> Duration {
    record
        .duration
        .unwrap_or(timing.lease)
        .clamp(timing.lease, timing.lease * 4)
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
