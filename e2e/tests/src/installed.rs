//! A cluster with both charts installed by the real Helm, shared by the tests of one file.

use std::{collections::BTreeMap, fs, path::PathBuf, time::Duration};

use kube::{
    Api, Client,
    api::{DynamicObject, PostParams},
    core::ApiResource,
};
use kube_test::{Cluster, eventually, not_yet};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// For conditions that come true in seconds on a quiet machine.
pub const SOON: Duration = Duration::from_mins(1);
/// Where the operator is installed.
pub const NAMESPACE: &str = "plimsoll-system";

/// The folder of the whole project.
pub fn top() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Where a chart is.
pub fn chart(name: &str) -> String {
    top().join("charts").join(name).display().to_string()
}

/// Installs both charts once per test process, as the README says, and waits until the policies are in force.
pub async fn install(cluster: &Cluster) {
    let values = format!("{}/values-production.yaml", chart("plimsoll"));
    install_with(cluster, &["-f", &values]).await;
}

/// As [`install`], with values of the operator's chart; once per test process.
pub async fn install_with(cluster: &Cluster, values: &[&str]) {
    static DONE: OnceCell<()> = OnceCell::const_new();
    DONE.get_or_init(async || install_anew(cluster, values).await)
        .await;
}

/// As [`install_with`], for a cluster that is not shared.
pub async fn install_anew(cluster: &Cluster, values: &[&str]) {
    cluster
        .namespace(NAMESPACE, &[("pod-security.kubernetes.io/enforce", "restricted")])
        .await
        .unwrap();
    let (crds, operator) = (chart("plimsoll-crds"), chart("plimsoll"));
    cluster
        .helm(["install", "plimsoll-crds", &crds, "-n", NAMESPACE])
        .await
        .unwrap();
    let install = ["install", "plimsoll", &operator, "-n", NAMESPACE];
    cluster.helm(install.iter().chain(values)).await.unwrap();
    policies_hold(cluster.admin().unwrap()).await;
}

/// The API server takes a moment to act on a new policy: one wrong object of each kind has to be refused by it.
pub async fn policies_hold(client: Client) {
    let wrong = [
        ("SecurityBaseline", json!({ "controls": { "no/such": {} } })),
        ("BaselineException", exception(json!({ "control": "no/such" }))),
        ("EvidenceRecord", json!({ "namespace": "probe" })),
    ];
    for (kind, spec) in wrong {
        let what = format!("the policy on {kind} holds");
        eventually(SOON, &what, async || {
            match post(&client, kind, "policy-probe", &spec, true).await {
                Err(error) if error.contains("ValidatingAdmissionPolicy") => Ok(()),
                Err(error) => Err(not_yet(error)),
                Ok(()) => Err(not_yet("accepted")),
            }
        })
        .await
        .unwrap();
    }
}

/// The spec of a good exception, with some fields replaced; null takes one away.
pub fn exception(changes: Value) -> Value {
    let mut spec = json!({
        "control": "environments/labelled",
        "selector": { "namespaces": ["sandbox"] },
        "reason": "nobody is harmed by this one",
        "riskId": "R-1",
        "approvedBy": "head of operations",
        "expires": soon().to_string(),
    });
    json_merge(&mut spec, changes);
    spec
}

fn json_merge(spec: &mut Value, changes: Value) {
    let changes: BTreeMap<String, Value> = serde_json::from_value(changes).unwrap();
    for (key, value) in changes {
        if value.is_null() {
            spec.as_object_mut().unwrap().remove(&key);
        } else {
            spec[key] = value;
        }
    }
}

/// A day within the year.
pub fn soon() -> jiff::Timestamp {
    let now = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * 30);
    jiff::Timestamp::from_second(now.as_second()).unwrap()
}

/// A client for one of our own kinds.
pub fn api(client: &Client, kind: &str) -> Api<DynamicObject> {
    let resource = ApiResource {
        group: "plimsoll.dev".into(),
        version: "v1alpha1".into(),
        api_version: "plimsoll.dev/v1alpha1".into(),
        kind: kind.into(),
        plural: format!("{}s", kind.to_lowercase()),
    };
    Api::all_with(client.clone(), &resource)
}

/// One of our own objects.
pub fn object(kind: &str, name: &str, spec: &Value) -> DynamicObject {
    let object = json!({
        "apiVersion": "plimsoll.dev/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec,
    });
    serde_json::from_value(object).unwrap()
}

/// A plain POST, as lenient as a client can be: no schema of its own, and the server is not asked to be strict.
pub async fn post(
    client: &Client,
    kind: &str,
    name: &str,
    spec: &Value,
    dry_run: bool,
) -> Result<(), String> {
    let params = PostParams {
        dry_run,
        field_manager: None,
    };
    let created = api(client, kind).create(&params, &object(kind, name, spec)).await;
    created.map(drop).map_err(|error| error.to_string())
}

/// Name and text of every sample in the docs.
pub fn samples() -> Vec<(String, String)> {
    let folder = top().join("docs/samples");
    let mut samples: Vec<(String, String)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .map(|path| (path.display().to_string(), fs::read_to_string(path).unwrap()))
        .collect();
    samples.sort();
    samples
}
