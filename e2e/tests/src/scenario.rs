//! What the scenarios share: a cluster of its own for each, with both charts and the operator's own process in it.

use kube::Client;
use kube_test::{Builder, Cluster, eventually, not_yet};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{
    baseline::BASELINE,
    installed::{SOON, install_anew},
    operator::{Operator, foreign_writes, found},
};

/// A cluster in which one scenario is played.
#[allow(missing_debug_implementations, reason = "its client has none")]
pub struct Scenario {
    /// The cluster.
    pub cluster: Cluster,
    /// Its administrator.
    pub client: Client,
    _alone: SemaphorePermit<'static>,
}

impl Scenario {
    /// A cluster with these namespaces, each with its environment (none where empty) and tenant.
    pub async fn begin(namespaces: &[(&str, &str, &str)]) -> Self {
        Self::begin_with(Cluster::builder(), namespaces).await
    }

    /// As [`Self::begin`], in a cluster of another make.
    pub async fn begin_with(cluster: Builder, namespaces: &[(&str, &str, &str)]) -> Self {
        /// A control plane each, on a machine of a few cores: one after the other.
        static STAGE: Semaphore = Semaphore::const_new(1);
        let alone = STAGE.acquire().await.unwrap();
        let cluster = cluster.start().await.unwrap();
        let values = "environment=production,baseline.install=false,remediation.enabled=true";
        install_anew(&cluster, &["--set", values]).await;
        for (name, environment, tenant) in namespaces {
            let labels = [
                ("plimsoll.dev/environment", *environment),
                ("plimsoll.dev/tenant", *tenant),
            ];
            let labels: Vec<_> = labels
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .collect();
            cluster.namespace(name, &labels).await.unwrap();
        }
        let client = cluster.admin().unwrap();
        Self {
            cluster,
            client,
            _alone: alone,
        }
    }

    /// Starts the operator under a baseline that is called [`BASELINE`], with the right to repair.
    pub async fn operator(&self, baseline: &str) -> Operator {
        self.cluster.apply(baseline).await.unwrap();
        let operator = Operator::ready(&self.cluster, "operator", &["--remediation"]).await;
        operator
            .until("it leads", |page| page.sum("plimsoll_leader", &[]) > 0.0)
            .await;
        operator
    }

    /// Waits until exactly these are the findings of a control that fail: `Kind namespace/name Reason`, sorted.
    pub async fn until_found(&self, control: &str, what: &str, expected: &[&str]) {
        let seen = eventually(SOON, what, async || {
            let found = self.found(control).await;
            if found == expected {
                Ok(())
            } else {
                Err(not_yet(format!("{found:#?}")))
            }
        });
        seen.await.unwrap();
    }

    /// The findings of a control that fail, as the status tells them.
    pub async fn found(&self, control: &str) -> Vec<String> {
        found(&self.client, BASELINE, control).await
    }

    /// What the operator wrote to objects that are not its own, sorted.
    pub async fn written(&self) -> Vec<String> {
        let mut lines = foreign_writes(&self.cluster).await.effective_writes().lines();
        lines.sort();
        lines
    }

    /// Waits until exactly this was written.
    pub async fn until_written(&self, what: &str, expected: &[&str]) {
        let seen = eventually(SOON, what, async || {
            let lines = self.written().await;
            if lines == expected {
                Ok(())
            } else {
                Err(not_yet(format!("{lines:#?}")))
            }
        });
        seen.await.unwrap();
    }

    /// One field of an object, as `kubectl -o jsonpath` prints it.
    pub async fn field(&self, namespace: &str, object: &str, path: &str) -> String {
        let path = format!("jsonpath={{{path}}}");
        let args = ["get", object, "-n", namespace, "-o", &path];
        self.cluster.kubectl(args).await.unwrap().stdout
    }

    /// Waits until a field has a value.
    pub async fn until_field(&self, namespace: &str, object: &str, path: &str, expected: &str) {
        let what = format!("{object} of {namespace} has {path}={expected}");
        let seen = eventually(SOON, &what, async || {
            let seen = self.field(namespace, object, path).await;
            if seen == expected {
                Ok(())
            } else {
                Err(not_yet(seen))
            }
        });
        seen.await.unwrap();
    }
}

/// Deploys as a tool does that calls itself so, with server-side apply or as `kubectl apply` does; no such tool runs here.
pub async fn deployed_by(cluster: &Cluster, manager: &str, server_side: bool, manifest: String) {
    let manager = format!("--field-manager={manager}");
    let side = format!("--server-side={server_side}");
    let kubectl = cluster.tool("kubectl").unwrap();
    let apply = kubectl.args(["apply", &side, &manager, "-f", "-"]);
    apply.stdin(manifest).run().await.unwrap();
}

/// A Deployment of pods that only run.
pub fn deployment(namespace: &str, name: &str, replicas: u32) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{containers: [{{name: c, image: \"registry.k8s.io/pause:3.10\"}}]}}
"
    )
}
