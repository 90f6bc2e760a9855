//! Several replicas of the operator, each a process behind a line of its own, and what they have to agree on.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    time::Duration,
};

use futures::future::join_all;
use jiff::Timestamp;
use k8s_openapi::api::{coordination::v1::Lease, events::v1::Event};
use kube::{Api, Client, api::ListParams};
use kube_test::{AuditEvent, AuditLog, Cluster, eventually, not_yet};
use serde_json::Value;

use crate::{
    installed::{NAMESPACE, SOON},
    link::Link,
    operator::{ACCOUNT, Operator},
    series::{Page, Series},
};

/// What a replica says of itself and not of the cluster, by how the names of the series begin.
const OWN: [&str; 15] = [
    "plimsoll_evaluated_units",
    "plimsoll_evaluation",
    "plimsoll_events",
    "plimsoll_evidence_writes",
    "plimsoll_last_evaluation",
    "plimsoll_leader",
    "plimsoll_prober_up",
    "plimsoll_remediations",
    "plimsoll_report_writes",
    "plimsoll_requests",
    "plimsoll_server_certificate",
    "plimsoll_status_writes",
    "plimsoll_tls_certificate",
    "plimsoll_uptime_probe",
    "process_",
];
/// Ages go on between two scrapes, and a moment that one replica saw is stored to the second.
const AGES: [&str; 1] = ["plimsoll_finding_oldest_seconds"];
/// By how much they may differ.
const BETWEEN_SCRAPES: f64 = 5.0;

/// One replica.
#[allow(missing_debug_implementations, reason = "its client has none")]
pub struct Replica {
    /// What it calls itself: the pod's name.
    pub name: String,
    /// The process.
    pub operator: Operator,
    /// Its line to the API server.
    pub link: Link,
}

impl Replica {
    /// Starts one and waits until it has seen everything.
    pub async fn ready(cluster: &Cluster, name: &str, args: &[&str]) -> Self {
        let link = Link::to(&cluster.server().unwrap()).await;
        let kubeconfig = kubeconfig(cluster, name, &link).await;
        let operator = Operator::start_with(cluster, name, &kubeconfig, args, "info").await;
        operator.until_ready().await;
        let name = name.to_owned();
        Self { name, operator, link }
    }

    /// Whether it says that it leads.
    pub async fn says_it_leads(&self) -> bool {
        let text = self.operator.get("/metrics").await.unwrap_or_default();
        Page::parse(&text).sum("plimsoll_leader", &[]) > 0.0
    }

    /// Waits until it says that it leads, or that it does not.
    pub async fn until_leads(&self, leads: bool) {
        let what = format!("{} says leads={leads}", self.name);
        let said = eventually(SOON, &what, async || {
            if self.says_it_leads().await == leads {
                Ok(())
            } else {
                Err(not_yet(self.operator.process.log_tail(3)))
            }
        });
        said.await.unwrap();
    }

    /// What it asked of the API server.
    pub async fn asked(&self, cluster: &Cluster) -> AuditLog {
        cluster.audit().await.unwrap().from_source(&self.link.source())
    }
}

/// The kubeconfig of the operator's account over a line.
async fn kubeconfig(cluster: &Cluster, name: &str, link: &Link) -> PathBuf {
    let direct = cluster.kubeconfig_for(NAMESPACE, ACCOUNT).await.unwrap();
    let text = fs::read_to_string(direct).unwrap();
    let server = cluster.server().unwrap();
    assert!(text.contains(&server), "the kubeconfig names its server");
    let path = cluster.dir().join(format!("{name}.kubeconfig"));
    fs::write(&path, text.replace(&server, &link.server())).unwrap();
    path
}

/// Replicas of one installation.
#[allow(missing_debug_implementations, reason = "their clients have none")]
pub struct Replicas<'a> {
    cluster: &'a Cluster,
    client: Client,
    args: &'a [&'a str],
    started: usize,
    auditor: String,
    all: Vec<Replica>,
}

impl<'a> Replicas<'a> {
    /// So many at once, as a Deployment starts them.
    pub async fn start(cluster: &'a Cluster, count: usize, args: &'a [&'a str]) -> Self {
        let mut replicas = Self {
            cluster,
            client: cluster.admin().unwrap(),
            args,
            started: 0,
            auditor: auditor(cluster).await,
            all: Vec::new(),
        };
        let names: Vec<String> = (0..count).map(|_| replicas.next_name()).collect();
        let started = names.iter().map(|name| Replica::ready(cluster, name, args));
        replicas.all = join_all(started).await;
        replicas
    }

    fn next_name(&mut self) -> String {
        self.started += 1;
        format!("replica-{}", self.started)
    }

    /// One more.
    pub async fn add(&mut self) {
        let name = self.next_name();
        let replica = Replica::ready(self.cluster, &name, self.args).await;
        self.all.push(replica);
    }

    /// Those there are.
    pub fn iter(&self) -> impl Iterator<Item = &Replica> {
        self.all.iter()
    }

    /// Their names, oldest first.
    pub fn names(&self) -> Vec<String> {
        self.all.iter().map(|replica| replica.name.clone()).collect()
    }

    /// One of them.
    pub fn get(&self, name: &str) -> &Replica {
        self.all.iter().find(|replica| replica.name == name).unwrap()
    }

    /// Takes one out of the set.
    pub fn take(&mut self, name: &str) -> Replica {
        let at = self.all.iter().position(|replica| replica.name == name);
        self.all.remove(at.unwrap())
    }

    /// Waits until one of them leads, by the Lease and by its own word, other than `not`; its name.
    pub async fn leader(&self, not: Option<&str>) -> String {
        let leads = eventually(SOON, "another replica leads", async || {
            let holder = self.holder().await.map_err(|error| not_yet(error.to_string()))?;
            let ours = self.all.iter().find(|replica| holder == replica.name);
            let ours = ours.filter(|replica| not != Some(&replica.name));
            let replica = ours.ok_or_else(|| not_yet(format!("{holder} holds the lease")))?;
            if replica.says_it_leads().await {
                Ok(replica.name.clone())
            } else {
                Err(not_yet(format!("{holder} does not say so")))
            }
        });
        leads.await.unwrap()
    }

    async fn holder(&self) -> Result<String, kube::Error> {
        let leases: Api<Lease> = Api::namespaced(self.client.clone(), NAMESPACE);
        let lease = leases.get("plimsoll").await?;
        let holder = lease
            .spec
            .and_then(|spec| spec.holder_identity)
            .unwrap_or_default();
        Ok(holder
            .rsplit_once('_')
            .map_or(String::new(), |(pod, _)| pod.to_owned()))
    }

    /// Waits until all say the same of the cluster: metrics but for what is each one's own, and every finding in every word.
    /// Exactly one leads then.
    pub async fn until_alike(&self) {
        let alike = eventually(SOON, "the replicas say the same", async || {
            let mut pages = Vec::new();
            let mut findings = Vec::new();
            for replica in &self.all {
                let text = replica
                    .operator
                    .get("/metrics")
                    .await
                    .map_err(|e| not_yet(e.to_string()))?;
                pages.push((&replica.name, Page::parse(&text)));
                findings.push((&replica.name, self.findings(replica).await?));
            }
            let leaders = pages
                .iter()
                .filter(|(_, page)| page.sum("plimsoll_leader", &[]) > 0.0);
            let leaders = leaders.count();
            let mut differ: Vec<String> = Vec::new();
            for other in 1..pages.len() {
                differ.extend(differences(&pages[0], &pages[other]));
                if findings[0].1 != findings[other].1 {
                    let one: BTreeSet<&String> = findings[0].1.iter().collect();
                    let two: BTreeSet<&String> = findings[other].1.iter().collect();
                    differ.extend(one.symmetric_difference(&two).map(|line| (*line).clone()));
                }
            }
            if leaders == 1 && differ.is_empty() {
                Ok(())
            } else {
                Err(not_yet(format!("{leaders} lead\n{}", differ.join("\n"))))
            }
        });
        alike.await.unwrap();
    }

    /// The findings that a replica serves, one line each, sorted.
    async fn findings(&self, replica: &Replica) -> Result<Vec<String>, kube_test::Error> {
        let (status, text) = replica
            .operator
            .get_securely("/findings", Some(&self.auditor))
            .await;
        if status != 200 {
            return Err(not_yet(format!("{} answers {status}: {text}", replica.name)));
        }
        let document: Value = serde_json::from_str(&text).map_err(|e| not_yet(e.to_string()))?;
        let results = document["results"].as_array().cloned().unwrap_or_default();
        let mut lines: Vec<String> = results.into_iter().map(timeless).collect();
        lines.sort();
        Ok(lines)
    }
}

/// A token for all pages.
async fn auditor(cluster: &Cluster) -> String {
    let account = format!("--serviceaccount={NAMESPACE}:auditor");
    let binding = [
        "create",
        "clusterrolebinding",
        "auditor",
        "--clusterrole=cluster-admin",
    ];
    let create = ["create", "serviceaccount", "auditor", "-n", NAMESPACE];
    cluster.kubectl(create).await.unwrap();
    cluster
        .kubectl(binding.into_iter().chain([account.as_str()]))
        .await
        .unwrap();
    cluster.token_for(NAMESPACE, "auditor").await.unwrap()
}

/// A finding without when it was first seen: replicas see a new one at moments that differ by fractions of a second. Ages are compared
/// by the metrics.
fn timeless(mut finding: Value) -> String {
    if let Some(finding) = finding.as_object_mut() {
        for key in ["firstSeen", "failsAt", "until"] {
            finding.remove(key);
        }
    }
    finding.to_string()
}

/// What two pages say differently of the cluster.
fn differences((one, page): &(&String, Page), (two, other): &(&String, Page)) -> Vec<String> {
    let of_cluster = |page: &Page| -> BTreeMap<(String, BTreeMap<String, String>), f64> {
        let shared = |series: &&Series| !OWN.iter().any(|own| series.name.starts_with(own));
        let rows = page.rows().filter(shared);
        rows.map(|series| ((series.name.clone(), series.labels.clone()), series.value))
            .collect()
    };
    let (page, other) = (of_cluster(page), of_cluster(other));
    let keys: BTreeSet<_> = page.keys().chain(other.keys()).collect();
    let same = |key: &&&(String, BTreeMap<String, String>)| match (page.get(**key), other.get(**key)) {
        (Some(a), Some(b)) if AGES.contains(&key.0.as_str()) => (a - b).abs() <= BETWEEN_SCRAPES,
        (a, b) => a == b,
    };
    keys.iter()
        .filter(|key| !same(key))
        .map(|key| {
            format!(
                "{} {:?}: {one} {:?}, {two} {:?}",
                key.0,
                key.1,
                page.get(*key),
                other.get(*key)
            )
        })
        .collect()
}

/// Whether a request belongs to the election or to a replica's own Lease.
pub fn is_election(event: &AuditEvent) -> bool {
    event.group == "coordination.k8s.io"
}

/// How long after a moment the first of these was received.
pub fn first_after(
    log: &AuditLog,
    moment: Timestamp,
    what: impl Fn(&AuditEvent) -> bool,
) -> Option<Duration> {
    let later = log.iter().filter(|event| event.time >= moment && what(event));
    let first = later.map(|event| event.time).min()?;
    Some(first.duration_since(moment).unsigned_abs())
}

/// The operator's Events in some namespaces, and how often each was told: `Kind namespace/name reason`.
pub async fn told(client: &Client, namespaces: &[String]) -> BTreeMap<String, i32> {
    let mut told = BTreeMap::new();
    for namespace in namespaces {
        let api: Api<Event> = Api::namespaced(client.clone(), namespace);
        for event in api.list(&ListParams::default()).await.unwrap() {
            let by = event.reporting_controller.unwrap_or_default();
            if !by.starts_with("plimsoll.dev/") {
                continue;
            }
            let about = event.regarding.unwrap_or_default();
            let line = format!(
                "{} {namespace}/{} {}: {}",
                about.kind.unwrap_or_default(),
                about.name.unwrap_or_default(),
                event.reason.unwrap_or_default(),
                event.note.unwrap_or_default()
            );
            *told.entry(line).or_default() += event.series.map_or(1, |series| series.count);
        }
    }
    told
}
