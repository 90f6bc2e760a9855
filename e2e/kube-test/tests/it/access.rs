//! Who one is: admin, a ServiceAccount, a person, a guest on an existing cluster.

use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::ListParams;
use kube_test::{Cluster, Error, Part, eventually};

use crate::SOON;

#[tokio::test]
async fn a_service_account_has_exactly_its_rights() {
    let cluster = Cluster::shared().await.unwrap();
    cluster.namespace("rights", &[]).await.unwrap();
    cluster
        .kubectl(["create", "serviceaccount", "robot", "-n", "rights"])
        .await
        .unwrap();
    let client = cluster.client_as("rights", "robot").await.unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(client, "rights");

    let refused = maps.list(&ListParams::default()).await.unwrap_err();
    assert!(
        matches!(&refused, kube::Error::Api(status) if status.code == 403),
        "{refused}"
    );

    let grant = [
        "create",
        "rolebinding",
        "view",
        "--clusterrole=view",
        "--serviceaccount=rights:robot",
        "-n",
        "rights",
    ];
    cluster.kubectl(grant).await.unwrap();
    eventually(SOON, "the right is there", async || {
        maps.list(&ListParams::default()).await
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_process_can_be_a_service_account() {
    let cluster = Cluster::shared().await.unwrap();
    cluster.namespace("process", &[]).await.unwrap();
    cluster
        .kubectl(["create", "serviceaccount", "robot", "-n", "process"])
        .await
        .unwrap();
    let kubeconfig = cluster.kubeconfig_for("process", "robot").await.unwrap();
    let who = ["auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"];
    let who = cluster
        .tool("kubectl")
        .unwrap()
        .args(who)
        .kubeconfig(kubeconfig)
        .run()
        .await
        .unwrap();
    assert_eq!(who.stdout, "system:serviceaccount:process:robot");
}

#[tokio::test]
async fn pod_security_and_unknown_accounts_are_refused() {
    let cluster = Cluster::shared().await.unwrap();
    cluster
        .namespace("strict", &[("pod-security.kubernetes.io/enforce", "restricted")])
        .await
        .unwrap();
    let error = cluster
        .kubectl(["run", "loose", "--image=x", "-n", "strict"])
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::Tool { stderr, .. } if stderr.contains("violates PodSecurity")),
        "{error}"
    );
    let error = cluster
        .client_as("strict", "nobody")
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains("strict/nobody") && error.contains("not found"),
        "{error}"
    );
}

#[tokio::test]
async fn an_existing_cluster_has_clients_but_no_parts() {
    let own = Cluster::shared().await.unwrap();
    let cluster = Cluster::builder()
        .existing(own.kubeconfig())
        .start()
        .await
        .unwrap();
    assert!(cluster.is_external());
    cluster.kubectl(["get", "nodes"]).await.unwrap();
    let version = cluster.admin().unwrap().apiserver_version().await.unwrap();
    assert!(version.git_version.starts_with("v1."), "{}", version.git_version);
    for error in [
        cluster.kill(Part::ApiServer).unwrap_err(),
        cluster.audit().await.unwrap_err(),
    ] {
        assert!(error.to_string().contains("KUBE_TEST_KUBECONFIG"), "{error}");
    }
    drop(cluster);
    own.kubectl(["get", "nodes"]).await.unwrap();
}

#[tokio::test]
async fn waiting_ends_at_the_deadline_with_the_last_answer() {
    let brief = Duration::from_millis(200);
    let error = eventually(brief, "the moon is green", async || Err::<(), _>("it is grey"))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the moon is green: not within 200ms, the last answer: it is grey"
    );
    let hangs = eventually(brief, "an answer", async || {
        std::future::pending::<Result<(), String>>().await
    })
    .await;
    assert!(hangs.unwrap_err().to_string().contains("no attempt ended"));
}
