//! Which kinds run things, and which of several objects that run one thing is judged: the one at the top.

use crate::{kind::Kind, object::Meta};

/// Kinds that are workloads when nothing we know controls them.
pub const WORKLOADS: &[Kind] = &[
    Kind::Deployment,
    Kind::StatefulSet,
    Kind::DaemonSet,
    Kind::ReplicaSet,
    Kind::Job,
    Kind::CronJob,
    Kind::Rollout,
    Kind::Pod,
];

/// Whether an object is run by one of these kinds (a Pod by a ReplicaSet, a Job by a CronJob), or a Pod by anything.
pub(crate) fn is_run_by(kind: Kind, meta: &Meta, by: &[Kind]) -> bool {
    let Some(owner) = &meta.controller else {
        return false;
    };
    matches!(kind, Kind::Pod)
        || Kind::of_manifest(owner.api_version(), owner.kind()).is_some_and(|k| by.contains(&k))
}
