//! The disruption budgets that select a workload's pods.

use super::pod_labels;
use crate::{
    control::project,
    fact::Fact,
    inventory::IndexKey,
    kind::{Kind, KindSet},
    name::ObjRef,
    object::PodDisruptionBudget,
    unknown::Unknown,
    view::View,
};

/// The budgets whose selector matches the labels of a workload's pod template, by name.
///
/// They are found by the labels' own pairs, so that a budget concerns only the workloads that carry its label.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Budgets {
    /// The workload.
    pub workload: ObjRef,
}

impl Fact for Budgets {
    const READS: KindSet = KindSet::of(&[
        Kind::PodDisruptionBudget,
        Kind::Deployment,
        Kind::StatefulSet,
        Kind::ReplicaSet,
        Kind::Rollout,
    ]);
    type Value = Vec<ObjRef>;

    fn compute(&self, view: &View<'_>) -> Result<Vec<ObjRef>, Unknown> {
        const KIND: Kind = Kind::PodDisruptionBudget;
        let labels = pod_labels(view, &self.workload)?;
        let namespace = self.workload.namespace_arc();
        view.all_parsed(KIND, namespace)?;
        let mut keys = vec![IndexKey::SelectsAny(KIND, namespace.clone())];
        keys.extend(
            labels
                .iter()
                .map(|(key, value)| IndexKey::Selects(KIND, namespace.clone(), key.into(), value.into())),
        );
        let mut found = Vec::new();
        for key in keys {
            for object in view.indexed(KIND, &key)? {
                let budget = project::<PodDisruptionBudget>(object)?;
                if budget.spec.selector.as_ref().is_some_and(|s| s.matches(&labels)) {
                    found.push(object.name.clone());
                }
            }
        }
        found.sort();
        found.shrink_to_fit();
        Ok(found)
    }
}
