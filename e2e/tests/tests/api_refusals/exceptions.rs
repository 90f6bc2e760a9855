//! Wrong exceptions.

use kube::api::{Patch, PatchParams};
use kube_test::Cluster;
use plimsoll_e2e::installed::{api, exception, install, post, soon};
use serde_json::{Value, json};

use crate::{refused_both_ways, says};

#[tokio::test]
async fn wrong_exceptions_are_refused_by_name() {
    let cluster = Cluster::shared().await.unwrap();
    install(&cluster).await;
    let client = cluster.admin().unwrap();
    let late = soon() + jiff::SignedDuration::from_hours(24 * 365);
    let cases: Vec<(Value, &[&str])> = vec![
        (
            json!({ "control": "no/such" }),
            &["spec.control", "no/such", "environments/labelled"],
        ),
        (json!({ "control": "nonsense" }), &["spec.control"]),
        (json!({ "expires": null }), &["spec.expires", "Required"]),
        (json!({ "expires": "next year" }), &["spec.expires"]),
        (
            json!({ "expires": late.to_string() }),
            &["spec.expires", "one year after creation"],
        ),
        (json!({ "riskId": null }), &["spec.riskId"]),
        (json!({ "approvedBy": "" }), &["spec.approvedBy"]),
        (json!({ "reason": "because" }), &["spec.reason"]),
        (json!({ "selector": {} }), &["spec.selector", "namespaces"]),
        (json!({ "selector": null }), &["spec.selector"]),
        (
            json!({ "selector": { "labels": { "a": "b" } } }),
            &["spec.selector"],
        ),
        (
            json!({ "selector": { "namespaces": ["a"], "labels": { "a": "b" } } }),
            &["spec.selector.labels", "namespaceSelector"],
        ),
        (
            json!({ "selector": { "objects": [{ "name": "a" }] } }),
            &["spec.selector.objects", "kind"],
        ),
        (
            json!({ "selector": { "reasons": ["too few"] } }),
            &["spec.selector.reasons"],
        ),
        (json!({ "risk": "R-1" }), &["spec.risk:", "riskId"]),
    ];
    let mut wrong = Vec::new();
    for (changes, words) in cases {
        let spec = exception(changes.clone());
        let what = changes.to_string();
        wrong.extend(refused_both_ways(&client, "BaselineException", &what, &spec, words).await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    post(&client, "BaselineException", "right", &exception(json!({})), true)
        .await
        .unwrap();
}

/// An exception cannot be prolonged beyond its year either.
#[tokio::test]
async fn an_exception_ends_a_year_after_its_creation_also_when_it_is_changed() {
    let cluster = Cluster::shared().await.unwrap();
    install(&cluster).await;
    let client = cluster.admin().unwrap();
    post(
        &client,
        "BaselineException",
        "prolonged",
        &exception(json!({})),
        false,
    )
    .await
    .unwrap();
    let late = soon() + jiff::SignedDuration::from_hours(24 * 365);
    let patch = json!({ "spec": { "expires": late.to_string() } });
    let patched = api(&client, "BaselineException")
        .patch("prolonged", &PatchParams::default(), &Patch::Merge(patch))
        .await;
    assert_eq!(
        says(
            "patch",
            patched.map(drop).map_err(|e| e.to_string()),
            &["spec.expires"]
        ),
        Vec::<String>::new()
    );
}
