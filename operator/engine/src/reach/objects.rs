//! From the engine's objects to what this module reads.

use super::Pods;
use crate::{
    decode::Object,
    kind::Kind,
    object::{Body, Pod, Workload},
    workload::WORKLOADS,
};

/// The pods an object stands for: those of a workload at its top by its template, and those of Pods that no known workload
/// runs. `None` for everything else, and for what will not run again.
pub fn pods_of(object: &Object) -> Option<Pods> {
    match object.body.as_ref().ok()? {
        Body::Pod(pod) => of_pod(object, pod),
        Body::Workload(workload) if object.is_workload() => of_workload(object, workload),
        _ => None,
    }
}

fn of_workload(object: &Object, workload: &Workload) -> Option<Pods> {
    let done = workload
        .status
        .as_ref()
        .is_some_and(|status| status.completion_time.is_some());
    // A Rollout may leave its template to a Deployment, which then speaks for the pods of both.
    let template = workload.template().filter(|_| !done)?;
    Some(Pods::of(object.name.clone(), template.labels(), &template.spec))
}

fn of_pod(object: &Object, pod: &Pod) -> Option<Pods> {
    if pod.finished {
        return None;
    }
    let labels = || object.meta.labels.clone();
    match pod.spec() {
        Some(spec) => Some(Pods::of(object.name.clone(), labels(), spec)),
        None if speaks_for_itself(object) => Some(Pods {
            name: object.name.clone(),
            labels: labels(),
            ports: None,
            host_network: pod.host_network,
            addresses: None,
        }),
        None => None,
    }
}

/// Whether an object is of those that may stand for pods, see [`pods_of`].
pub(crate) fn speaks(object: &Object) -> bool {
    match &object.body {
        Ok(Body::Pod(pod)) => pod.spec().is_some() || speaks_for_itself(object),
        Ok(Body::Workload(_)) => object.is_workload(),
        _ => false,
    }
}

/// Whether a Pod is run by no workload of a kind that is read: then nothing else tells its labels.
fn speaks_for_itself(object: &Object) -> bool {
    object.meta.controller.as_ref().is_none_or(|owner| {
        !Kind::of_manifest(owner.api_version(), owner.kind()).is_some_and(|kind| WORKLOADS.contains(&kind))
    })
}
