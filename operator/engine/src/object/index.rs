//! The index keys each projection states beyond those of every object.

use std::sync::Arc;

use super::{Binding, Body, HttpRoute, Meta, Namespace, PodDisruptionBudget, PodSpec, Role, Workload};
use crate::{
    inventory::IndexKey,
    kind::Kind,
    name::ObjRef,
    restore::{self, RESTORE_OF, RESTORE_TEST},
    rights::{Crowd, Rule, Subject},
    selector::LabelSelector,
};

/// The label that says what a workload is for.
pub const ROLE: &str = "plimsoll.dev/role";
/// The annotation by which a backup CronJob names what it backs up: `<Kind>/<name>`, several by comma, or `*`.
pub const BACKUP_OF: &str = "plimsoll.dev/backup-of";

impl Body {
    /// Adds the keys under which look-ups find this object.
    pub(crate) fn index_keys(&self, name: &ObjRef, meta: &Meta, keys: &mut Vec<IndexKey>) {
        if name.kind() != Kind::Pod && restore::is_marked(&meta.labels) {
            keys.push(restore_tests(name.kind()));
            keys.push(restore_tests_in(name.kind(), name.namespace_arc()));
            if name.kind() == Kind::CronJob {
                let list = meta.annotations.get(RESTORE_OF).unwrap_or_default();
                let targets = restore::targets(list, name.namespace().unwrap_or_default());
                keys.extend(targets.map(|(namespace, target)| restore_tests_of(namespace, target)));
            }
        }
        for config in self.pod_spec().into_iter().flat_map(PodSpec::config_maps) {
            keys.push(targets(name, "ConfigMap".into(), config.into()));
        }
        match self {
            Body::VolumeSnapshot(snapshot) => {
                if let Some(claim) = &snapshot.spec.source.persistent_volume_claim_name {
                    keys.push(targets(name, "PersistentVolumeClaim".into(), claim.clone()));
                }
            }
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
            Body::Role(role) if name.kind() == Kind::ClusterRole => role.keys(name, meta, keys),
            Body::Binding(binding) => binding.keys(name, keys),
            Body::Namespace(namespace) => of_namespace(namespace, meta, keys),
            Body::NetworkPolicy(policy) => naming(policy.namespace_selectors(), keys),
            Body::AdminPolicy(policy) => naming(policy.namespace_selectors(), keys),
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

/// Objects of a kind that are marked as restore tests, or as what one made.
pub(crate) fn restore_tests(kind: Kind) -> IndexKey {
    IndexKey::States(kind, RESTORE_TEST.into())
}

/// Those of one namespace.
pub fn restore_tests_in(kind: Kind, namespace: &Arc<str>) -> IndexKey {
    IndexKey::Targets(kind, namespace.clone(), "?role".into(), RESTORE_TEST.into())
}

/// CronJobs that restore, in tests, a target of a namespace: `<Kind>/<name>`, or `*` for every database there.
pub fn restore_tests_of(namespace: &str, target: &str) -> IndexKey {
    IndexKey::Targets(Kind::CronJob, namespace.into(), "?restores".into(), target.into())
}

/// Namespaces whose labels nobody gave.
pub(crate) fn implied_namespaces() -> IndexKey {
    IndexKey::States(Kind::Namespace, "implied".into())
}

/// A Namespace under each of its labels: policies select it by them.
fn of_namespace(namespace: &Namespace, meta: &Meta, keys: &mut Vec<IndexKey>) {
    let carries = |(key, value): (&str, &str)| IndexKey::Carries(Kind::Namespace, key.into(), value.into());
    keys.extend(meta.labels.iter().map(carries));
    keys.extend(namespace.is_implied().then(implied_namespaces));
}

/// A policy under the label keys by which it selects namespaces.
fn naming<'s>(selectors: impl Iterator<Item = &'s LabelSelector>, keys: &mut Vec<IndexKey>) {
    for key in selectors.flat_map(LabelSelector::keys) {
        let key = IndexKey::NamesLabel(key.into());
        // Rules mostly select by the same few keys.
        if !keys.contains(&key) {
            keys.push(key);
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

/// The setting under which a ClusterRole is filed that gathers its rules from others.
pub(crate) const AGGREGATES: &str = "aggregationRule";
/// The setting under which a ClusterRole is filed that holds a rule for everything.
pub(crate) const EVERYTHING: &str = "everything";

impl Role {
    fn keys(&self, name: &ObjRef, meta: &Meta, keys: &mut Vec<IndexKey>) {
        let kind = name.kind();
        keys.extend(
            meta.labels
                .iter()
                .map(|(key, value)| IndexKey::Carries(kind, key.into(), value.into())),
        );
        if self.is_aggregated() {
            keys.push(IndexKey::States(kind, AGGREGATES.into()));
        }
        if self.rules.iter().any(Rule::allows_everything) {
            keys.push(IndexKey::States(kind, EVERYTHING.into()));
        }
    }
}

impl Binding {
    /// Under the role it gives (a Role in its own namespace, a ClusterRole in none); a RoleBinding also under those of its
    /// subjects whom other namespaces may name too: ServiceAccounts from elsewhere, and groups of people.
    fn keys(&self, name: &ObjRef, keys: &mut Vec<IndexKey>) {
        if let Some(role) = self.role(name) {
            keys.push(IndexKey::bindings_of(name.kind(), &role));
        }
        let Some(own) = name.namespace() else { return };
        for subject in &self.subjects {
            let shared = match (subject, subject.crowd()) {
                (Subject::Group(_), Crowd::None) => !subject.is_system(),
                (Subject::Group(_), Crowd::AccountsOf(namespace)) => namespace != own,
                (Subject::Group(_) | Subject::User(_), _) => false,
                (Subject::ServiceAccount { .. }, _) => subject.namespace(own) != Some(own),
            };
            let key = IndexKey::Binds(name.kind(), subject.to_string().into());
            // A subject may be listed twice.
            if shared && !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
}

impl IndexKey {
    /// The bindings of a kind that give a role.
    pub fn bindings_of(kind: Kind, role: &ObjRef) -> Self {
        let of_role: Box<str> = role.kind().info().kind.into();
        Self::Targets(kind, role.namespace_arc().clone(), of_role, role.name().into())
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
