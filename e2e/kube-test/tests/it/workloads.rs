//! What kwok stands in for: pods run, Jobs end, claims bind.

use kube_test::{Cluster, Result, eventually, not_yet};

use crate::SOON;

async fn field(cluster: &Cluster, namespace: &str, object: &str, path: &str) -> Result<String> {
    let path = format!("jsonpath={{{path}}}");
    Ok(cluster
        .kubectl(["get", object, "-n", namespace, "-o", &path])
        .await?
        .stdout)
}

async fn becomes(cluster: &Cluster, namespace: &str, object: &str, path: &str, wanted: &str) {
    let what = format!("{object} has {path}={wanted}");
    eventually(SOON, &what, async || {
        match field(cluster, namespace, object, path).await? {
            seen if seen == wanted => Ok(()),
            seen => Err(not_yet(seen)),
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn nodes_are_ready_in_three_zones() {
    let cluster = Cluster::shared().await.unwrap();
    let zones = cluster
        .kubectl([
            "get",
            "nodes",
            "-o",
            r"jsonpath={.items[*].metadata.labels.topology\.kubernetes\.io/zone}",
        ])
        .await
        .unwrap();
    assert_eq!(zones.stdout, "zone-a zone-b zone-c zone-a");
}

#[tokio::test]
async fn deployments_become_available_and_jobs_complete() {
    let cluster = Cluster::shared().await.unwrap();
    cluster.namespace("runs", &[]).await.unwrap();
    cluster
        .kubectl([
            "create",
            "deployment",
            "web",
            "--image=web",
            "--replicas=3",
            "-n",
            "runs",
        ])
        .await
        .unwrap();
    let job = r"
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: runs}
spec:
  schedule: '0 2 * * *'
  jobTemplate:
    spec:
      template: {spec: {restartPolicy: Never, containers: [{name: c, image: c}]}}";
    cluster.apply(job).await.unwrap();
    cluster
        .kubectl(["create", "job", "once", "--from=cronjob/nightly", "-n", "runs"])
        .await
        .unwrap();
    becomes(
        &cluster,
        "runs",
        "deployment/web",
        ".status.availableReplicas",
        "3",
    )
    .await;
    becomes(&cluster, "runs", "job/once", ".status.succeeded", "1").await;
    let what = "the CronJob has a lastSuccessfulTime";
    eventually(SOON, what, async || {
        match field(&cluster, "runs", "cronjob/nightly", ".status.lastSuccessfulTime").await? {
            empty if empty.is_empty() => Err(not_yet("none")),
            time => Ok(time),
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn annotated_pods_wait_or_fail() {
    let cluster = Cluster::shared().await.unwrap();
    cluster.namespace("outcomes", &[]).await.unwrap();
    let objects = r"
apiVersion: v1
kind: Pod
metadata: {name: held, namespace: outcomes, annotations: {kube-test/outcome: hold}}
spec: {containers: [{name: c, image: c}]}
---
apiVersion: v1
kind: Pod
metadata: {name: free, namespace: outcomes}
spec: {containers: [{name: c, image: c}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: broken, namespace: outcomes}
spec:
  backoffLimit: 0
  template:
    metadata: {annotations: {kube-test/outcome: fail}}
    spec: {restartPolicy: Never, containers: [{name: c, image: c}]}";
    cluster.apply(objects).await.unwrap();
    becomes(&cluster, "outcomes", "job/broken", ".status.failed", "1").await;
    becomes(&cluster, "outcomes", "pod/free", ".status.phase", "Running").await;
    assert_eq!(
        field(&cluster, "outcomes", "pod/held", ".status.phase")
            .await
            .unwrap(),
        "Pending"
    );
    cluster
        .kubectl(["annotate", "pod/held", "kube-test/outcome-", "-n", "outcomes"])
        .await
        .unwrap();
    becomes(&cluster, "outcomes", "pod/held", ".status.phase", "Running").await;
}

#[tokio::test]
async fn claims_bind_by_the_rules_of_their_class() {
    let cluster = Cluster::shared().await.unwrap();
    cluster.namespace("claims", &[]).await.unwrap();
    let class = |name: &str, provisioner: &str, mode: &str| {
        format!(
            "---\napiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {{name: {name}}}\nprovisioner: {provisioner}\nvolumeBindingMode: {mode}\n"
        )
    };
    let claim = |name: &str, class: &str| {
        format!(
            "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: {name}, namespace: claims}}\n\
             spec: {{storageClassName: {class}, accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}\n"
        )
    };
    let pod = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: user, namespace: claims}\nspec:\n  \
               containers: [{name: c, image: c}]\n  volumes: [{name: d, persistentVolumeClaim: {claimName: used}}]\n";
    let objects = [
        class("at-once", "rancher.io/local-path", "Immediate"),
        class("on-use", "ebs.csi.aws.com", "WaitForFirstConsumer"),
        claim("eager", "at-once"),
        claim("used", "on-use"),
        claim("unused", "on-use"),
        claim("lost", "no-such-class"),
        pod.to_owned(),
    ];
    cluster.apply(&objects.concat()).await.unwrap();
    becomes(&cluster, "claims", "pvc/eager", ".status.phase", "Bound").await;
    becomes(&cluster, "claims", "pvc/used", ".status.phase", "Bound").await;
    becomes(&cluster, "claims", "pod/user", ".status.phase", "Running").await;
    for pending in ["pvc/unused", "pvc/lost"] {
        assert_eq!(
            field(&cluster, "claims", pending, ".status.phase").await.unwrap(),
            "Pending"
        );
    }
    let volume = field(&cluster, "claims", "pvc/used", ".spec.volumeName")
        .await
        .unwrap();
    let volume = format!("pv/{volume}");
    assert_eq!(
        field(&cluster, "claims", &volume, ".spec.csi.driver")
            .await
            .unwrap(),
        "ebs.csi.aws.com"
    );
    assert_eq!(
        field(&cluster, "claims", &volume, ".spec.storageClassName")
            .await
            .unwrap(),
        "on-use"
    );

    cluster
        .kubectl(["delete", "pod/user", "pvc/used", "-n", "claims"])
        .await
        .unwrap();
    let gone = async || match field(&cluster, "claims", &volume, ".metadata.name").await {
        Err(_) => Ok(()),
        Ok(name) => Err(format!("{name} is still there")),
    };
    eventually(SOON, "the volume goes with its claim", gone)
        .await
        .unwrap();
}

#[tokio::test]
async fn helm_installs_a_chart() {
    let cluster = Cluster::shared().await.unwrap();
    cluster.namespace("charted", &[]).await.unwrap();
    let chart = cluster.dir().join("chart");
    std::fs::create_dir_all(chart.join("templates")).unwrap();
    std::fs::write(
        chart.join("Chart.yaml"),
        "apiVersion: v2\nname: tiny\nversion: 0.1.0\n",
    )
    .unwrap();
    let template =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: tiny}\ndata: {a: {{ .Values.a | quote }}}\n";
    std::fs::write(chart.join("templates/tiny.yaml"), template).unwrap();
    let chart = chart.display().to_string();
    cluster
        .helm([
            "install", "tiny", &chart, "-n", "charted", "--set", "a=7", "--wait",
        ])
        .await
        .unwrap();
    assert_eq!(
        field(&cluster, "charted", "configmap/tiny", ".data.a")
            .await
            .unwrap(),
        "7"
    );
    let error = cluster
        .helm(["install", "tiny", &chart, "-n", "charted"])
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("helm install tiny") && error.contains("in use"),
        "{error}"
    );
}
