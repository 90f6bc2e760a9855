//! Exit codes: 1 any Fail; else 2 bad input or an Unknown that the input could have answered; else 0.

use crate::{BROKEN, Folder, GOOD, LABELLED, ORPHAN, UNLABELLED, plimsoll};

fn code(files: &[(&str, &str)], args: &[&str]) -> (i32, String) {
    let folder = Folder::with(files);
    let ran = plimsoll(folder.path(), args);
    (ran.code, ran.out + &ran.err)
}

const SCAN: [&str; 4] = ["scan", "in", "--baseline", "b.yaml"];

#[test]
fn verdicts_decide_and_a_failure_outweighs_bad_input() {
    let baseline = ("b.yaml", LABELLED);
    for (wanted, files) in [
        (0, vec![("in/a.yaml", GOOD)]),
        (1, vec![("in/a.yaml", UNLABELLED)]),
        (1, vec![("in/a.yaml", UNLABELLED), ("in/b.yaml", BROKEN)]),
        (2, vec![("in/a.yaml", GOOD), ("in/b.yaml", BROKEN)]),
        (2, vec![("in/a.yaml", ORPHAN)]),
        (0, vec![("in/README.md", "nothing to read")]),
    ] {
        let all: Vec<_> = files.iter().copied().chain([baseline]).collect();
        let (code, text) = code(&all, &SCAN);
        assert_eq!(code, wanted, "{files:?}\n{text}");
    }
}

#[test]
fn bad_arguments_end_with_2_and_say_what_was_expected() {
    let production_only = LABELLED.replace("spec:\n", "spec:\n  environments: {allowed: [live]}\n");
    let files = [
        ("in/a.yaml", GOOD),
        ("b.yaml", LABELLED),
        ("live.yaml", production_only.as_str()),
    ];
    for (args, said) in [
        (vec!["scan"], "<PATH>"),
        (vec!["scan", "in", "--no-such-flag"], "--no-such-flag"),
        (vec!["scan", "in", "--cluster"], "cannot be used with"),
        (vec!["scan", "nowhere"], "nowhere: expected a file or folder"),
        (
            vec!["scan", "in", "--baseline", "essential"],
            "presets: essentials",
        ),
        (
            vec!["scan", "in", "--baseline", "in/a.yaml"],
            "in/a.yaml: expected a SecurityBaseline",
        ),
        (
            vec!["scan", "in", "--control", "labelled"],
            "there is: environments/labelled",
        ),
        (
            vec![
                "scan",
                "in",
                "--baseline",
                "b.yaml",
                "--control",
                "isolation/default-deny",
            ],
            "does not evaluate",
        ),
        (
            vec!["scan", "in", "--environment", "moon"],
            "development, staging, production",
        ),
        (
            vec!["scan", "in", "--exceptions", "b.yaml"],
            "b.yaml: expected a BaselineException",
        ),
        (vec!["scan", "in", "--exceptions", "none.yaml"], "none.yaml"),
        (
            vec![
                "scan",
                "in",
                "--baseline",
                "live.yaml",
                "--environment",
                "production",
            ],
            "live",
        ),
        (vec!["explain", "labelled"], "environments/labelled"),
    ] {
        let (code, text) = code(&files, &args);
        assert_eq!(code, 2, "{args:?}\n{text}");
        assert!(text.contains(said), "{args:?} does not say {said:?}:\n{text}");
    }
}

#[test]
fn a_baseline_that_cannot_be_accepted_names_file_line_field_and_what_was_expected() {
    let bad = "# three of them
apiVersion: plimsoll.dev/v1alpha1
kind: SecurityBaseline
metadata: {name: a}
spec:
  extends: [essential]
  controls:
    environments/labeled: {}
    environments/labelled:
      failAfter: soon
---
apiVersion: plimsoll.dev/v1alpha1
kind: SecurityBaseline
metadata: {name: b}
spec:
  scope:
    excludeNamespace: [x]
  controls: {environments/labelled: {}}
---
apiVersion: plimsoll.dev/v1
kind: SecurityBaseline
metadata: {name: c}
spec: {}
---
apiVersion: plimsoll.dev/v1alpha1
kind: SecurityBaseline
metadata: {name: d}
spec:
  mode: Off
";
    let (code, text) = code(&[("b.yaml", bad), ("in/a.yaml", GOOD)], &SCAN);
    assert_eq!(code, 2, "{text}");
    for said in [
        "b.yaml:6: spec.extends[0]: no preset is called \"essential\"",
        "b.yaml:8: spec.controls.environments/labeled: no control is called",
        "b.yaml:10: spec.controls.environments/labelled.failAfter: ",
        "b.yaml:17: spec.scope.excludeNamespace: unknown field",
        "b.yaml:20: apiVersion: found \"plimsoll.dev/v1\", expected plimsoll.dev/v1alpha1",
        "b.yaml:29: spec.mode: ",
    ] {
        assert!(text.contains(said), "missing {said:?} in:\n{text}");
    }
}

#[test]
fn what_only_a_live_cluster_can_know_does_not_count_and_is_listed() {
    // Where pods run is seen only live; everything else about this workload passes or does not concern it.
    let baseline = LABELLED.replace("environments/labelled: {}", "availability/topology-spread: {}");
    let files = [
        ("b.yaml", baseline.as_str()),
        ("in/a.yaml", GOOD),
        ("in/b.yaml", &ORPHAN.replace("elsewhere", "shop")),
    ];
    let (code, text) = code(&files, &SCAN);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("only a live cluster can tell (1)"), "{text}");
}
