//! Reports and findings of a live operator, as people get them: through the API server with the rights of a kubeconfig, and
//! from the operator itself. Needs `make controlplane`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use kube_test::{Cluster, eventually, not_yet};
use plimsoll_e2e::{
    front::{Front, own_address},
    installed::{NAMESPACE, SOON, install_with},
    operator::{Operator, program, refused},
};
use serde_json::Value;
use tempfile::TempDir;

const OBJECTS: &str = "
apiVersion: plimsoll.dev/v1alpha1
kind: SecurityBaseline
metadata: {name: live}
spec:
  scope: {namespaceSelector: {matchLabels: {judged: 'yes'}}}
  controls:
    availability/replica-redundancy: {failAfter: 0s}
    environments/labelled: {failAfter: 0s}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {judged: 'yes', plimsoll.dev/environment: production, plimsoll.dev/tenant: acme}}
---
apiVersion: v1
kind: Namespace
metadata: {name: loose, labels: {judged: 'yes'}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, labels: {app: web}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: registry.example/web@sha256:1111111111111111111111111111111111111111111111111111111111111111}]}
---
apiVersion: plimsoll.dev/v1alpha1
kind: BaselineException
metadata: {name: loose-for-now}
spec:
  control: environments/labelled
  selector: {namespaces: [loose]}
  reason: it is being taken down
  riskId: R-12
  approvedBy: head of operations
  expires: EXPIRES
";

/// Leads to the operator of the test, which runs outside the cluster.
const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: {name: live, namespace: plimsoll-system}
spec: {ports: [{name: https, port: 8443, protocol: TCP}]}
";

fn plimsoll(kubeconfig: &Path, args: &[&str]) -> Output {
    Command::new(program())
        .args(args)
        .env("KUBECONFIG", kubeconfig)
        .output()
        .unwrap()
}

fn said(ran: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&ran.stdout), text(&ran.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn people_read_reports_with_their_kubeconfig() {
    let Some(address) = own_address() else {
        println!("skipped: this machine has no address that endpoints may have");
        return;
    };
    let cluster = Cluster::shared().await.unwrap();
    let values = "environment=production,baseline.install=false,reports.clusterName=eu-1";
    install_with(&cluster, &["--set", values]).await;
    let expires = plimsoll_e2e::installed::soon().to_string();
    cluster
        .apply(&OBJECTS.replace("EXPIRES", &expires))
        .await
        .unwrap();
    let operator = Operator::ready(&cluster, "reporting", &["--cluster-name=eu-1"]).await;
    cluster.apply(SERVICE).await.unwrap();
    let front = Front::of(address, &operator.secure).await;
    front.stand_behind(&cluster, "live").await.unwrap();

    let kubeconfig = cluster.kubeconfig();
    let live = ["--operator-service", "live"];
    let list = eventually(SOON, "the findings come through the API server", async || {
        let ran = plimsoll(&kubeconfig, &[&["findings", "-o", "json"], &live[..]].concat());
        let (out, err) = said(&ran);
        let list: Value = serde_json::from_str(&out).map_err(|_| not_yet(err))?;
        let results = list["results"].as_array().map_or(0, Vec::len);
        if results == 2 { Ok(list) } else { Err(not_yet(out)) }
    });
    let list = list.await.unwrap();
    let of = |result: &str| {
        let all = list["results"].as_array().unwrap();
        all.iter()
            .find(|entry| entry["result"] == result)
            .unwrap()
            .clone()
    };
    assert_eq!(of("fail")["tenant"], "acme");
    assert_eq!(of("fail")["object"]["name"], "web");
    assert!(of("fail")["firstSeen"].is_string() && of("fail")["fix"].is_object());
    assert_eq!(of("waived")["exception"], "loose-for-now");

    let table = plimsoll(&kubeconfig, &[&["findings", "-n", "shop"], &live[..]].concat());
    let (table, err) = said(&table);
    assert!(
        table.contains("Deployment shop/web") && !table.contains("loose"),
        "{table}{err}"
    );

    let folder = TempDir::new().unwrap();
    let file = folder.path().join("report.html");
    let args = ["report", "--file", file.to_str().unwrap()];
    let ran = plimsoll(&kubeconfig, &[&args, &live[..]].concat());
    assert!(ran.status.success(), "{ran:?}");
    let page = fs::read_to_string(&file).unwrap();
    for part in [
        "eu-1",
        "Deployment",
        "shop/web",
        "loose-for-now",
        "R-12",
        "head of operations",
        "</html>",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let ran = plimsoll(&kubeconfig, &[&["report", "-o", "json"], &live[..]].concat());
    let report: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(
        report["source"],
        serde_json::json!({"kind": "operator", "name": "eu-1"})
    );
    assert_eq!(report["exceptions"][0]["riskId"], "R-12");
    assert_eq!(report["tenants"][0]["name"], "acme");
    assert!(
        report["coverage"]
            .as_array()
            .unwrap()
            .iter()
            .any(|kind| kind["objects"].as_u64() > Some(0))
    );

    from_the_operator_itself(&cluster, &operator, &kubeconfig, folder.path()).await;
    assert_eq!(refused(&cluster).await, Vec::<String>::new());
}

async fn from_the_operator_itself(cluster: &Cluster, operator: &Operator, kubeconfig: &Path, folder: &Path) {
    let url = format!("https://{}", operator.secure);
    let reader = cluster.token_for(NAMESPACE, "plimsoll-reader").await.unwrap();
    let token = folder.join("token");
    fs::write(&token, reader).unwrap();
    let direct = [
        "findings",
        "--operator",
        &url,
        "--token-file",
        token.to_str().unwrap(),
    ];
    let ran = plimsoll(
        kubeconfig,
        &[&direct[..], &["--insecure-skip-tls-verify"]].concat(),
    );
    assert!(said(&ran).0.contains("shop/web"), "{ran:?}");
    let unchecked = plimsoll(kubeconfig, &direct);
    assert_eq!(
        unchecked.status.code(),
        Some(2),
        "a certificate that nobody vouches for: {unchecked:?}"
    );

    cluster
        .kubectl(["create", "serviceaccount", "stranger", "-n", NAMESPACE])
        .await
        .unwrap();
    fs::write(&token, cluster.token_for(NAMESPACE, "stranger").await.unwrap()).unwrap();
    let stranger = plimsoll(
        kubeconfig,
        &[&direct[..], &["--insecure-skip-tls-verify"]].concat(),
    );
    assert_eq!(stranger.status.code(), Some(2));
    assert!(
        said(&stranger).1.contains("plimsoll-report-reader"),
        "{stranger:?}"
    );
}
