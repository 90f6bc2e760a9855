//! That a scan says of a cluster what the operator says of it.
//!
//! Legitimate differences, none of which occurs where `failAfter` is `0s` and nothing is relabelled: what settles (a scan
//! knows no grace), what the operator remembers of the past (a namespace's first labels), and what only a live cluster
//! answers (`liveOnly` in the result of a scan of files).

use std::{collections::BTreeSet, ffi::OsStr, path::PathBuf, process::Command};

use kube::Client;
use kube_test::{Cluster, eventually, not_yet};
use plimsoll_api::EvidenceRecord;
use serde_json::{Value, json};

use crate::{
    installed::{NAMESPACE, SOON, api},
    operator::{ACCOUNT, program},
};

/// One baseline for each control, so that totals and the worst findings are per control; failures count at once.
pub fn baselines(controls: &[&str], namespaces: &[&str]) -> Vec<Value> {
    let of = |control: &&str| {
        let mut controls = serde_json::Map::new();
        controls.insert((*control).to_owned(), json!({ "failAfter": "0s" }));
        json!({
            "apiVersion": "plimsoll.dev/v1alpha1", "kind": "SecurityBaseline",
            "metadata": { "name": control.replace('/', "-") },
            "spec": { "controls": controls, "scope": { "excludeNamespaces": namespaces } },
        })
    };
    controls.iter().map(of).collect()
}

/// Runs `plimsoll scan` with the operator's own rights and returns its JSON.
pub async fn scan<A: AsRef<OsStr>>(cluster: &Cluster, args: impl IntoIterator<Item = A>) -> Value {
    let kubeconfig = cluster.kubeconfig_for(NAMESPACE, ACCOUNT).await.unwrap();
    let mut command = Command::new(program());
    command.args(["scan", "-o", "json", "--quiet", "--baseline"]);
    command
        .arg(baseline_file(cluster).await)
        .args(args)
        .env("KUBECONFIG", kubeconfig);
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The cluster's baselines as people write them, without what the server and the operator add.
async fn baseline_file(cluster: &Cluster) -> PathBuf {
    let all = api(&cluster.admin().unwrap(), "SecurityBaseline")
        .list(&kube::api::ListParams::default())
        .await;
    let documents = all.unwrap().items.into_iter().map(|baseline| {
        let document = json!({
            "apiVersion": "plimsoll.dev/v1alpha1", "kind": "SecurityBaseline",
            "metadata": { "name": baseline.metadata.name }, "spec": baseline.data["spec"],
        });
        document.to_string()
    });
    let path = cluster.dir().join("baselines.yaml");
    std::fs::write(&path, documents.collect::<Vec<_>>().join("\n---\n")).unwrap();
    path
}

/// Every object of the cluster in one file, as `kubectl get -o yaml` writes them; without events, Secrets, and what the
/// operator writes.
pub async fn dump(cluster: &Cluster) -> PathBuf {
    let listable = ["api-resources", "--verbs=list,get", "-o", "name"];
    let kinds = cluster.kubectl(listable).await.unwrap().stdout;
    let left_out = [
        "events",
        "events.events.k8s.io",
        "secrets",
        "securitybaselines.plimsoll.dev",
        "evidencerecords.plimsoll.dev",
    ];
    let kinds: Vec<&str> = kinds.lines().filter(|kind| !left_out.contains(kind)).collect();
    let objects = cluster
        .kubectl(["get", &kinds.join(","), "-A", "-o", "yaml"])
        .await
        .unwrap()
        .stdout;
    let path = cluster.dir().join("dump.yaml");
    std::fs::write(&path, objects).unwrap();
    path
}

/// Waits until operator and scan agree: the totals of every baseline, each of the worst findings in every word, and the
/// fingerprints of all findings.
pub async fn agree(client: &Client, scan: &Value, what: &str) {
    eventually(SOON, what, async || differences(client, scan).await)
        .await
        .unwrap();
}

async fn differences(client: &Client, scan: &Value) -> Result<(), kube_test::Error> {
    let mut differ = Vec::new();
    for scanned in scan["baselines"].as_array().unwrap() {
        let name = scanned["name"].as_str().unwrap();
        let status = crate::operator::status(client, name).await;
        for key in ["pass", "fail", "unknown", "notApplicable", "waived"] {
            let live = &status["totals"][key];
            if live.as_i64() != scanned[key].as_i64() {
                differ.push(format!("{name} {key}: live {live}, scan {}", scanned[key]));
            }
        }
        let worst = status["worst"].as_array().cloned().unwrap_or_default();
        let missing = worst.iter().filter(|finding| !found(scan, name, finding));
        differ.extend(missing.map(|finding| format!("{name}: only live: {finding}")));
    }
    let (live, scanned) = (remembered(client).await, fingerprints(scan));
    differ.extend(live.symmetric_difference(&scanned).map(|print| {
        let results = scan["results"].as_array().unwrap();
        let entry = results.iter().find(|entry| entry["fingerprint"] == **print);
        entry.map_or_else(
            || format!("only live: {print}"),
            |entry| format!("only in the scan: {entry}"),
        )
    }));
    if differ.is_empty() {
        Ok(())
    } else {
        Err(not_yet(differ.join("\n")))
    }
}

fn found(scan: &Value, baseline: &str, live: &Value) -> bool {
    let mut object = live["object"].clone();
    // A scan names objects as people do, without the API version, and the cluster as a whole not at all.
    let fields = object.as_object_mut().unwrap();
    fields.remove("apiVersion");
    let results = scan["results"].as_array().unwrap();
    results.iter().any(|entry| {
        let same = |key: &str| entry[key] == live[key];
        let about = entry["object"] == object || (entry["object"].is_null() && object["name"] == "");
        entry["baseline"] == baseline
            && entry["result"] == "fail"
            && about
            && ["control", "reason", "message", "fieldPath"]
                .into_iter()
                .all(same)
    })
}

/// Fingerprints of all findings that the operator remembers: those that fail and those that are waived.
async fn remembered(client: &Client) -> BTreeSet<String> {
    let records: kube::Api<EvidenceRecord> = kube::Api::all(client.clone());
    let records = records.list(&kube::api::ListParams::default()).await.unwrap();
    let units = records.items.into_iter().flat_map(|record| record.spec.units);
    units
        .flat_map(|unit| unit.seen)
        .map(|seen| seen.fingerprint)
        .collect()
}

fn fingerprints(scan: &Value) -> BTreeSet<String> {
    let results = scan["results"].as_array().unwrap().iter();
    results
        .filter_map(|entry| entry["fingerprint"].as_str())
        .map(str::to_owned)
        .collect()
}

/// What a scan could not tell, but for these reasons.
pub fn unknown_except<'a>(scan: &'a Value, reasons: &[&str]) -> Vec<&'a Value> {
    let results = scan["results"].as_array().unwrap().iter();
    let expected = |entry: &&Value| !reasons.iter().any(|reason| entry["reason"] == *reason);
    results
        .filter(|entry| entry["result"] == "unknown")
        .filter(expected)
        .collect()
}
