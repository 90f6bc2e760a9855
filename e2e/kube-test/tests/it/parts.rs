//! Parts can be stopped, killed, frozen and started again.

use std::process::Command;
use std::time::Duration;

use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::ListParams;
use kube_test::{Cluster, Part, eventually, not_yet};

use crate::SOON;

/// In one test: the cluster is one of its own, and starting it is the dear part.
#[tokio::test]
async fn parts_end_and_come_back() {
    let cluster = Cluster::builder().nodes(2).zones(["z"]).start().await.unwrap();
    a_frozen_api_server_answers_late(&cluster).await;
    a_killed_api_server_comes_back(&cluster).await;
    a_killed_etcd_comes_back_with_its_objects(&cluster).await;
    a_stopped_controller_manager_does_nothing(&cluster).await;
    a_killed_kwok_takes_the_nodes_over_again(&cluster).await;
}

async fn a_frozen_api_server_answers_late(cluster: &Cluster) {
    let nodes: Api<Node> = Api::all(cluster.admin().unwrap());
    cluster.pause(Part::ApiServer).unwrap();
    let params = ListParams::default();
    let mut waiting = Box::pin(nodes.list(&params));
    assert!(
        tokio::time::timeout(Duration::from_secs(1), &mut waiting)
            .await
            .is_err()
    );
    cluster.resume(Part::ApiServer).unwrap();
    assert_eq!(waiting.await.unwrap().items.len(), 2);
}

async fn a_killed_api_server_comes_back(cluster: &Cluster) {
    let pid = cluster.pid(Part::ApiServer).unwrap();
    cluster.kill(Part::ApiServer).unwrap();
    assert!(cluster.admin().unwrap().apiserver_version().await.is_err());
    assert!(cluster.pid(Part::ApiServer).is_err());
    cluster.restart(Part::ApiServer).await.unwrap();
    assert_ne!(cluster.pid(Part::ApiServer).unwrap(), pid);
    cluster.admin().unwrap().apiserver_version().await.unwrap();
}

async fn a_killed_etcd_comes_back_with_its_objects(cluster: &Cluster) {
    cluster.kubectl(["create", "configmap", "kept"]).await.unwrap();
    cluster.kill(Part::Etcd).unwrap();
    assert!(
        cluster
            .kubectl(["get", "configmap", "kept", "--request-timeout=2s"])
            .await
            .is_err()
    );
    cluster.restart(Part::Etcd).await.unwrap();
    let get = async || {
        cluster
            .kubectl(["get", "configmap", "kept", "--request-timeout=5s"])
            .await
    };
    eventually(SOON, "the API server finds etcd again", get)
        .await
        .unwrap();
}

async fn a_stopped_controller_manager_does_nothing(cluster: &Cluster) {
    cluster.stop(Part::ControllerManager).await.unwrap();
    cluster
        .kubectl(["create", "deployment", "web", "--image=web"])
        .await
        .unwrap();
    let pods = async || {
        cluster
            .kubectl(["get", "pods", "-l", "app=web", "-o", "name"])
            .await
    };
    assert_eq!(pods().await.unwrap().stdout, "");
    cluster.restart(Part::ControllerManager).await.unwrap();
    eventually(SOON, "the Deployment has its pod", async || {
        match pods().await? {
            none if none.stdout.is_empty() => Err(not_yet("none")),
            _ => Ok(()),
        }
    })
    .await
    .unwrap();
}

async fn a_killed_kwok_takes_the_nodes_over_again(cluster: &Cluster) {
    cluster.kill(Part::Kwok).unwrap();
    cluster.restart(Part::Kwok).await.unwrap();
    cluster.kubectl(["run", "late", "--image=late"]).await.unwrap();
    cluster
        .kubectl(["wait", "pod/late", "--for=condition=Ready", "--timeout=40s"])
        .await
        .unwrap();
}

#[tokio::test]
async fn clusters_live_side_by_side_with_arguments_of_their_own() {
    let bare = || {
        Cluster::builder()
            .nodes(0)
            .without(Part::ControllerManager)
            .without(Part::Scheduler)
            .without(Part::Kwok)
    };
    let plain = bare();
    let other = bare().arg(Part::ApiServer, "--disable-admission-plugins=PodSecurity");
    let (one, two) = tokio::try_join!(plain.start(), other.start()).unwrap();
    one.kubectl(["create", "namespace", "mine"]).await.unwrap();
    let namespaces = async |of: &Cluster| {
        of.kubectl(["get", "namespaces", "-o", "name"])
            .await
            .unwrap()
            .stdout
    };
    assert!(namespaces(&one).await.contains("mine"));
    assert!(!namespaces(&two).await.contains("mine"));
}

#[tokio::test]
async fn a_part_that_cannot_start_says_why_at_once() {
    let wrong = Cluster::builder().arg(Part::ApiServer, "--no-such-flag");
    let error = wrong.start().await.unwrap_err().to_string();
    assert!(
        error.contains("kube-apiserver ended") && error.contains("unknown flag: --no-such-flag"),
        "{error}"
    );
}

#[tokio::test]
async fn any_program_runs_under_the_guard() {
    let cluster = Cluster::shared().await.unwrap();
    let script = "trap 'echo bye; exit 3' TERM; echo hello $GREETED; while :; do sleep 0.05; done";
    let mut command = Command::new("sh");
    command.args(["-c", script]).env("GREETED", "world");
    let mut process = cluster.spawn("greeter", &command).unwrap();
    let greets = async || {
        if process.log().contains("hello world") {
            Ok(())
        } else {
            Err(process.log())
        }
    };
    eventually(SOON, "it greets", greets).await.unwrap();
    let status = process.stop(SOON).await.unwrap();
    assert_eq!(
        (status.code(), process.log().as_str()),
        (Some(3), "hello world\nbye\n")
    );

    let mut absent = cluster
        .spawn("absent", &Command::new("/no/such/program"))
        .unwrap();
    let error = eventually(SOON, "it ends", async || match absent.check() {
        Err(error) => Ok(error.to_string()),
        Ok(()) => Err("still there"),
    });
    assert!(error.await.unwrap().contains("/no/such/program"));
}
