//! The charts, rendered, installed, tested, upgraded and uninstalled by the real Helm. Needs `make controlplane`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod environments;
mod health;
mod life;
mod monitoring;
mod own;
mod previous;
mod rights;
mod schema;
mod values;

use kube_test::{Cluster, Error};
use plimsoll_e2e::installed::{NAMESPACE, chart};
use serde_json::Value;

/// The objects that the chart renders with these arguments; those of `helm test` are told by [`is_hook`].
async fn template(cluster: &Cluster, args: &[&str]) -> Result<Vec<Value>, Error> {
    let chart = chart("plimsoll");
    let fixed = ["template", "plimsoll", chart.as_str(), "-n", NAMESPACE];
    let text = cluster.helm(fixed.iter().chain(args)).await?.stdout;
    Ok(documents(&text))
}

fn documents(text: &str) -> Vec<Value> {
    text.split("\n---\n")
        .map(|d| serde_yaml::from_str(d).unwrap())
        .filter(|d: &Value| d.is_object())
        .collect()
}

/// The values of an environment.
fn values(environment: &str) -> String {
    format!("{}/values-{environment}.yaml", chart("plimsoll"))
}

/// Whether an object exists only while `helm test` runs.
fn is_hook(object: &Value) -> bool {
    object["metadata"]["annotations"]["helm.sh/hook"].is_string()
}

/// The one object of a kind and name.
fn of<'o>(objects: &'o [Value], kind: &str, name: &str) -> &'o Value {
    let mut found = objects
        .iter()
        .filter(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    found.next().unwrap_or_else(|| panic!("no {kind} {name}"))
}
