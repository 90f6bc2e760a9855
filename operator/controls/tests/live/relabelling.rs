//! A label that decides which rules hold must not be a way out of them.

use plimsoll_engine::finding::Verdict;
use serde_json::json;

use crate::{Cluster, failing, namespace};

const LABELLED: &str = "environments/labelled";
const TENANT: &str = "isolation/tenant-namespace";

fn production() -> Cluster {
    let mut cluster = Cluster::live(&json!({"controls": {LABELLED: {}, TENANT: {}}}));
    cluster.put(&namespace(
        "shop",
        &json!({"plimsoll.dev/environment": "production", "plimsoll.dev/tenant": "acme"}),
    ));
    cluster.turn();
    cluster.engine.watching();
    assert_eq!(cluster.unit(LABELLED, "shop").verdict, Verdict::Pass);
    assert_eq!(cluster.unit(TENANT, "shop").verdict, Verdict::Pass);
    cluster
}

#[test]
fn another_environment_fails_and_the_first_stays_in_force() {
    let mut cluster = production();
    cluster.put(&namespace(
        "shop",
        &json!({"plimsoll.dev/environment": "staging", "plimsoll.dev/tenant": "acme"}),
    ));
    cluster.settle();
    let unit = cluster.unit(LABELLED, "shop");
    assert_eq!(failing(&unit), ["Relabelled"]);
    assert_eq!(unit.environment.as_deref(), Some("production"));
    assert_eq!(
        unit.failing().next().unwrap().finding.evidence,
        ["plimsoll.dev/environment=staging".into()]
    );
}

#[test]
fn an_override_accepts_the_change() {
    let mut cluster = production();
    cluster.put(&namespace(
        "shop",
        &json!({"plimsoll.dev/environment": "staging", "plimsoll.dev/tenant": "acme"}),
    ));
    cluster.baseline(&json!({
        "environments": {"overrides": [{"namespace": "shop", "environment": "staging"}]},
        "controls": {LABELLED: {}},
    }));
    cluster.settle();
    let unit = cluster.unit(LABELLED, "shop");
    assert_eq!(unit.verdict, Verdict::Pass);
    assert_eq!(unit.environment.as_deref(), Some("staging"));
}

#[test]
fn an_alias_of_the_same_environment_is_no_change() {
    let mut cluster = production();
    cluster.put(&namespace(
        "shop",
        &json!({"env": "prod", "plimsoll.dev/tenant": "acme"}),
    ));
    cluster.settle();
    assert_eq!(cluster.unit(LABELLED, "shop").verdict, Verdict::Pass);
}

#[test]
fn a_label_taken_away_leaves_the_first_in_force() {
    let mut cluster = production();
    cluster.put(&namespace("shop", &json!({})));
    cluster.settle();
    let unit = cluster.unit(LABELLED, "shop");
    assert_eq!(failing(&unit), ["Unlabelled"]);
    assert_eq!(unit.environment.as_deref(), Some("production"));
    let seen = "when first seen it was production, which stays in force";
    assert_eq!(unit.failing().next().unwrap().finding.evidence, [seen.into()]);
    let unit = cluster.unit(TENANT, "shop");
    assert_eq!(failing(&unit), ["Unlabelled"]);
    let seen = "when first seen it belonged to acme";
    assert_eq!(unit.failing().next().unwrap().finding.evidence, [seen.into()]);
}

#[test]
fn labelling_for_the_first_time_is_no_relabelling() {
    let mut cluster = Cluster::live(&json!({"controls": {LABELLED: {}, TENANT: {}}}));
    cluster.put(&namespace("shop", &json!({})));
    cluster.settle();
    cluster.engine.watching();
    assert_eq!(failing(&cluster.unit(LABELLED, "shop")), ["Unlabelled"]);
    cluster.put(&namespace(
        "shop",
        &json!({"plimsoll.dev/environment": "staging", "plimsoll.dev/tenant": "acme"}),
    ));
    cluster.settle();
    assert_eq!(cluster.unit(LABELLED, "shop").verdict, Verdict::Pass);
    assert_eq!(cluster.unit(TENANT, "shop").verdict, Verdict::Pass);
}

#[test]
fn another_tenant_fails() {
    let mut cluster = production();
    cluster.put(&namespace(
        "shop",
        &json!({"plimsoll.dev/environment": "production", "plimsoll.dev/tenant": "globex"}),
    ));
    cluster.settle();
    assert_eq!(failing(&cluster.unit(TENANT, "shop")), ["Relabelled"]);
}

#[test]
fn a_namespace_being_deleted_is_let_go() {
    let mut cluster = production();
    let mut leaving = namespace("shop", &json!({}));
    leaving["metadata"]["deletionTimestamp"] = json!("2026-06-01T12:00:00Z");
    cluster.put(&leaving);
    cluster.settle();
    for control in [LABELLED, TENANT] {
        assert_eq!(
            cluster.unit(control, "shop").verdict,
            Verdict::NotApplicable("is being deleted")
        );
    }
}
