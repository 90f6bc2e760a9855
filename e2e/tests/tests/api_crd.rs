//! The custom resources on the real API server: what the docs show applies, and kubectl explains and prints it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use kube::api::{Patch, PatchParams};
use kube_test::{Cluster, eventually, not_yet};
use plimsoll_e2e::installed::{self, SOON, api, install, samples};
use serde_json::{Value, json};

#[tokio::test]
async fn every_sample_of_the_docs_applies() {
    let cluster = Cluster::shared().await.unwrap();
    install(&cluster).await;
    let samples = samples();
    assert!(samples.len() >= 3, "{samples:?}");
    for (file, text) in samples {
        for side in ["--server-side=true", "--server-side=false"] {
            let args = [
                "apply",
                "--dry-run=server",
                "--validate=strict",
                side,
                "-f",
                &file,
            ];
            cluster
                .kubectl(args)
                .await
                .unwrap_or_else(|error| panic!("{file}: {error}\n{text}"));
        }
    }
}

#[tokio::test]
async fn kubectl_get_shows_mode_score_failing_unknown_and_age() {
    let cluster = Cluster::shared().await.unwrap();
    install(&cluster).await;
    let client = cluster.admin().unwrap();
    installed::post(
        &client,
        "SecurityBaseline",
        "shown",
        &json!({ "extends": ["essentials"] }),
        false,
    )
    .await
    .unwrap();
    let condition = |kind: &str, status: &str| {
        json!({
            "type": kind, "status": status, "reason": "Because", "message": "", "observedGeneration": 1,
            "lastTransitionTime": "2026-11-22T00:00:00Z",
        })
    };
    let status = json!({ "status": {
        "mode": "Propose", "score": 87, "lastEvaluated": jiff::Timestamp::now().to_string(),
        "totals": { "pass": 20, "fail": 3, "unknown": 1, "notApplicable": 0, "waived": 0 },
        "conditions": [condition("Accepted", "True"), condition("Compliant", "False")],
    }});
    api(&client, "SecurityBaseline")
        .patch_status("shown", &PatchParams::default(), &Patch::Merge(status))
        .await
        .unwrap();

    let narrow = cluster.kubectl(["get", "sb", "shown"]).await.unwrap().stdout;
    let rows: Vec<Vec<&str>> = narrow
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(rows[0], ["NAME", "MODE", "SCORE", "FAILING", "UNKNOWN", "AGE"]);
    assert_eq!(rows[1][..5], ["shown", "Propose", "87", "3", "1"]);
    let wide = cluster
        .kubectl(["get", "plimsoll", "-o", "wide"])
        .await
        .unwrap()
        .stdout;
    assert!(
        wide.contains("ACCEPTED") && wide.contains("COMPLIANT") && wide.contains("EVALUATED"),
        "{wide}"
    );
}

/// No default of the schema gets into a stored baseline: it would override what `extends` says.
#[tokio::test]
async fn what_is_stored_is_what_was_written() {
    let cluster = Cluster::shared().await.unwrap();
    install(&cluster).await;
    let client = cluster.admin().unwrap();
    let spec = json!({ "extends": ["essentials"], "controls": { "availability/replica-redundancy": {} } });
    installed::post(&client, "SecurityBaseline", "stored", &spec, false)
        .await
        .unwrap();
    let stored = api(&client, "SecurityBaseline").get("stored").await.unwrap();
    assert_eq!(stored.data["spec"], spec);
}

#[tokio::test]
async fn kubectl_explain_answers_for_every_field() {
    let cluster = Cluster::shared().await.unwrap();
    install(&cluster).await;
    let registry = plimsoll_controls::registry();
    let mut silent = Vec::new();
    for crd in plimsoll_api::crds(&registry).unwrap() {
        let kind = crd.spec.names.singular.clone().unwrap();
        let crd = serde_json::to_value(crd).unwrap();
        let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let served = served_schema(&cluster, &kind).await;
        for part in ["spec", "status"] {
            undescribed(
                &schema["properties"][part],
                &served["properties"][part],
                &format!("{kind}.{part}"),
                &mut silent,
            );
        }
    }
    assert!(silent.is_empty(), "{silent:?}");

    for meta in registry.metas() {
        let field = format!("securitybaseline.spec.controls.{}", meta.id);
        let said = explain(&cluster, &field).await;
        for word in ["mode", "severity", "failAfter"] {
            assert!(said.contains(word), "{field} without {word}: {said}");
        }
        for (parameter, _) in registry.defaults(meta.id).unwrap().as_object().unwrap() {
            assert!(
                said.contains(parameter.as_str()),
                "{field} without {parameter}: {said}"
            );
        }
    }
    let deep = explain(
        &cluster,
        "sb.spec.controls.availability/replica-redundancy.minReplicas",
    )
    .await;
    assert!(deep.contains("<integer>") && deep.contains("Default"), "{deep}");
    let exception = explain(&cluster, "bex.spec.expires").await;
    assert!(exception.contains("one year"), "{exception}");
}

async fn explain(cluster: &Cluster, field: &str) -> String {
    let what = format!("kubectl explain {field}");
    eventually(SOON, &what, async || cluster.kubectl(["explain", field]).await)
        .await
        .unwrap()
        .stdout
}

/// The schema as the server publishes it, which is what `kubectl explain` prints.
async fn served_schema(cluster: &Cluster, kind: &str) -> Value {
    let what = format!("the schema of {kind} is published");
    eventually(SOON, &what, async || {
        let all = cluster
            .kubectl(["get", "--raw", "/openapi/v3/apis/plimsoll.dev/v1alpha1"])
            .await?
            .stdout;
        let all: Value = serde_json::from_str(&all).map_err(|error| not_yet(error.to_string()))?;
        let schemas = all["components"]["schemas"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        let ends = format!(".{kind}");
        let found = schemas
            .into_iter()
            .find(|(name, _)| name.to_lowercase().ends_with(&ends));
        found
            .map(|(_, schema)| schema)
            .ok_or_else(|| not_yet("not among the schemas"))
    })
    .await
    .unwrap()
}

/// Fields of ours that the server has nothing to say about.
fn undescribed(ours: &Value, served: &Value, path: &str, silent: &mut Vec<String>) {
    for (name, property) in ours["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        let served = &served["properties"][name];
        if served["description"].as_str().is_none_or(str::is_empty) {
            silent.push(path.clone());
        }
        undescribed(property, served, &path, silent);
        undescribed(&property["items"], &served["items"], &path, silent);
        undescribed(
            &property["additionalProperties"],
            &served["additionalProperties"],
            &path,
            silent,
        );
    }
}
