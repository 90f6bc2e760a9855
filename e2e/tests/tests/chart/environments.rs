//! What each environment gets.

use kube_test::Cluster;
use plimsoll_e2e::installed::{NAMESPACE, chart};
use plimsoll_engine::baseline::{BaselineSpec, compile};
use serde_json::{Value, json};

use crate::{of, template, values};

const ALL: [&str; 3] = ["production", "staging", "development"];

#[tokio::test]
async fn each_environment_installs_its_baseline() {
    let cluster = Cluster::shared().await.unwrap();
    for environment in ALL {
        let objects = template(&cluster, &["-f", &values(environment)]).await.unwrap();
        let baseline = objects.iter().find(|o| o["kind"] == "SecurityBaseline").unwrap();
        assert_eq!(baseline["metadata"]["name"], environment);
        assert!(
            baseline["spec"]["platform"]["namespaces"]
                .as_array()
                .unwrap()
                .contains(&json!(NAMESPACE))
        );
        let spec: BaselineSpec = serde_json::from_value(baseline["spec"].clone()).unwrap();
        let compiled = compile(
            environment,
            1,
            &spec,
            &plimsoll_controls::presets(),
            &plimsoll_controls::registry(),
            None,
        );
        assert!(
            compiled.problems.is_empty(),
            "{environment}: {:?}",
            compiled.problems
        );
    }
}

/// What one environment has of what they differ in.
async fn seen(cluster: &Cluster, environment: &str) -> Value {
    let args = ["-f", &values(environment), "--set", "alerts.enabled=true"];
    let objects = template(cluster, &args).await.unwrap();
    let kinds = |kind: &str| objects.iter().filter(|object| object["kind"] == kind).count();
    let pods = &of(&objects, "Deployment", "plimsoll")["spec"];
    let groups = of(&objects, "PrometheusRule", "plimsoll")["spec"]["groups"]
        .as_array()
        .unwrap();
    let rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
    let alerts: Vec<&Value> = rules.filter(|rule| rule["alert"].is_string()).collect();
    let worst = |word: &str| alerts.iter().any(|alert| alert["labels"]["severity"] == word);
    let mut owners: Vec<&str> = alerts
        .iter()
        .filter_map(|alert| alert["labels"]["owner"].as_str())
        .collect();
    owners.sort_unstable();
    owners.dedup();
    let baseline = of(&objects, "SecurityBaseline", environment);
    let cluster_name = format!("--cluster-name={environment}");
    assert!(
        pods.to_string().contains(&cluster_name),
        "reports name the cluster: {pods}"
    );
    json!({
        "mode": baseline["spec"]["mode"],
        "replicas": pods["replicas"],
        "budgets": kinds("PodDisruptionBudget"),
        "reserves labels": kinds("ValidatingAdmissionPolicy") > 3,
        "pages": worst("critical"),
        "warns": worst("warning"),
        "owners": owners,
    })
}

#[tokio::test]
async fn environments_differ_in_what_people_want_them_to() {
    let cluster = Cluster::shared().await.unwrap();
    let expected = [
        json!({
            "mode": "Propose", "replicas": 2, "budgets": 1, "reserves labels": true, "pages": true, "warns": true,
            "owners": ["data", "platform", "security", "service"],
        }),
        json!({
            "mode": "Propose", "replicas": 2, "budgets": 1, "reserves labels": true, "pages": false, "warns": true,
            "owners": ["data", "platform", "security", "service"],
        }),
        json!({
            "mode": "Observe", "replicas": 1, "budgets": 0, "reserves labels": false, "pages": false, "warns": false,
            "owners": ["platform"],
        }),
    ];
    for (environment, expected) in ALL.into_iter().zip(expected) {
        assert_eq!(seen(&cluster, environment).await, expected, "{environment}");
    }
}

/// What Helm prints after an installation.
async fn notes(cluster: &Cluster, args: &[&str]) -> String {
    let chart = chart("plimsoll");
    let fixed = [
        "install",
        "plimsoll",
        chart.as_str(),
        "-n",
        NAMESPACE,
        "--dry-run=client",
    ];
    let printed = cluster.helm(fixed.iter().chain(args)).await.unwrap().stdout;
    printed.split_once("NOTES:").unwrap().1.to_owned()
}

#[tokio::test]
async fn notes_say_what_to_do_next() {
    let cluster = Cluster::shared().await.unwrap();
    for (environment, word) in [
        ("production", "kubectl get baselineexceptions"),
        ("staging", "before they are in production"),
        ("development", "nobody is paged"),
    ] {
        let said = notes(&cluster, &["-f", &values(environment)]).await;
        let mode = if environment == "development" {
            "Observe"
        } else {
            "Propose"
        };
        for part in [
            &format!("SecurityBaseline {environment}, in mode {mode}"),
            &format!("plimsoll.dev/environment={environment}"),
            word,
            "helm test plimsoll -n plimsoll-system",
            "plimsoll findings",
            "https://plimsoll.plimsoll-system.svc:8443/metrics",
            "changes nothing",
        ] {
            assert!(said.contains(part), "{environment}: {part}: {said}");
        }
    }
    let chosen = "remediation.enabled=true,baseline.mode=Enforce,metrics.serviceMonitor.enabled=true,\
        metrics.readers[0].name=prometheus,metrics.readers[0].namespace=monitoring";
    let said = notes(&cluster, &["-f", &values("production"), "--set", chosen]).await;
    assert!(
        said.contains("in mode Enforce") && said.contains("Safe repairs are made."),
        "{said}"
    );
    assert!(!said.contains("metrics-reader"), "{said}");
}

#[tokio::test]
async fn exceptions_of_an_environment_come_with_its_values() {
    let cluster = Cluster::shared().await.unwrap();
    let spec = json!({
        "control": "availability/replica-redundancy", "selector": {"namespaces": ["legacy-shop"]},
        "reason": "it holds a lock in memory", "riskId": "R-1", "approvedBy": "head of operations",
        "expires": plimsoll_e2e::installed::soon().to_string(),
    });
    let set = format!("exceptions.legacy={spec}");
    let args = ["-f", &values("production"), "--set-json", &set];
    let objects = template(&cluster, &args).await.unwrap();
    let exception = of(&objects, "BaselineException", "legacy");
    assert_eq!(exception["spec"]["baselines"], json!(["production"]));
    assert_eq!(exception["spec"]["selector"], spec["selector"]);
    let alone = [&args[..], &["--set", "baseline.install=false"]].concat();
    let error = template(&cluster, &alone).await.unwrap_err().to_string();
    assert!(
        error.contains("exceptions.legacy.baselines: no baseline is installed"),
        "{error}"
    );
}
