//! Restored copies, and how long they have been there since the test ended.

use jiff::Timestamp;
use plimsoll_engine::{
    decode::Object,
    finding::Findings,
    kind::Kind,
    object::{Body, Workload},
    unknown::Unknown,
    view::View,
};

use super::Params;

/// What holds restored data.
const COPIES: &[Kind] = &[
    Kind::PersistentVolumeClaim,
    Kind::StatefulSet,
    Kind::Deployment,
    Kind::CnpgCluster,
];

pub(super) fn check(tests: &[&Object], view: &View<'_>, params: &Params, out: &mut Findings) {
    let ended: Vec<Timestamp> = tests.iter().filter_map(|test| ended(test)).collect();
    for copy in tests.iter().filter(|test| COPIES.contains(&test.name.kind())) {
        let Some(created) = copy.meta.creation_timestamp() else {
            let why = format!("{} is a manifest: how long it stays was never observed", copy.name);
            out.unknown(Unknown::new("NeverObserved", why).live_only());
            continue;
        };
        // The end of the test it was made for, where that is known; a test that never ends buys no time.
        let since = ended.iter().copied().filter(|end| *end >= created).min().unwrap_or(created);
        if view.is_older(since, params.max_lifetime) {
            let message = format!(
                "{} holds restored data since {created}, longer than {} after the test",
                copy.name, params.max_lifetime
            );
            out.fail("CopyKept", message).about(copy.name.clone());
        }
    }
}

/// When a Job, or the last of a CronJob's, ended well.
fn ended(test: &Object) -> Option<Timestamp> {
    let Ok(Body::Workload(workload)) = &test.body else {
        return None;
    };
    let workload: &Workload = workload;
    let status = workload.status.as_ref()?;
    status.completion_time.or(status.last_successful_time)
}
