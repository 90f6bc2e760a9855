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

/// [`WORKLOADS`] and others, for units of both; `N` is how many they are together.
///
/// # Panics
/// Does not compile where `N` is another number.
pub const fn workloads_and<const N: usize>(others: &[Kind]) -> [Kind; N] {
    assert!(N == WORKLOADS.len() + others.len());
    let mut all = [Kind::Pod; N];
    let mut at = 0;
    while at < N {
        all[at] = if at < WORKLOADS.len() {
            WORKLOADS[at]
        } else {
            others[at - WORKLOADS.len()]
        };
        at += 1;
    }
    all
}

/// Whether an object is run by one of these kinds (a Pod by a ReplicaSet, a Job by a CronJob), or a Pod by anything.
pub(crate) fn is_run_by(kind: Kind, meta: &Meta, by: &[Kind]) -> bool {
    let Some(owner) = &meta.controller else {
        return false;
    };
    matches!(kind, Kind::Pod)
        || Kind::of_manifest(owner.api_version(), owner.kind()).is_some_and(|k| by.contains(&k))
}
