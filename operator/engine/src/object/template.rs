//! The pod template of a workload: what several kinds share.

mod container;
mod placement;
mod spec;
mod volume;

use serde::Deserialize;

use super::Annotations;
use crate::{labels::Labels, podsecurity::Checks, texts::Marks};

pub use container::{Container, ContainerPort};
pub use placement::{Affinity, AffinityTerm, SpreadConstraint};
pub use spec::{PodSpec, RestartPolicy};
pub(super) use volume::Nfs;
pub use volume::{AccessModes, ClaimSpec, HostPath, Volume};

/// `spec.template` of a workload.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct PodTemplate {
    /// Labels of the pods.
    #[serde(default)]
    metadata: Option<TemplateMeta>,
    /// The pods' specification.
    #[serde(default)]
    pub spec: PodSpec,
}

#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
struct TemplateMeta {
    #[serde(default)]
    labels: Labels,
    #[serde(default)]
    annotations: Annotations,
}

impl PodTemplate {
    /// The value of one label that the pods will carry.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.metadata.as_ref()?.labels.get(key)
    }

    /// The labels the pods will carry.
    pub fn labels(&self) -> Labels {
        self.metadata
            .as_ref()
            .map(|m| m.labels.clone())
            .unwrap_or_default()
    }

    pub(super) fn labels_mut(&mut self) -> Option<&mut Labels> {
        Some(&mut self.metadata.as_mut()?.labels)
    }

    /// The Pod Security checks that the pods will violate.
    pub fn security_checks(&self) -> Checks {
        let none = Annotations::default();
        Checks::of(
            &self.spec,
            self.metadata.as_ref().map_or(&none, |m| &m.annotations),
        )
    }

    /// What the annotations of the pods showed.
    pub(crate) fn texts(&self) -> Option<&Marks> {
        Some(self.metadata.as_ref()?.annotations.marks())
    }

    /// An annotation the pods will carry, of those that some control reads.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.metadata.as_ref()?.annotations.get(key)
    }
}
