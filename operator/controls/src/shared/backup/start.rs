//! Starting a Job of a CronJob now.

use jiff::SignedDuration;
use plimsoll_engine::{
    control::project,
    cron::{Dialect, Schedule, time_zone},
    decode::Object,
    finding::{Change, Right},
    kind::Kind,
    name::ObjRef,
    object::Workload,
    unknown::Unknown,
    view::View,
};

/// What starting a Job takes: server-side apply is a patch that may create.
pub(crate) const START: Right = Right {
    kind: Kind::Job,
    subresource: None,
    verbs: &["create", "patch"],
};

/// Longest name of a Job: its pods carry it as a label.
const LONGEST: usize = 63;

/// Whether a Job of a CronJob may be started.
pub(crate) enum Start {
    /// It cannot be: the CronJob is suspended, or never was to run.
    No,
    /// One is running, or was started already.
    Done,
    /// It can be.
    Now(Startable),
}

/// A CronJob whose Job may be started.
pub(crate) struct Startable {
    /// Starts it.
    pub(crate) change: Change,
    /// Whether the CronJob keeps two Jobs from running at once.
    pub(crate) forbids_overlap: bool,
}

/// How to start a Job of a CronJob now, once for each time at which the CronJob itself should have: the Job is named after that
/// time, so that a proposal that is carried out twice does nothing the second time.
pub(crate) fn start(cron_job: &Object, view: &View<'_>) -> Result<Start, Unknown> {
    let workload: &Workload = project(cron_job)?;
    if workload.status.as_ref().is_some_and(|status| status.active.0 > 0) {
        return Ok(Start::Done);
    }
    if workload.spec.suspend == Some(true) {
        return Ok(Start::No);
    }
    let zone = workload.spec.time_zone.as_deref().unwrap_or("Etc/UTC");
    let written = workload.spec.schedule.as_deref().unwrap_or_default();
    let (Ok(schedule), Ok(zone)) = (Schedule::parse(written, Dialect::Kubernetes), time_zone(zone)) else {
        return Ok(Start::No);
    };
    let now = view.evaluated_at();
    // What is due this very moment is due.
    let after = now.checked_add(SignedDuration::from_nanos(1)).unwrap_or(now);
    let Some(due) = schedule.prev(after, &zone) else {
        return Ok(Start::No);
    };
    // From then on the Job is another one.
    if let Some(next) = schedule.next_after(now, &zone) {
        view.is_past(next);
    }
    let target = ObjRef::new(
        Kind::Job,
        cron_job.name.namespace().unwrap_or_default(),
        job_name(cron_job.name.name(), due.as_second() / 60),
    );
    if view.object(&target)?.is_some() {
        return Ok(Start::Done);
    }
    Ok(Start::Now(Startable {
        change: Change::Start {
            target,
            from: cron_job.name.clone(),
        },
        forbids_overlap: workload.spec.concurrency_policy.as_deref() == Some("Forbid"),
    }))
}

/// As the CronJob's controller names Jobs (the minute since 1970), told apart from its own.
fn job_name(cron_job: &str, minute: i64) -> String {
    let suffix = format!("-p{minute}");
    let room = LONGEST.saturating_sub(suffix.len());
    let kept: String = cron_job.chars().take(room).collect();
    format!("{}{suffix}", kept.trim_end_matches(['-', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_a_label() {
        assert_eq!(job_name("nightly", 29_000_000), "nightly-p29000000");
        let long = job_name(&"a".repeat(52), 29_000_000);
        assert_eq!(long.len(), 62, "the longest name of a CronJob fits");
        assert_eq!(
            job_name(&format!("{}-b", "a".repeat(52)), 29_000_000),
            long,
            "no dash is doubled"
        );
        assert!(job_name(&"a".repeat(300), i64::MAX).len() <= LONGEST);
    }
}
