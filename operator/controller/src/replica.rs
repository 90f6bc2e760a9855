//! Each replica keeps a Lease of its own, so that whoever is left can tell how many are at work: renewed while the process
//! lives, with notes on when it last evaluated everything and was scraped. Every replica reads all of them; what they say is
//! an observation, judged like any object.

mod sightings;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, Preconditions},
};
use plimsoll_engine::observation::{
    Observation,
    operator::{Replica, Replicas},
};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    Config, Published,
    output::{category_of, metrics::Scrapes},
    source::Input,
};
use sightings::Sightings;

/// What marks the Leases of replicas among the others of the namespace.
const LABELS: [(&str, &str); 2] = [
    ("app.kubernetes.io/name", "plimsoll"),
    ("app.kubernetes.io/component", "replica"),
];
/// When the replica last evaluated every baseline.
const EVALUATED: &str = "plimsoll.dev/evaluated-at";
/// When the metrics of some replica were last scraped, as far as this one knows: it may be the last one that does.
const SCRAPED: &str = "plimsoll.dev/scraped-at";
/// Who writes the Leases.
const MANAGER: &str = "plimsoll-replica";
/// A Lease not renewed for so long is of a pod that does not come back: long enough that clocks which differ do not matter.
const PRUNED_AFTER: SignedDuration = SignedDuration::from_hours(1);
/// Renewals within the time a Lease holds, as kubelets do it.
const RENEWALS: u32 = 4;
/// When Leases that could not be read are asked for again.
const RETRY: Duration = Duration::from_secs(2);

/// Keeps this replica's Lease and reads those of all.
pub(crate) struct Register {
    api: Api<Lease>,
    pod: String,
    holds: Duration,
    counts: bool,
    published: watch::Receiver<Arc<Published>>,
    scrapes: Scrapes,
    leading: watch::Receiver<bool>,
    since: Timestamp,
    sightings: Sightings,
    /// When the metrics of another replica were last scraped.
    scraped: Option<Timestamp>,
    /// The Leases as they were read last.
    leases: Vec<Lease>,
    looked: Timestamp,
    /// Since when they cannot be read.
    unread_since: Option<Timestamp>,
}

impl Register {
    /// What `config` says of this replica: one that does not read has no Lease, for it stands in for none that does.
    pub(crate) fn new(
        client: Client,
        config: &Config,
        published: watch::Receiver<Arc<Published>>,
        scrapes: Scrapes,
        leading: watch::Receiver<bool>,
    ) -> Self {
        Self {
            api: Api::namespaced(client, &config.namespace),
            pod: config.identity.clone(),
            holds: config.replica_lease.try_into().unwrap_or_default(),
            counts: config.duties.read,
            published,
            scrapes,
            leading,
            since: Timestamp::now(),
            sightings: Sightings::default(),
            scraped: None,
            leases: Vec::new(),
            looked: Timestamp::now(),
            unread_since: None,
        }
    }

    /// Renews and looks until `stop`, then takes the Lease away.
    pub(crate) async fn run(mut self, inputs: mpsc::Sender<Input>, stop: CancellationToken) {
        let mut published = self.published.clone();
        let mut begun = false;
        loop {
            let turn = async {
                let observed = Input::Observed(vec![self.turn().await]);
                let sent = inputs.send(observed).await;
                let pause = match self.unread_since {
                    Some(_) => self.every().min(RETRY),
                    None => self.every(),
                };
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    // Noted at once: who waits for this replica to be ready before another goes must not find too few at work.
                    Ok(_) = published.wait_for(|now| now.health.evaluated_at.is_some()), if !begun => begun = true,
                }
                sent
            };
            tokio::select! {
                () = stop.cancelled() => break,
                sent = turn => if sent.is_err() { break },
            }
        }
        if self.counts {
            self.leave().await;
        }
    }

    fn every(&self) -> Duration {
        self.holds / RENEWALS
    }

    /// The name of a replica's Lease; the prefix keeps it apart from that of the election.
    fn name(&self) -> String {
        format!("replica-{}", self.pod)
    }

    async fn turn(&mut self) -> Observation {
        if self.counts
            && let Err(why) = self.within(self.renew()).await
        {
            warn!(why, "this replica's lease is not renewed");
        }
        let leases = self.look().await;
        let replicas = Replicas {
            since: self.since,
            leases,
        };
        Observation::of((), replicas)
    }

    /// The replicas there are. Where the Leases cannot be read for a moment, those of before stand: nobody can renew them either.
    async fn look(&mut self) -> Result<Vec<Replica>, &'static str> {
        let listed = self.within(self.list()).await;
        let now = Timestamp::now();
        let before = std::mem::replace(&mut self.looked, now);
        match listed {
            Ok(leases) => {
                self.unread_since = None;
                // The operator has been at work for as long as any of its replicas.
                let begun = |lease: &Lease| Some(lease.metadata.creation_timestamp.as_ref()?.0);
                self.since = leases.iter().filter_map(begun).fold(self.since, Timestamp::min);
                self.leases = leases;
            }
            Err(why) => {
                warn!(why, "the leases of the replicas cannot be read");
                let since = *self.unread_since.get_or_insert(before);
                let holds = SignedDuration::try_from(self.holds).unwrap_or(SignedDuration::MAX);
                if self.leases.is_empty() || now.duration_since(since) > holds {
                    return Err(why);
                }
                self.sightings.postpone(now.duration_since(before));
            }
        }
        let replicas = self.sightings.see(&self.leases, now);
        self.scraped = replicas.iter().filter_map(|replica| replica.scraped).max();
        Ok(replicas)
    }

    async fn renew(&self) -> Result<(), kube::Error> {
        let lease = self.lease(Timestamp::now());
        let apply = PatchParams::apply(MANAGER).force();
        self.api
            .patch(&self.name(), &apply, &Patch::Apply(&lease))
            .await
            .map(drop)
    }

    fn lease(&self, now: Timestamp) -> Lease {
        let noted = [
            (EVALUATED, self.published.borrow().health.evaluated_at),
            (SCRAPED, self.scrapes.last().max(self.scraped)),
        ];
        let annotations: BTreeMap<String, String> = noted
            .into_iter()
            .filter_map(|(key, moment)| Some((key.to_owned(), moment?.to_string())))
            .collect();
        Lease {
            metadata: ObjectMeta {
                name: Some(self.name()),
                labels: Some(
                    LABELS
                        .map(|(key, value)| (key.to_owned(), value.to_owned()))
                        .into(),
                ),
                annotations: Some(annotations),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(self.pod.clone()),
                lease_duration_seconds: i32::try_from(self.holds.as_secs()).ok(),
                renew_time: Some(MicroTime(now)),
                ..LeaseSpec::default()
            }),
        }
    }

    /// The Leases of all replicas; the leader clears away those that nobody will renew.
    async fn list(&self) -> Result<Vec<Lease>, kube::Error> {
        let labels = LABELS.map(|(key, value)| format!("{key}={value}")).join(",");
        let leases = self.api.list(&ListParams::default().labels(&labels)).await?.items;
        if self.counts && *self.leading.borrow() {
            let now = Timestamp::now();
            for lease in leases.iter().filter(|lease| is_abandoned(lease, now)) {
                self.prune(lease).await;
            }
        }
        Ok(leases)
    }

    async fn prune(&self, lease: &Lease) {
        let name = lease.metadata.name.as_deref().unwrap_or_default();
        let unchanged = DeleteParams {
            preconditions: Some(Preconditions {
                resource_version: lease.metadata.resource_version.clone(),
                uid: lease.metadata.uid.clone(),
            }),
            ..DeleteParams::default()
        };
        if let Err(error) = self.api.delete(name, &unchanged).await {
            warn!(lease = name, %error, "cannot clear away the lease of a replica that is gone");
        } else {
            info!(lease = name, "cleared away the lease of a replica that is gone");
        }
    }

    /// Who ends in peace is not missed.
    async fn leave(&self) {
        let name = self.name();
        let deleted = async { self.api.delete(&name, &DeleteParams::default()).await.map(drop) };
        if let Err(why) = self.within(deleted).await {
            warn!(why, "this replica's lease stays behind");
        }
    }

    /// An answer within the time between two renewals, or a word for why there is none.
    async fn within<T>(
        &self,
        answer: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, &'static str> {
        match tokio::time::timeout(self.every(), answer).await {
            Ok(answer) => answer.map_err(|error| category_of(&error)),
            Err(_) => Err("timeout"),
        }
    }
}

fn is_abandoned(lease: &Lease, now: Timestamp) -> bool {
    let renewed = lease.spec.as_ref().and_then(|spec| spec.renew_time.as_ref());
    renewed.is_none_or(|renewed| now.duration_since(renewed.0) > PRUNED_AFTER)
}
