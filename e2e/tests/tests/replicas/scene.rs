//! A cluster with work to do, and what has to hold whatever happens to the replicas.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use k8s_openapi::api::{apps::v1::Deployment, policy::v1::PodDisruptionBudget};
use kube::{
    Api, Client,
    api::{ListParams, ObjectMeta},
};
use kube_test::{AuditEvent, Cluster, eventually, not_yet};
use plimsoll_e2e::{
    baseline::{BASELINE, baseline},
    installed::{SOON, install_anew},
    operator::{foreign_writes, refused},
    replicas::{Replicas, first_after, is_election, told},
    scenario::{deployed_by, deployment},
};
use serde_json::Value;

/// Within this time somebody writes again, whatever happened.
pub(crate) const FAILS_OVER_WITHIN: Duration = Duration::from_secs(30);
/// The operator's arguments.
pub(crate) const ARGS: &[&str] = &["--remediation"];
const NAMESPACES: usize = 4;
/// Deployments of one batch in each namespace.
const EACH: usize = 4;

const CONTROLS: &str = "
availability/replica-redundancy: {minReplicas: 2, failAfter: 0s, mode: Enforce}
availability/disruption-budget: {failAfter: 0s, mode: Enforce}
isolation/default-deny: {failAfter: 0s}
environments/labelled: {failAfter: 10m}
governance/continuous-monitoring: {minReplicas: 2}
";

/// A cluster of a test's own, with both charts and the baseline, and namespaces for work.
pub(crate) struct Scene {
    pub(crate) cluster: Cluster,
    pub(crate) client: Client,
    batches: AtomicUsize,
}

impl Scene {
    /// None on an existing cluster: nothing there is killed, and it has no audit log.
    pub(crate) async fn begin() -> Option<Self> {
        let cluster = Cluster::start().await.unwrap();
        if cluster.is_external() {
            println!("skipped: needs a control plane of its own");
            return None;
        }
        let values = "environment=production,baseline.install=false,remediation.enabled=true";
        install_anew(&cluster, &["--set", values]).await;
        let client = cluster.admin().unwrap();
        for namespace in namespaces() {
            let labels = [
                ("plimsoll.dev/environment", "production"),
                ("plimsoll.dev/tenant", "acme"),
            ];
            cluster.namespace(&namespace, &labels).await.unwrap();
        }
        // Each leader finds out anew that it is not ours to change, and the first says so.
        let gitops = deployment("work-0", "gitops", 1);
        deployed_by(&cluster, "argocd-controller", true, gitops).await;
        cluster.apply(&baseline("Observe", CONTROLS)).await.unwrap();
        Some(Self {
            cluster,
            client,
            batches: AtomicUsize::new(0),
        })
    }

    /// Work for whoever leads: Deployments with one replica each, which are to have two, and a budget then.
    pub(crate) async fn work(&self) {
        let batch = format!("batch-{}", self.batches.fetch_add(1, Ordering::Relaxed));
        let mut manifests = Vec::new();
        for namespace in namespaces() {
            manifests.extend((0..EACH).map(|n| deployment(&namespace, &format!("{batch}-{n}"), 1)));
        }
        self.cluster.apply(&manifests.join("---\n")).await.unwrap();
    }

    /// Deployments given out so far.
    fn given_out(&self) -> usize {
        self.batches.load(Ordering::Relaxed) * NAMESPACES * EACH
    }

    /// Waits until everything given out so far is repaired.
    pub(crate) async fn until_repaired(&self) {
        let expected = self.given_out();
        let deployments: Api<Deployment> = Api::all(self.client.clone());
        let budgets: Api<PodDisruptionBudget> = Api::all(self.client.clone());
        eventually(SOON, "everything is repaired", async || {
            let error = |error: kube::Error| not_yet(error.to_string());
            let all = ListParams::default();
            let ours = |meta: &ObjectMeta| {
                let namespace = meta.namespace.as_deref().unwrap_or_default();
                namespace.starts_with("work-")
            };
            let deployments = deployments.list(&all).await.map_err(error)?.items;
            let raised = deployments
                .iter()
                .filter(|deployment| ours(&deployment.metadata) && deployment.spec.replicas == Some(2));
            let raised = raised.count();
            let budgets = budgets.list(&all).await.map_err(error)?.items;
            let budgets = budgets.iter().filter(|budget| ours(&budget.metadata)).count();
            if (raised, budgets) == (expected, expected) {
                Ok(())
            } else {
                Err(not_yet(format!(
                    "{raised} raised, {budgets} budgets of {expected}"
                )))
            }
        })
        .await
        .unwrap();
    }

    /// What has to hold at any time: each object was changed exactly once, and nobody was told of anything twice. Call when
    /// everything is repaired.
    pub(crate) async fn nothing_was_done_twice(&self, what: &str) {
        let log = foreign_writes(&self.cluster).await.filter(|event| !event.dry_run);
        let mut written: BTreeMap<String, usize> = BTreeMap::new();
        for event in log.iter().filter(|event| event.is_effective_write()) {
            *written.entry(event.line()).or_default() += 1;
        }
        // Whoever is killed does not wait for its answer: what it asked for may have been done.
        for event in log.iter().filter(|event| event.code == 0 || event.code >= 499) {
            written.entry(event.line()).or_insert(1);
        }
        let expected = self.given_out() * 2;
        let twice: Vec<_> = written.iter().filter(|(_, times)| **times != 1).collect();
        assert!(twice.is_empty(), "{what}: written more than once: {twice:#?}");
        assert_eq!(written.len(), expected, "{what}: {written:#?}");
        let told = told(&self.client, &namespaces()).await;
        let twice: Vec<_> = told.iter().filter(|(_, times)| **times != 1).collect();
        assert!(twice.is_empty(), "{what}: told more than once: {twice:#?}");
        let left: Vec<_> = told
            .keys()
            .filter(|line| line.contains("ManagedElsewhere"))
            .collect();
        assert_eq!(left.len(), 1, "{what}: {left:?}");
    }

    /// The chart grants what is needed. Not to be asked of a cluster whose API server was started again: until it knows its roles it
    /// refuses everybody.
    pub(crate) async fn nothing_was_refused(&self) {
        assert_eq!(refused(&self.cluster).await, [""; 0]);
    }

    /// What statuses said, each time one was written since a moment, without when it was looked at last.
    pub(crate) async fn statuses_since(&self, moment: Timestamp) -> Vec<Value> {
        let log = self.cluster.audit().await.unwrap().after(moment);
        let of_status =
            |event: &AuditEvent| event.resource == "securitybaselines" && event.subresource == "status";
        let written = log.effective_writes().filter(of_status);
        let status =
            |event: &AuditEvent| timeless(event.request.clone().unwrap_or_default()["status"].take());
        written.iter().map(status).collect()
    }

    /// That status said one and the same thing all along since a moment; `before` is what it says now.
    pub(crate) async fn status_never_changed(&self, since: Timestamp, before: &Value, what: &str) {
        for status in self.statuses_since(since).await {
            assert_eq!(&status, before, "{what}: the status flapped");
        }
    }

    /// What the status says once it has settled.
    pub(crate) async fn settled_status(&self) -> Value {
        let mut last = (Value::Null, Instant::now());
        eventually(SOON, "the status has settled", async || {
            let status = timeless(plimsoll_e2e::operator::status(&self.client, BASELINE).await);
            if status != last.0 {
                last = (status, Instant::now());
            }
            // Longer than the least time between two writes.
            if last.1.elapsed() > Duration::from_secs(7) {
                Ok(last.0.clone())
            } else {
                Err(not_yet(last.0.to_string()))
            }
        })
        .await
        .unwrap()
    }

    /// When another than `lost` wrote for the first time after a moment: the Lease, and anything at all. Fails where that took
    /// too long.
    pub(crate) async fn took_over(
        &self,
        replicas: &Replicas<'_>,
        lost: Option<&str>,
        moment: Timestamp,
        what: &str,
    ) {
        let log = self.cluster.audit().await.unwrap().effective_writes();
        let others: Vec<String> = replicas
            .iter()
            .filter(|replica| lost != Some(&replica.name))
            .map(|replica| replica.link.source())
            .collect();
        let by_other = |event: &AuditEvent| others.contains(&event.source);
        let leads = |event: &AuditEvent| by_other(event) && is_election(event) && event.name == "plimsoll";
        let lease = first_after(&log, moment, leads);
        let writes = first_after(&log, moment, |event| by_other(event) && !is_election(event));
        let (Some(lease), Some(writes)) = (lease, writes) else {
            panic!("{what}: nobody took over");
        };
        println!(
            "figure: {what}: another leads after {:.1} s and writes after {:.1} s",
            lease.as_secs_f64(),
            writes.as_secs_f64()
        );
        assert!(writes < FAILS_OVER_WITHIN, "{what}: {writes:?}");
    }
}

/// A status without when it was looked at last, and without when findings were first seen: replicas that begin together see one at
/// moments that differ by fractions of a second.
fn timeless(mut status: Value) -> Value {
    if let Some(status) = status.as_object_mut() {
        status.remove("lastEvaluated");
    }
    let worst = status["worst"].as_array_mut().into_iter().flatten();
    for finding in worst.filter_map(Value::as_object_mut) {
        finding.remove("firstSeen");
    }
    status
}

/// Where the work is.
pub(crate) fn namespaces() -> Vec<String> {
    (0..NAMESPACES).map(|n| format!("work-{n}")).collect()
}
