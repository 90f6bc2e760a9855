//! The reports as the API server has them, and what the operator wrote of them.

use std::collections::BTreeMap;

use kube_test::{AuditEvent, Cluster, eventually, not_yet};
use plimsoll_e2e::{
    installed::{NAMESPACE, SOON},
    operator::ACCOUNT,
};
use serde_json::Value;

use crate::KINDS;

/// All objects of a kind, by namespace and name.
pub(crate) async fn all(cluster: &Cluster, kind: &str) -> BTreeMap<String, Value> {
    let list = cluster
        .kubectl(["get", kind, "-A", "-o", "json", "--show-managed-fields"])
        .await
        .unwrap()
        .stdout;
    let list: Value = serde_json::from_str(&list).unwrap();
    let items = list["items"].as_array().unwrap().iter().map(|item| {
        let meta = &item["metadata"];
        let namespace = meta["namespace"].as_str().unwrap_or_default();
        (
            format!("{namespace}/{}", meta["name"].as_str().unwrap()),
            item.clone(),
        )
    });
    items.collect()
}

/// Waits until the report of `shop` tells of one failure.
pub(crate) async fn shop_fails_once(cluster: &Cluster, kind: &str, what: &str) -> Value {
    report_until(cluster, kind, "shop/plimsoll-production", what, |report| {
        report["summary"]["fail"] == 1
    })
    .await
}

/// Waits until a report is as it should be.
pub(crate) async fn report_until(
    cluster: &Cluster,
    kind: &str,
    name: &str,
    what: &str,
    holds: impl Fn(&Value) -> bool,
) -> Value {
    let seen = eventually(SOON, what, async || {
        let reports = all(cluster, kind).await;
        match reports.get(name) {
            Some(report) if holds(report) => Ok(report.clone()),
            other => Err(not_yet(format!("{other:#?} among {:?}", reports.keys()))),
        }
    });
    seen.await.unwrap()
}

pub(crate) fn fails(report: &Value) -> Vec<String> {
    let results = report["results"].as_array().unwrap().iter();
    let fails = results.filter(|result| result["result"] == "fail");
    let name = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    fails
        .map(|r| {
            format!(
                "{} {} {}",
                name(&r["policy"]),
                name(&r["resources"][0]["kind"]),
                name(&r["resources"][0]["name"])
            )
        })
        .collect()
}

/// What the operator sent to the kinds of reports and was accepted.
pub(crate) async fn writes(cluster: &Cluster) -> Vec<AuditEvent> {
    let log = cluster.audit().await.unwrap().by_account(NAMESPACE, ACCOUNT);
    let log = log.effective_writes();
    let reports = log.filter(|event| {
        KINDS
            .iter()
            .any(|(_, name)| *name == format!("{}.{}", event.resource, event.group))
    });
    reports.iter().cloned().collect()
}

pub(crate) fn lines(events: &[AuditEvent]) -> Vec<String> {
    events.iter().map(AuditEvent::line).collect()
}

/// All writes, once none was due any more: a report waits for its turn at most that long.
pub(crate) async fn quiet(cluster: &Cluster) -> Vec<AuditEvent> {
    let waited = jiff::SignedDuration::from_secs(25);
    let seen = eventually(2 * SOON, "nothing left to be written", async || {
        let writes = writes(cluster).await;
        match writes.last() {
            Some(last) if jiff::Timestamp::now().duration_since(last.time) < waited => {
                Err(not_yet(last.line()))
            }
            _ => Ok(writes),
        }
    });
    seen.await.unwrap()
}
