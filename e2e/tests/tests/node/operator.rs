//! The operator's own pods.

use std::{fs, time::Instant};

use k8s_openapi::api::{
    core::v1::Pod,
    policy::v1::{PodDisruptionBudget, PodDisruptionBudgetStatus},
};
use kube::{
    Api, Client,
    api::{EvictParams, ListParams, PostParams},
};
use kube_test::{Cluster, eventually, not_yet};
use plimsoll_e2e::{
    installed::NAMESPACE,
    operator::{condition, found, refused, status_until},
};
use serde_json::Value;

use crate::stage::{PATIENCE, Stage};

const BASELINE: &str = "
apiVersion: plimsoll.dev/v1alpha1
kind: SecurityBaseline
metadata: {name: pods}
spec:
  mode: Observe
  scope: {excludeNamespaces: [kube-system, kube-node-lease, kube-public, default, plimsoll-system]}
  controls: {environments/labelled: {failAfter: 0s}}
";
const LABELS: &str = "app.kubernetes.io/name=plimsoll";

/// Two replicas run as nobody on a read-only root, under the restricted Pod Security Standard; one writes; the budget lets one
/// of them go at a time, and the other goes on.
pub(crate) async fn runs_as_the_chart_has_it(stage: &Stage) {
    let cluster = stage.cluster().await;
    let client = stage.client().await;
    let pods = Api::<Pod>::namespaced(client.clone(), NAMESPACE);
    let both = ready(&pods, 2).await;
    for pod in &both {
        assert_eq!(restarts(pod), 0, "{pod:?}");
    }
    refuses_less_than_restricted(cluster).await;
    protected(&client, cluster).await;
    if !cluster.is_external() {
        confined();
    }

    cluster.apply(BASELINE).await.unwrap();
    status_until(&client, "pods", "the baseline is evaluated", |status| {
        condition(status, "Ready")["status"] == "True" && status["totals"].is_object()
    })
    .await;
    tested(cluster).await;
    evicted(cluster, &client, &pods).await;
    said(cluster, &pods).await;
    if !cluster.is_external() {
        assert_eq!(refused(cluster).await, Vec::<String>::new());
    }
}

/// `helm test`: its pod asks the Service over TLS, with a token of its own, and nothing of it stays.
async fn tested(cluster: &Cluster) {
    let begun = Instant::now();
    let kinds = "pods,serviceaccounts,networkpolicies,clusterroles,clusterrolebindings";
    let its = "app.kubernetes.io/name=plimsoll-test";
    if cluster.is_external() {
        cluster.helm(["test", "plimsoll", "-n", NAMESPACE]).await.unwrap();
    } else {
        tested_by_hand(cluster).await;
        cluster.kubectl(["delete", kinds, "-A", "-l", its]).await.unwrap();
    }
    println!("helm test took {:.1} s", begun.elapsed().as_secs_f32());
    let left = ["get", kinds, "-A", "-l", its, "-o", "name"];
    let seen = eventually(PATIENCE, "nothing is left of helm test", async || {
        match cluster.kubectl(left).await?.stdout {
            none if none.is_empty() => Ok(()),
            some => Err(not_yet(some)),
        }
    });
    seen.await.unwrap();
}

/// The same objects where there is no cluster DNS, as on a node of kube-test: the pod's own hosts file names the Service.
async fn tested_by_hand(cluster: &Cluster) {
    let service = ["get", "service", "plimsoll", "-n", NAMESPACE];
    let address = cluster
        .kubectl(service.iter().chain(&["-o", "jsonpath={.spec.clusterIP}"]))
        .await
        .unwrap()
        .stdout;
    let hooks = cluster
        .helm(["get", "hooks", "plimsoll", "-n", NAMESPACE])
        .await
        .unwrap()
        .stdout;
    let anchor = "\n  enableServiceLinks: false";
    assert!(hooks.contains(anchor), "{hooks}");
    let alias =
        format!("\n  hostAliases: [{{ip: {address}, hostnames: [plimsoll.{NAMESPACE}.svc]}}]{anchor}");
    let apply = cluster
        .tool("kubectl")
        .unwrap()
        .args(["apply", "-n", NAMESPACE, "-f", "-"]);
    let hooks = hooks.replace(anchor, &alias);
    apply.stdin(hooks.as_str()).run().await.unwrap();
    let phase = ["get", "pod", "plimsoll-test", "-n", NAMESPACE, "-o"];
    let seen = eventually(PATIENCE, "the pod of helm test ends", async || {
        let phase = phase.iter().chain(&["jsonpath={.status.phase}"]);
        match cluster.kubectl(phase).await?.stdout.as_str() {
            ended @ ("Succeeded" | "Failed") => Ok(ended.to_owned()),
            other => Err(not_yet(other)),
        }
    });
    assert_eq!(seen.await.unwrap(), "Succeeded");
}

async fn ready(pods: &Api<Pod>, count: usize) -> Vec<Pod> {
    let seen = eventually(PATIENCE, "all replicas are ready", async || {
        let all = pods
            .list(&ListParams::default().labels(LABELS))
            .await
            .unwrap()
            .items;
        if all.len() == count && all.iter().all(is_ready) {
            Ok(all)
        } else {
            let names: Vec<_> = all.iter().map(|pod| (name(pod), is_ready(pod))).collect();
            Err(not_yet(format!("{names:?}")))
        }
    });
    seen.await.unwrap()
}

fn name(pod: &Pod) -> String {
    pod.metadata.name.clone().unwrap()
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let mut ready = conditions.filter(|c| c.type_ == "Ready");
    pod.metadata.deletion_timestamp.is_none() && ready.any(|c| c.status == "True")
}

fn restarts(pod: &Pod) -> i32 {
    let status = pod.status.iter();
    let containers = status.flat_map(|status| status.container_statuses.iter().flatten());
    containers.map(|container| container.restart_count).sum()
}

async fn refuses_less_than_restricted(cluster: &Cluster) {
    let root = [
        "run",
        "root",
        "-n",
        NAMESPACE,
        "--image=kube-test/tools:1",
        "--dry-run=server",
    ];
    let error = cluster.kubectl(root).await.unwrap_err().to_string();
    assert!(error.contains("violates PodSecurity \"restricted"), "{error}");
}

async fn protected(client: &Client, cluster: &Cluster) {
    let policies = ["get", "networkpolicies", "-n", NAMESPACE, "-o", "name"];
    let policies = cluster.kubectl(policies).await.unwrap().stdout;
    for policy in ["default-deny", "plimsoll"] {
        assert!(policies.contains(&format!("/{policy}\n")), "{policies}");
    }
    let seen = eventually(PATIENCE, "the budget lets one go", async || {
        let status = budget(client).await.map_err(|error| not_yet(error.to_string()))?;
        match (status.current_healthy, status.disruptions_allowed) {
            (Some(2), Some(1)) => Ok(()),
            other => Err(not_yet(format!("{other:?}"))),
        }
    });
    seen.await.unwrap();
}

async fn budget(client: &Client) -> kube::Result<PodDisruptionBudgetStatus> {
    let budgets = Api::<PodDisruptionBudget>::namespaced(client.clone(), NAMESPACE);
    Ok(budgets.get("plimsoll").await?.status.unwrap_or_default())
}

/// What the kernel says of the processes: the namespaces of the node are those of this test.
fn confined() {
    let mut found = 0;
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let read = |file: &str| fs::read_to_string(entry.path().join(file)).unwrap_or_default();
        if !read("cmdline").starts_with("/plimsoll\0run\0") {
            continue;
        }
        found += 1;
        let status = read("status");
        let field = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key));
            line.unwrap_or_default().trim().to_owned()
        };
        assert!(field("Uid:").starts_with("65532\t65532"), "{status}");
        assert_eq!(field("CapEff:"), "0000000000000000");
        assert_eq!(field("CapBnd:"), "0000000000000000");
        assert_eq!(
            (field("NoNewPrivs:").as_str(), field("Seccomp:").as_str()),
            ("1", "2")
        );
        let mounts = read("mountinfo");
        let root = mounts.lines().find(|line| line.split(' ').nth(4) == Some("/"));
        let options = root.and_then(|line| line.split(' ').nth(5)).unwrap_or_default();
        assert!(options.split(',').any(|option| option == "ro"), "{mounts}");
        println!("a replica has {} resident", field("VmRSS:"));
    }
    assert_eq!(found, 2, "processes of the operator");
}

/// The leader is drained: the budget keeps the other, and one of those that are left goes on writing.
async fn evicted(cluster: &Cluster, client: &Client, pods: &Api<Pod>) {
    let leader = leader(cluster).await;
    let both = ready(pods, 2).await;
    let other = both.iter().map(name).find(|name| *name != leader).unwrap();
    assert!(both.iter().any(|pod| name(pod) == leader), "{leader} leads");
    pods.evict(&leader, &EvictParams::default()).await.unwrap();
    let begun = Instant::now();
    let budget = budget(client).await.unwrap();
    assert_eq!(budget.disruptions_allowed, Some(0), "the other has to stay");
    let seen = eventually(PATIENCE, "another leads", async || {
        match self::leader(cluster).await {
            holder if holder.is_empty() || holder == leader => Err(not_yet(holder)),
            _ => Ok(()),
        }
    });
    seen.await.unwrap();
    println!(
        "another led {:.1} s after the eviction",
        begun.elapsed().as_secs_f32()
    );
    // The client tries again as long as the budget refuses.
    let dry = EvictParams {
        post_options: PostParams {
            dry_run: true,
            ..PostParams::default()
        },
        ..EvictParams::default()
    };
    let seen = eventually(PATIENCE, "the other may go", async || {
        pods.evict(&other, &dry).await
    });
    seen.await.unwrap();
    let budget = self::budget(client).await.unwrap();
    assert_eq!(budget.current_healthy, Some(2), "by then there are two");
    cluster.namespace("unlabelled", &[]).await.unwrap();
    let seen = eventually(PATIENCE, "the new leader writes", async || {
        let findings = found(client, "pods", "environments/labelled").await;
        if findings
            .iter()
            .any(|line| line.starts_with("Namespace unlabelled "))
        {
            Ok(())
        } else {
            Err(not_yet(format!("{findings:?}")))
        }
    });
    seen.await.unwrap();
    ready(pods, 2).await;
}

/// The pod that leads; the holder of the Lease is its name and a word for the process.
async fn leader(cluster: &Cluster) -> String {
    let args = [
        "get",
        "lease",
        "plimsoll",
        "-n",
        NAMESPACE,
        "-o",
        "jsonpath={.spec.holderIdentity}",
    ];
    let holder = cluster.kubectl(args).await.unwrap().stdout;
    holder.split('_').next().unwrap_or_default().to_owned()
}

/// What they log is JSON, a line each, and nothing is wrong.
async fn said(cluster: &Cluster, pods: &Api<Pod>) {
    for pod in ready(pods, 2).await {
        let log = cluster
            .kubectl(["logs", "-n", NAMESPACE, &name(&pod)])
            .await
            .unwrap()
            .stdout;
        assert!(log.contains("\"serving\""), "{log}");
        for line in log.lines() {
            let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            assert_ne!(line["level"], "ERROR", "{line}");
        }
    }
}
