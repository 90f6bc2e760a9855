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

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

/// What a run said.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}\n{}\n{}", self.out, self.err))
    }
}

/// Runs `plimsoll reach - …` on some manifests.
fn reach(manifests: &str, args: &[&str]) -> Ran {
    let all: Vec<&str> = ["reach", "-"].iter().chain(args).copied().collect();
    run(Path::new("."), &all, manifests)
}

fn run(folder: &Path, args: &[&str], input: &str) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(args)
        .current_dir(folder)
        .env_remove("PLIMSOLL_LOG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that ends without reading its input closes the pipe.
    _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
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
