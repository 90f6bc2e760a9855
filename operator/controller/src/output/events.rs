//! Events on transitions, for whoever looks at an object with `kubectl describe`: one when it begins to fail, one when it
//! passes again. None for what was so before we looked.
//!
//! Rights: create and patch `events` of `events.k8s.io`; get of the kinds watched, for the uid that `kubectl describe`
//! looks events up by.

mod note;

use std::{sync::Arc, time::Instant};

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Client,
    api::Api,
    core::{ApiResource, DynamicObject},
    runtime::events::{Event, EventType, Recorder, Reporter},
};
use plimsoll_engine::{kind::Kind, name::ObjRef, report::Transition};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use super::{bucket::Bucket, category_of, metrics::Outcomes};
use crate::Changes;
pub use note::{Notice, notice};

/// Events at once.
const BURST: u32 = 50;
/// Events per second after that.
const PER_SECOND: u32 = 10;
/// `reportingController` of our events.
const CONTROLLER: &str = "plimsoll.dev/plimsoll";
/// `action` of our events.
const ACTION: &str = "Evaluate";

/// Writes events.
pub struct Events {
    client: Client,
    recorder: Recorder,
    outcomes: Outcomes,
}

impl Events {
    /// `pod`: the `reportingInstance`. `outcomes` counts what became of them: sent, suppressed, missed, or why not.
    pub fn new(client: Client, pod: &str, outcomes: Outcomes) -> Self {
        let reporter = Reporter {
            controller: CONTROLLER.into(),
            instance: Some(pod.chars().take(128).collect()),
        };
        Self {
            recorder: Recorder::new(client.clone(), reporter),
            client,
            outcomes,
        }
    }

    /// Writes while this replica leads, until `stop`.
    pub async fn run(
        self,
        mut changes: broadcast::Receiver<Changes>,
        leading: watch::Receiver<bool>,
        stop: CancellationToken,
    ) {
        let mut bucket = Bucket::new(BURST, PER_SECOND, Instant::now());
        loop {
            let received = tokio::select! {
                () = stop.cancelled() => return,
                received = changes.recv() => received,
            };
            match received {
                Ok(changes) if *leading.borrow() => {
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = self.tell(&changes.transitions, &mut bucket) => {}
                    }
                }
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(turns)) => self.count("missed", turns),
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    async fn tell(&self, transitions: &Arc<[Transition]>, bucket: &mut Bucket) {
        for notice in transitions.iter().filter_map(notice) {
            if bucket.take(Instant::now()) {
                self.publish(&notice).await;
            } else {
                self.count("suppressed", 1);
            }
        }
    }

    async fn publish(&self, notice: &Notice) {
        let event = Event {
            type_: if notice.warning {
                EventType::Warning
            } else {
                EventType::Normal
            },
            reason: notice.reason.into(),
            note: Some(notice.note.clone()),
            action: ACTION.into(),
            secondary: None,
        };
        let regarding = self.reference(notice).await;
        match self.recorder.publish(&event, &regarding).await {
            Ok(()) => self.count("sent", 1),
            Err(error) => {
                let category = category_of(&error);
                self.count(category, 1);
                tracing::debug!(category, %error, "event");
            }
        }
    }

    /// What the event is about. Where the object cannot be read, the reference goes without uid: the event is still found by
    /// name.
    async fn reference(&self, notice: &Notice) -> ObjectReference {
        let (resource, namespace, name) = match &notice.subject {
            Some(subject) => (resource(subject.kind()), subject.namespace(), subject.name()),
            None => (baseline(), None, &*notice.baseline),
        };
        let api: Api<DynamicObject> = match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        };
        let uid = api
            .get_metadata(name)
            .await
            .ok()
            .and_then(|object| object.metadata.uid);
        ObjectReference {
            api_version: Some(resource.api_version),
            kind: Some(resource.kind),
            namespace: namespace.map(Into::into),
            name: Some(name.into()),
            uid,
            ..ObjectReference::default()
        }
    }

    fn count(&self, outcome: &'static str, by: u64) {
        self.outcomes.get_or_create(&[("outcome", outcome)]).inc_by(by);
    }
}

fn resource(kind: Kind) -> ApiResource {
    let info = kind.info();
    ApiResource {
        group: info.group.into(),
        version: info.versions.first().copied().unwrap_or_default().into(),
        api_version: kind.api_version(),
        kind: info.kind.into(),
        plural: info.plural.into(),
    }
}

/// What speaks for the cluster as a whole: the baseline that judges it.
fn baseline() -> ApiResource {
    ApiResource::erase::<plimsoll_api::SecurityBaseline>(&())
}

/// Whether a unit has an object of its own; the cluster as a whole and kinds that cannot be seen have none.
fn is_object(subject: &ObjRef) -> bool {
    !subject.name().is_empty() && !subject.is_all()
}
