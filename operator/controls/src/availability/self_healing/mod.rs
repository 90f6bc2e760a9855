//! `availability/self-healing`: what fails is started again, and comes back.
//!
//! Cost: the unit is the workload, which reads its own status and one fact about its pods; a pod that becomes ready costs its
//! workload.

mod propose;

use jiff::SignedDuration;
use plimsoll_engine::{
    control::{Control, Meta, ParamError, Unit, UnitKind},
    duration::Duration,
    fact::Fact,
    facts::{Pods, Restarted},
    finding::{Basis, Finding, Findings, Repair, Severity},
    kind::Kind,
    object::{MOST_RESTARTS, Pod, RestartPolicy, Workload, WorkloadStatus},
    unknown::Unknown,
    view::View,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The control.
pub struct SelfHealing;

/// Parameters. How long a gap may last is `failAfter`, five minutes by default.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Params {
    /// Restarts of one pod per hour, on average over its life, from which on it is noted. Default: 5.
    #[schemars(range(min = 3, max = 1000))]
    pub max_restarts_per_hour: u32,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            max_restarts_per_hour: 5,
        }
    }
}

const BARE: &str = "BarePod";
/// A pod that is to come to an end, and runs for longer than this, serves somebody.
const LONG: SignedDuration = SignedDuration::from_hours(24);
/// Set by the kubelet on pods of its own, which it starts again itself.
const MIRROR: &str = "kubernetes.io/config.mirror";

impl Control for SelfHealing {
    const META: Meta = Meta {
        id: "availability/self-healing",
        title: "What fails is started again, and comes back",
        severity: Severity::High,
        basis: Basis::Automated,
        unit: UnitKind::TopMost(&[
            Kind::Deployment,
            Kind::StatefulSet,
            Kind::DaemonSet,
            Kind::ReplicaSet,
            Kind::Rollout,
            Kind::Pod,
        ]),
        reads: <Pods as Fact>::READS
            .with(Kind::Deployment)
            .with(Kind::StatefulSet)
            .with(Kind::DaemonSet)
            .with(Kind::Rollout),
        fail_after: Duration::from_mins(5),
        mappings: &[
            ("SOC 2", "A1.2"),
            ("ISO 27001", "A.8.14"),
            ("GDPR", "32(1)(b)"),
        ],
        rights: &[],
        page: include_str!("README.md"),
    };
    type Params = Params;

    fn validate(params: &Params) -> Result<(), ParamError> {
        if !(3..=1000).contains(&params.max_restarts_per_hour) {
            return Err(ParamError::new("maxRestartsPerHour", "expected 3 to 1000"));
        }
        Ok(())
    }

    fn check(unit: &Unit<'_>, view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
        if unit.object()?.meta.is_deleting() {
            out.not_applicable("is being deleted");
            return Ok(());
        }
        if unit.name().kind() == Kind::Pod {
            return bare_pod(unit, view, out);
        }
        // A warning must not keep a verdict from being reached.
        if let Ok(pods) = view.fact(&Pods {
            workload: unit.name().clone(),
        }) {
            note_restarts(view, params, pods.restarted.as_deref(), out);
        }
        replicated(unit, out)
    }

    fn repair(
        unit: &Unit<'_>,
        _view: &View<'_>,
        _params: &Params,
        finding: &Finding,
    ) -> Result<Option<Repair>, Unknown> {
        match finding.reason {
            BARE => propose::deployment(unit).map(Some),
            _ => Ok(None),
        }
    }
}

/// A pod that nobody would start again. Units of this control are only pods without a controller, of whatever kind.
fn bare_pod(unit: &Unit<'_>, view: &View<'_>, out: &mut Findings) -> Result<(), Unknown> {
    let pod = unit.get::<Pod>()?;
    let meta = &unit.object()?.meta;
    let ends = pod
        .spec()
        .is_some_and(|spec| spec.restart_policy == RestartPolicy::ToCompletion);
    let excused = [
        (meta.annotations.get(MIRROR).is_some(), "the kubelet starts it again"),
        (pod.succeeded(), "has done its work"),
        (ends && pod.finished, "has run to its end"),
    ];
    if let Some((_, why)) = excused.iter().find(|(excused, _)| *excused) {
        out.not_applicable(why);
        return Ok(());
    }
    let mut message = "no controller starts the pod again when it, or its node, fails";
    if ends {
        if !meta.creation_timestamp().is_some_and(|created| view.is_older(created, LONG)) {
            out.not_applicable("runs to completion");
            return Ok(());
        }
        message = "the pod is to come to an end, runs for more than a day, and no controller starts it again";
    }
    out.fail(BARE, message);
    Ok(())
}

/// What asks for pods, and how many of them serve.
struct Gap {
    desired: i32,
    available: i32,
    field: &'static str,
}

fn replicated(unit: &Unit<'_>, out: &mut Findings) -> Result<(), Unknown> {
    let workload = unit.get::<Workload>()?;
    let is_daemon_set = unit.name().kind() == Kind::DaemonSet;
    if !is_daemon_set && workload.spec.replicas.unwrap_or(1) <= 0 {
        out.not_applicable("scaled to zero");
        return Ok(());
    }
    let status = workload.status.as_ref().filter(|status| status.observed.is_some());
    let status = status.ok_or_else(|| {
        Unknown::new("NotObserved", "no controller has said yet how many pods are available").live_only()
    })?;
    if is_daemon_set && status.desired_number_scheduled.unwrap_or(0) <= 0 {
        out.not_applicable("no node is to run it");
        return Ok(());
    }
    degraded(&gap(workload, status, is_daemon_set), out);
    if status.conditions.stuck {
        out.fail(
            "StuckRollout",
            "the rollout has made no progress within its deadline",
        )
        .at("status.conditions")
        .seen("Progressing is False: ProgressDeadlineExceeded");
    }
    Ok(())
}

fn gap(workload: &Workload, status: &WorkloadStatus, is_daemon_set: bool) -> Gap {
    if is_daemon_set {
        return Gap {
            desired: status.desired_number_scheduled.unwrap_or(0),
            available: status.number_available.unwrap_or(0),
            field: "status.numberAvailable",
        };
    }
    Gap {
        desired: workload.spec.replicas.unwrap_or(1),
        available: status.available_replicas.unwrap_or(0),
        field: "status.availableReplicas",
    }
}

fn degraded(gap: &Gap, out: &mut Findings) {
    if gap.available >= gap.desired {
        return;
    }
    let are = if gap.available == 1 { "is" } else { "are" };
    let message = format!("{} of {} pods {are} available", gap.available, gap.desired);
    out.fail("Degraded", message).at(gap.field);
}

/// Many restarts are worth a look even where enough pods are available in between.
fn note_restarts(view: &View<'_>, params: &Params, restarted: Option<&Restarted>, out: &mut Findings) {
    let Some(restarted) = restarted else { return };
    let most = params.max_restarts_per_hour;
    // As many restarts are too many until the pod has had the time for them. The first hour counts whole.
    let needed = SignedDuration::from_secs(i64::from(restarted.restarts) * 3600 / i64::from(most));
    if restarted.restarts > most && !view.is_older(restarted.since, needed) {
        let or_more = if restarted.restarts == MOST_RESTARTS { " or more" } else { "" };
        out.note(format!(
            "pod {} was started again {}{or_more} times, more than {most} per hour of its life",
            restarted.pod, restarted.restarts
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_that_make_no_sense_are_refused_by_field() {
        let params: Params = serde_json::from_str(r#"{"maxRestartsPerHour": 2}"#).unwrap();
        assert_eq!(SelfHealing::validate(&params).unwrap_err().field, "maxRestartsPerHour");
        assert!(serde_json::from_str::<Params>(r#"{"graceSeconds": 300}"#).is_err());
    }
}
