//! `plimsoll scan`, and `plimsoll report` on what it measures, as users and programs meet it: exit codes, output, and every document accounted for.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests"
)]

mod ci;
mod corpora;
mod docs;
mod exits;
mod input;
mod output;
mod report;
mod reviewed;
mod schema;

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// A folder with files, gone when dropped.
struct Folder(TempDir);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self(dir)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }
}

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

/// Runs `plimsoll` in a folder, with something on standard input.
fn plimsoll_with_input(folder: &Path, args: &[&str], input: &str) -> Ran {
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

fn plimsoll(folder: &Path, args: &[&str]) -> Ran {
    plimsoll_with_input(folder, args, "")
}

/// The entries of a control, as `(result, reason, object)`.
fn results(report: &Value, control: &str) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    report["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["control"] == control)
        .map(|entry| {
            (
                text(&entry["result"]),
                text(&entry["reason"]),
                text(&entry["object"]["name"]),
            )
        })
        .collect()
}

/// A baseline of one control that judges nothing but what the tests give.
const LABELLED: &str = "apiVersion: plimsoll.dev/v1alpha1
kind: SecurityBaseline
metadata: {name: mine}
spec:
  controls:
    environments/labelled: {}
";

const GOOD: &str = "apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels: {plimsoll.dev/environment: production, plimsoll.dev/tenant: acme}
";

const UNLABELLED: &str = "apiVersion: v1
kind: Namespace
metadata:
  name: bare
";

/// A workload whose Namespace object is nowhere.
const ORPHAN: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: elsewhere}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web}]}
";

/// Covers the replicas of everything in `shop`, until EXPIRES.
const EXCEPTION: &str = "apiVersion: plimsoll.dev/v1alpha1
kind: BaselineException
metadata: {name: accepted}
spec:
  control: availability/replica-redundancy
  selector: {namespaces: [shop]}
  reason: it is only a cache
  riskId: R-1
  approvedBy: someone
  expires: \"EXPIRES\"
";

const BROKEN: &str = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: \"unfinished\n";
