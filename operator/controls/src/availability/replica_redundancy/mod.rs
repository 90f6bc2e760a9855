//! `availability/replica-redundancy`: what serves production runs more than once.

mod obstacles;

use plimsoll_engine::{
    control::{Control, Meta, ParamError, Unit, UnitKind},
    duration::Duration,
    fact::Fact,
    facts::{Desired, DesiredValue, Scaler},
    finding::{Basis, Change, Finding, Findings, Repair, RepairClass, Right, Severity},
    kind::Kind,
    labels::Labels,
    selector::LabelSelector,
    unknown::Unknown,
    view::View,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shared::managed::managed_elsewhere;

/// The control.
pub struct ReplicaRedundancy;

/// Parameters of `availability/replica-redundancy`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Params {
    /// Fewest replicas a workload must ask for. Default 2.
    #[schemars(range(min = 1, max = 1000))]
    pub min_replicas: i32,
    /// Environments whose workloads are judged. Default [production].
    #[schemars(length(min = 1, max = 16))]
    pub environments: Vec<String>,
    /// Other minima for workloads selected by their labels; of several that match, the highest counts. Default none.
    #[schemars(length(max = 64))]
    pub overrides: Vec<Override>,
}

/// Another minimum for some workloads.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Override {
    /// The workloads, by their own labels (not those of their pods).
    pub selector: LabelSelector,
    /// Fewest replicas they must ask for.
    #[schemars(range(min = 1, max = 1000))]
    pub min_replicas: i32,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            min_replicas: 2,
            environments: vec!["production".into()],
            overrides: Vec::new(),
        }
    }
}

impl Params {
    fn minimum_for(&self, labels: &Labels) -> i32 {
        let matching = self.overrides.iter().filter(|o| o.selector.matches(labels));
        matching
            .map(|o| o.min_replicas)
            .max()
            .unwrap_or(self.min_replicas)
    }
}

const REPLICAS: std::ops::RangeInclusive<i32> = 1..=1000;

impl Control for ReplicaRedundancy {
    const META: Meta = Meta {
        id: "availability/replica-redundancy",
        title: "What serves production runs more than once",
        severity: Severity::High,
        basis: Basis::Automated,
        unit: UnitKind::TopMost(&[
            Kind::Deployment,
            Kind::StatefulSet,
            Kind::Rollout,
            Kind::CnpgCluster,
            Kind::DaemonSet,
            Kind::Job,
            Kind::CronJob,
        ]),
        reads: <Desired as Fact>::READS.union(obstacles::READS),
        fail_after: Duration::from_mins(5),
        mappings: &[("SOC 2", "A1.2"), ("ISO 27001", "A.8.14"), ("GDPR", "32(1)(b)")],
        rights: &[
            Right {
                kind: Kind::Deployment,
                subresource: Some("scale"),
                verbs: &["patch"],
            },
            Right {
                kind: Kind::HorizontalPodAutoscaler,
                subresource: None,
                verbs: &["patch"],
            },
        ],
        page: include_str!("README.md"),
    };
    type Params = Params;

    fn validate(params: &Params) -> Result<(), ParamError> {
        if !REPLICAS.contains(&params.min_replicas) {
            return Err(ParamError::new("minReplicas", "expected 1 to 1000"));
        }
        if params.environments.is_empty() {
            return Err(ParamError::new("environments", "expected at least one environment"));
        }
        for (i, o) in params.overrides.iter().enumerate() {
            let field = |name: &str| format!("overrides[{i}].{name}");
            if !REPLICAS.contains(&o.min_replicas) {
                return Err(ParamError::new(field("minReplicas"), "expected 1 to 1000"));
            }
            if o.selector.is_everything() {
                return Err(ParamError::new(
                    field("selector"),
                    "an empty selector selects every workload: set minReplicas instead",
                ));
            }
            o.selector
                .validate()
                .map_err(|e| ParamError::new(field("selector"), e.to_string()))?;
        }
        Ok(())
    }

    fn check(unit: &Unit<'_>, view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
        let object = unit.object()?;
        if let Some(why) = exempt(unit.name().kind()) {
            out.not_applicable(why);
            return Ok(());
        }
        if let (Kind::StatefulSet, Some(owner)) = (unit.name().kind(), &object.meta.controller) {
            out.not_applicable("run by a custom resource");
            out.note(format!(
                "{} {} decides how many instances there are",
                owner.kind(), owner.name()
            ));
            return Ok(());
        }
        if !view.is_in(&params.environments)? {
            out.not_applicable("not in a listed environment");
            return Ok(());
        }
        let desired = desired(unit, view)?;
        if desired.is_off() {
            out.not_applicable("scaled to zero");
            return Ok(());
        }
        let minimum = params.minimum_for(&object.meta.labels);
        if desired.count < minimum {
            report(unit, &desired, minimum, out);
        }
        Ok(())
    }

    fn repair(
        unit: &Unit<'_>,
        view: &View<'_>,
        params: &Params,
        _finding: &Finding,
    ) -> Result<Option<Repair>, Unknown> {
        let desired = desired(unit, view)?;
        let to = params.minimum_for(&unit.object()?.meta.labels);
        let changes = changes(unit, &desired, to);
        let (class, why) = classify(unit, view, &desired, to)?;
        Ok(Some(Repair {
            class,
            why: why.into(),
            changes,
        }))
    }
}

fn exempt(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::DaemonSet => Some("a DaemonSet runs once per node"),
        Kind::Job | Kind::CronJob => Some("runs to completion"),
        _ => None,
    }
}

fn desired(unit: &Unit<'_>, view: &View<'_>) -> Result<std::sync::Arc<DesiredValue>, Unknown> {
    view.fact(&Desired {
        workload: unit.name().clone(),
    })
}

fn report(unit: &Unit<'_>, desired: &DesiredValue, minimum: i32, out: &mut Findings) {
    let (field, what) = if unit.name().kind() == Kind::CnpgCluster {
        ("spec.instances", "instances")
    } else {
        ("spec.replicas", "replicas")
    };
    let finding = out
        .fail(
            "TooFewReplicas",
            format!("asks for {} {what}, at least {minimum} are expected", desired.count),
        )
        .at(field);
    match &desired.scaler {
        Some(scaler) => _ = finding.seen(seen(scaler)),
        None => _ = finding.seen(format!("{field}: {}", desired.own)),
    }
}

fn seen(scaler: &Scaler) -> String {
    let field = match (scaler.object.kind(), scaler.pinned) {
        (_, true) => "paused-replicas",
        (Kind::ScaledObject, false) => "spec.minReplicaCount",
        _ => "spec.minReplicas",
    };
    match scaler.written {
        Some(_) => format!("{}: {field}: {}", scaler.object, scaler.fewest),
        None => format!("{}: {field} absent, which means {}", scaler.object, scaler.fewest),
    }
}

/// The changes that bring the desired count up to `to`: on the autoscaler where there is one, for it would undo any other.
fn changes(unit: &Unit<'_>, desired: &DesiredValue, to: i32) -> Vec<Change> {
    let target = unit.name().clone();
    match &desired.scaler {
        Some(scaler) if scaler.object.kind() == Kind::ScaledObject => scaled_object(scaler, to),
        Some(scaler) => autoscaler(scaler, to),
        None if target.kind() == Kind::CnpgCluster => vec![Change::Set {
            target,
            pointer: "/spec/instances".into(),
            from: Some(desired.own.into()),
            to: to.into(),
        }],
        None => vec![Change::Replicas {
            target,
            from: desired.own,
            to,
        }],
    }
}

fn autoscaler(scaler: &Scaler, to: i32) -> Vec<Change> {
    let upper = scaler
        .most
        .filter(|most| *most < to)
        .map(|most| set(scaler, "/spec/maxReplicas", Some(most.into()), to.into()));
    let lower = Change::MinReplicas {
        target: scaler.object.clone(),
        from: scaler.written,
        to,
    };
    upper.into_iter().chain([lower]).collect()
}

fn scaled_object(scaler: &Scaler, to: i32) -> Vec<Change> {
    if scaler.pinned {
        return vec![set(
            scaler,
            "/metadata/annotations/autoscaling.keda.sh~1paused-replicas",
            Some(scaler.fewest.to_string().into()),
            to.to_string().into(),
        )];
    }
    let from = |value: Option<i32>| value.map(Into::into);
    let upper = scaler
        .most
        .filter(|most| *most < to)
        .map(|most| set(scaler, "/spec/maxReplicaCount", Some(most.into()), to.into()));
    let lower = (scaler.written.unwrap_or(0) < to)
        .then(|| set(scaler, "/spec/minReplicaCount", from(scaler.written), to.into()));
    let idle = scaler
        .idle
        .filter(|idle| *idle < to)
        .map(|idle| set(scaler, "/spec/idleReplicaCount", Some(idle.into()), to.into()));
    upper.into_iter().chain(lower).chain(idle).collect()
}

fn set(
    scaler: &Scaler,
    pointer: &str,
    from: Option<serde_json::Value>,
    to: serde_json::Value,
) -> Change {
    Change::Set {
        target: scaler.object.clone(),
        pointer: pointer.into(),
        from: from.map(Into::into),
        to: to.into(),
    }
}

fn classify(
    unit: &Unit<'_>,
    view: &View<'_>,
    desired: &DesiredValue,
    to: i32,
) -> Result<(RepairClass, String), Unknown> {
    if unit.name().kind() == Kind::StatefulSet {
        let why = "a further replica of a StatefulSet has no copy of the data of the first";
        return Ok((RepairClass::NeverAutomatic, why.into()));
    }
    let mut obstacles = if unit.name().kind() == Kind::CnpgCluster {
        let database = "a further instance takes storage and copies the whole database".to_owned();
        managed_elsewhere(&unit.object()?.meta)
            .into_iter()
            .chain([database])
            .collect()
    } else {
        obstacles::of(unit, view, to.saturating_sub(desired.count.max(0)))?
    };
    if let Some(scaler) = &desired.scaler {
        obstacles.extend(of_scaler(scaler, view, to)?);
    }
    Ok(if obstacles.is_empty() {
        let why = "one more pod beside those that run: no exclusive claim, host port or quota stands in the way";
        (RepairClass::Safe, why.into())
    } else {
        (RepairClass::NeedsApproval, obstacles.join("; "))
    })
}

fn of_scaler(scaler: &Scaler, view: &View<'_>, to: i32) -> Result<Vec<String>, Unknown> {
    let mut obstacles = Vec::new();
    if let Some(object) = view.object(&scaler.object)? {
        obstacles.extend(managed_elsewhere(&object.meta).map(|why| format!("{}: {why}", scaler.object)));
    }
    if scaler.object.kind() == Kind::ScaledObject {
        obstacles.push("scaled by KEDA, which may be meant to go down to zero".into());
    } else if scaler.most.is_some_and(|most| most < to) {
        obstacles.push("the autoscaler's maximum has to rise too".into());
    }
    Ok(obstacles)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(params: &str) -> String {
        let params: Params = serde_json::from_str(params).unwrap();
        ReplicaRedundancy::validate(&params).unwrap_err().field
    }

    #[test]
    fn parameters_that_make_no_sense_are_refused_by_field() {
        assert_eq!(refused(r#"{"minReplicas": 0}"#), "minReplicas");
        assert_eq!(refused(r#"{"environments": []}"#), "environments");
        assert_eq!(
            refused(r#"{"overrides": [{"selector": {}, "minReplicas": 1}]}"#),
            "overrides[0].selector"
        );
        assert_eq!(
            refused(r#"{"overrides": [{"selector": {"matchLabels": {"a": "b"}}, "minReplicas": 1001}]}"#),
            "overrides[0].minReplicas"
        );
        assert_eq!(
            refused(r#"{"overrides": [{"selector": {"matchLabels": {"a b": "c"}}, "minReplicas": 1}]}"#),
            "overrides[0].selector"
        );
    }
}
