//! The workloads behind a Service.

use std::sync::Arc;

use super::pod_template;
use crate::{
    fact::Fact,
    inventory::IndexKey,
    kind::{Kind, KindSet},
    labels::Labels,
    name::ObjRef,
    object::PodTemplate,
    unknown::Unknown,
    view::View,
};

/// The Deployments, StatefulSets, DaemonSets and Rollouts of a namespace whose pods carry all of some labels, by name.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Backends {
    /// The namespace.
    pub namespace: Arc<str>,
    /// `spec.selector` of the Service; an empty one selects nobody.
    pub selector: Labels,
}

/// What matters of a workload to who reaches it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Backend {
    /// The workload.
    pub workload: ObjRef,
    /// Names and images of its containers, those that run before the others last.
    pub containers: Vec<(Box<str>, Box<str>)>,
    /// How many of them run side by side.
    pub regular: usize,
    /// Its named ports.
    pub ports: Vec<(Box<str>, u16)>,
}

const KINDS: [Kind; 4] = [
    Kind::Deployment,
    Kind::StatefulSet,
    Kind::DaemonSet,
    Kind::Rollout,
];

impl Fact for Backends {
    const READS: KindSet = KindSet::of(&KINDS).with(Kind::ReplicaSet);
    type Value = Vec<Backend>;

    fn compute(&self, view: &View<'_>) -> Result<Vec<Backend>, Unknown> {
        let runs =
            |(key, value): (&str, &str)| IndexKey::Runs(self.namespace.clone(), key.into(), value.into());
        let Some(key) = view.narrowest(self.selector.iter().map(runs)) else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for kind in KINDS {
            view.all_parsed(kind, &self.namespace)?;
            for object in view.indexed(kind, &key)? {
                let template = pod_template(view, &object.name)?;
                if let Some(template) = template.filter(|template| self.selects(template)) {
                    found.push(Backend::new(&object.name, template));
                }
            }
        }
        found.sort_by(|a, b| a.workload.cmp(&b.workload));
        Ok(found)
    }
}

impl Backends {
    fn selects(&self, template: &PodTemplate) -> bool {
        self.selector
            .iter()
            .all(|(key, value)| template.label(key) == Some(value))
    }
}

impl Backend {
    /// What matters of a workload with this template.
    pub fn new(workload: &ObjRef, template: &PodTemplate) -> Self {
        let spec = &template.spec;
        let ports = spec.all_containers().flat_map(|c| c.ports.iter().flatten());
        Self {
            workload: workload.clone(),
            containers: spec
                .all_containers()
                .map(|c| (c.name.clone(), c.image.clone().unwrap_or_default()))
                .collect(),
            regular: spec.containers.as_deref().map_or(0, <[_]>::len),
            ports: ports
                .filter_map(|port| Some((port.name.clone()?, port.container_port)))
                .collect(),
        }
    }
}
