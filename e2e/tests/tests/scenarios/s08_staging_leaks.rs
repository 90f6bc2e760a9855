//! Staging leaks into production: by name, by right and over the network; and who relabels production as staging is refused, or
//! seen: what the namespace was first stays in force.

use kube::Api;
use kube_test::{eventually, not_yet};
use plimsoll_api::EvidenceRecord;
use plimsoll_e2e::{
    baseline::baseline_with_platform,
    installed::{NAMESPACE, SOON, chart},
    operator::{Operator, refused},
    scenario::{Scenario, deployment},
    series::Page,
};

const REFERENCES: &str = "environments/no-cross-references";
const RIGHTS: &str = "environments/rbac-segregation";
const NETWORK: &str = "environments/network-segregation";
const LABELLED: &str = "environments/labelled";
const REDUNDANCY: &str = "availability/replica-redundancy";

const CONTROLS: &str = "
environments/no-cross-references: {failAfter: 0s}
environments/rbac-segregation: {failAfter: 0s}
environments/network-segregation: {failAfter: 0s}
environments/labelled: {failAfter: 0s}
availability/replica-redundancy: {mode: Propose, failAfter: 0s}
";

/// The tenant's administrator may change its namespace, as clusters grant where tenants look after themselves.
const RIGHTS_GIVEN: &str = "
apiVersion: v1
kind: ServiceAccount
metadata: {name: deployer, namespace: shop-staging}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: deployers, namespace: shop-prod}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects: [{kind: ServiceAccount, name: deployer, namespace: shop-staging}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: own-namespace, namespace: shop-prod}
rules: [{apiGroups: [''], resources: [namespaces], verbs: [get, update, patch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: tenant-admin, namespace: shop-prod}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: own-namespace}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: joe}]
";

/// What leaks, whatever the label of production is changed to.
const LEAKS: [(&str, &[&str]); 4] = [
    (REFERENCES, &["Deployment shop-prod/web OtherEnvironment"]),
    (RIGHTS, &["RoleBinding shop-prod/deployers ForeignServiceAccount"]),
    (
        NETWORK,
        &[
            "Namespace shop-prod NotIsolated",
            "Namespace shop-staging NotIsolated",
            "Namespace tools NotIsolated",
        ],
    ),
    (REDUNDANCY, &["Deployment shop-prod/web TooFewReplicas"]),
];

async fn play() -> Scenario {
    let namespaces = [
        ("shop-prod", "production", "shop"),
        ("shop-staging", "staging", "shop"),
        ("tools", "", ""),
    ];
    let scenario = Scenario::begin(&namespaces).await;
    for (namespace, name) in [("shop-staging", "deployer"), ("tools", "runner")] {
        let object = deployment(namespace, name, 1);
        scenario.cluster.apply(&object).await.unwrap();
    }
    let host = "env: [{name: DB_HOST, value: db.shop-staging.svc.cluster.local}]";
    let web = deployment("shop-prod", "web", 1).replace("{name: c,", &format!("{{name: c, {host},"));
    assert!(web.contains(host));
    scenario.cluster.apply(&web).await.unwrap();
    scenario.cluster.apply(RIGHTS_GIVEN).await.unwrap();
    scenario
}

#[tokio::test(flavor = "multi_thread")]
async fn what_leaks_is_found_and_a_relabelling_is_refused_or_seen_and_without_effect() {
    let scenario = play().await;
    reserve_labels(&scenario, true).await;
    let mut operator = scenario
        .operator(&baseline_with_platform("Enforce", CONTROLS))
        .await;
    leaks(&scenario, &["Namespace tools Unlabelled"]).await;
    counted(&operator, 1).await;

    let error = relabel(&scenario, &[]).await.unwrap_err();
    assert!(
        error.contains("plimsoll.dev/environment") && error.contains("system:masters"),
        "{error}"
    );
    remembered(&scenario).await;
    reserve_labels(&scenario, false).await;
    relabel(&scenario, &[]).await.unwrap();
    let both = ["Namespace shop-prod Relabelled", "Namespace tools Unlabelled"];
    leaks(&scenario, &both).await;
    counted(&operator, 2).await;

    // Nor is a restart a way out.
    assert!(operator.stop().await.0.success());
    let second = Operator::ready(&scenario.cluster, "second", &["--remediation"]).await;
    counted(&second, 2).await;
    second.three_turns().await;
    leaks(&scenario, &both).await;
    assert_eq!(scenario.written().await, [""; 0], "nothing of this is repaired");
    assert_eq!(refused(&scenario.cluster).await, [""; 0]);
    by_audit(&scenario).await;
}

async fn leaks(scenario: &Scenario, labelled: &[&str]) {
    scenario.until_found(LABELLED, "labels", labelled).await;
    for (control, found) in LEAKS {
        scenario.until_found(control, control, found).await;
    }
}

/// By the metrics everything is production's still, but for what a namespace without a label is itself.
async fn counted(operator: &Operator, labels: usize) {
    let failing = |page: &Page, control, environment| -> f64 {
        let of = [
            ("control", control),
            ("environment", environment),
            ("result", "fail"),
        ];
        page.sum("plimsoll_findings", &of)
    };
    let page = operator
        .until("the labels are judged", |page| {
            page.units(LABELLED, "fail") == labels as u64
        })
        .await;
    let production = [REFERENCES, RIGHTS, NETWORK, REDUNDANCY].map(|c| failing(&page, c, "production"));
    assert_eq!(production.map(|n| n.to_string()), ["1", "1", "1", "1"]);
    assert_eq!(failing(&page, NETWORK, "staging").to_string(), "1");
}

/// What the tenant's administrator tries: to move out of production's rules.
async fn relabel(scenario: &Scenario, flags: &[&str]) -> Result<(), String> {
    let label = [
        "label",
        "--overwrite",
        "ns/shop-prod",
        "plimsoll.dev/environment=staging",
    ];
    let who = ["--as=joe", "--as-group=system:authenticated"];
    let args = label.iter().chain(&who).chain(flags);
    let done = scenario.cluster.kubectl(args).await;
    done.map(drop).map_err(|error| error.to_string())
}

/// Installs the chart's admission policy on the labels of namespaces, or takes it away, and waits until that holds.
async fn reserve_labels(scenario: &Scenario, enabled: bool) {
    let (chart, value) = (chart("plimsoll"), format!("labelPolicy.enabled={enabled}"));
    let upgrade = ["upgrade", "plimsoll", &chart, "-n", NAMESPACE, "--reuse-values"];
    let args = upgrade.into_iter().chain(["--set", &value]);
    scenario.cluster.helm(args).await.unwrap();
    eventually(SOON, &value, async || {
        let tried = relabel(scenario, &["--dry-run=server"]).await;
        match (&tried, enabled) {
            (Err(error), true) if error.contains("may be set, changed or removed only") => Ok(()),
            (Ok(()), false) => Ok(()),
            _ => Err(not_yet(format!("{tried:?}"))),
        }
    })
    .await
    .unwrap();
}

/// What the namespace was first is written down.
async fn remembered(scenario: &Scenario) {
    let records: Api<EvidenceRecord> = Api::all(scenario.client.clone());
    eventually(SOON, "the first label is evidence", async || {
        let record = records
            .get("shop-prod")
            .await
            .map_err(|e| not_yet(e.to_string()))?;
        let text = serde_json::to_string(&record.spec).unwrap();
        if text.contains(r#""plimsoll.dev/environment":"production""#) {
            Ok(())
        } else {
            Err(not_yet(text))
        }
    })
    .await
    .unwrap();
}

/// The tenant's administrator was refused, and let through once the policy was gone: the API server's own record of it.
async fn by_audit(scenario: &Scenario) {
    let log = scenario
        .cluster
        .audit()
        .await
        .unwrap()
        .by_user("joe")
        .on("namespaces");
    let tried = log.filter(|event| event.is_write() && !event.dry_run);
    let tried: Vec<(String, u16)> = tried.iter().map(|event| (event.line(), event.code)).collect();
    let patch = |code| ("patch namespaces shop-prod/shop-prod".to_owned(), code);
    assert_eq!(tried, [patch(422), patch(200)]);
}
