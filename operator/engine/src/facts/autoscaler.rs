//! What scales a workload.

use crate::{
    decode::Object,
    fact::{Fact, Kept},
    inventory::IndexKey,
    kind::{Kind, KindSet},
    name::ObjRef,
    object::{self, ScaledObject},
    unknown::Unknown,
    view::View,
};

/// The autoscaler of a workload, if it has one.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Autoscaler {
    /// The workload.
    pub workload: ObjRef,
}

/// An autoscaler and its bounds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scaler {
    /// The HorizontalPodAutoscaler or ScaledObject.
    pub object: ObjRef,
    /// The lower bound as written.
    pub written: Option<i32>,
    /// The fewest pods it leaves running; of several autoscalers, the fewest of all.
    pub fewest: i32,
    /// The upper bound as written.
    pub most: Option<i32>,
    /// A ScaledObject's count while no trigger is active.
    pub idle: Option<i32>,
    /// The count is pinned by `autoscaling.keda.sh/paused-replicas`.
    pub pinned: bool,
}

impl Fact for Autoscaler {
    const READS: KindSet = KindSet::of(&[Kind::HorizontalPodAutoscaler, Kind::ScaledObject]);
    const KEPT: Kept = Kept::IfLarge;
    type Value = Option<Scaler>;

    fn compute(&self, view: &View<'_>) -> Result<Option<Scaler>, Unknown> {
        // A ScaledObject makes a HorizontalPodAutoscaler of its own and may go below it: it is the one to look at.
        let mut paused = false;
        for scaled in self.pointing_here(view, Kind::ScaledObject)? {
            match scaler_of_keda(scaled, &self.workload)? {
                Keda::Elsewhere => {}
                Keda::Paused => paused = true,
                Keda::Scales(scaler) => return Ok(Some(scaler)),
            }
        }
        if paused {
            return Ok(None);
        }
        let mut found: Option<Scaler> = None;
        for hpa in self.pointing_here(view, Kind::HorizontalPodAutoscaler)? {
            let spec = &crate::control::project::<object::HorizontalPodAutoscaler>(hpa)?.spec;
            // The API server does not default apiVersion here: an autoscaler without one finds no Deployment.
            if !spec.scale_target_ref.is_of(self.workload.kind(), "", "") {
                continue;
            }
            let fewest = spec.min_replicas.unwrap_or(1);
            if found.as_ref().is_none_or(|f| fewest < f.fewest) {
                found = Some(Scaler {
                    object: hpa.name.clone(),
                    written: spec.min_replicas,
                    fewest,
                    most: spec.max_replicas,
                    idle: None,
                    pinned: false,
                });
            }
        }
        Ok(found)
    }
}

impl Autoscaler {
    fn pointing_here<'a>(&self, view: &View<'a>, kind: Kind) -> Result<Vec<&'a Object>, Unknown> {
        view.all_parsed(kind, self.workload.namespace_arc())?;
        let target = self.workload.kind().info().kind;
        view.indexed(
            kind,
            &IndexKey::Targets(
                kind,
                self.workload.namespace_arc().clone(),
                target.into(),
                self.workload.name().into(),
            ),
        )
    }
}

enum Keda {
    Elsewhere,
    Paused,
    Scales(Scaler),
}

fn scaler_of_keda(object: &Object, workload: &ObjRef) -> Result<Keda, Unknown> {
    let spec = &crate::control::project::<ScaledObject>(object)?.spec;
    if !spec
        .scale_target_ref
        .is_of(workload.kind(), "apps/v1", "Deployment")
    {
        return Ok(Keda::Elsewhere);
    }
    let fixed = match object.meta.annotations.get("autoscaling.keda.sh/paused-replicas") {
        Some(count) => Some(count.trim().parse::<i32>().map_err(|_| {
            Unknown::new(
                "InvalidAutoscaler",
                format!(
                    "{}: annotation autoscaling.keda.sh/paused-replicas is {count:?}, expected a whole number",
                    object.name
                ),
            )
        })?),
        None if object.meta.annotations.get("autoscaling.keda.sh/paused") == Some("true") => {
            return Ok(Keda::Paused);
        }
        None => None,
    };
    Ok(Keda::Scales(Scaler {
        object: object.name.clone(),
        written: spec.min_replica_count,
        fewest: fixed.unwrap_or_else(|| spec.fewest()),
        most: spec.max_replica_count,
        idle: spec.idle_replica_count,
        pinned: fixed.is_some(),
    }))
}
