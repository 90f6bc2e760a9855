//! The life of an installation: installed, upgraded, uninstalled, and back again.

use kube_test::Cluster;
use plimsoll_e2e::{
    installed::{NAMESPACE, api, chart, exception, policies_hold, post, top},
    scenario::deployment,
};
use serde_json::json;

use crate::values;

/// The life of an installation, step by step.
#[tokio::test]
async fn uninstalling_keeps_the_kinds_and_what_people_wrote() {
    let cluster = Cluster::start().await.unwrap();
    install_staging(&cluster).await;
    policies_hold(cluster.admin().unwrap()).await;
    let mine = top()
        .join("docs/samples/first-baseline.yaml")
        .display()
        .to_string();
    cluster.kubectl(["apply", "-f", &mine]).await.unwrap();
    post(
        &cluster.admin().unwrap(),
        "BaselineException",
        "mine",
        &exception(json!({})),
        false,
    )
    .await
    .unwrap();
    cluster.namespace("shop", &[]).await.unwrap();
    cluster.apply(&deployment("shop", "web", 2)).await.unwrap();
    upgrade_to_production(&cluster).await;
    uninstall(&cluster).await;

    // And it can come back.
    install_staging(&cluster).await;
    assert_eq!(baselines(&cluster).await, ["first", "staging"]);
}

/// As the README says: two commands.
async fn install_staging(cluster: &Cluster) {
    let (crds, main, values) = (chart("plimsoll-crds"), chart("plimsoll"), values("staging"));
    let kinds = [
        "install",
        "plimsoll-crds",
        &crds,
        "-n",
        NAMESPACE,
        "--create-namespace",
    ];
    cluster.helm(kinds).await.unwrap();
    let operator = [
        "install", "plimsoll", &main, "-n", NAMESPACE, "-f", &values, "--wait",
    ];
    cluster.helm(operator).await.unwrap();
}

/// Once to the same, and once to another choice of everything that can be chosen.
async fn upgrade_to_production(cluster: &Cluster) {
    let (crds, main) = (chart("plimsoll-crds"), chart("plimsoll"));
    cluster
        .helm(["upgrade", "plimsoll-crds", &crds, "-n", NAMESPACE])
        .await
        .unwrap();
    let upgrade = ["upgrade", "plimsoll", &main, "-n", NAMESPACE, "-f"];
    let (staging, production) = (values("staging"), values("production"));
    cluster
        .helm([&upgrade[..], &[staging.as_str()]].concat())
        .await
        .unwrap();
    let more = [
        production.as_str(),
        "--set",
        "remediation.enabled=true,baseline.mode=Enforce",
        "--set-json",
        r#"baseline.spec={"controls":{"availability/replica-redundancy":{"minReplicas":3}}}"#,
        "--wait",
    ];
    cluster.helm([&upgrade[..], &more].concat()).await.unwrap();
    assert_eq!(baselines(cluster).await, ["first", "production"]);
    let client = cluster.admin().unwrap();
    let spec = api(&client, "SecurityBaseline")
        .get("production")
        .await
        .unwrap()
        .data["spec"]
        .clone();
    assert_eq!(spec["mode"], "Enforce");
    assert_eq!(
        spec["controls"]["availability/replica-redundancy"]["minReplicas"],
        3
    );
}

/// Everything goes but the kinds and what somebody else wrote.
async fn uninstall(cluster: &Cluster) {
    for release in ["plimsoll", "plimsoll-crds"] {
        cluster
            .helm(["uninstall", release, "-n", NAMESPACE, "--wait"])
            .await
            .unwrap();
    }
    assert_eq!(baselines(cluster).await, ["first"]);
    for theirs in ["baselineexception/mine", "deployment/web", "namespace/shop"] {
        cluster.kubectl(["get", theirs, "-n", "shop"]).await.unwrap();
    }
    let label = "app.kubernetes.io/part-of=plimsoll";
    for kinds in [
        "clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings",
        "deployments,services,networkpolicies,poddisruptionbudgets,roles,rolebindings,serviceaccounts",
    ] {
        let left = cluster
            .kubectl(["get", kinds, "-A", "-l", label, "-o", "name"])
            .await
            .unwrap();
        assert_eq!(left.stdout, "");
    }
}

async fn baselines(cluster: &Cluster) -> Vec<String> {
    let path = "jsonpath={range .items[*]}{.metadata.name}{'\\n'}{end}";
    let names = cluster
        .kubectl(["get", "securitybaselines", "-o", path])
        .await
        .unwrap()
        .stdout;
    let mut names: Vec<String> = names.lines().map(str::to_owned).collect();
    names.sort();
    names
}
