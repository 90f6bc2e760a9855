//! Workloads: Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob, Rollout.

use jiff::Timestamp;
use serde::Deserialize;

use super::template::{ClaimSpec, PodTemplate};
use crate::{intorstring::IntOrString, selector::LabelSelector};

/// What is kept of a workload of any kind. Which fields mean something follows from the kind.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct Workload {
    /// `spec`.
    #[serde(default)]
    pub spec: WorkloadSpec,
    /// `status`.
    #[serde(default)]
    pub status: Option<WorkloadStatus>,
}

impl Workload {
    /// The pod template: a CronJob's lies in its Job template.
    pub fn template(&self) -> Option<&PodTemplate> {
        self.spec.template.as_ref().or_else(|| {
            self.spec
                .job_template
                .as_ref()
                .and_then(|job| job.spec.template.as_ref())
        })
    }
}

/// `spec` of a workload.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadSpec {
    /// Desired pods; absent means 1.
    #[serde(default)]
    pub replicas: Option<i32>,
    /// The workload's own selector.
    #[serde(default)]
    pub selector: Option<LabelSelector>,
    /// Pod template (Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, Rollout).
    #[serde(default)]
    pub template: Option<PodTemplate>,
    /// A Rollout may take its template from a Deployment instead.
    #[serde(default)]
    pub workload_ref: Option<WorkloadRef>,
    /// Deployment and Rollout: how pods are replaced.
    #[serde(default)]
    pub strategy: Option<Strategy>,
    /// StatefulSet: claims made for each pod.
    #[serde(default)]
    pub volume_claim_templates: Option<Vec<ClaimTemplate>>,
    /// CronJob: five-field schedule.
    #[serde(default)]
    pub schedule: Option<Box<str>>,
    /// CronJob: time zone of the schedule; absent means that of the controller manager (UTC is assumed).
    #[serde(default)]
    pub time_zone: Option<Box<str>>,
    /// CronJob, Job: runs are held back.
    #[serde(default)]
    pub suspend: Option<bool>,
    /// CronJob: what happens when a run would overlap the previous one.
    #[serde(default)]
    pub concurrency_policy: Option<Box<str>>,
    /// CronJob: the Job it creates.
    #[serde(default)]
    pub job_template: Option<JobTemplate>,
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
