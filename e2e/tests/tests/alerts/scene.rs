//! A cluster in which much is not as it should be.

use std::{collections::BTreeSet, net::SocketAddr};

use jiff::{SignedDuration, Timestamp};
use kube_test::{Cluster, eventually, not_yet};
use plimsoll_e2e::{
    baseline::{BASELINE, baseline},
    installed::{SOON, api, exception, install_with, object},
    operator::Operator,
};
use plimsoll_monitoring::Pace;
use serde_json::{Value, json};

use crate::{prometheus, until_seen};

/// An hour is six seconds.
const PACE: Pace = Pace::faster(600);

const CONTROLS: &str = r#"
availability/replica-redundancy: {failAfter: 0s}
availability/uptime-slo:
  {probe: true, failAfter: 0s, target: "0.99999", window: 1d, minCoverage: "0.00001", interval: 5s, timeout: 2s,
   allowCidrs: [127.0.0.2/32]}
backup/recent-success: {}
backup/restore-test: {maxAge: 20d, warnBefore: 1d}
encryption/ingress-tls: {failAfter: 0s}
encryption/tls-handshake: {probe: true, failAfter: 0s, timeout: 2s, allowCidrs: [127.0.0.2/32]}
environments/labelled: {failAfter: 0s}
isolation/default-deny: {failAfter: 0s, mode: Observe}
"#;

const OBJECTS: &str = r#"
apiVersion: plimsoll.dev/v1alpha1
kind: SecurityBaseline
metadata: {name: wrong}
spec: {extends: [no-such-preset]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: "registry.k8s.io/pause:3.10"}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: postgres, namespace: shop}
spec:
  serviceName: postgres
  replicas: 1
  selector: {matchLabels: {app: postgres}}
  template:
    metadata: {labels: {app: postgres}}
    spec: {containers: [{name: db, image: "postgres:17"}]}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: batch/v1
kind: CronJob
metadata:
  name: dump
  namespace: shop
  labels: {plimsoll.dev/role: backup}
  annotations: {plimsoll.dev/backup-of: StatefulSet/postgres}
spec:
  schedule: 0 2 * * *
  startingDeadlineSeconds: 10 # what was missed stays missed
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: "postgres:17"}]}}}}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: restore
  namespace: lab
  labels: {plimsoll.dev/role: restore-test}
  annotations:
    plimsoll.dev/restore-of: shop/StatefulSet/postgres
    plimsoll.dev/restore-result: '{"backup":"dump-1","rows":12,"checksumOk":true,"duration":"14m"}'
spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: "postgres:17"}]}}}
"#;

/// Charts and objects.
pub(crate) async fn install(cluster: &Cluster, host: SocketAddr) {
    let values =
        "environment=production,baseline.install=false,remediation.enabled=true,probing.enabled=true";
    install_with(cluster, &["--set", values]).await;
    for (name, environment) in [("shop", "production"), ("lab", "staging")] {
        cluster
            .namespace(name, &[("plimsoll.dev/environment", environment)])
            .await
            .unwrap();
    }
    cluster.namespace("bare", &[]).await.unwrap();
    cluster.apply(&baseline("Enforce", CONTROLS)).await.unwrap();
    cluster.apply(OBJECTS).await.unwrap();
    let days_ago = Timestamp::now() - SignedDuration::from_hours(72);
    let status =
        json!({ "lastSuccessfulTime": days_ago.to_string(), "lastScheduleTime": days_ago.to_string() });
    patch_status(cluster, "cronjob", "dump", &status).await;
    ingress(cluster, host).await;
    let ends = Timestamp::now() + SignedDuration::from_hours(24);
    let ends = Timestamp::from_second(ends.as_second()).unwrap();
    let accepted = exception(json!({ "selector": { "namespaces": ["bare"] }, "expires": ends.to_string() }));
    let accepted = serde_json::to_string(&object("BaselineException", "accepted", &accepted)).unwrap();
    cluster.apply(&accepted).await.unwrap();
}

async fn patch_status(cluster: &Cluster, kind: &str, name: &str, status: &Value) {
    let patch = json!({ "status": status }).to_string();
    let args = [
        "patch",
        kind,
        name,
        "-n",
        "shop",
        "--subresource=status",
        "--type=merge",
        "-p",
        &patch,
    ];
    cluster.kubectl(args).await.unwrap();
}

/// A published host, as its controller left it.
async fn ingress(cluster: &Cluster, at: SocketAddr) {
    let host = "shop.example.com";
    let backend = json!({ "service": { "name": "web", "port": { "number": 80 } } });
    let paths = json!([{ "path": "/", "pathType": "Prefix", "backend": backend }]);
    let object = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": { "name": "shop", "namespace": "shop" },
        "spec": {
            "tls": [{ "hosts": [host], "secretName": "tls" }],
            "rules": [{ "host": host, "http": { "paths": paths } }],
        },
    });
    cluster.apply(&object.to_string()).await.unwrap();
    let balancer = json!({ "ip": at.ip().to_string(), "ports": [{ "port": at.port(), "protocol": "TCP" }] });
    patch_status(
        cluster,
        "ingress",
        "shop",
        &json!({ "loadBalancer": { "ingress": [balancer] } }),
    )
    .await;
}

/// Somebody undoes the same repair until the operator gives up.
async fn undo(cluster: &Cluster) {
    for round in 1..=4 {
        let scale = ["scale", "deployment/web", "-n", "shop", "--replicas=1"];
        cluster.kubectl(scale).await.unwrap();
        if round == 4 {
            return;
        }
        let client = cluster.admin().unwrap();
        let deployments: kube::Api<k8s_openapi::api::apps::v1::Deployment> =
            kube::Api::namespaced(client, "shop");
        eventually(SOON, "web is repaired", async || {
            let web = deployments
                .get("web")
                .await
                .map_err(|error| not_yet(error.to_string()))?;
            match web.spec.replicas {
                Some(2) => Ok(()),
                other => Err(not_yet(format!("{other:?} replicas"))),
            }
        })
        .await
        .unwrap();
    }
}

pub(crate) async fn alerts(cluster: &Cluster, operator: &Operator) -> BTreeSet<String> {
    let prometheus = prometheus(&[&operator.address], PACE).await;
    let client = cluster.admin().unwrap();
    api(&client, "SecurityBaseline").get(BASELINE).await.unwrap();
    undo(cluster).await;
    let expected = [
        "PlimsollBackupTooOld",
        "PlimsollBaselineNotAccepted",
        "PlimsollCriticalFindings",
        "PlimsollCriticalFindingsUnresolved",
        "PlimsollEvaluationStale",
        "PlimsollExceptionExpiresSoon",
        "PlimsollRemediationIneffective",
        "PlimsollRestoreTestDue",
    ];
    let mut seen = until_seen(&prometheus, &expected).await;
    seen.extend(watchdog(operator).await);
    seen
}

/// The alert that always fires. At the shortened pace "stale" is one second, which a busy machine exceeds; at the real one it
/// fires at once.
async fn watchdog(operator: &Operator) -> BTreeSet<String> {
    let prometheus = prometheus(&[&operator.address], Pace::REAL).await;
    until_seen(&prometheus, &["PlimsollWatchdog"]).await
}
