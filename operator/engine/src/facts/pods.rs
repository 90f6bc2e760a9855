//! Where a workload's pods run.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    control::project,
    decode::Object,
    fact::Fact,
    kind::{Kind, KindSet},
    name::ObjRef,
    object::Pod,
    unknown::Unknown,
    view::View,
};

/// The pods of a workload: of a Deployment or Rollout through its ReplicaSets, else its own.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Pods {
    /// The workload.
    pub workload: ObjRef,
}

/// Counts of pods; which pod is which does not matter, so that replacing one on the same node changes nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PodsValue {
    /// Pods that have not finished and are not being deleted.
    pub active: usize,
    /// How many of them run.
    pub running: usize,
    /// How many run on each node.
    pub nodes: BTreeMap<Arc<str>, usize>,
}

impl Fact for Pods {
    const READS: KindSet = KindSet::of(&[Kind::ReplicaSet, Kind::Pod]);
    type Value = PodsValue;

    fn compute(&self, view: &View<'_>) -> Result<PodsValue, Unknown> {
        let mut value = PodsValue::default();
        if matches!(self.workload.kind(), Kind::Deployment | Kind::Rollout) {
            for replica_set in view.owned_by(Kind::ReplicaSet, &self.workload)? {
                value.add_all(&view.owned_by(Kind::Pod, &replica_set.name)?)?;
            }
        } else {
            value.add_all(&view.owned_by(Kind::Pod, &self.workload)?)?;
        }
        Ok(value)
    }
}

impl PodsValue {
    fn add_all(&mut self, pods: &[&Object]) -> Result<(), Unknown> {
        for object in pods {
            let pod = project::<Pod>(object)?;
            if pod.finished || object.meta.deleting {
                continue;
            }
            self.active += 1;
            if let (true, Some(node)) = (pod.running, &pod.node) {
                self.running += 1;
                *self.nodes.entry(Arc::from(&**node)).or_default() += 1;
            }
        }
        Ok(())
    }
}
