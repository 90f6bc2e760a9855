//! Real products (`PLIMSOLL_CORPORA`) on a real API server, measured live: every workload is judged, nothing is unknown that
//! the cluster could tell, and a scan says the same. Needs `make controlplane`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

use std::{env, path::PathBuf};

use kube_test::{Cluster, eventually, not_yet};
use plimsoll_e2e::{
    agreement::{agree, baselines, dump, scan, unknown_except},
    installed::{NAMESPACE, SOON, install_with},
    operator::{Operator, refused},
};
use serde_json::{Value, json};

/// Folder or file of a product, and the namespace to install it in.
const PRODUCTS: [(&str, &str); 4] = [
    ("argoproj__argo-cd/manifests/ha/install.yaml", "argocd"),
    ("GoogleCloudPlatform__bank-of-anthos/kubernetes-manifests", "bank"),
    (
        "GoogleCloudPlatform__microservices-demo/release/kubernetes-manifests.yaml",
        "boutique",
    ),
    ("prometheus-operator__kube-prometheus/manifests", "monitoring"),
];
/// What is not the products'.
const OTHERS: [&str; 5] = [
    "kube-system",
    "kube-node-lease",
    "kube-public",
    "default",
    NAMESPACE,
];

fn corpora() -> Option<PathBuf> {
    let folder = env::var_os("PLIMSOLL_CORPORA");
    if folder.is_none() {
        eprintln!("SKIPPED: PLIMSOLL_CORPORA is not set");
    }
    folder.map(|folder| PathBuf::from(folder).join("realworld"))
}

#[tokio::test(flavor = "multi_thread")]
async fn real_products_are_measured_whole() {
    let Some(corpora) = corpora() else { return };
    let cluster = Cluster::shared().await.unwrap();
    let client = cluster.admin().unwrap();
    install_with(
        &cluster,
        &["--set", "environment=production,baseline.install=false"],
    )
    .await;
    let controls: Vec<&str> = plimsoll_controls::registry()
        .metas()
        .map(|meta| meta.id)
        .collect();
    for baseline in baselines(&controls, &OTHERS) {
        cluster.apply(&baseline.to_string()).await.unwrap();
    }
    // The products arrive while the operator watches.
    let operator = Operator::ready(&cluster, "operator", &[]).await;
    for (path, namespace) in PRODUCTS {
        let labels = [
            ("plimsoll.dev/environment", "production"),
            ("plimsoll.dev/tenant", namespace),
        ];
        cluster.namespace(namespace, &labels).await.unwrap();
        install_product(&cluster, corpora.join(path), namespace).await;
        let documents = &scan(&cluster, [corpora.join(path)]).await["documents"];
        let count = |key: &str| documents[key].as_u64().unwrap();
        assert_eq!(documents["unreadable"], json!([]), "{path}");
        assert_eq!(count("decoded") + count("notRelevant"), count("total"), "{path}");
    }
    at_rest(&cluster).await;

    let workloads = workloads(&cluster).await;
    let judged = |page: &plimsoll_e2e::series::Page, control: &str| -> u64 {
        let results = ["pass", "fail", "unknown", "not_applicable", "waived"];
        results.iter().map(|result| page.units(control, result)).sum()
    };
    let page = operator
        .until("every workload is judged", |page| {
            judged(page, "availability/replica-redundancy") == workloads
        })
        .await;
    assert_eq!(judged(&page, "isolation/default-deny"), PRODUCTS.len() as u64);
    assert!(
        page.sum("plimsoll_evaluation_errors_total", &[]).abs() < f64::EPSILON,
        "a control panicked"
    );

    let scanned = scan(&cluster, [dump(&cluster).await]).await;
    agree(&client, &scanned, "the operator and a scan agree").await;
    // What only a live operator answers, and the operator's own binding: its namespace is not declared a platform's here.
    let unknown = unknown_except(&scanned, &["NotProbed", "NotObserved", "TenantUnknown"]);
    assert!(unknown.is_empty(), "{}", json!(unknown));
    assert_eq!(refused(&cluster).await, [""; 0]);
    let failing = |control: &&str| page.units(control, "fail");
    let figures: Vec<String> = controls
        .iter()
        .map(|control| format!("{control} {}", failing(control)))
        .collect();
    eprintln!("{workloads} workloads; failing: {}", figures.join(", "));
}

/// All of it, and nothing refused.
async fn install_product(cluster: &Cluster, path: PathBuf, namespace: &str) {
    let path = path.display().to_string();
    let mut args = vec!["apply", "--server-side", "-f", &path];
    if namespace != "monitoring" {
        args.extend(["-n", namespace]); // that product names its namespaces itself
    }
    cluster.kubectl(args).await.unwrap();
}

/// Objects of the products' namespaces, as the server has them.
async fn objects(cluster: &Cluster, kinds: &str) -> Vec<Value> {
    let list = cluster
        .kubectl(["get", kinds, "-A", "-o", "json"])
        .await
        .unwrap()
        .stdout;
    let mut list: Value = serde_json::from_str(&list).unwrap();
    let mut items: Vec<Value> = serde_json::from_value(list["items"].take()).unwrap();
    let ours = |item: &Value| {
        PRODUCTS
            .iter()
            .any(|(_, namespace)| item["metadata"]["namespace"] == *namespace)
    };
    items.retain(ours);
    items
}

/// How many workloads there are: whatever no other workload owns.
async fn workloads(cluster: &Cluster) -> u64 {
    let mut items = objects(
        cluster,
        "deployments,statefulsets,daemonsets,replicasets,cronjobs,jobs,pods",
    )
    .await;
    items.retain(|item| item["metadata"]["ownerReferences"].is_null());
    assert!(items.len() > 30, "{}", items.len());
    items.len() as u64
}

/// Waits until every pod that can be is there and runs.
async fn at_rest(cluster: &Cluster) {
    let settled = eventually(SOON, "the products' pods run", async || {
        let owners = objects(cluster, "deployments,statefulsets").await;
        let late = owners.iter().filter(|owner| {
            let wanted = owner["spec"]["replicas"].as_u64().unwrap_or(1);
            owner["status"]["readyReplicas"].as_u64().unwrap_or(0) != wanted
        });
        let late: Vec<String> = late.map(|owner| owner["metadata"]["name"].to_string()).collect();
        if late.is_empty() {
            Ok(())
        } else {
            Err(not_yet(late.join(" ")))
        }
    });
    settled.await.unwrap();
}
