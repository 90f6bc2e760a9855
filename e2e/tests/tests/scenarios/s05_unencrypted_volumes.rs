//! Volumes on local disks, on classes that encrypt nothing, on a class younger than the volume, and on two that encrypt.

use k8s_openapi::api::{core::v1::PersistentVolume, storage::v1::StorageClass};
use kube::{
    Api,
    api::{DeleteParams, PostParams},
};
use kube_test::{eventually, not_yet};
use plimsoll_e2e::{baseline::baseline, installed::SOON, operator::refused, scenario::Scenario};
use serde_json::json;

const VOLUMES: &str = "encryption/volumes-at-rest";

const CONTROLS: &str = "encryption/volumes-at-rest: {failAfter: 0s}";

/// Claims wait for a pod that never comes, but for the one on a local disk.
const CLASSES: &str = r#"
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: local-path, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: rancher.io/local-path
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: ebs-plain}
provisioner: ebs.csi.aws.com
volumeBindingMode: WaitForFirstConsumer
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: ebs-odd-name}
provisioner: ebs.csi.aws.com
parameters: {Encrypted: "true"}
volumeBindingMode: WaitForFirstConsumer
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: ebs-odd-value}
provisioner: ebs.csi.aws.com
parameters: {encrypted: "True"}
volumeBindingMode: WaitForFirstConsumer
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: longhorn-crypto}
provisioner: driver.longhorn.io
parameters:
  encrypted: "true"
  csi.storage.k8s.io/provisioner-secret-name: longhorn-crypto
  csi.storage.k8s.io/node-publish-secret-name: longhorn-crypto
  csi.storage.k8s.io/node-stage-secret-name: longhorn-crypto
volumeBindingMode: WaitForFirstConsumer
"#;

/// Made by hand, before there is a class of that name.
const STATIC: &str = "
apiVersion: v1
kind: PersistentVolume
metadata: {name: static-ebs}
spec:
  storageClassName: ebs-recreated
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  claimRef: {namespace: shop-prod, name: older-than-class}
  csi: {driver: ebs.csi.aws.com, volumeHandle: vol-1}
";

fn claim(name: &str, class: &str) -> String {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": { "name": name, "namespace": "shop-prod" },
        "spec": { "storageClassName": class, "accessModes": ["ReadWriteOnce"],
                  "resources": { "requests": { "storage": "1Gi" } } },
    })
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_volume_is_judged_by_what_proves_something_about_it() {
    let scenario = Scenario::begin(&[("shop-prod", "production", "shop")]).await;
    scenario.cluster.apply(CLASSES).await.unwrap();
    scenario.cluster.apply(STATIC).await.unwrap();
    for (name, class) in [
        ("on-local-path", "local-path"),
        ("pending", "ebs-plain"),
        ("older-than-class", "ebs-recreated"),
        ("odd-name", "ebs-odd-name"),
        ("odd-value", "ebs-odd-value"),
        ("longhorn", "longhorn-crypto"),
    ] {
        scenario.cluster.apply(&claim(name, class)).await.unwrap();
    }
    for (name, phase) in [
        ("on-local-path", "Bound"),
        ("older-than-class", "Bound"),
        ("pending", "Pending"),
    ] {
        let object = format!("persistentvolumeclaim/{name}");
        scenario
            .until_field("shop-prod", &object, ".status.phase", phase)
            .await;
    }
    a_younger_class(&scenario).await;

    let operator = scenario.operator(&baseline("Enforce", CONTROLS)).await;
    scenario
        .until_found(
            VOLUMES,
            "what is not encrypted",
            &[
                "PersistentVolumeClaim shop-prod/odd-value NotEncrypted",
                "PersistentVolumeClaim shop-prod/on-local-path NodeDisk",
                "PersistentVolumeClaim shop-prod/pending NotEncrypted",
                "StorageClass local-path NodeDisk",
            ],
        )
        .await;
    let page = operator
        .until("the metrics say so", |page| page.units(VOLUMES, "fail") == 4)
        .await;
    let findings = |result| {
        let labels = [("control", VOLUMES), ("result", result)];
        page.sum("plimsoll_findings", &labels).to_string()
    };
    assert_eq!([findings("fail"), findings("unknown")], ["4", "1"]);
    assert_eq!(
        page.units(VOLUMES, "unknown"),
        1,
        "the claim older than its class"
    );
    assert_eq!(page.units(VOLUMES, "pass"), 2, "the odd name, and Longhorn");
    operator.three_turns().await;
    assert_eq!(scenario.written().await, [""; 0], "volumes are never touched");
    assert_eq!(refused(&scenario.cluster).await, [""; 0]);
}

/// Creates the class anew until its second is another than the volume's.
async fn a_younger_class(scenario: &Scenario) {
    let classes: Api<StorageClass> = Api::all(scenario.client.clone());
    let volumes: Api<PersistentVolume> = Api::all(scenario.client.clone());
    let made = volumes
        .get("static-ebs")
        .await
        .unwrap()
        .metadata
        .creation_timestamp;
    let class: StorageClass = serde_json::from_value(json!({
        "metadata": { "name": "ebs-recreated" }, "provisioner": "ebs.csi.aws.com", "parameters": { "encrypted": "true" },
        "volumeBindingMode": "WaitForFirstConsumer",
    }))
    .unwrap();
    eventually(SOON, "the class is younger than the volume", async || {
        let created = classes.create(&PostParams::default(), &class).await;
        let created = created.map_err(|e| not_yet(e.to_string()))?;
        if created.metadata.creation_timestamp > made {
            return Ok(());
        }
        let deleted = classes.delete("ebs-recreated", &DeleteParams::default()).await;
        deleted.map_err(|e| not_yet(e.to_string()))?;
        Err(not_yet("of the same second"))
    })
    .await
    .unwrap();
}
