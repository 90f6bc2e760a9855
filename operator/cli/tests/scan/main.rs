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
#[path = "../program/mod.rs"]
mod program;
mod report;
mod reviewed;
mod schema;

use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use program::{Ran, plimsoll_with_input};

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
