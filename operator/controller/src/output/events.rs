//! Events on transitions, for whoever looks at an object with `kubectl describe`: one when it begins to fail, one when it
//! passes again. None for what was so before we looked, and none because sight of something was lost for a while.
//!
//! Rights: create and patch `events` of `events.k8s.io`; get of the kinds watched, for the uid that `kubectl describe`
//! looks events up by.

mod note;
mod sight;

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Client,
    api::Api,
    core::{ApiResource, DynamicObject},
    runtime::events::{Event, EventType, Recorder, Reporter},
};
use plimsoll_engine::{kind::Kind, name::ObjRef};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use super::{bucket::Bucket, category_of, outcomes::Outcomes};
use crate::{Changes, leader::Fence};
pub use note::{Notice, notice};
use sight::Sight;

/// Events at once.
const BURST: u32 = 50;
/// Events per second after that.
const PER_SECOND: u32 = 10;
/// How long what the Lease said of us is taken for true, while our own clock agrees.
const ASKED_LATELY: Duration = Duration::from_secs(1);
/// `reportingController` of our events.
const CONTROLLER: &str = "plimsoll.dev/plimsoll";
/// Begin of the `action` of our events; the control follows.
const ACTION: &str = "Evaluate";

/// Writes events.
pub struct Events {
    client: Client,
    recorder: Recorder,
    fence: Fence,
    asked: Option<Instant>,
    outcomes: Outcomes,
}

impl Events {
    /// `pod`: the `reportingInstance`. `outcomes` counts what became of them: sent, suppressed, missed, or why not.
    pub fn new(client: Client, pod: &str, fence: Fence, outcomes: Outcomes) -> Self {
        let reporter = Reporter {
            controller: CONTROLLER.into(),
            instance: Some(pod.chars().take(128).collect()),
        };
        Self {
            recorder: Recorder::new(client.clone(), reporter),
            client,
            fence,
            asked: None,
            outcomes,
        }
    }

    /// Writes while this replica leads, until `stop`. What changes while it does not is followed all the same.
    pub async fn run(
        mut self,
        mut changes: broadcast::Receiver<Changes>,
        mut leading: watch::Receiver<bool>,
        stop: CancellationToken,
    ) {
        let mut bucket = Bucket::new(BURST, PER_SECOND, Instant::now());
        let mut sight = Sight::default();
        loop {
            let received = tokio::select! {
                () = stop.cancelled() => return,
                received = changes.recv() => received,
            };
            match received {
                Ok(changes) => {
                    let seen = changes
                        .transitions
                        .iter()
                        .filter_map(|change| sight.follow(change));
                    let notices: Vec<Notice> = seen.filter_map(|change| notice(&change)).collect();
                    if notices.is_empty() || !*leading.borrow() {
                        continue;
                    }
                    tokio::select! {
                        () = stop.cancelled() => return,
                        _ = leading.wait_for(|leads| !*leads) => {}
                        () = self.tell(&notices, &mut bucket) => {}
                    }
                }
                Err(broadcast::error::RecvError::Lagged(turns)) => self.count("missed", turns),
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    async fn tell(&mut self, notices: &[Notice], bucket: &mut Bucket) {
        for notice in notices {
            if !bucket.take(Instant::now()) {
                self.count("suppressed", 1);
            } else if self.leads().await {
                self.publish(notice).await;
            }
        }
    }

    /// Whether this replica leads: a leader that was paused does not know that it was replaced, and the next one tells the same.
    async fn leads(&mut self) -> bool {
        if !self.fence.is_in_time() {
            return false;
        }
        let lately = |asked: Instant| asked.elapsed() < ASKED_LATELY;
        if !self.asked.is_some_and(lately) {
            self.asked = self.fence.still_leader().await.then(Instant::now);
        }
        self.asked.is_some()
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
            // What repeats is told as one Event that counts, whatever its note says: the same is only what the same control says
            // under the same baseline.
            action: format!("{ACTION}/{}", notice.control),
            secondary: Some(judge(&notice.baseline)),
        };
        let regarding = self.reference(notice).await;
        if !self.fence.is_in_time() {
            return;
        }
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

/// The baseline that something was judged by.
fn judge(name: &str) -> ObjectReference {
    let resource = baseline();
    ObjectReference {
        api_version: Some(resource.api_version),
        kind: Some(resource.kind),
        name: Some(name.into()),
        ..ObjectReference::default()
    }
}

/// Whether a unit has an object of its own; the cluster as a whole and kinds that cannot be seen have none.
fn is_object(subject: &ObjRef) -> bool {
    !subject.name().is_empty() && !subject.is_all()
}
