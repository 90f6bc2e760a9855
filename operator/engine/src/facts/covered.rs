//! The workloads whose pods a selector picks.

use std::sync::Arc;

use super::pod_labels;
use crate::{
    fact::{Fact, Kept},
    inventory::IndexKey,
    kind::{Kind, KindSet},
    name::ObjRef,
    selector::LabelSelector,
    unknown::Unknown,
    view::View,
};

/// The Deployments, StatefulSets and Rollouts of a namespace whose pods a selector matches, by name.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Covered {
    /// The namespace.
    pub namespace: Arc<str>,
    /// The selector.
    pub selector: LabelSelector,
}

const REPLICATED: [Kind; 3] = [Kind::Deployment, Kind::StatefulSet, Kind::Rollout];

impl Fact for Covered {
    const READS: KindSet = KindSet::of(&[
        Kind::Deployment,
        Kind::StatefulSet,
        Kind::ReplicaSet,
        Kind::Rollout,
    ]);
    const KEPT: Kept = Kept::IfLarge;
    type Value = Vec<ObjRef>;

    fn compute(&self, view: &View<'_>) -> Result<Vec<ObjRef>, Unknown> {
        let mut found = Vec::new();
        let narrowest = self.narrowest(view);
        for kind in REPLICATED {
            view.all_parsed(kind, &self.namespace)?;
            let key = narrowest
                .clone()
                .unwrap_or_else(|| IndexKey::InNamespace(kind, self.namespace.clone()));
            for object in view.indexed(kind, &key)? {
                // A Rollout that takes its template from a Deployment is found through that Deployment.
                if self.selector.matches(&pod_labels(view, &object.name)?) {
                    found.push(object.name.clone());
                }
                if kind == Kind::Deployment {
                    found.extend(self.rollouts_from(view, &object.name)?);
                }
            }
        }
        found.sort();
        found.dedup();
        Ok(found)
    }
}

impl Covered {
    /// Of the labels the selector demands, the one fewest workloads carry: labels such as `app.kubernetes.io/part-of` are
    /// shared by a whole namespace.
    fn narrowest(&self, view: &View<'_>) -> Option<IndexKey> {
        let pairs = self.selector.anchors();
        view.narrowest(
            pairs.map(|(key, value)| IndexKey::Runs(self.namespace.clone(), key.into(), value.into())),
        )
    }

    fn rollouts_from(&self, view: &View<'_>, source: &ObjRef) -> Result<Vec<ObjRef>, Unknown> {
        let key = IndexKey::Targets(
            Kind::Rollout,
            self.namespace.clone(),
            source.kind().info().kind.into(),
            source.name().into(),
        );
        let mut found = Vec::new();
        for rollout in view.indexed(Kind::Rollout, &key)? {
            if self.selector.matches(&pod_labels(view, &rollout.name)?) {
                found.push(rollout.name.clone());
            }
        }
        Ok(found)
    }
}
