//! What makes raising the number of replicas unsafe: each obstacle as a fact.

use std::collections::BTreeMap;

use plimsoll_engine::{
    control::Unit,
    facts::{QuotaRoom, pod_template},
    kind::{Kind, KindSet},
    name::ObjRef,
    object::{Container, PersistentVolumeClaim, PodSpec, Workload},
    quantity::Quantity,
    unknown::Unknown,
    view::View,
};

use crate::shared::managed::managed_elsewhere;

/// What the obstacles are read from.
pub(super) const READS: KindSet = KindSet::of(&[
    Kind::Deployment,
    Kind::StatefulSet,
    Kind::ReplicaSet,
    Kind::Rollout,
    Kind::CnpgCluster,
    Kind::DaemonSet,
    Kind::Job,
    Kind::CronJob,
    Kind::PersistentVolumeClaim,
    Kind::ResourceQuota,
]);

/// The obstacles to `more` pods of a Deployment or Rollout; what cannot be seen is one.
pub(super) fn of(unit: &Unit<'_>, view: &View<'_>, more: i32) -> Result<Vec<String>, Unknown> {
    let mut found = Vec::new();
    if unit.name().kind() != Kind::Deployment {
        found.push("a Rollout brings pods up by its own strategy".into());
    }
    found.extend(managed_elsewhere(&unit.object()?.meta));
    if is_recreated(unit.get::<Workload>()?) {
        found.push("strategy Recreate: it is not meant to run twice".into());
    }
    match pod_template(view, unit.name()) {
        Err(unknown) => found.push(unknown.message().into()),
        Ok(None) => found.push("it has no pod template".into()),
        Ok(Some(template)) => {
            found.extend(host_port(&template.spec));
            found.extend(exclusive_claims(unit, view, &template.spec));
            found.extend(quotas(unit, view, &template.spec, more));
        }
    }
    Ok(found)
}

fn is_recreated(workload: &Workload) -> bool {
    let strategy = workload.spec.strategy.as_ref().and_then(|s| s.r#type.as_deref());
    strategy == Some("Recreate")
}

/// A pod on the host's network opens its container ports there, which the API server writes into `hostPort`.
fn host_port(spec: &PodSpec) -> Option<String> {
    let on_host = spec.host_network == Some(true);
    let ports = spec.all_containers().flat_map(|c| c.ports.iter().flatten());
    let port = ports
        .filter_map(|p| p.host_port.or(on_host.then_some(p.container_port)))
        .find(|port| *port != 0)?;
    Some(format!("host port {port}: two pods cannot share a node"))
}

fn exclusive_claims(unit: &Unit<'_>, view: &View<'_>, spec: &PodSpec) -> Vec<String> {
    let claims = spec.claims().filter_map(|name| {
        let claim = ObjRef::new(Kind::PersistentVolumeClaim, unit.namespace(), name);
        match view.get::<PersistentVolumeClaim>(&claim) {
            Err(unknown) => Some(format!("claim {name}: {}", unknown.message())),
            Ok(None) => Some(format!("claim {name} does not exist, so its access mode is not known")),
            Ok(Some(found)) => found.spec.access_modes.exclusive().map(|mode| format!("claim {name} is {mode}")),
        }
    });
    claims.collect()
}

fn quotas(unit: &Unit<'_>, view: &View<'_>, spec: &PodSpec, more: i32) -> Vec<String> {
    let room = QuotaRoom {
        namespace: unit.namespace().into(),
        needed: needed(spec, more),
    };
    match view.fact(&room) {
        Ok(obstacles) => obstacles.iter().map(|o| String::from(&**o)).collect(),
        Err(unknown) => vec![unknown.message().into()],
    }
}

/// What so many more pods count for in a quota, by its resource names. Init containers are added rather than compared,
/// which never understates.
fn needed(spec: &PodSpec, more: i32) -> BTreeMap<Box<str>, Option<Quantity>> {
    let mut needed: BTreeMap<Box<str>, Option<Quantity>> = BTreeMap::new();
    for pods in ["pods", "count/pods"] {
        needed.insert(pods.into(), Some(Quantity::from_units(more.into())));
    }
    if spec.volumes.iter().flatten().any(|v| v.ephemeral.is_some()) {
        needed.insert("persistentvolumeclaims".into(), None);
        needed.insert("requests.storage".into(), None);
    }
    for resource in resources(spec) {
        let request = times(total(spec, |c| request(c, &resource)), more);
        let limit = times(total(spec, |c| limit(c, &resource)), more);
        needed.insert(format!("requests.{resource}").into(), request);
        needed.insert(format!("limits.{resource}").into(), limit);
        needed.insert(resource, request);
    }
    needed
}

/// The resources every container uses, and those that some container states.
fn resources(spec: &PodSpec) -> std::collections::BTreeSet<Box<str>> {
    let stated = spec.all_containers().filter_map(|c| c.resources.as_ref());
    let stated = stated.flat_map(|r| {
        let requests = r.requests.iter().flat_map(BTreeMap::keys);
        requests.chain(r.limits.iter().flat_map(BTreeMap::keys)).cloned()
    });
    let always = ["cpu", "memory", "ephemeral-storage"].map(Box::from);
    stated.chain(always).collect()
}

fn total(spec: &PodSpec, of: impl Fn(&Container) -> Option<Quantity>) -> Option<Quantity> {
    spec.all_containers().map(of).sum()
}

fn times(each: Option<Quantity>, count: i32) -> Option<Quantity> {
    let count = usize::try_from(count).unwrap_or_default();
    each.map(|each| std::iter::repeat_n(each, count).sum())
}

/// An absent request is the limit; with neither, a LimitRange may set it. Of extended resources absent means none.
fn request(container: &Container, resource: &str) -> Option<Quantity> {
    let requests = container.resources.as_ref().and_then(|r| r.requests.as_ref());
    match requests.and_then(|r| r.get(resource)) {
        Some(value) => serde_json::from_value(value.clone()).ok(),
        None => limit(container, resource),
    }
}

fn limit(container: &Container, resource: &str) -> Option<Quantity> {
    let limits = container.resources.as_ref().and_then(|r| r.limits.as_ref());
    match limits.and_then(|l| l.get(resource)) {
        Some(value) => serde_json::from_value(value.clone()).ok(),
        None if matches!(resource, "cpu" | "memory" | "ephemeral-storage") => None,
        None => Some(Quantity::ZERO),
    }
}
