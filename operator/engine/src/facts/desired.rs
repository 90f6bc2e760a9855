//! How many pods a workload asks for.

use crate::{
    fact::{Fact, Kept},
    kind::{Kind, KindSet},
    name::ObjRef,
    object::{CnpgCluster, Workload},
    unknown::Unknown,
    view::View,
};

use super::{Autoscaler, Scaler};

/// The count of pods a workload asks for at least: its autoscaler's minimum, else its own `spec.replicas`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Desired {
    /// The workload: Deployment, StatefulSet, Rollout or CloudNativePG Cluster.
    pub workload: ObjRef,
}

/// A desired count and where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DesiredValue {
    /// Pods asked for at least.
    pub count: i32,
    /// `spec.replicas` (`spec.instances`) of the workload itself; absent counts as 1.
    pub own: i32,
    /// The autoscaler that decides the count, if any.
    pub scaler: Option<Scaler>,
}

impl Fact for Desired {
    const READS: KindSet = Autoscaler::READS.union(KindSet::of(&[
        Kind::Deployment,
        Kind::StatefulSet,
        Kind::Rollout,
        Kind::CnpgCluster,
    ]));
    const KEPT: Kept = Kept::IfLarge;
    type Value = DesiredValue;

    fn compute(&self, view: &View<'_>) -> Result<DesiredValue, Unknown> {
        let own = self.own(view)?.unwrap_or(1);
        let scaler = Option::clone(&*view.fact(&Autoscaler {
            workload: self.workload.clone(),
        })?);
        Ok(DesiredValue {
            count: scaler.as_ref().map_or(own, |s| s.fewest),
            own,
            scaler,
        })
    }
}

impl Desired {
    fn own(&self, view: &View<'_>) -> Result<Option<i32>, Unknown> {
        if self.workload.kind() == Kind::CnpgCluster {
            return Ok(view
                .get::<CnpgCluster>(&self.workload)?
                .and_then(|c| c.spec.instances));
        }
        Ok(view
            .get::<Workload>(&self.workload)?
            .and_then(|w| w.spec.replicas))
    }
}

impl DesiredValue {
    /// Switched off on purpose: no pods are asked for, and nothing will ask for some by itself.
    pub fn is_off(&self) -> bool {
        self.count == 0 && self.scaler.as_ref().is_none_or(|s| s.pinned)
    }
}
