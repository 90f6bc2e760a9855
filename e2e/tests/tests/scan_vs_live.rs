//! The operator, `plimsoll scan --cluster` and `plimsoll scan` of a dump say the same of one cluster. Needs
//! `make controlplane`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use kube_test::{Cluster, eventually, not_yet};
use plimsoll_e2e::{
    agreement::{agree, baselines, dump, scan},
    installed::{SOON, exception, install_with, post},
    operator::{Operator, refused},
};
use serde_json::json;

/// Good and bad of all areas; the table is in the test below.
const OBJECTS: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: c
        image: registry.k8s.io/pause:3.10
        env: [{name: DB_HOST, value: db.shop-staging.svc.cluster.local}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web, namespace: shop}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: single, namespace: shop}
spec:
  replicas: 1
  selector: {matchLabels: {app: single}}
  template:
    metadata: {labels: {app: single}}
    spec: {containers: [{name: c, image: "registry.k8s.io/pause:3.10"}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: waived, namespace: shop}
spec:
  replicas: 1
  selector: {matchLabels: {app: waived}}
  template:
    metadata: {labels: {app: waived}}
    spec: {containers: [{name: c, image: "registry.k8s.io/pause:3.10"}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: scaled, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: scaled}}
  template:
    metadata: {labels: {app: scaled}}
    spec: {containers: [{name: c, image: "registry.k8s.io/pause:3.10"}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: scaled, namespace: shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: scaled}
  minReplicas: 2
  maxReplicas: 4
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: half, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress], ingress: [{from: [{namespaceSelector: {}}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shop-staging}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: nginx}
spec: {controller: k8s.io/ingress-nginx}
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: alb}
spec: {controller: ingress.k8s.aws/alb}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: good, namespace: shop}
spec:
  ingressClassName: nginx
  tls: [{hosts: [good.example.com], secretName: good}]
  rules: [{host: good.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: plain, namespace: shop}
spec:
  ingressClassName: alb
  rules: [{host: plain.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: sealed}
provisioner: ebs.csi.aws.com
parameters: {encrypted: "true"}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: local-path}
provisioner: rancher.io/local-path
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: sealed, namespace: shop}
spec: {storageClassName: sealed, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: open, namespace: shop}
spec: {storageClassName: local-path, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: p1, namespace: shop, labels: {plimsoll.dev/role: database}}
spec:
  replicas: 1
  serviceName: p1
  selector: {matchLabels: {app: p1}}
  template:
    metadata: {labels: {app: p1, plimsoll.dev/role: database}}
    spec: {containers: [{name: db, image: "postgres:17"}]}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {storageClassName: sealed, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: p2, namespace: shop, labels: {plimsoll.dev/role: database}}
spec:
  replicas: 2
  serviceName: p2
  selector: {matchLabels: {app: p2}}
  template:
    metadata: {labels: {app: p2, plimsoll.dev/role: database}}
    spec: {containers: [{name: db, image: "postgres:17"}]}
---
apiVersion: batch/v1
kind: CronJob
metadata:
  name: p1-backup
  namespace: shop
  labels: {plimsoll.dev/role: backup}
  annotations: {plimsoll.dev/backup-of: StatefulSet/p1}
spec:
  schedule: "0 2 * * 1-5"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: dump, image: "postgres:17", command: [pg_dump, -h, p1]}]
---
apiVersion: batch/v1
kind: CronJob
metadata:
  name: restore
  namespace: shop-staging
  labels: {plimsoll.dev/role: restore-test}
  annotations: {plimsoll.dev/restore-of: shop/StatefulSet/p1}
spec:
  schedule: "0 4 1 * *"
  jobTemplate:
    metadata: {labels: {plimsoll.dev/role: restore-test}}
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: restore, image: "postgres:17"}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: files, namespace: shop}
spec:
  replicas: 1
  serviceName: files
  selector: {matchLabels: {app: files}}
  template:
    metadata: {labels: {app: files}}
    spec: {containers: [{name: files, image: "files:1", volumeMounts: [{name: data, mountPath: /data}]}]}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {storageClassName: sealed, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Service
metadata: {name: published, namespace: shop}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 80}]}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_and_both_ways_to_scan_say_the_same() {
    let cluster = Cluster::shared().await.unwrap();
    let client = cluster.admin().unwrap();
    install_with(
        &cluster,
        &["--set", "environment=production,baseline.install=false"],
    )
    .await;
    for (name, environment, tenant) in [
        ("shop", "production", "acme"),
        ("shop-staging", "staging", "acme"),
        ("globex", "prod", "globex"),
    ] {
        let labels = [
            ("plimsoll.dev/environment", environment),
            ("plimsoll.dev/tenant", tenant),
        ];
        cluster.namespace(name, &labels).await.unwrap();
    }
    cluster.namespace("tools", &[]).await.unwrap();
    cluster.apply(OBJECTS).await.unwrap();
    let waiver = json!({ "control": "availability/replica-redundancy", "selector": {
        "namespaces": ["shop"], "objects": [{ "kind": "Deployment", "name": "waived" }] } });
    post(&client, "BaselineException", "waiver", &exception(waiver), false)
        .await
        .unwrap();
    let controls: Vec<&str> = plimsoll_controls::registry()
        .metas()
        .map(|meta| meta.id)
        // Only the running operator can tell how it is doing.
        .filter(|id| *id != "governance/continuous-monitoring")
        .collect();
    for baseline in baselines(&controls, &["kube-system", "kube-node-lease", "kube-public"]) {
        cluster.apply(&baseline.to_string()).await.unwrap();
    }
    at_rest(&cluster).await;

    let operator = Operator::ready(&cluster, "operator", &[]).await;
    let once = scan(&cluster, ["--cluster"]).await;
    agree(&client, &once, "the operator and a scan of the cluster agree").await;
    let dumped = scan(&cluster, [dump(&cluster).await]).await;
    assert_eq!(dumped["documents"]["unreadable"], json!([]));
    agree(&client, &dumped, "the operator and a scan of the dump agree").await;

    // All of it means little unless something was found everywhere.
    for control in &controls {
        let name = control.replace('/', "-");
        let judged = once["baselines"]
            .as_array()
            .unwrap()
            .iter()
            .find(|b| b["name"] == name.as_str())
            .unwrap();
        let count = |key: &str| judged[key].as_u64().unwrap();
        assert!(count("pass") + count("fail") + count("unknown") > 0, "{judged}");
    }
    let failing = once["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["result"] == "fail")
        .count();
    assert!(failing >= 20, "{failing}");
    let covered = once["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["result"] == "waived");
    assert_eq!(covered.count(), 1, "the exception holds in scans, too");
    assert_eq!(refused(&cluster).await, [""; 0]);
    drop(operator);
}

/// Waits until pods run and claims are bound: what changes between two looks would differ.
async fn at_rest(cluster: &Cluster) {
    let path = "jsonpath={range .items[*]}{.metadata.name}={.status.phase}{' '}{end}";
    let waiting = eventually(SOON, "pods run and claims are bound", async || {
        let pods = cluster
            .kubectl(["get", "pods", "-n", "shop", "-o", path])
            .await?
            .stdout;
        let claims = cluster
            .kubectl(["get", "pvc", "-n", "shop", "-o", path])
            .await?
            .stdout;
        let all: Vec<&str> = pods.split_whitespace().chain(claims.split_whitespace()).collect();
        let rest = all
            .iter()
            .all(|one| one.ends_with("=Running") || one.ends_with("=Bound"));
        // 3 web, 1 single, 1 waived, 2 scaled, 1 p1, 2 p2, 1 files; 4 claims
        if rest && all.len() == 15 {
            Ok(())
        } else {
            Err(not_yet(format!("{all:?}")))
        }
    });
    waiting.await.unwrap();
}
