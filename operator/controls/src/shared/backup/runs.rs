//! What is known of a source's runs: the last success, and whether one is under way.

use jiff::Timestamp;
use plimsoll_engine::{
    control::project,
    decode::Object,
    fact::Fact,
    inventory::IndexKey,
    kind::{Kind, KindSet},
    name::ObjRef,
    object::{CnpgBackup, K8upBackup, LonghornBackup, VeleroBackup, Workload},
    unknown::Unknown,
    view::View,
};

use super::{RUNS, longhorn};

/// The annotation in which a backup job leaves the size of what it wrote.
const BYTES: &str = "plimsoll.dev/backup-bytes";
/// Longest label value; Velero shortens longer schedule names by a hash.
const LABEL: usize = 63;

/// The runs of one source, as far as they concern one target.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct RunOf {
    source: ObjRef,
    /// The database, where the tool keeps runs for each; else one answer serves all.
    target: Option<ObjRef>,
}

impl RunOf {
    /// The runs of `source` that concern `target`.
    pub(crate) fn new(source: &ObjRef, target: &ObjRef) -> Self {
        let for_each = matches!(
            source.kind(),
            Kind::CnpgScheduledBackup | Kind::LonghornRecurringJob
        );
        Self {
            source: source.clone(),
            target: for_each.then(|| target.clone()),
        }
    }
}

/// What is known of a source's runs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Run {
    /// Since when there could have been runs; `None` in a manifest that never was in a cluster.
    pub(crate) since: Option<Timestamp>,
    /// When the last success ended.
    pub(crate) success: Option<Timestamp>,
    /// When the run that is under way started.
    pub(crate) running: Option<Timestamp>,
    /// The newest run that did not succeed, if it is newer than the last success.
    pub(crate) failed: Option<Box<str>>,
    /// How much the last success wrote, where that is known.
    pub(crate) bytes: Option<u64>,
}

impl Fact for RunOf {
    const READS: KindSet = RUNS;
    type Value = Run;

    fn compute(&self, view: &View<'_>) -> Result<Run, Unknown> {
        let Some(object) = view.object(&self.source)? else {
            return Ok(Run::default());
        };
        let target = self.target.as_ref().unwrap_or(&self.source);
        match self.source.kind() {
            Kind::CronJob => cron_job(object),
            Kind::VeleroSchedule => velero(view, object),
            Kind::CnpgScheduledBackup => cnpg(view, object, target),
            Kind::K8upSchedule => k8up(view, object),
            Kind::LonghornRecurringJob => longhorn(view, object, target),
            Kind::ZalandoPostgresql => logical_backup(view, object),
            other => Err(Unknown::not_modelled(format!(
                "the outcome of backups by {}",
                other.resource()
            ))),
        }
    }
}

/// One run of a tool that keeps an object for each.
struct Attempt {
    started: Option<Timestamp>,
    outcome: Outcome,
    name: Box<str>,
    bytes: Option<u64>,
}

enum Outcome {
    Succeeded(Timestamp),
    Running,
    /// The phase it ended in.
    Failed(Box<str>),
}

/// Sums up runs: the newest success, the newest run under way, and what failed since.
fn sum_up(since: Option<Timestamp>, attempts: impl Iterator<Item = Attempt>) -> Run {
    let mut run = Run {
        since,
        ..Run::default()
    };
    let mut failed: Option<(Timestamp, Box<str>)> = None;
    for attempt in attempts {
        match attempt.outcome {
            Outcome::Succeeded(at) if run.success.is_none_or(|known| at > known) => {
                run.success = Some(at);
                run.bytes = attempt.bytes;
            }
            Outcome::Succeeded(_) => {}
            Outcome::Running => run.running = run.running.max(attempt.started),
            Outcome::Failed(phase) => {
                let at = attempt.started.unwrap_or(Timestamp::MIN);
                if failed.as_ref().is_none_or(|(known, _)| at > *known) {
                    failed = Some((at, format!("{} ended as {phase}", attempt.name).into()));
                }
            }
        }
    }
    run.failed = failed
        .filter(|(at, _)| run.success.is_none_or(|success| *at > success))
        .map(|(_, what)| what);
    run
}

fn cron_job(object: &Object) -> Result<Run, Unknown> {
    let job: &Workload = project(object)?;
    let Some(status) = &job.status else {
        return Ok(Run::default());
    };
    let success = status.last_successful_time;
    let running = status.last_schedule_time.filter(|_| status.active.0 > 0);
    let failed = status
        .last_schedule_time
        .filter(|at| running.is_none() && success.is_none_or(|success| success < *at))
        .map(|at| format!("the run of {at} has not succeeded").into());
    Ok(Run {
        since: object.meta.creation_timestamp(),
        success,
        running,
        failed,
        bytes: object
            .meta
            .annotations
            .get(BYTES)
            .and_then(|text| text.parse().ok()),
    })
}

/// Zalando's operator runs logical backups in a CronJob of its own.
fn logical_backup(view: &View<'_>, cluster: &Object) -> Result<Run, Unknown> {
    let namespace = cluster.name.namespace().unwrap_or_default();
    let name = ObjRef::new(
        Kind::CronJob,
        namespace,
        format!("logical-backup-{}", cluster.name.name()),
    );
    match view.object(&name)? {
        Some(job) => cron_job(job),
        None => Ok(Run {
            since: cluster.meta.creation_timestamp(),
            ..Run::default()
        }),
    }
}

fn velero(view: &View<'_>, schedule: &Object) -> Result<Run, Unknown> {
    if schedule.name.name().len() > LABEL {
        return Err(Unknown::not_modelled(
            "a Velero schedule name of more than 63 characters",
        ));
    }
    let attempts = filed(
        view,
        Kind::VeleroBackup,
        &schedule.name,
        "Schedule",
        schedule.name.name(),
    )?
    .into_iter()
    .map(|object| {
        let status = project::<VeleroBackup>(object)?
            .status
            .clone()
            .unwrap_or_default();
        let phase = status.phase.as_deref().unwrap_or("New");
        let outcome = match (phase, status.completion_timestamp) {
            ("Completed", Some(at)) => Outcome::Succeeded(at),
            ("Completed" | "PartiallyFailed" | "Failed" | "FailedValidation" | "Deleting", _) => {
                Outcome::Failed(phase.into())
            }
            _ => Outcome::Running,
        };
        Ok(attempt(object, status.start_timestamp, outcome))
    });
    Ok(sum_up(schedule.meta.creation_timestamp(), collect(attempts)?))
}

fn k8up(view: &View<'_>, schedule: &Object) -> Result<Run, Unknown> {
    let namespace = schedule.name.namespace().unwrap_or_default();
    // Backups that a person creates hold the namespace's data as well as those of the schedule.
    let attempts = view
        .in_namespace(Kind::K8upBackup, namespace)?
        .into_iter()
        .map(|object| {
            let backup: &K8upBackup = project(object)?;
            let outcome = match backup.ended() {
                Some((at, true)) => Outcome::Succeeded(at),
                Some((_, false)) => Outcome::Failed("Failed".into()),
                None => Outcome::Running,
            };
            Ok(attempt(object, None, outcome))
        });
    Ok(sum_up(schedule.meta.creation_timestamp(), collect(attempts)?))
}

/// Every backup of the cluster counts, whoever asked for it.
fn cnpg(view: &View<'_>, schedule: &Object, cluster: &ObjRef) -> Result<Run, Unknown> {
    let attempts = filed(view, Kind::CnpgBackup, cluster, "Cluster", cluster.name())?
        .into_iter()
        .map(|object| {
            let status = project::<CnpgBackup>(object)?.status.clone().unwrap_or_default();
            let phase = status.phase.as_deref().unwrap_or("pending");
            let outcome = match (phase, status.stopped_at) {
                ("completed", Some(at)) => Outcome::Succeeded(at),
                ("completed" | "failed" | "walArchivingFailing", _) => Outcome::Failed(phase.into()),
                _ => Outcome::Running,
            };
            Ok(attempt(object, status.started_at, outcome))
        });
    Ok(sum_up(schedule.meta.creation_timestamp(), collect(attempts)?))
}

/// Each volume has backups of its own; the one longest without a success counts.
fn longhorn(view: &View<'_>, job: &Object, target: &ObjRef) -> Result<Run, Unknown> {
    let Some(object) = view.object(target)? else {
        return Ok(Run::default());
    };
    let claims = longhorn::claims(object);
    let volumes = longhorn::volumes(view, target.namespace().unwrap_or_default(), &claims)?;
    let mut worst: Option<Run> = None;
    for volume in volumes.into_iter().flatten() {
        let since = job
            .meta
            .creation_timestamp()
            .max(volume.meta.creation_timestamp());
        let attempts = filed(
            view,
            Kind::LonghornBackup,
            &volume.name,
            "Volume",
            volume.name.name(),
        )?
        .into_iter()
        .map(longhorn_backup);
        let run = sum_up(since, collect(attempts)?);
        let older = worst.as_ref().is_none_or(|w| run.success < w.success);
        if older {
            worst = Some(run);
        }
    }
    Ok(worst.unwrap_or_default())
}

fn longhorn_backup(object: &Object) -> Result<Attempt, Unknown> {
    let status = &project::<LonghornBackup>(object)?.status;
    let outcome = match (&*status.state, status.backup_created_at) {
        ("Completed", Some(at)) => Outcome::Succeeded(at),
        ("Completed" | "Error" | "Unknown" | "Deleting", _) => Outcome::Failed(status.state.clone()),
        _ => Outcome::Running,
    };
    let bytes = status.size.as_ref().and_then(|size| size.parse().ok());
    Ok(Attempt {
        bytes,
        ..attempt(object, status.backup_created_at, outcome)
    })
}

fn attempt(object: &Object, started: Option<Timestamp>, outcome: Outcome) -> Attempt {
    Attempt {
        started: started.or(object.meta.creation_timestamp()),
        outcome,
        name: object.name.name().into(),
        bytes: None,
    }
}

fn filed<'a>(
    view: &View<'a>,
    kind: Kind,
    beside: &ObjRef,
    target: &str,
    name: &str,
) -> Result<Vec<&'a Object>, Unknown> {
    let namespace = beside.namespace().unwrap_or_default();
    view.indexed(
        kind,
        &IndexKey::Targets(kind, namespace.into(), target.into(), name.into()),
    )
}

fn collect(
    attempts: impl Iterator<Item = Result<Attempt, Unknown>>,
) -> Result<impl Iterator<Item = Attempt>, Unknown> {
    Ok(attempts.collect::<Result<Vec<_>, _>>()?.into_iter())
}
