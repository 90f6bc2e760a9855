//! Where a workload's pods run.

use std::sync::Arc;

use jiff::Timestamp;

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
    /// How many run on each node, by its name.
    pub nodes: Box<[(Arc<str>, usize)]>,
    /// The pod that was started again most often, if that is worth a word.
    pub restarted: Option<Box<Restarted>>,
}

/// A pod whose containers were started again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Restarted {
    /// Its name.
    pub pod: Box<str>,
    /// How often, see [`Pod::restarts`].
    pub restarts: u32,
    /// Since when it exists.
    pub since: Timestamp,
}

/// Restarts that are not worth a word: a pod that waits for another at start is restarted some times.
const FEW: u32 = 3;

impl Fact for Pods {
    const READS: KindSet = KindSet::of(&[Kind::ReplicaSet, Kind::Pod]);
    type Value = PodsValue;

    fn compute(&self, view: &View<'_>) -> Result<PodsValue, Unknown> {
        let mut value = PodsValue::default();
        let mut nodes = Vec::new();
        if matches!(self.workload.kind(), Kind::Deployment | Kind::Rollout) {
            for replica_set in view.owned_by(Kind::ReplicaSet, &self.workload)? {
                value.add_all(&view.owned_by(Kind::Pod, &replica_set.name)?, &mut nodes)?;
            }
        } else {
            value.add_all(&view.owned_by(Kind::Pod, &self.workload)?, &mut nodes)?;
        }
        nodes.sort_unstable();
        let by_node = nodes.chunk_by(|a, b| a == b);
        value.nodes = by_node.map(|pods| (pods[0].clone(), pods.len())).collect();
        Ok(value)
    }
}

impl PodsValue {
    /// Counts pods, and tells the node of each that runs.
    fn add_all<'a>(&mut self, pods: &[&'a Object], nodes: &mut Vec<&'a Arc<str>>) -> Result<(), Unknown> {
        for object in pods {
            let pod = project::<Pod>(object)?;
            if pod.finished || object.meta.is_deleting() {
                continue;
            }
            self.active += 1;
            self.note_restarts(object, pod);
            if let (true, Some(node)) = (pod.running, &pod.node) {
                self.running += 1;
                nodes.push(node);
            }
        }
        Ok(())
    }

    fn note_restarts(&mut self, object: &Object, pod: &Pod) {
        let most = self.restarted.as_ref().map_or(FEW, |known| known.restarts);
        if let (Some(since), true) = (object.meta.creation_timestamp(), pod.restarts() > most) {
            self.restarted = Some(Box::new(Restarted {
                pod: object.name.name().into(),
                restarts: pod.restarts(),
                since,
            }));
        }
    }
}
