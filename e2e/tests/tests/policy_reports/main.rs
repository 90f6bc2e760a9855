//! Reports for other tools on a real API server with the real definitions of OpenReports and PolicyReport, written by the
//! operator's own process with the rights of the chart. Needs `make controlplane`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests"
)]

mod bounds;
mod life;
mod stored;

use kube_test::Cluster;
use plimsoll_e2e::{installed::top, operator::Operator};

const VALUES: &str = "environment=production,baseline.install=false,policyReports.enabled=true";
/// What the chart gives the operator; the name of the role that owns the reports.
const ROLE: &str = "plimsoll-system-plimsoll-policy-reports";
/// The real definitions, and the kinds they define.
const KINDS: [(&str, &str); 4] = [
    ("openreports.io_reports.yaml", REPORTS),
    ("openreports.io_clusterreports.yaml", CLUSTER_REPORTS),
    ("wgpolicyk8s.io_policyreports.yaml", POLICY_REPORTS),
    ("wgpolicyk8s.io_clusterpolicyreports.yaml", CLUSTER_POLICY_REPORTS),
];
const REPORTS: &str = "reports.openreports.io";
const CLUSTER_REPORTS: &str = "clusterreports.openreports.io";
const POLICY_REPORTS: &str = "policyreports.wgpolicyk8s.io";
const CLUSTER_POLICY_REPORTS: &str = "clusterpolicyreports.wgpolicyk8s.io";

async fn define(cluster: &Cluster) {
    for (file, name) in KINDS {
        let file = top().join("e2e/tests/crds").join(file).display().to_string();
        cluster
            .kubectl(["apply", "--server-side", "-f", &file])
            .await
            .unwrap();
        let crd = format!("crd/{name}");
        let established = ["wait", "--for=condition=Established", &crd, "--timeout=60s"];
        cluster.kubectl(established).await.unwrap();
    }
}

fn baseline(name: &str, controls: &str) -> String {
    format!(
        "apiVersion: plimsoll.dev/v1alpha1
kind: SecurityBaseline
metadata: {{name: {name}}}
spec:
  controls:
    environments/labelled: {{failAfter: 0s}}
    availability/replica-redundancy: {{failAfter: 0s, minReplicas: 2}}
{controls}"
    )
}

async fn operator(cluster: &Cluster, name: &str, results: &str) -> Operator {
    let role = format!("--policy-reports={ROLE}");
    let results = format!("--policy-report-results={results}");
    Operator::ready(cluster, name, &[&role, &results]).await
}
