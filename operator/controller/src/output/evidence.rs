//! What the engine remembers and what was repaired, persisted in `EvidenceRecord`s: one per namespace, bounded. Where reading,
//! repairing and probing are separate processes, each keeps a record of its own (see [`Part`]), and all read all of them.
//!
//! Every replica keeps the latest of each namespace; the leader writes. A new leader first reads what there is: repairs are
//! taken over, and a finding keeps the earliest moment any replica saw it. New findings are written within two seconds, the
//! same record at most every two seconds, and records of which nothing is left are deleted.
//!
//! Rights: get, list, create, update and delete of `evidencerecords`.

mod desk;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

use jiff::Timestamp;
use kube::{
    Client, ResourceExt as _,
    api::{Api, DeleteParams, ListParams, PostParams, Preconditions},
};
use plimsoll_api::{EvidenceRecord, Part, RepairRecord};
use plimsoll_engine::memory::Shard;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::{category_of, outcomes::Outcomes};
use crate::{Duties, leader::Fence};
pub(crate) use desk::namespace_of;
use desk::{Desk, Write};

/// Records read at once: they can be large.
const PAGE: u32 = 50;
/// Writes between two looks at the Lease.
const BATCH: usize = 20;
/// Repairs waiting to be written.
const WAITING: usize = 64;

/// Why evidence could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum PersistError {
    /// The API server refused or could not be reached.
    #[error("evidence of {what}: {source}")]
    Api {
        /// The namespace, or what else was asked for.
        what: String,
        /// What the client said.
        source: Box<kube::Error>,
    },
    /// This replica does not lead, or no longer: another one writes.
    #[error("this replica does not lead")]
    NotLeading,
    /// The process is stopping.
    #[error("the process is stopping")]
    Stopping,
}

impl PersistError {
    /// A bounded word for labels.
    pub fn category(&self) -> &'static str {
        match self {
            Self::Api { source, .. } => category_of(source),
            Self::NotLeading => "not_leading",
            Self::Stopping => "stopping",
        }
    }

    fn api(what: &str) -> impl FnOnce(kube::Error) -> Self {
        move |source| Self::Api {
            what: what.into(),
            source: Box::new(source),
        }
    }

    /// Somebody else wrote the record since we read it.
    fn is_outdated(&self) -> bool {
        matches!(self.category(), "conflict" | "not_found")
    }
}

/// Everything remembered by earlier processes, to be loaded before the first turn. A record that cannot be read is left out,
/// with a warning: its findings look new.
pub async fn load_all(client: Client) -> Result<Vec<(Arc<str>, Shard)>, PersistError> {
    let records = list(&Api::all(client)).await?;
    let mut shards: BTreeMap<Arc<str>, Shard> = BTreeMap::new();
    // The main record of a namespace comes before the others: its name is theirs without an end.
    for record in &records {
        match record.shard() {
            Ok(shard) => join(shards.entry(namespace_of(record)).or_default(), shard),
            Err(error) => tracing::warn!(record = record.name_any(), %error, "evidence cannot be read"),
        }
    }
    Ok(shards.into_iter().collect())
}

/// What several processes remember of one namespace; of another of the same name only what is first is kept.
fn join(all: &mut Shard, one: Shard) {
    if all.is_empty() {
        *all = one;
    } else if all.uid.is_none() || one.uid.is_none() || all.uid == one.uid {
        all.probed = std::mem::take(&mut all.probed).with(&one.probed);
    }
}

async fn list(api: &Api<EvidenceRecord>) -> Result<Vec<EvidenceRecord>, PersistError> {
    let mut records = Vec::new();
    let mut params = ListParams::default().limit(PAGE);
    loop {
        let page = api
            .list(&params)
            .await
            .map_err(PersistError::api("all namespaces"))?;
        records.extend(page.items);
        params.continue_token = page.metadata.continue_.filter(|token| !token.is_empty());
        if params.continue_token.is_none() {
            return Ok(records);
        }
    }
}

/// Where to say what became of a repair.
type Reply = oneshot::Sender<Result<(), PersistError>>;

struct Keep {
    namespace: Arc<str>,
    repair: RepairRecord,
    done: Reply,
}

/// Records repairs. Cheap to clone.
#[derive(Clone)]
pub struct Keeper {
    api: Api<EvidenceRecord>,
    waiting: mpsc::Sender<Keep>,
}

impl Keeper {
    /// Persists a repair in the record of a namespace (the empty name for the cluster); done when it is written. One of the
    /// same time, control and object replaces the earlier.
    pub async fn keep(&self, namespace: &str, repair: RepairRecord) -> Result<(), PersistError> {
        let (done, written) = oneshot::channel();
        let keep = Keep {
            namespace: namespace.into(),
            repair,
            done,
        };
        self.waiting
            .send(keep)
            .await
            .map_err(|_| PersistError::Stopping)?;
        written.await.map_err(|_| PersistError::Stopping)?
    }

    /// Every repair there is a record of, with the uid of its namespace as the record has it.
    pub async fn repairs(&self) -> Result<Vec<(Option<String>, RepairRecord)>, PersistError> {
        let mut repairs: Vec<(Option<String>, RepairRecord)> = Vec::new();
        let mut known = BTreeSet::new();
        for record in list(&self.api).await? {
            let (namespace, uid) = (namespace_of(&record), record.spec.uid);
            for repair in record.spec.repairs {
                let object = serde_json::to_string(&repair.object).unwrap_or_default();
                // A record from when one process did everything may hold what that of the repairer took over.
                if known.insert((namespace.clone(), repair.time, repair.control.clone(), object)) {
                    repairs.push((uid.clone(), repair));
                }
            }
        }
        Ok(repairs)
    }
}

/// Writes evidence.
pub struct Evidence {
    api: Api<EvidenceRecord>,
    fence: Fence,
    outcomes: Outcomes,
    desk: Desk,
    part: Part,
    waiting: mpsc::Receiver<Keep>,
    replies: Vec<(Arc<str>, Reply)>,
}

impl Evidence {
    /// `outcomes` counts writes by what became of them. `loaded` is what [`load_all`] gave.
    pub fn new(
        client: Client,
        duties: Duties,
        fence: Fence,
        outcomes: Outcomes,
        loaded: &[(Arc<str>, Shard)],
    ) -> (Self, Keeper) {
        let api: Api<EvidenceRecord> = Api::all(client);
        let (sender, waiting) = mpsc::channel(WAITING);
        let keeper = Keeper {
            api: api.clone(),
            waiting: sender,
        };
        let mut desk = Desk::new(duties);
        for (namespace, shard) in loaded {
            desk.remember(namespace.clone(), shard.clone());
        }
        let evidence = Self {
            api,
            fence,
            outcomes,
            desk,
            part: duties.part(),
            waiting,
            replies: Vec::new(),
        };
        (evidence, keeper)
    }

    /// Keeps what the actor sends, and writes it while this replica leads. Ends with `stop`, after writing what is pending.
    pub async fn run(
        mut self,
        mut changed: mpsc::UnboundedReceiver<Vec<(Arc<str>, Shard)>>,
        mut leading: watch::Receiver<bool>,
        stop: CancellationToken,
    ) {
        leading.mark_changed();
        loop {
            let due = self.desk.next_due();
            tokio::select! {
                () = stop.cancelled() => break,
                Ok(()) = leading.changed() => {
                    if *leading.borrow_and_update() { self.take_over().await } else { self.give_up() }
                }
                Some(shards) = changed.recv() => self.take(shards),
                Some(keep) = self.waiting.recv() => self.keep(keep),
                () = until(due) => self.work(Instant::now()).await,
            }
        }
        while let Ok(shards) = changed.try_recv() {
            self.take(shards);
        }
        self.desk.hurry(Instant::now());
        let last = async {
            while self.desk.next_due().is_some_and(|due| due <= Instant::now()) {
                self.work(Instant::now()).await;
            }
        };
        if tokio::time::timeout(std::time::Duration::from_secs(5), last)
            .await
            .is_err()
        {
            tracing::warn!("some evidence was not written before the process stopped");
        }
    }

    fn take(&mut self, shards: Vec<(Arc<str>, Shard)>) {
        let now = Instant::now();
        for (namespace, shard) in shards {
            self.desk.change(namespace, shard, now);
        }
    }

    fn keep(&mut self, keep: Keep) {
        if self.desk.knows_stored() {
            self.desk
                .keep(keep.namespace.clone(), keep.repair, Instant::now());
            self.replies.push((keep.namespace, keep.done));
        } else {
            _ = keep.done.send(Err(PersistError::NotLeading));
        }
    }

    /// Reads what there is, so that nothing of it is lost by what is written next.
    async fn take_over(&mut self) {
        match list(&self.api).await {
            Ok(records) => self.desk.take_over(records, Timestamp::now(), Instant::now()),
            Err(error) => {
                self.count(error.category());
                tracing::warn!(%error, "evidence cannot be read, none is written");
                self.desk.retry_taking_over(Instant::now());
            }
        }
    }

    fn give_up(&mut self) {
        self.desk.give_up();
        for (_, done) in self.replies.drain(..) {
            _ = done.send(Err(PersistError::NotLeading));
        }
    }

    /// Writes what is due, after one look at the Lease.
    async fn work(&mut self, now: Instant) {
        if !self.fence.still_leader().await {
            self.desk.postpone(now);
            return;
        }
        if !self.desk.knows_stored() {
            return self.take_over().await;
        }
        for namespace in self.desk.due(now, BATCH) {
            if !self.fence.is_in_time() {
                return; // another replica leads, or soon will
            }
            let outcome = self.write(&namespace).await;
            if let Err(error) = &outcome {
                self.count(error.category());
                tracing::warn!(%error, category = error.category(), "evidence was not written");
                self.desk.failed(&namespace, Instant::now());
            }
            let outdated = outcome.as_ref().is_err_and(PersistError::is_outdated);
            self.reply(&namespace, outcome);
            if outdated {
                return self.take_over().await;
            }
        }
        for name in self.desk.leftovers() {
            // One that stays, or that somebody else deleted, harms nobody.
            match self.api.delete(&name, &DeleteParams::default()).await {
                Ok(_) => tracing::info!(name, "took over the evidence of a process of its own"),
                Err(error) => tracing::debug!(name, %error, "evidence that was taken over stays"),
            }
        }
    }

    async fn write(&mut self, namespace: &Arc<str>) -> Result<(), PersistError> {
        let failed = |error| PersistError::api(namespace)(error);
        let name = &self.part.name(namespace);
        let stored = match self.desk.write(namespace, Timestamp::now()) {
            Write::Nothing => return Ok(()),
            Write::Create(record) => self
                .api
                .create(&PostParams::default(), &record)
                .await
                .map(Some)
                .map_err(failed)?,
            Write::Replace(record) => self
                .api
                .replace(name, &PostParams::default(), &record)
                .await
                .map(Some)
                .map_err(failed)?,
            Write::Delete(resource_version) => {
                let preconditions = Preconditions {
                    resource_version,
                    uid: None,
                };
                let params = DeleteParams::default().preconditions(preconditions);
                self.api.delete(name, &params).await.map_err(failed)?;
                None
            }
        };
        self.desk.written(namespace, stored, Instant::now());
        self.count("written");
        Ok(())
    }

    fn reply(&mut self, namespace: &Arc<str>, outcome: Result<(), PersistError>) {
        let (mine, others): (Vec<_>, Vec<_>) = self.replies.drain(..).partition(|(of, _)| of == namespace);
        self.replies = others;
        let mut outcome = Some(outcome);
        for (_, done) in mine {
            let answer = match outcome.take() {
                Some(Err(error)) => Err(error), // the others hear that their wait ended
                Some(Ok(())) => {
                    outcome = Some(Ok(()));
                    Ok(())
                }
                None => Err(PersistError::Stopping),
            };
            _ = done.send(answer);
        }
    }

    fn count(&self, outcome: &'static str) {
        self.outcomes.get_or_create(&[("outcome", outcome)]).inc();
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
