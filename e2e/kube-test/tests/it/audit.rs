//! The audit log says who wrote what.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube_test::Cluster;
use serde_json::json;

fn map(name: &str) -> ConfigMap {
    let metadata = ObjectMeta {
        name: Some(name.to_owned()),
        ..ObjectMeta::default()
    };
    ConfigMap {
        metadata,
        data: Some(BTreeMap::from([("a".to_owned(), "1".to_owned())])),
        ..ConfigMap::default()
    }
}

#[tokio::test]
async fn every_write_of_an_account_is_seen_at_once_and_nothing_else() {
    let cluster = Cluster::shared().await.unwrap();
    cluster.namespace("audited", &[]).await.unwrap();
    cluster
        .kubectl(["create", "serviceaccount", "robot", "-n", "audited"])
        .await
        .unwrap();
    let edit = [
        "create",
        "rolebinding",
        "edit",
        "--clusterrole=edit",
        "--serviceaccount=audited:robot",
        "-n",
        "audited",
    ];
    cluster.kubectl(edit).await.unwrap();
    let before = cluster.audit().await.unwrap().len();

    let client = cluster.client_as("audited", "robot").await.unwrap();
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), "audited");
    let created = PostParams {
        field_manager: Some("plimsoll/some-control".to_owned()),
        ..PostParams::default()
    };
    api.create(&created, &map("one")).await.unwrap();
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    api.create(&dry, &map("two")).await.unwrap();
    let change = json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": { "a": "2" } });
    api.patch(
        "one",
        &PatchParams::apply("robot").force(),
        &Patch::Apply(&change),
    )
    .await
    .unwrap();
    api.delete(
        "one",
        &DeleteParams {
            dry_run: true,
            ..DeleteParams::default()
        },
    )
    .await
    .unwrap();
    api.get("one").await.unwrap();
    let elsewhere: Api<ConfigMap> = Api::namespaced(client, "default");
    elsewhere
        .delete("one", &DeleteParams::default())
        .await
        .unwrap_err();

    let log = cluster
        .audit()
        .await
        .unwrap()
        .since(before)
        .by_account("audited", "robot");
    let wrote = ["create configmaps audited/one", "patch configmaps audited/one"];
    assert_eq!(log.clone().effective_writes().lines(), wrote);
    assert_eq!(log.clone().writes().len(), 5);
    assert_eq!(
        log.clone().filter(|event| event.verb == "get").lines(),
        ["get configmaps audited/one"]
    );
    assert_eq!(
        log.clone().filter(|event| event.code == 403).lines(),
        ["delete configmaps default/one"]
    );

    let writes = log.effective_writes();
    let (create, patch) = (writes.iter().next().unwrap(), writes.iter().nth(1).unwrap());
    assert_eq!(create.field_manager.as_deref(), Some("plimsoll/some-control"));
    assert_eq!(create.request.as_ref().unwrap()["data"]["a"], "1");
    assert!(patch.force && !create.force);
}

#[tokio::test]
async fn a_person_is_seen_by_name_and_secrets_are_not_logged() {
    let cluster = Cluster::shared().await.unwrap();
    cluster.namespace("people", &[]).await.unwrap();
    let before = cluster.audit().await.unwrap().len();
    let client = cluster.client_impersonating("ada", &["system:masters"]).unwrap();
    Api::namespaced(client, "people")
        .create(&PostParams::default(), &map("hers"))
        .await
        .unwrap();
    cluster
        .kubectl([
            "create",
            "secret",
            "generic",
            "s",
            "--from-literal=a=hush",
            "-n",
            "people",
        ])
        .await
        .unwrap();

    let log = cluster.audit().await.unwrap().since(before);
    assert_eq!(
        log.clone().by_user("ada").lines(),
        ["create configmaps people/hers"]
    );
    let secret = log.on("secrets").in_namespace("people");
    assert_eq!(secret.lines(), ["create secrets people/s"]);
    assert!(secret.iter().all(|event| event.request.is_none()));
}
