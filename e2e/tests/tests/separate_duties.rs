//! Reading, repairing and probing as three processes, each with the rights that the chart gives it alone. Needs
//! `make controlplane`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp,
    reason = "a test may panic; counts in a gauge are exact"
)]

use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client, api::ListParams};
use kube_test::{Cluster, eventually, not_yet};
use plimsoll_api::EvidenceRecord;
use plimsoll_e2e::{
    baseline::baseline,
    installed::{NAMESPACE, SOON, install_with},
    operator::Operator,
    series::Page,
};
use serde_json::json;

const REDUNDANCY: &str = "availability/replica-redundancy";
const TLS: &str = "encryption/tls-handshake";
const READER: (&str, &[&str]) = ("plimsoll", &["--duties=read"]);
const REPAIRER: (&str, &[&str]) = ("plimsoll-repairs", &["--duties=repair", "--remediation"]);
const PROBER: (&str, &[&str]) = ("plimsoll-probes", &["--duties=probe", "--probing"]);

const SCENE: &str = "
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: aws}
spec: {controller: ingress.k8s.aws/alb}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: \"registry.k8s.io/pause:3.10\"}]}
";

const CONTROLS: &str = "
availability/replica-redundancy: {minReplicas: 2, failAfter: 0s, mode: Enforce}
encryption/tls-handshake: {probe: true, failAfter: 0s, timeout: 2s, allowCidrs: [127.0.0.1/32]}
";

/// A host at whose load balancer the operator itself answers: its own secure port.
async fn publish(cluster: &Cluster, operator: &Operator) {
    let (ip, port) = operator.secure.rsplit_once(':').unwrap();
    let port: u16 = port.parse().unwrap();
    let host = "own.example.com";
    let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
    let paths = json!([{"path": "/", "pathType": "Prefix", "backend": backend}]);
    let ingress = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "own", "namespace": "shop"},
        "spec": {"ingressClassName": "aws", "tls": [{"hosts": [host], "secretName": "own"}],
                 "rules": [{"host": host, "http": {"paths": paths}}]},
    });
    cluster.apply(&ingress.to_string()).await.unwrap();
    let balancer = json!([{"ip": ip, "ports": [{"port": port, "protocol": "TCP"}]}]);
    let status = json!({"status": {"loadBalancer": {"ingress": balancer}}}).to_string();
    let patch = [
        "patch",
        "ingress",
        "own",
        "-n",
        "shop",
        "--subresource=status",
        "--type=merge",
        "-p",
        &status,
    ];
    cluster.kubectl(patch).await.unwrap();
}

async fn start(cluster: &Cluster, name: &str, (account, args): (&str, &[&str])) -> Operator {
    Operator::ready_as(cluster, name, account, args).await
}

/// What a process's account was refused, and what it wrote beside its records, Leases, Events and status.
async fn told(cluster: &Cluster, account: &str) -> (Vec<String>, Vec<String>) {
    let log = cluster.audit().await.unwrap().by_account(NAMESPACE, account);
    let refused = log.filter(|event| event.code == 403).lines();
    let log = cluster.audit().await.unwrap().by_account(NAMESPACE, account);
    let own = ["plimsoll.dev", "coordination.k8s.io", "events.k8s.io"];
    let writes = log
        .effective_writes()
        .filter(|event| !own.contains(&event.group.as_str()));
    (refused, writes.lines())
}

async fn records(client: &Client) -> Vec<String> {
    let all = Api::<EvidenceRecord>::all(client.clone())
        .list(&ListParams::default())
        .await
        .unwrap();
    all.items
        .into_iter()
        .filter_map(|record| record.metadata.name)
        .collect()
}

async fn rights(operator: &Operator, problem: &'static str) -> f64 {
    let labels = [("problem", problem)];
    let page = operator.until("rights were asked for", |page| {
        page.of("plimsoll_rights", &labels).next().is_some()
    });
    page.await.sum("plimsoll_rights", &labels)
}

fn accepted(page: &Page) -> [f64; 4] {
    ["1.0", "1.1", "1.2", "1.3"].map(|version| {
        let labels = [("host", "own.example.com"), ("version", version)];
        let found = page.of("plimsoll_tls_version_accepted", &labels).next();
        found.map_or(-1.0, |series| series.value)
    })
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::too_many_lines, reason = "one story")]
async fn three_processes_do_together_what_one_does_and_none_may_do_anothers_work() {
    let cluster = Cluster::shared().await.unwrap();
    let client = cluster.admin().unwrap();
    let separate = "environment=production,baseline.install=false,remediation.enabled=true,remediation.separate=true,\
                    probing.enabled=true,probing.separate=true";
    install_with(&cluster, &["--set", separate]).await;
    cluster
        .namespace("shop", &[("plimsoll.dev/environment", "production")])
        .await
        .unwrap();
    cluster.apply(SCENE).await.unwrap();
    cluster.apply(&baseline("Observe", CONTROLS)).await.unwrap();

    let reader = start(&cluster, "reader", READER).await;
    publish(&cluster, &reader).await;
    reader
        .until("the reader finds what is wrong and repairs nothing", |page| {
            page.units(REDUNDANCY, "fail") == 1 && page.units(TLS, "unknown") >= 1
        })
        .await;
    reader.three_turns().await;

    let prober = start(&cluster, "prober", PROBER).await;
    let page = reader
        .until("what the prober met is known to the reader", |page| {
            page.units(TLS, "pass") == 1
        })
        .await;
    assert_eq!(
        accepted(&page),
        [0.0, 0.0, 1.0, 1.0],
        "its own port, by its own probe"
    );
    assert_eq!(page.units(REDUNDANCY, "fail"), 1);

    let repairer = start(&cluster, "repairer", REPAIRER).await;
    reader
        .until("what is wrong was repaired", |page| {
            page.units(REDUNDANCY, "pass") == 1
        })
        .await;
    let applied = [("outcome", "applied")];
    repairer
        .until("and counted by who did it", |page| {
            page.sum("plimsoll_remediations_total", &applied) >= 1.0
        })
        .await;
    eventually(SOON, "each remembers what it did", async || {
        let found = records(&client).await;
        let wanted = ["shop.probes", "shop.repairs"];
        if wanted
            .iter()
            .all(|name| found.iter().any(|record| record == name))
        {
            Ok(())
        } else {
            Err(not_yet(found.join(" ")))
        }
    })
    .await
    .unwrap();

    for (operator, account) in [(&reader, READER.0), (&prober, PROBER.0), (&repairer, REPAIRER.0)] {
        assert_eq!(
            rights(operator, "missing").await,
            0.0,
            "{account}: {}",
            operator.process.log_tail(30)
        );
        assert_eq!(
            rights(operator, "excess").await,
            0.0,
            "{account}: {}",
            operator.process.log_tail(30)
        );
        let (refused, writes) = told(&cluster, account).await;
        assert_eq!(refused, [""; 0], "{account}");
        let meant: &[&str] = if account == REPAIRER.0 {
            &["patch deployments/scale shop/web"]
        } else {
            &[]
        };
        assert_eq!(
            writes
                .iter()
                .filter(|line| !line.contains("review"))
                .collect::<Vec<_>>(),
            meant,
            "{account}"
        );
    }
    let replicas = ListParams::default().labels("app.kubernetes.io/component=replica");
    let leases = Api::<Lease>::namespaced(client, NAMESPACE)
        .list(&replicas)
        .await
        .unwrap()
        .items;
    let names: Vec<_> = leases
        .into_iter()
        .filter_map(|lease| lease.metadata.name)
        .collect();
    assert_eq!(
        names,
        ["replica-reader"],
        "only who reads stands in for who reads"
    );

    too_many_and_too_few(&cluster).await;
}

/// Rights that nobody needs, and one that is gone, are told by the next process.
async fn too_many_and_too_few(cluster: &Cluster) {
    let account = format!("--serviceaccount={NAMESPACE}:{}", PROBER.0);
    let bind = [
        "create",
        "clusterrolebinding",
        "extra",
        "--clusterrole=edit",
        &account,
    ];
    cluster.kubectl(bind).await.unwrap();
    let less = r#"[{"op": "replace", "path": "/rules/0/resources", "value": ["pods"]}]"#;
    let role = [
        "patch",
        "clusterrole",
        "plimsoll-system-plimsoll",
        "--type=json",
        "-p",
        less,
    ];
    cluster.kubectl(role).await.unwrap();
    let prober = Operator::start_as(cluster, "prober-2", PROBER.0, PROBER.1, "info").await;
    assert!(rights(&prober, "missing").await >= 1.0);
    assert!(rights(&prober, "excess").await >= 1.0);
    let log = prober.process.log();
    assert!(
        log.contains("get secrets") && log.contains("rights are missing"),
        "{log}"
    );
}
