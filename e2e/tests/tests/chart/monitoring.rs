//! Alerts and dashboards.

use kube_test::Cluster;
use plimsoll_e2e::installed::top;
use serde_json::Value;

use crate::{template, values};

const ALERTS: &[&str] = &["--set", "environment=production,alerts.enabled=true"];

fn rule_groups(objects: &[Value]) -> &Value {
    let rule = objects.iter().find(|o| o["kind"] == "PrometheusRule").unwrap();
    &rule["spec"]["groups"]
}

fn alerts_of(groups: &Value) -> Vec<&Value> {
    let groups = groups.as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
    rules.filter(|rule| rule["alert"].is_string()).collect()
}

#[tokio::test]
async fn alerts_are_the_plain_rules_until_values_say_otherwise() {
    let cluster = Cluster::shared().await.unwrap();
    let objects = template(&cluster, ALERTS).await.unwrap();
    let plain = std::fs::read_to_string(top().join("alerts/rules.yaml")).unwrap();
    let plain: Value = serde_yaml::from_str(&plain).unwrap();
    assert_eq!(rule_groups(&objects), &plain["groups"]);

    let quiet = template(&cluster, &["--set", "environment=production"])
        .await
        .unwrap();
    assert!(quiet.iter().all(|o| o["kind"] != "PrometheusRule"));
}

#[tokio::test]
async fn alerts_follow_the_values() {
    let cluster = Cluster::shared().await.unwrap();
    let staging = values("staging");
    let values = [
        "alerts.enabled=true,alerts.labels.cluster=eu-1,alerts.owners.data=dba,alerts.objectLabels.release=prometheus",
        "alerts.thresholds.certificateDays=7,alerts.disabled={PlimsollWatchdog},alerts.runbooks=https://example.com/runbooks/",
    ];
    let args = ["-f", &staging, "--set", values[0], "--set", values[1]];
    let objects = template(&cluster, &args).await.unwrap();
    let rule = objects.iter().find(|o| o["kind"] == "PrometheusRule").unwrap();
    assert_eq!(rule["metadata"]["labels"]["release"], "prometheus");
    let groups = rule_groups(&objects);
    assert!(!groups.to_string().contains('@'), "a mark is left");
    let alerts = alerts_of(groups);
    let of = |name: &str| *alerts.iter().find(|alert| alert["alert"] == name).unwrap();
    assert!(alerts.iter().all(|alert| alert["labels"]["cluster"] == "eu-1"));
    assert!(
        alerts
            .iter()
            .all(|alert| alert["labels"]["severity"] == "warning"),
        "nobody is paged for staging"
    );
    assert!(alerts.iter().all(|alert| alert["alert"] != "PlimsollWatchdog"));
    assert_eq!(of("PlimsollBackupTooOld")["labels"]["owner"], "dba");
    let soon = of("PlimsollCertificateExpiresSoon");
    assert!(soon["expr"].as_str().unwrap().ends_with("< 604800"), "{soon}");
    assert_eq!(
        soon["annotations"]["runbook_url"],
        "https://example.com/runbooks/PlimsollCertificateExpiresSoon.md"
    );
}

#[tokio::test]
async fn misspelt_alerts_are_refused() {
    let cluster = Cluster::shared().await.unwrap();
    for (value, word) in [
        ("alerts.disabled={PlimsollNope}", "there is no alert PlimsollNope"),
        ("alerts.treshold.certificateDays=7", "treshold"),
        ("alerts.thresholds.certificateDays=soon", "certificateDays"),
        ("alerts.labels.severity=low", "severity"),
        ("dashboards.folder=", "folder"),
    ] {
        let args = [ALERTS, &["--set", value]].concat();
        let error = template(&cluster, &args).await.expect_err(value).to_string();
        assert!(error.contains(word), "{value}: {error}");
    }
}

#[tokio::test]
async fn dashboards_are_config_maps_that_the_sidecar_finds() {
    let cluster = Cluster::shared().await.unwrap();
    let values = "environment=production,dashboards.enabled=true,dashboards.namespace=monitoring";
    let objects = template(&cluster, &["--set", values]).await.unwrap();
    let maps: Vec<&Value> = objects
        .iter()
        .filter(|o| o["metadata"]["labels"]["grafana_dashboard"] == "1")
        .collect();
    assert_eq!(maps.len(), 3);
    for map in maps {
        assert_eq!(map["metadata"]["annotations"]["grafana_folder"], "Plimsoll");
        assert_eq!(map["metadata"]["namespace"], "monitoring");
        for (file, text) in map["data"].as_object().unwrap() {
            let name = file.strip_prefix("plimsoll-").unwrap();
            let shipped = std::fs::read_to_string(top().join("dashboards").join(name)).unwrap();
            assert_eq!(text, &shipped, "{file}");
        }
    }
}
