//! Reports for other tools: OpenReports and PolicyReports, one for each baseline and namespace, and one for what no namespace
//! governs. Written while this replica leads, where the cluster serves their kinds; when their content changes, at most every
//! twenty seconds each, and never otherwise.
//!
//! They are owned by the ClusterRole that grants the rights to write them: when the chart is uninstalled, or the reports are
//! switched off, the garbage collector takes them along, whether or not an operator still runs. Reports of a baseline that is
//! gone are deleted by the operator, at its next start at the latest.
//!
//! Rights: list, watch, create, patch and delete of the four kinds; get of that ClusterRole.

mod content;
mod desk;
mod outlet;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::{
    Api, Client,
    api::{DeleteParams, DynamicObject, PartialObjectMeta, Patch, PatchParams, PostParams, Preconditions},
    runtime::{WatchStreamExt as _, watcher},
};
use plimsoll_engine::report::Transition;
use serde_json::{Map, Value, json};
use tokio::sync::{broadcast, mpsc, watch};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{bucket::Bucket, category_of, outcomes::Outcomes};
use crate::{Changes, Published, leader::Fence};
use content::Content;
use desk::{DIGEST, Desk, Key, News, Stored, Write, name_for};
pub use outlet::ReportApi;
use outlet::{Outlet, served};

/// Our name in `managedFields`.
const MANAGER: &str = "plimsoll";
/// Label by which our reports are found again.
const LABEL: (&str, &str) = ("app.kubernetes.io/managed-by", "plimsoll");
/// Annotation that says how many results are not listed.
const OMITTED: &str = "plimsoll.dev/omitted-results";
/// Writes at once.
const BURST: u32 = 100;
/// Writes per second after that.
const PER_SECOND: u32 = 50;
/// Reports looked at between two looks at the Lease.
const BATCH: usize = 50;
/// When what failed is tried again.
const RETRY: Duration = Duration::from_secs(10);
/// When what somebody has to repair first is tried again.
const RETRY_LATE: Duration = Duration::from_mins(5);

/// How reports are written.
#[derive(Clone, Debug)]
pub struct ReportTerms {
    /// The ClusterRole that owns them.
    pub owner: String,
    /// In which kinds, where the cluster serves them.
    pub apis: Vec<ReportApi>,
    /// Most results listed in one.
    pub most_results: usize,
}

/// What the output follows.
pub(crate) struct Feeds {
    pub(crate) published: watch::Receiver<Arc<Published>>,
    pub(crate) changes: broadcast::Receiver<Changes>,
    pub(crate) leading: watch::Receiver<bool>,
    /// Changes when the cluster may serve other kinds.
    pub(crate) definitions: watch::Receiver<u64>,
}

/// What a watch on a kind says.
type Heard = (Outlet, News);

/// Writes reports.
pub(crate) struct PolicyReports {
    client: Client,
    terms: ReportTerms,
    fence: Fence,
    outcomes: Outcomes,
    desk: Desk,
    /// `metadata.uid` of the owner; nothing is written without one.
    owner: Option<String>,
    watches: BTreeMap<Outlet, AbortOnDropHandle<()>>,
    news: (mpsc::Sender<Heard>, mpsc::Receiver<Heard>),
    ask_at: Option<Instant>,
    bucket: Bucket,
}

impl PolicyReports {
    /// `outcomes` counts writes by what became of them.
    pub(crate) fn new(client: Client, terms: ReportTerms, fence: Fence, outcomes: Outcomes) -> Self {
        Self {
            client,
            terms,
            fence,
            outcomes,
            desk: Desk::default(),
            owner: None,
            watches: BTreeMap::new(),
            news: mpsc::channel(256),
            ask_at: None,
            bucket: Bucket::new(BURST, PER_SECOND, Instant::now()),
        }
    }

    /// Writes while this replica leads, until `stop`.
    pub(crate) async fn run(mut self, mut feeds: Feeds, stop: CancellationToken) {
        feeds.leading.mark_changed();
        loop {
            let leads = *feeds.leading.borrow();
            let next = if leads && self.owner.is_some() {
                self.desk.next_due(Instant::now())
            } else {
                None
            };
            tokio::select! {
                () = stop.cancelled() => return,
                Ok(()) = feeds.leading.changed() => {
                    if *feeds.leading.borrow_and_update() { self.ask_at = Some(Instant::now()) } else { self.give_up() }
                }
                Ok(()) = feeds.definitions.changed(), if leads => self.ask_at = Some(Instant::now()),
                received = feeds.changes.recv() => match received {
                    Ok(changes) => if leads { self.mark(&changes.transitions) },
                    Err(broadcast::error::RecvError::Lagged(_)) => self.desk.look_at_all = true,
                    Err(broadcast::error::RecvError::Closed) => return,
                },
                Some((outlet, news)) = self.news.1.recv() => self.desk.hear(outlet, &news),
                () = until(self.ask_at), if leads => self.ask().await,
                () = until(next) => {
                    let state = feeds.published.borrow().clone();
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = self.work(&state) => {}
                    }
                }
            }
        }
    }

    fn give_up(&mut self) {
        self.watches.clear();
        self.desk = Desk::default();
        self.owner = None;
        self.ask_at = None;
        while self.news.1.try_recv().is_ok() {}
    }

    /// Which kinds are served, and what owns our reports.
    async fn ask(&mut self) {
        self.ask_at = None;
        let roles: Api<ClusterRole> = Api::all(self.client.clone());
        let owner = match roles.get_metadata_opt(&self.terms.owner).await {
            Ok(role) => role.and_then(|role| role.metadata.uid),
            Err(error) => return self.ask_again("who owns the reports", &error),
        };
        if owner.is_none() {
            tracing::warn!(
                clusterrole = self.terms.owner,
                "reports have no owner and are not written"
            );
        }
        self.desk.look_at_all |= owner != self.owner;
        self.owner = owner;
        match served(&self.client, &self.terms.apis).await {
            Ok(outlets) => self.serve(&outlets),
            Err(error) => self.ask_again("which kinds of reports are served", &error),
        }
    }

    fn ask_again(&mut self, what: &str, error: &kube::Error) {
        tracing::warn!(%error, "cannot tell {what}");
        self.count(category_of(error));
        self.ask_at = Some(Instant::now() + RETRY);
    }

    fn serve(&mut self, outlets: &BTreeSet<Outlet>) {
        let (new, gone) = self.desk.serve(outlets);
        for outlet in gone {
            tracing::info!(kind = outlet.kind(), "reports of this kind are served no longer");
            self.watches.remove(&outlet);
        }
        for outlet in new {
            tracing::info!(kind = outlet.kind(), "reports are written");
            let follow = follow(self.client.clone(), outlet, self.news.0.clone());
            self.watches
                .insert(outlet, AbortOnDropHandle::new(tokio::spawn(follow)));
        }
    }

    /// The reports that changed verdicts belong into.
    fn mark(&mut self, transitions: &[Transition]) {
        let now = Instant::now();
        for transition in transitions {
            let Some(unit) = transition.after.as_ref().or(transition.before.as_ref()) else {
                continue;
            };
            let namespace = unit.key.subject.home().into();
            let baseline = transition.baseline.clone();
            self.desk.change(Key { namespace, baseline }, now);
        }
    }

    /// Every report there is or could be is due: what it says may be stored already.
    fn mark_all(&mut self, state: &Published) {
        let now = Instant::now();
        for (baseline, report) in &state.report.baselines {
            let homes = tokio::task::block_in_place(|| report.units.homes());
            for namespace in homes {
                self.desk.change(
                    Key {
                        namespace,
                        baseline: baseline.clone(),
                    },
                    now,
                );
            }
        }
        // Also where nothing is judged any more, and of baselines that are gone.
        let names: BTreeMap<String, &Arc<str>> =
            state.report.baselines.keys().map(|b| (name_for(b), b)).collect();
        for (namespace, name) in self.desk.stored() {
            let baseline = match names.get(&name) {
                Some(baseline) => (*baseline).clone(),
                None => name.strip_prefix("plimsoll-").unwrap_or(&name).into(),
            };
            self.desk.change(Key { namespace, baseline }, now);
        }
    }

    async fn work(&mut self, state: &Published) {
        if !state.health.ready || !self.fence.still_leader().await {
            return tokio::time::sleep(Duration::from_secs(1)).await;
        }
        if std::mem::take(&mut self.desk.look_at_all) {
            self.mark_all(state);
        }
        for key in self.desk.due(Instant::now(), BATCH) {
            if !self.fence.is_in_time() {
                return; // another replica leads, or soon will
            }
            self.bring_up_to_date(key, state).await;
        }
    }

    async fn bring_up_to_date(&mut self, key: Key, state: &Published) {
        let Some(owner) = self.owner.clone() else { return };
        let report = state.report.baselines.get(&key.baseline);
        let content = report.and_then(|report| Content::of(report, &key.namespace, self.terms.most_results));
        let name = name_for(&key.baseline);
        for outlet in self.desk.ready(key.namespace.is_empty()) {
            let digest = content.as_ref().map(|content| content.digest(outlet));
            let write = self
                .desk
                .decide(outlet, &key.namespace, &name, digest.as_deref(), &owner);
            if write == Write::Nothing {
                continue;
            }
            if !self.bucket.take(Instant::now()) {
                return self.desk.retry(key, Instant::now() + Duration::from_secs(1));
            }
            let object = content
                .as_ref()
                .map(|content| self.object(outlet, &name, content, &owner));
            match self.write(outlet, &key, &name, write, object).await {
                Ok(stored) => {
                    self.count("written");
                    self.desk.written(outlet, &key, &name, stored, Instant::now());
                }
                Err(error) => self.failed(outlet, &key, &name, &error),
            }
        }
    }

    /// A whole report.
    fn object(&self, outlet: Outlet, name: &str, content: &Content, owner: &str) -> Map<String, Value> {
        let mut annotations = json!({ DIGEST: content.digest(outlet), OMITTED: null });
        if content.omitted > 0 {
            annotations[OMITTED] = content.omitted.to_string().into();
        }
        let resource = outlet.resource();
        let mut object = content.body(outlet);
        object.insert("apiVersion".into(), resource.api_version.into());
        object.insert("kind".into(), resource.kind.into());
        let metadata = json!({
            "name": name,
            "labels": { LABEL.0: LABEL.1 },
            "annotations": annotations,
            "ownerReferences": [{
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRole",
                "name": self.terms.owner,
                "uid": owner,
            }],
        });
        object.insert("metadata".into(), metadata);
        object
    }

    async fn write(
        &self,
        outlet: Outlet,
        key: &Key,
        name: &str,
        write: Write,
        object: Option<Map<String, Value>>,
    ) -> Result<Option<Stored>, kube::Error> {
        let api = outlet.within(&self.client, &key.namespace);
        match (write, object) {
            (Write::Create, Some(mut object)) => {
                if let Some(annotations) = object["metadata"]["annotations"].as_object_mut() {
                    annotations.retain(|_, value| !value.is_null());
                }
                let object: DynamicObject =
                    serde_json::from_value(object.into()).map_err(kube::Error::SerdeError)?;
                let params = PostParams {
                    field_manager: Some(MANAGER.into()),
                    ..PostParams::default()
                };
                Ok(Stored::of(&api.create(&params, &object).await?))
            }
            (Write::Patch(stored), Some(mut object)) => {
                // Only as long as it is the object that we read; labels of others stay.
                object["metadata"]["uid"] = stored.uid.into();
                object["metadata"]["resourceVersion"] = stored.version.into();
                let params = PatchParams {
                    field_manager: Some(MANAGER.into()),
                    ..PatchParams::default()
                };
                Ok(Stored::of(
                    &api.patch(name, &params, &Patch::Merge(object)).await?,
                ))
            }
            (Write::Delete(stored), _) => {
                let preconditions = Preconditions {
                    uid: stored.uid,
                    resource_version: None,
                };
                let params = DeleteParams::default().preconditions(preconditions);
                api.delete(name, &params).await?;
                Ok(None)
            }
            (Write::Nothing | Write::Create | Write::Patch(_), _) => Ok(None),
        }
    }

    fn failed(&mut self, outlet: Outlet, key: &Key, name: &str, error: &kube::Error) {
        let (category, now) = (category_of(error), Instant::now());
        let outcome = match category {
            "conflict" if has_reason(error, "AlreadyExists") => "foreign",
            "forbidden" if has_reason(error, "NamespaceTerminating") => "terminating",
            other => other,
        };
        self.count(outcome);
        match outcome {
            // The object, or the namespace, is just gone.
            "not_found" => self.desk.written(outlet, key, name, None, now),
            // The watch is about to say what changed.
            "conflict" => self.desk.retry(key.clone(), now + RETRY),
            "terminating" => self.desk.retry(key.clone(), now + RETRY_LATE),
            _ => {
                let (kind, namespace) = (outlet.kind(), &*key.namespace);
                tracing::warn!(kind, namespace, name, outcome, %error, "report was not written");
                let passes = ["connection", "server", "throttled"].contains(&outcome);
                let later = if passes { RETRY } else { RETRY_LATE };
                self.desk.retry(key.clone(), now + later);
            }
        }
    }

    fn count(&self, outcome: &'static str) {
        self.outcomes.get_or_create(&[("outcome", outcome)]).inc();
    }
}

/// Whether an answer gives this reason, or has it among its causes.
fn has_reason(error: &kube::Error, reason: &str) -> bool {
    let kube::Error::Api(status) = error else {
        return false;
    };
    let causes = status.details.iter().flat_map(|details| &details.causes);
    status.reason == reason || causes.into_iter().any(|cause| cause.reason == reason)
}

/// Tells what is stored of a kind, by its metadata alone.
async fn follow(client: Client, outlet: Outlet, news: mpsc::Sender<Heard>) {
    let selector = watcher::Config::default().labels(&format!("{}={}", LABEL.0, LABEL.1));
    let metadata: Api<PartialObjectMeta<DynamicObject>> = Api::all_with(client, &outlet.resource());
    let events = watcher(metadata, selector).default_backoff();
    tokio::pin!(events);
    while let Some(event) = events.next().await {
        let heard = match event {
            Ok(watcher::Event::Init) => News::Begin,
            Ok(watcher::Event::InitApply(object)) => News::Listed(object),
            Ok(watcher::Event::InitDone) => News::Complete,
            Ok(watcher::Event::Apply(object)) => News::Applied(object),
            Ok(watcher::Event::Delete(object)) => News::Deleted(object),
            Err(error) => {
                tracing::debug!(kind = outlet.kind(), %error, "the watch on reports failed");
                continue;
            }
        };
        if news.send((outlet, heard)).await.is_err() {
            return;
        }
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
