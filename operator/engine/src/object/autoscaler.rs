//! What scales a workload: `autoscaling/v2` HorizontalPodAutoscaler and `keda.sh/v1alpha1` ScaledObject.

use serde::Deserialize;

use crate::kind::Kind;

/// What is kept of a HorizontalPodAutoscaler.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct HorizontalPodAutoscaler {
    /// `spec`.
    pub spec: AutoscalerSpec,
}

/// `spec` of a HorizontalPodAutoscaler.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AutoscalerSpec {
    /// What it scales.
    pub scale_target_ref: ScaleTarget,
    /// Lower bound; absent means 1.
    #[serde(default)]
    pub min_replicas: Option<i32>,
    /// Upper bound.
    #[serde(default)]
    pub max_replicas: Option<i32>,
}

/// `scaleTargetRef`: an object of the same namespace.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScaleTarget {
    /// API version of the target.
    #[serde(default)]
    pub api_version: Option<Box<str>>,
    /// Kind of the target.
    #[serde(default)]
    pub kind: Option<Box<str>>,
    /// Name of the target.
    pub name: Box<str>,
}

impl ScaleTarget {
    /// Whether it means objects of `kind`, given what an absent `apiVersion` and `kind` stand for. The group decides: the
    /// API server scales through whatever version it prefers.
    pub(crate) fn is_of(&self, kind: Kind, default_api_version: &str, default_kind: &str) -> bool {
        let api_version = self.api_version.as_deref().unwrap_or(default_api_version);
        Kind::of_manifest(api_version, self.kind.as_deref().unwrap_or(default_kind)) == Some(kind)
    }
}

/// What is kept of a ScaledObject.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct ScaledObject {
    /// `spec`.
    pub spec: ScaledObjectSpec,
}

/// `spec` of a ScaledObject.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScaledObjectSpec {
    /// What it scales; an absent kind means an `apps/v1` Deployment.
    pub scale_target_ref: ScaleTarget,
    /// Lower bound while active; absent means 0.
    #[serde(default)]
    pub min_replica_count: Option<i32>,
    /// Upper bound; absent means 100.
    #[serde(default)]
    pub max_replica_count: Option<i32>,
    /// Count while no trigger is active.
    #[serde(default)]
    pub idle_replica_count: Option<i32>,
}

impl ScaledObjectSpec {
    /// The fewest pods it may leave running.
    pub fn fewest(&self) -> i32 {
        let min = self.min_replica_count.unwrap_or(0);
        self.idle_replica_count.map_or(min, |idle| idle.min(min))
    }
}
