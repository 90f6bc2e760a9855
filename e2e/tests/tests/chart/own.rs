//! Its own namespace, measured like any other.

use kube::{Client, api::DeleteParams};
use kube_test::{Cluster, eventually, not_yet};
use plimsoll_e2e::{
    agreement::{agree, scan},
    installed::{NAMESPACE, SOON, api, install, post},
    operator::Operator,
};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn its_own_namespace_has_no_failing_finding() {
    let cluster = Cluster::shared().await.unwrap();
    install(&cluster).await;
    eventually(SOON, "both replicas run", async || {
        let path = "jsonpath={.status.availableReplicas}";
        let args = ["get", "deployment/plimsoll", "-n", NAMESPACE, "-o", path];
        let seen = cluster.kubectl(args).await?.stdout;
        if seen == "2" { Ok(()) } else { Err(not_yet(seen)) }
    })
    .await
    .unwrap();
    let labels = [
        "plimsoll.dev/environment=production",
        "plimsoll.dev/tenant=platform",
    ];
    cluster
        .kubectl(["label", "namespace", NAMESPACE].iter().chain(&labels))
        .await
        .unwrap();
    let client = cluster.admin().unwrap();
    judge_at_once(&client).await;
    let operator = Operator::ready(&cluster, "operator", &[]).await;
    let scanned = scan(&cluster, ["--cluster"]).await;
    agree(&client, &scanned, "the operator and a scan agree").await;
    let own: Vec<&Value> = scanned["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["baseline"] == "own" && entry["object"].to_string().contains(NAMESPACE))
        .collect();
    let with = |result: &str| -> Vec<String> {
        own.iter()
            .filter(|entry| entry["result"] == result)
            .map(|entry| format!("{} {} {}", entry["control"], entry["object"], entry["message"]))
            .collect()
    };
    assert_eq!((with("fail"), with("unknown")), (vec![], vec![]));
    let passes = with("pass");
    for control in [
        "access/least-privilege",
        "access/no-anonymous-access",
        "availability/disruption-budget",
        "availability/replica-redundancy",
        "availability/topology-spread",
        "environments/labelled",
        "isolation/default-deny",
        "isolation/tenant-namespace",
        "isolation/tenant-rbac",
    ] {
        let is_good = passes.iter().any(|entry| entry.contains(control));
        assert!(is_good, "{control}: {passes:#?}");
    }
    drop(operator);
}

/// Replaces the installed baseline by one of the same spec under which failures count at once.
async fn judge_at_once(client: &Client) {
    let baselines = api(client, "SecurityBaseline");
    let mut spec = baselines.get("production").await.unwrap().data["spec"].clone();
    let at_once = json!({ "failAfter": "0s" });
    let controls = plimsoll_controls::registry()
        .metas()
        .map(|meta| (meta.id, at_once.clone()))
        .collect();
    spec["controls"] = controls;
    // Whoever reads all tenants' objects without being the platform's has to be named.
    let own_account = format!("system:serviceaccount:{NAMESPACE}:plimsoll");
    spec["controls"]["isolation/tenant-rbac"]["allowedSubjects"] = json!([own_account]);
    // As strict as with a tenant's namespace: being the platform's must not be the reason that nothing fails.
    spec["platform"] = json!({ "namespaces": ["kube-system"] });
    post(client, "SecurityBaseline", "own", &spec, false)
        .await
        .unwrap();
    baselines
        .delete("production", &DeleteParams::default())
        .await
        .unwrap();
}
