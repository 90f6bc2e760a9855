//! The index keys each projection states beyond those of every object.

use super::{Body, HttpRoute, Meta, PodDisruptionBudget, Workload};
use crate::{inventory::IndexKey, kind::Kind, name::ObjRef};

/// The label that says what a workload is for.
pub const ROLE: &str = "plimsoll.dev/role";
/// The annotation by which a backup CronJob names what it backs up: `<Kind>/<name>`, several by comma, or `*`.
pub const BACKUP_OF: &str = "plimsoll.dev/backup-of";

impl Body {
    /// Adds the keys under which look-ups find this object.
    pub(crate) fn index_keys(&self, name: &ObjRef, meta: &Meta, keys: &mut Vec<IndexKey>) {
        for config in self.pod_spec().into_iter().flat_map(|spec| spec.config_maps()) {
            keys.push(targets(name, "ConfigMap".into(), config.into()));
        }
        match self {
            Body::Workload(workload) if name.kind() == Kind::CronJob => cron_job(workload, name, meta, keys),
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
            Body::VeleroBackup(_) => {
                if let Some(schedule) = meta.labels.get("velero.io/schedule-name") {
                    keys.push(targets(name, "Schedule".into(), schedule.into()));
                }
            }
            Body::CnpgScheduledBackup(backup) => {
                keys.push(targets(name, "Cluster".into(), backup.spec.cluster.name.clone()));
            }
            Body::CnpgBackup(backup) => {
                keys.push(targets(name, "Cluster".into(), backup.spec.cluster.name.clone()));
            }
            Body::LonghornVolume(volume) => {
                if let Some((namespace, claim)) = volume.claim() {
                    let kind = "PersistentVolumeClaim".into();
                    keys.push(IndexKey::Targets(
                        name.kind(),
                        namespace.into(),
                        kind,
                        claim.into(),
                    ));
                }
            }
            Body::HttpRoute(route) => keys.extend(route.gateways(name)),
            Body::LonghornBackup(backup) => {
                keys.push(targets(name, "Volume".into(), backup.status.volume_name.clone()));
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
        if !matches!(
            name.kind(),
            Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet | Kind::Rollout
        ) {
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

impl HttpRoute {
    /// The Gateways it attaches to, each once.
    fn gateways(&self, name: &ObjRef) -> Vec<IndexKey> {
        let mut keys = Vec::new();
        for parent in self.spec.parent_refs.iter().flatten() {
            let own = || name.namespace_arc().clone();
            let namespace = parent.namespace.as_deref().map_or_else(own, Into::into);
            let kind = parent.kind.clone().unwrap_or_else(|| "Gateway".into());
            let key = IndexKey::Targets(name.kind(), namespace, kind, parent.name.clone());
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
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

/// A backup CronJob is filed under what it says it backs up (`*` under kind and name `*`), one that only looks like a
/// backup under kind `?`, so that an ordinary CronJob touches no database.
fn cron_job(workload: &Workload, name: &ObjRef, meta: &Meta, keys: &mut Vec<IndexKey>) {
    let is_backup = meta.labels.get(ROLE) == Some("backup");
    match meta.annotations.get(BACKUP_OF).filter(|_| is_backup) {
        Some(list) => keys.extend(list.split(',').map(str::trim).map(|target| {
            let (kind, of) = target.split_once('/').unwrap_or((target, target));
            targets(name, kind.into(), of.into())
        })),
        None if is_backup || workload.looks_like_backup(name.name()).is_some() => {
            keys.push(targets(name, "?".into(), "?".into()));
        }
        None => {}
    }
}
