//! What only some may write: evidence, and the labels by which rules are chosen.

use kube::api::{Patch, PatchParams};
use kube_test::Cluster;
use plimsoll_e2e::installed::{NAMESPACE, api, install, post};
use serde_json::{Value, json};

use crate::says;

#[tokio::test]
async fn evidence_is_written_by_the_operator_only() {
    let cluster = Cluster::shared().await.unwrap();
    install(&cluster).await;
    let admin = cluster.admin().unwrap();
    let refused = post(
        &admin,
        "EvidenceRecord",
        "shop",
        &json!({ "namespace": "shop" }),
        false,
    )
    .await;
    assert_eq!(
        says("admin", refused, &["written by the operator only"]),
        Vec::<String>::new()
    );
    let operator = cluster.client_as(NAMESPACE, "plimsoll").await.unwrap();
    post(
        &operator,
        "EvidenceRecord",
        "shop",
        &json!({ "namespace": "shop" }),
        false,
    )
    .await
    .unwrap();
    let forged = json!({ "spec": { "labels": { "plimsoll.dev/environment": "development" } } });
    let patched = api(&admin, "EvidenceRecord")
        .patch("shop", &PatchParams::default(), &Patch::Merge(forged))
        .await;
    assert_eq!(
        says(
            "patch",
            patched.map(drop).map_err(|e| e.to_string()),
            &["written by the operator only"]
        ),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn labels_that_decide_which_rules_hold_are_for_administrators() {
    let cluster = Cluster::shared().await.unwrap();
    install(&cluster).await;
    let grant = [
        "create",
        "clusterrolebinding",
        "joe",
        "--clusterrole=cluster-admin",
        "--user=joe",
    ];
    cluster.kubectl(grant).await.unwrap();
    cluster
        .namespace("label-trust", &[("plimsoll.dev/environment", "production")])
        .await
        .unwrap();
    let label = async |label: &str| {
        let args = [
            "label",
            "--overwrite",
            "ns/label-trust",
            label,
            "--as=joe",
            "--as-group=system:authenticated",
        ];
        cluster
            .kubectl(args)
            .await
            .map(drop)
            .map_err(|error| error.to_string())
    };
    let reserved = ["plimsoll.dev/environment", "system:masters"];
    let refusals = [
        says(
            "change",
            label("plimsoll.dev/environment=development").await,
            &reserved,
        ),
        says("remove", label("plimsoll.dev/environment-").await, &reserved),
        says(
            "set",
            label("plimsoll.dev/tenant=other").await,
            &["plimsoll.dev/tenant"],
        ),
    ];
    assert_eq!(refusals.concat(), Vec::<String>::new());
    label("team=blue").await.unwrap();
    cluster
        .kubectl(["label", "ns/label-trust", "plimsoll.dev/tenant=blue"])
        .await
        .unwrap();
}

/// A CronJob that says what it is for, with what its Jobs say.
fn restore_test(name: &str, role: &Value, job_role: &Value) -> Value {
    json!({
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {
            "name": name,
            "namespace": "role-trust",
            "labels": role,
            "annotations": {"plimsoll.dev/restore-of": "shop/StatefulSet/db"},
        },
        "spec": {
            "schedule": "* * * * *",
            "jobTemplate": {
                "metadata": {"labels": job_role},
                "spec": {"template": {"spec": {
                    "restartPolicy": "Never",
                    "containers": [{"name": "restore", "image": "restore"}],
                }}},
            },
        },
    })
}

#[tokio::test]
async fn what_an_object_is_for_is_for_administrators_to_say() {
    let cluster = Cluster::shared().await.unwrap();
    install(&cluster).await;
    cluster.namespace("role-trust", &[]).await.unwrap();
    let grant = [
        "create",
        "clusterrolebinding",
        "jill",
        "--clusterrole=cluster-admin",
        "--user=jill",
    ];
    cluster.kubectl(grant).await.unwrap();
    let (none, test) = (json!({}), json!({"plimsoll.dev/role": "restore-test"}));
    let as_jill = async |args: &[&str]| {
        let who = ["--as=jill", "--as-group=system:authenticated"];
        let done = cluster.kubectl(args.iter().copied().chain(who)).await;
        done.map(drop).map_err(|error| error.to_string())
    };
    let folder = tempfile::tempdir().unwrap();
    let written = |name: &str, object: &Value| {
        let path = folder.path().join(name);
        std::fs::write(&path, object.to_string()).unwrap();
        path.to_string_lossy().into_owned()
    };
    let claimed = written("claimed", &restore_test("claimed", &test, &none));
    let smuggled = written("smuggled", &restore_test("smuggled", &none, &test));
    let plain = written("plain", &restore_test("plain", &none, &none));
    let reserved = ["plimsoll.dev/role", "system:masters"];
    // Without any role everybody may, and administrators may with one.
    as_jill(&["create", "-f", &plain]).await.unwrap();
    let real = written("real", &restore_test("real", &test, &test));
    cluster.kubectl(["create", "-f", &real]).await.unwrap();
    let refusals = [
        says("claim", as_jill(&["create", "-f", &claimed]).await, &reserved),
        says(
            "smuggle",
            as_jill(&["create", "-f", &smuggled]).await,
            &["spec.jobTemplate.metadata", "plimsoll.dev/role"],
        ),
        says(
            "label",
            as_jill(&[
                "label",
                "-n",
                "role-trust",
                "cronjob/plain",
                "plimsoll.dev/role=restore-test",
            ])
            .await,
            &reserved,
        ),
        says(
            "remove",
            as_jill(&["label", "-n", "role-trust", "cronjob/real", "plimsoll.dev/role-"]).await,
            &reserved,
        ),
        says(
            "aim elsewhere",
            as_jill(&[
                "annotate",
                "--overwrite",
                "-n",
                "role-trust",
                "cronjob/real",
                "plimsoll.dev/restore-of=bank/*",
            ])
            .await,
            &["plimsoll.dev/restore-of"],
        ),
    ];
    assert_eq!(refusals.concat(), Vec::<String>::new());
    as_jill(&["label", "-n", "role-trust", "cronjob/real", "team=blue"])
        .await
        .unwrap();
    // The controller copies a template that was checked; anybody else would claim by it.
    let start = ["create", "job", "now", "-n", "role-trust", "--from=cronjob/real"];
    assert_eq!(
        says("start", as_jill(&start).await, &reserved),
        Vec::<String>::new()
    );
    let controller = [
        "--as=system:serviceaccount:kube-system:cronjob-controller",
        "--as-group=system:serviceaccounts:kube-system",
    ];
    cluster
        .kubectl(start.into_iter().chain(controller))
        .await
        .unwrap();
}
