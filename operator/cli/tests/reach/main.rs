//! `plimsoll reach` as users and programs meet it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests"
)]

mod corpora;
mod input;
mod output;
#[path = "../program/mod.rs"]
mod program;

use std::path::Path;

use serde_json::Value;

use program::{Ran, plimsoll_with_input};

/// Runs `plimsoll reach - …` on some manifests.
fn reach(manifests: &str, args: &[&str]) -> Ran {
    let all: Vec<&str> = ["reach", "-"].iter().chain(args).copied().collect();
    plimsoll_with_input(Path::new("."), &all, manifests)
}

/// The connection between two workloads, by `namespace/name`; what is outside goes by its addresses alone.
fn connection<'v>(report: &'v Value, from: &str, to: &str) -> &'v Value {
    let is = |end: &Value, wanted: &str| {
        let name = end["name"].as_str().unwrap();
        let whole = end["namespace"]
            .as_str()
            .map_or_else(|| name.to_owned(), |ns| format!("{ns}/{name}"));
        whole == wanted
    };
    let mut found = report["connections"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|c| is(&c["from"], from) && is(&c["to"], to));
    let one = found
        .next()
        .unwrap_or_else(|| panic!("no {from} to {to}: {report}"));
    assert!(found.next().is_none(), "{from} to {to} twice");
    one
}

fn deployment(namespace: &str, name: &str) -> String {
    format!(
        "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec: {{containers: [{{name: main}}]}}\n"
    )
}

fn policy(namespace: &str, name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {spec}\n"
    )
}

fn namespaces(names: &[&str]) -> String {
    let one = |name: &&str| format!("---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n");
    names.iter().map(one).collect()
}

/// A shop: its web may talk to its database on one port, and to a supplier outside; the office has no policy.
fn shop() -> String {
    [
        namespaces(&["shop", "office"]),
        deployment("shop", "web"),
        deployment("shop", "db"),
        deployment("office", "desk"),
        policy(
            "shop",
            "db",
            "{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress, Egress], ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432}]}]}",
        ),
        policy(
            "shop",
            "web",
            "{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [{podSelector: {}}]}, {to: [{ipBlock: {cidr: 203.0.113.0/24}}], ports: [{port: 443}, {protocol: UDP, port: 443, endPort: 445}]}]}",
        ),
    ]
    .concat()
}
