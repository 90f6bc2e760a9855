//! Workloads: Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob, Rollout.

use std::ops::Deref;

use jiff::Timestamp;
use serde::Deserialize;

use super::{
    Word,
    template::{ClaimSpec, Container, PodTemplate},
};
use crate::{intorstring::IntOrString, labels::Labels, selector::LabelSelector};

/// What is kept of a workload of any kind. Which fields mean something follows from the kind.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct Workload {
    /// `spec`.
    #[serde(default)]
    pub spec: WorkloadSpec,
    /// `status`.
    #[serde(default)]
    pub status: Option<Box<WorkloadStatus>>,
}

impl Workload {
    /// The pod template: a CronJob's lies in its Job template.
    pub fn template(&self) -> Option<&PodTemplate> {
        self.spec.template.as_deref().or_else(|| {
            self.spec
                .job_template
                .as_ref()
                .and_then(|job| job.spec.template.as_ref())
        })
    }

    /// The labels of its own pod template.
    pub(super) fn template_labels(&mut self) -> Option<&mut Labels> {
        self.spec.template.as_mut()?.labels_mut()
    }

    /// Whether it has done its work and starts no pod any more: a Job that succeeded.
    pub fn is_over(&self) -> bool {
        self.status
            .as_ref()
            .is_some_and(|status| status.completion_time.is_some())
    }
}

/// `spec` of a workload: what most have, and what few have ([`RareSpec`], to whose fields it derefs).
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(from = "WireSpec")]
pub struct WorkloadSpec {
    /// Desired pods; absent means 1.
    pub replicas: Option<i32>,
    /// The workload's own selector.
    pub selector: Option<LabelSelector>,
    /// Pod template (Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, Rollout).
    pub template: Option<Box<PodTemplate>>,
    /// Deployment and Rollout: how pods are replaced.
    pub strategy: Option<Box<Strategy>>,
    /// Nothing where all of it is absent.
    rare: Option<Box<RareSpec>>,
}

/// What few workloads have in their `spec`.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct RareSpec {
    /// A Rollout may take its template from a Deployment instead.
    pub workload_ref: Option<WorkloadRef>,
    /// StatefulSet: claims made for each pod.
    pub volume_claim_templates: Option<Box<[ClaimTemplate]>>,
    /// CronJob: five-field schedule.
    pub schedule: Option<Box<str>>,
    /// CronJob: time zone of the schedule; absent means that of the controller manager (UTC is assumed).
    pub time_zone: Option<Box<str>>,
    /// CronJob, Job: runs are held back.
    pub suspend: Option<bool>,
    /// CronJob: what happens when a run would overlap the previous one.
    pub concurrency_policy: Option<Box<str>>,
    /// CronJob: the Job it creates.
    pub job_template: Option<JobTemplate>,
}

impl Deref for WorkloadSpec {
    type Target = RareSpec;

    fn deref(&self) -> &RareSpec {
        static NONE: RareSpec = RareSpec {
            workload_ref: None,
            volume_claim_templates: None,
            schedule: None,
            time_zone: None,
            suspend: None,
            concurrency_policy: None,
            job_template: None,
        };
        self.rare.as_deref().unwrap_or(&NONE)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireSpec {
    #[serde(default)]
    replicas: Option<i32>,
    #[serde(default)]
    selector: Option<LabelSelector>,
    #[serde(default)]
    template: Option<Box<PodTemplate>>,
    #[serde(default)]
    workload_ref: Option<WorkloadRef>,
    #[serde(default)]
    strategy: Option<Box<Strategy>>,
    #[serde(default)]
    volume_claim_templates: Option<Box<[ClaimTemplate]>>,
    #[serde(default)]
    schedule: Option<Box<str>>,
    #[serde(default)]
    time_zone: Option<Box<str>>,
    #[serde(default)]
    suspend: Option<bool>,
    #[serde(default)]
    concurrency_policy: Option<Box<str>>,
    #[serde(default)]
    job_template: Option<JobTemplate>,
}

impl From<WireSpec> for WorkloadSpec {
    fn from(wire: WireSpec) -> Self {
        let rare = RareSpec {
            workload_ref: wire.workload_ref,
            volume_claim_templates: wire.volume_claim_templates,
            schedule: wire.schedule,
            time_zone: wire.time_zone,
            suspend: wire.suspend,
            concurrency_policy: wire.concurrency_policy,
            job_template: wire.job_template,
        };
        Self {
            replicas: wire.replicas,
            selector: wire.selector,
            template: wire.template,
            strategy: wire.strategy,
            rare: (rare != RareSpec::default()).then(|| Box::new(rare)),
        }
    }
}

/// `workloadRef` of a Rollout.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct WorkloadRef {
    /// Kind of the workload, usually Deployment.
    #[serde(default)]
    pub kind: Box<str>,
    /// Its name.
    #[serde(default)]
    pub name: Box<str>,
}

/// `strategy` of a Deployment.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Strategy {
    /// `RollingUpdate` or `Recreate`.
    #[serde(default)]
    pub r#type: Option<Box<str>>,
    /// Bounds of a rolling update.
    #[serde(default)]
    pub rolling_update: Option<RollingUpdate>,
}

/// `rollingUpdate` of a strategy.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RollingUpdate {
    /// Pods that may be missing during an update.
    #[serde(default)]
    pub max_unavailable: Option<IntOrString>,
}

/// `jobTemplate` of a CronJob.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct JobTemplate {
    /// `spec` of the Job.
    #[serde(default)]
    pub spec: JobTemplateSpec,
}

/// `spec` of a Job template.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct JobTemplateSpec {
    /// Pod template.
    #[serde(default)]
    pub template: Option<PodTemplate>,
}

/// One of `volumeClaimTemplates`.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct ClaimTemplate {
    /// Name of the volume.
    #[serde(default)]
    pub metadata: ClaimTemplateMeta,
    /// `spec` of the claims.
    #[serde(default)]
    pub spec: ClaimSpec,
}

/// `metadata` of a claim template.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct ClaimTemplateMeta {
    /// Name; a pod's claim is called `<name>-<pod>`.
    #[serde(default)]
    pub name: Box<str>,
    /// Labels of the claims, beside those of the StatefulSet's selector.
    #[serde(default)]
    pub labels: Labels,
}

/// What is kept of `status`.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadStatus {
    /// CronJob: last time a Job was started.
    #[serde(default)]
    pub last_schedule_time: Option<Timestamp>,
    /// CronJob: last time a Job succeeded.
    #[serde(default)]
    pub last_successful_time: Option<Timestamp>,
    /// CronJob: its running Jobs. (A Job's `active` is a number: see [`ActiveJobs`].)
    #[serde(default)]
    pub active: ActiveJobs,
    /// Job: when it succeeded.
    #[serde(default)]
    pub completion_time: Option<Timestamp>,
    /// Job: when it was started.
    #[serde(default)]
    pub start_time: Option<Timestamp>,
    /// Pods that have been ready for long enough; absent means none.
    #[serde(default)]
    pub available_replicas: Option<i32>,
    /// DaemonSet: the same.
    #[serde(default)]
    pub number_available: Option<i32>,
    /// DaemonSet: nodes that are to run its pod.
    #[serde(default)]
    pub desired_number_scheduled: Option<i32>,
    /// Whether the kind's controller has ever looked at the object: a manifest's `status: {}` says nothing.
    #[serde(default, rename = "observedGeneration")]
    pub observed: Option<serde::de::IgnoredAny>,
    /// What of the conditions is kept.
    #[serde(default)]
    pub conditions: Conditions,
}

/// `status.conditions` of a workload, as far as some control reads them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(from = "Option<Vec<Condition>>")]
pub struct Conditions {
    /// A rollout makes no progress: `Progressing` is `False` because of `ProgressDeadlineExceeded`.
    pub stuck: bool,
}

#[derive(Deserialize)]
struct Condition {
    #[serde(default = "Word::empty")]
    r#type: Word<Progressing>,
    #[serde(default = "Word::empty")]
    status: Word<False>,
    #[serde(default)]
    reason: Option<Word<DeadlineExceeded>>,
}

impl From<Option<Vec<Condition>>> for Conditions {
    fn from(conditions: Option<Vec<Condition>>) -> Self {
        let stuck = |condition: &Condition| {
            let exceeded = condition.reason.as_ref().is_some_and(|reason| reason.0.0);
            condition.r#type.0.0 && condition.status.0.0 && exceeded
        };
        Self {
            stuck: conditions.iter().flatten().any(stuck),
        }
    }
}

/// Words that conditions are compared with.
macro_rules! words {
    ($($name:ident: $word:literal;)+) => {$(
        struct $name(bool);

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                Self(word == $word)
            }
        }
    )+};
}

words! {
    Progressing: "Progressing";
    False: "False";
    DeadlineExceeded: "ProgressDeadlineExceeded";
}

/// `status.active`: the running Jobs of a CronJob, or the number of running pods of a Job.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(from = "ActiveWire")]
pub struct ActiveJobs(pub usize);

#[derive(Deserialize)]
#[serde(untagged)]
enum ActiveWire {
    Pods(usize),
    Jobs(Vec<serde::de::IgnoredAny>),
    Null(()),
}

impl From<ActiveWire> for ActiveJobs {
    fn from(wire: ActiveWire) -> Self {
        match wire {
            ActiveWire::Pods(n) => Self(n),
            ActiveWire::Jobs(jobs) => Self(jobs.len()),
            ActiveWire::Null(()) => Self(0),
        }
    }
}

impl Workload {
    /// Why this looks like a backup, although nothing says that it is: one strong sign (a backup command) or two weak ones
    /// (names). Enough to suggest the label, never to pass.
    pub fn looks_like_backup(&self, name: &str) -> Option<String> {
        let pod = &self.template()?.spec;
        if NOT_BACKUPS.iter().any(|word| has_word(name, word)) {
            return None;
        }
        let runs = |c: &Container| {
            c.args
                .backup_command()
                .or(c.command.backup_command())
                .map(String::from)
                .or_else(|| tool_with_verb(c))
        };
        if let Some(command) = pod.all_containers().find_map(runs) {
            return Some(format!("runs {command}"));
        }
        let images = pod.all_containers().filter_map(|c| c.image.as_deref());
        let volumes = pod.volumes.iter().flatten().map(|v| &*v.name);
        let weak = [
            hints(name),
            images.map(base_name).any(hints),
            volumes.chain(pod.claims()).any(hints),
        ];
        (weak.into_iter().filter(|sign| *sign).count() >= 2).then(|| "is named like one".to_owned())
    }
}

/// Jobs around backups that make none.
const NOT_BACKUPS: &[&str] = &[
    "prune",
    "rotate",
    "cleanup",
    "check",
    "heartbeat",
    "restore",
    "verify",
    "defrag",
];

fn has_word(name: &str, word: &str) -> bool {
    name.split(['-', '.', '_']).any(|token| token == word)
}

fn hints(name: &str) -> bool {
    ["backup", "dump", "snapshot"]
        .iter()
        .any(|word| name.contains(word))
}

/// An image of a backup tool whose arguments start with what makes it write.
fn tool_with_verb(container: &Container) -> Option<String> {
    let tool = base_name(container.image.as_deref()?);
    let verb = container.command.verb().or(container.args.verb())?;
    matches!(tool, "s3cmd" | "rclone" | "restic" | "borg" | "kopia").then(|| format!("{tool} {verb}"))
}

/// The last segment of an image's repository, without tag and digest: `postgres` of `docker.io/library/postgres:16@sha256:…`.
pub fn base_name(image: &str) -> &str {
    let image = image.split_once('@').map_or(image, |(name, _)| name);
    let last = image.rsplit('/').next().unwrap_or(image);
    last.split_once(':').map_or(last, |(name, _)| name)
}
