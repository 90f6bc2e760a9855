//! Whether anything runs, or may come to run, in a namespace.

use std::sync::Arc;

use crate::{fact::Fact, kind::KindSet, unknown::Unknown, view::View, workload::WORKLOADS};

/// Whether a namespace holds a pod or a workload object of any kind we know: a Deployment scaled to zero and a nightly
/// CronJob count, and so does a finished pod, whose owner may start the next. Costs the same in a namespace of ten pods and
/// of ten thousand; its readers run when the first one comes or the last one goes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Occupied {
    /// The namespace.
    pub namespace: Arc<str>,
}

impl Fact for Occupied {
    const READS: KindSet = KindSet::of(WORKLOADS);
    type Value = bool;

    fn compute(&self, view: &View<'_>) -> Result<bool, Unknown> {
        let mut unseen = None;
        for kind in WORKLOADS {
            match view.count_in_namespace(*kind, &self.namespace) {
                Ok(0) => {}
                Ok(_) => return Ok(true),
                Err(unknown) => unseen = unseen.or(Some(unknown)),
            }
        }
        unseen.map_or(Ok(false), Err)
    }
}
