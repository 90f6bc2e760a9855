//! Where pods are to be put: constraints on their spread, and what they keep away from.

use serde::Deserialize;

use crate::selector::LabelSelector;

/// One of `topologySpreadConstraints`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SpreadConstraint {
    /// Node label whose values are the domains.
    #[serde(default)]
    pub topology_key: Box<str>,
    /// `DoNotSchedule` or `ScheduleAnyway`.
    #[serde(default)]
    pub when_unsatisfiable: Box<str>,
    /// Pods that are counted; absent selects none.
    #[serde(default)]
    pub label_selector: Option<LabelSelector>,
}

/// What is kept of `affinity`.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Affinity {
    /// Pods to keep away from.
    #[serde(default)]
    pub pod_anti_affinity: Option<PodAntiAffinity>,
}

/// `podAntiAffinity`.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodAntiAffinity {
    /// Hard terms.
    #[serde(default, rename = "requiredDuringSchedulingIgnoredDuringExecution")]
    pub required: Option<Vec<AffinityTerm>>,
    /// Soft terms.
    #[serde(default, rename = "preferredDuringSchedulingIgnoredDuringExecution")]
    pub preferred: Option<Vec<WeightedTerm>>,
}

/// A soft term.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WeightedTerm {
    /// The term itself; its weight decides nothing here.
    #[serde(default)]
    pub pod_affinity_term: AffinityTerm,
}

/// One anti-affinity term.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AffinityTerm {
    /// Node label whose values are the domains.
    #[serde(default)]
    pub topology_key: Box<str>,
    /// Pods to keep away from; absent selects none.
    #[serde(default)]
    pub label_selector: Option<LabelSelector>,
    /// Namespaces of those pods; absent means the pod's own.
    #[serde(default)]
    pub namespaces: Option<Vec<Box<str>>>,
}
