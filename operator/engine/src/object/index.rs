//! The index keys each projection states beyond those of every object.

use super::{Body, PodDisruptionBudget, Workload};
use crate::{inventory::IndexKey, kind::Kind, name::ObjRef};

impl Body {
    /// Adds the keys under which look-ups find this object.
    pub(crate) fn index_keys(&self, name: &ObjRef, keys: &mut Vec<IndexKey>) {
        match self {
            Body::Workload(workload) => workload.keys(name, keys),
            Body::HorizontalPodAutoscaler(hpa) => {
                let target = &hpa.spec.scale_target_ref;
                let kind = target.kind.clone().unwrap_or_default();
                keys.push(targets(name, kind, target.name.clone()));
            }
            Body::ScaledObject(scaled) => {
                let target = &scaled.spec.scale_target_ref;
                let kind = target.kind.clone().unwrap_or_else(|| "Deployment".into());
                keys.push(targets(name, kind, target.name.clone()));
            }
            Body::PodDisruptionBudget(budget) => keys.extend(budget.key(name)),
            Body::ConfigMap(map) => {
                keys.extend(
                    map.settings()
                        .map(|(setting, _)| IndexKey::States(name.kind(), setting.into())),
                );
            }
            _ => {}
        }
    }
}

fn targets(name: &ObjRef, kind: Box<str>, target: Box<str>) -> IndexKey {
    IndexKey::Targets(name.kind(), name.namespace_arc().clone(), kind, target)
}

impl Workload {
    fn keys(&self, name: &ObjRef, keys: &mut Vec<IndexKey>) {
        if !matches!(name.kind(), Kind::Deployment | Kind::StatefulSet | Kind::Rollout) {
            return;
        }
        if let Some(source) = &self.spec.workload_ref {
            keys.push(targets(name, source.kind.clone(), source.name.clone()));
        }
        if let Some(template) = &self.spec.template {
            let namespace = name.namespace_arc();
            keys.extend(
                template
                    .labels()
                    .iter()
                    .map(|(key, value)| IndexKey::Runs(namespace.clone(), key.into(), value.into())),
            );
        }
    }
}

impl PodDisruptionBudget {
    /// A selector that is absent selects nothing, so nobody need find the budget by it.
    fn key(&self, name: &ObjRef) -> Option<IndexKey> {
        let namespace = name.namespace_arc().clone();
        let selector = self.spec.selector.as_ref()?;
        Some(match selector.anchor() {
            Some((key, value)) => IndexKey::Selects(name.kind(), namespace, key.into(), value.into()),
            None => IndexKey::SelectsAny(name.kind(), namespace),
        })
    }
}
