//! Where repairs are tried.

use anyhow::{Context, Result};
use futures::future::BoxFuture;
use k8s_openapi::api::apps::v1::Deployment;
use kube::{Client, api::Api};
use kube_test::Cluster;
use plimsoll_controller::remediate::{apply::Writer, plan::Step};
use plimsoll_engine::{finding::Change, kind::Kind, name::ObjRef};
use serde_json::{Value, json};

pub(crate) const CONTROL: &str = "availability/replica-redundancy";
pub(crate) const OLD: &str = "registry.k8s.io/pause:3.9";
/// Deploys of two kinds, by what kubectl is told.
pub(crate) const SERVER_SIDE: &str = "apply --server-side -f -";
pub(crate) const CLIENT_SIDE: &str = "apply -f -";
pub(crate) const NEW: &str = "registry.k8s.io/pause:3.10";

/// The rights remediation has: what the chart grants for these repairs.
pub(crate) const RIGHTS: &str = r#"
apiVersion: v1
kind: ServiceAccount
metadata: {name: repairer, namespace: NS}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: NS-repairer}
rules:
- {apiGroups: [""], resources: [namespaces], verbs: [get]}
- {apiGroups: [apps], resources: [deployments], verbs: [get]}
- {apiGroups: [apps], resources: [deployments/scale], verbs: [patch]}
- {apiGroups: [autoscaling], resources: [horizontalpodautoscalers], verbs: [get, patch]}
- {apiGroups: [policy], resources: [poddisruptionbudgets], verbs: [get, create, patch]}
- {apiGroups: [batch], resources: [cronjobs], verbs: [get]}
- {apiGroups: [batch], resources: [jobs], verbs: [get, create, patch]}
- {apiGroups: [events.k8s.io], resources: [events], verbs: [create, patch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: NS-repairer}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: NS-repairer}
subjects: [{kind: ServiceAccount, name: repairer, namespace: NS}]
"#;

/// A namespace of a test's own, and hands with exactly the rights above.
pub(crate) struct Place<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) namespace: &'a str,
    pub(crate) admin: Client,
    pub(crate) repairer: Client,
    pub(crate) writer: Writer,
}

impl<'a> Place<'a> {
    pub(crate) async fn new(cluster: &'a Cluster, namespace: &'a str) -> Result<Self> {
        cluster.namespace(namespace, &[]).await?;
        cluster.apply(&RIGHTS.replace("NS", namespace)).await?;
        let repairer = cluster.client_as(namespace, "repairer").await?;
        Ok(Self {
            cluster,
            namespace,
            admin: cluster.admin()?,
            writer: Writer::new(repairer.clone()),
            repairer,
        })
    }

    pub(crate) fn manifest(&self, name: &str, image: &str, replicas: Option<i32>) -> String {
        let mut manifest = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {
                "selector": {"matchLabels": {"app": name}},
                "template": {
                    "metadata": {"labels": {"app": name}},
                    "spec": {"containers": [{"name": "c", "image": image}]}}}});
        if let Some(replicas) = replicas {
            manifest["spec"]["replicas"] = replicas.into();
        }
        manifest.to_string()
    }

    pub(crate) async fn kubectl(&self, args: &str, input: &str) -> Result<()> {
        let args = args.split_whitespace().chain(["-n", self.namespace]);
        self.cluster
            .tool("kubectl")?
            .args(args)
            .stdin(input)
            .run()
            .await?;
        Ok(())
    }

    pub(crate) async fn live(&self, name: &str) -> Result<Deployment> {
        Ok(Api::namespaced(self.admin.clone(), self.namespace)
            .get(name)
            .await?)
    }

    pub(crate) async fn replicas(&self, name: &str) -> Result<i32> {
        let live = self.live(name).await?;
        live.spec.replicas.context("no replicas")
    }

    pub(crate) async fn image(&self, name: &str) -> Result<String> {
        let live = serde_json::to_value(self.live(name).await?)?;
        let image = live.pointer("/spec/template/spec/containers/0/image");
        Ok(image.and_then(Value::as_str).context("no image")?.to_owned())
    }

    pub(crate) fn object(&self, kind: Kind, name: &str) -> ObjRef {
        ObjRef::new(kind, self.namespace, name)
    }

    pub(crate) fn raise(&self, name: &str) -> Step {
        let target = self.object(Kind::Deployment, name);
        step(Change::Replicas {
            target,
            from: 1,
            to: 2,
        })
    }

    /// Everything the repairer changed, by the API server's audit log.
    pub(crate) async fn written(&self) -> Result<Vec<String>> {
        let audit = self.cluster.audit().await?;
        Ok(audit
            .by_account(self.namespace, "repairer")
            .effective_writes()
            .filter(|event| event.resource != "events")
            .lines())
    }
}

pub(crate) fn step(change: Change) -> Step {
    Step {
        control: CONTROL,
        change,
        baseline: "production".into(),
        max_changes_per_hour: 10,
    }
}

pub(crate) fn always() -> BoxFuture<'static, bool> {
    Box::pin(async { true })
}
