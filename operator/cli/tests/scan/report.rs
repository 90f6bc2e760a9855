//! `plimsoll report` of files.

use std::fs;

use crate::{BROKEN, Folder, GOOD, LABELLED, ORPHAN, UNLABELLED, plimsoll, schema};

const EXCEPTION: &str = "apiVersion: plimsoll.dev/v1alpha1
kind: BaselineException
metadata: {name: bare-for-now}
spec:
  control: environments/labelled
  selector: {namespaces: [bare]}
  reason: it is being taken down
  riskId: R-12
  approvedBy: head of operations
  expires: EXPIRES
";

fn baseline() -> String {
    LABELLED.replace(
        "environments/labelled: {}",
        "environments/labelled: {}\n    isolation/default-deny: {}\n    availability/replica-redundancy: {minReplicas: 5}",
    )
}

fn folder() -> Folder {
    let expires = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(48)).to_string();
    Folder::with(&[
        ("b.yaml", &baseline()),
        ("in/a.yaml", &format!("{GOOD}---\n{UNLABELLED}---\n{ORPHAN}")),
        ("in/broken.yaml", BROKEN),
        ("e.yaml", &EXCEPTION.replace("EXPIRES", &expires)),
    ])
}

const ARGS: &[&str] = &["report", "in", "--baseline", "b.yaml", "--exceptions", "e.yaml"];

#[test]
fn json_is_as_its_schema_says_and_counts_what_the_scan_counts() {
    let folder = folder();
    let ran = plimsoll(folder.path(), &[ARGS, &["-o", "json"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    let report = ran.json();
    schema::check_as("report", &report);
    assert_eq!(
        report["source"],
        serde_json::json!({"kind": "files", "name": "in"})
    );
    let scan = plimsoll(
        folder.path(),
        &[
            "scan",
            "in",
            "--baseline",
            "b.yaml",
            "--exceptions",
            "e.yaml",
            "-o",
            "json",
        ],
    );
    let scan = scan.json();
    for count in ["pass", "fail", "unknown", "waived", "notApplicable"] {
        assert_eq!(report[count], scan["baselines"][0][count], "{count}");
    }
    assert_eq!(report["baselines"][0]["score"], scan["baselines"][0]["score"]);
    let exception = &report["exceptions"][0];
    assert_eq!(
        (&exception["riskId"], &exception["phase"], &exception["daysLeft"]),
        (&"R-12".into(), &"active".into(), &1.into())
    );
    let results = report["results"].as_array().unwrap();
    let manifests = results
        .iter()
        .filter_map(|entry| entry["fix"]["manifests"].as_array());
    assert!(
        manifests
            .flatten()
            .any(|object| object["kind"] == "NetworkPolicy"),
        "{results:?}"
    );
    assert_eq!(report["documents"]["unreadable"].as_array().unwrap().len(), 1);
    assert_eq!(report["controls"].as_array().unwrap().len(), 3);
}

#[test]
fn a_page_appears_whole_under_its_name() {
    let folder = folder();
    let ran = plimsoll(folder.path(), &[ARGS, &["--file", "report.html"]].concat());
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
    let page = fs::read_to_string(folder.file("report.html")).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    for part in [
        "Namespace",
        "in/a.yaml",
        "R-12",
        "head of operations",
        "ISO/IEC 27001:2022",
        "in/broken.yaml",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!folder.file("report.html.part").exists());
    let refused = plimsoll(
        folder.path(),
        &[ARGS, &["--file", "no/such/folder/report.html"]].concat(),
    );
    assert_eq!(refused.code, 2);
}

#[test]
fn markdown_says_the_same() {
    let folder = folder();
    let ran = plimsoll(folder.path(), &[ARGS, &["-o", "markdown"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    for part in [
        "# Compliance report",
        "## GDPR",
        "kind: NetworkPolicy",
        "| `bare-for-now` | active |",
        "in/broken.yaml",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
}

#[test]
fn an_earlier_report_tells_what_is_new_and_what_is_resolved() {
    let folder = folder();
    let first = plimsoll(
        folder.path(),
        &[ARGS, &["-o", "json", "--file", "last.json"]].concat(),
    );
    assert_eq!(first.code, 0, "{}", first.err);
    // One workload fewer replicas short, one namespace more without a label.
    fs::write(
        folder.file("in/a.yaml"),
        format!("{GOOD}---\n{}", UNLABELLED.replace("bare", "bald")),
    )
    .unwrap();
    let report = plimsoll(
        folder.path(),
        &[ARGS, &["-o", "json", "--previous", "last.json"]].concat(),
    )
    .json();
    let open = |of: &serde_json::Value| -> std::collections::BTreeSet<String> {
        let all = of["results"].as_array().unwrap().iter();
        all.filter(|entry| entry["result"] == "fail")
            .map(|entry| entry["fingerprint"].as_str().unwrap().to_owned())
            .collect()
    };
    let last: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.file("last.json")).unwrap()).unwrap();
    let (before, now) = (open(&last), open(&report));
    assert_eq!(report["comparison"]["opened"], now.difference(&before).count());
    assert_eq!(report["comparison"]["resolved"], before.difference(&now).count());
    assert!(now.difference(&before).count() > 0 && before.difference(&now).count() > 0);
    assert_eq!(report["comparison"]["since"], last["evaluatedAt"]);
    fs::write(
        folder.file("last.json"),
        "{\"apiVersion\": \"other/v1\", \"results\": []}",
    )
    .unwrap();
    let refused = plimsoll(folder.path(), &[ARGS, &["--previous", "last.json"]].concat());
    assert_eq!(refused.code, 2);
    assert!(
        refused
            .err
            .contains("found other/v1, expected report.plimsoll.dev/v1"),
        "{}",
        refused.err
    );
}

#[test]
fn what_needs_something_to_measure_is_refused_without() {
    let folder = folder();
    let ran = plimsoll(folder.path(), &["report", "--baseline", "b.yaml"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.err.contains("--baseline needs something to measure"),
        "{}",
        ran.err
    );
}
