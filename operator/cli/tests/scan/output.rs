//! The table for people and the JSON for programs.

use crate::{BROKEN, Folder, GOOD, LABELLED, ORPHAN, UNLABELLED, plimsoll, schema};

/// A name nobody should put on a terminal: colours, a line break, a right-to-left override, an invisible character.
const HOSTILE: &str =
    "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: \"a\\e[31m\\n\\u202Egpj\\u200B\"\n";

#[test]
fn hostile_names_reach_nobody_unescaped() {
    let folder = Folder::with(&[
        ("b.yaml", LABELLED),
        ("in/a.yaml", HOSTILE),
        ("in/b.yaml", BROKEN),
    ]);
    for output in ["table", "json"] {
        let ran = plimsoll(
            folder.path(),
            &["scan", "in", "--baseline", "b.yaml", "-o", output],
        );
        let hostile = |c: &char| *c != '\n' && (c.is_control() || ['\u{202e}', '\u{200b}'].contains(c));
        assert_eq!(
            (ran.out.clone() + &ran.err).chars().find(hostile),
            None,
            "{output}: {}",
            ran.out
        );
        assert!(ran.out.contains("202e"), "{output}: {}", ran.out);
    }
    let table = plimsoll(folder.path(), &["scan", "in", "--baseline", "b.yaml"]).out;
    assert!(
        table.contains("Namespace a\\u{1b}[31m\\n\\u{202e}gpj\\u{200b}"),
        "{table}"
    );
}

#[test]
fn json_is_as_its_schema_says() {
    let baseline = LABELLED.replace(
        "environments/labelled: {}",
        "environments/labelled: {}\n    availability/replica-redundancy: {minReplicas: 5}\n    environments/segregated: {}",
    );
    let folder = Folder::with(&[
        ("b.yaml", &baseline),
        (
            "in/a.yaml",
            &format!("{GOOD}---\n{UNLABELLED}---\n{UNLABELLED}---\n{ORPHAN}"),
        ),
        ("in/b.yaml", BROKEN),
    ]);
    let report = plimsoll(
        folder.path(),
        &["scan", "in", "--baseline", "b.yaml", "-o", "json"],
    )
    .json();
    schema::check(&report);
    assert_eq!(report["apiVersion"], "scan.plimsoll.dev/v1");
    let results = report["results"].as_array().unwrap();
    for word in ["pass", "fail", "unknown"] {
        assert!(
            results.iter().any(|entry| entry["result"] == word),
            "no {word} among the results"
        );
    }
    assert!(
        results.iter().any(|entry| entry["fix"]["class"].is_string()),
        "no fix"
    );
    assert!(
        results.iter().any(|entry| entry.get("object").is_none()),
        "nothing about the cluster"
    );
}

#[test]
fn the_table_says_what_where_and_how_to_fix_it_worst_first() {
    let baseline = LABELLED.replace(
        "environments/labelled: {}",
        "environments/labelled: {}\n    availability/replica-redundancy: {minReplicas: 5, severity: Critical}",
    );
    let folder = Folder::with(&[
        ("b.yaml", &baseline),
        (
            "in/a.yaml",
            &format!(
                "{GOOD}---\n{UNLABELLED}---\n{}",
                ORPHAN.replace("elsewhere", "shop")
            ),
        ),
    ]);
    let ran = plimsoll(folder.path(), &["scan", "in", "--baseline", "b.yaml"]);
    let at = |text: &str| {
        ran.out
            .find(text)
            .unwrap_or_else(|| panic!("no {text:?} in\n{}", ran.out))
    };
    assert!(at("critical  availability/replica-redundancy") < at("high  environments/labelled"));
    at("Deployment shop/web");
    at("in/a.yaml:16");
    at("set spec.replicas of Deployment shop/web from 3 to 5");
    at("documents: 3 = 3 decoded + 0 not relevant + 0 unreadable, in 1 files");
    at("mine: score ");
    assert!(!ran.out.contains('\u{1b}'), "colours without a terminal");

    let quiet = plimsoll(folder.path(), &["scan", "in", "--baseline", "b.yaml", "-q"]);
    assert_eq!(quiet.code, 1);
    assert_eq!(quiet.out.trim().lines().count(), 2, "{}", quiet.out);
}

#[test]
fn the_table_is_capped_with_exact_totals_and_one_control_can_be_picked() {
    let many: Vec<String> = (0..60)
        .map(|i| UNLABELLED.replace("bare", &format!("bare-{i:02}")))
        .collect();
    let many = many.join("---\n");
    let folder = Folder::with(&[("in/a.yaml", &many)]);
    let picked = plimsoll(
        folder.path(),
        &["scan", "in", "--control", "environments/labelled", "--limit", "5"],
    );
    assert!(picked.out.contains("(60 failing)"), "{}", picked.out);
    assert!(picked.out.contains("… and 55 more"), "{}", picked.out);
    assert!(!picked.out.contains("isolation/"), "{}", picked.out);
}

#[test]
fn controls_and_baselines_are_explained() {
    let folder = Folder::with(&[(
        "b.yaml",
        &LABELLED
            .replace("{}", "{failAfter: 7m}")
            .replace("spec:\n", "spec:\n  mode: Propose\n"),
    )]);
    let page = plimsoll(folder.path(), &["explain", "environments/labelled"]);
    assert!(
        page.code == 0 && page.out.starts_with("# environments/labelled\n"),
        "{}",
        page.out
    );
    let list = plimsoll(folder.path(), &["explain"]);
    assert!(
        list.out.contains("environments/labelled") && list.out.contains("essentials"),
        "{}",
        list.out
    );
    let baseline = plimsoll(folder.path(), &["explain", "baseline", "b.yaml"]).out;
    for (parameter, origin, value) in [
        ("failAfter", "baseline", "\"7m\""),
        ("mode", "spec.mode", "\"Propose\""),
        ("severity", "default", "\"High\""),
    ] {
        let line = baseline
            .lines()
            .rev()
            .find(|line| line.split_whitespace().any(|word| word == parameter));
        let words: Vec<&str> = line
            .unwrap_or_else(|| panic!("no {parameter} in\n{baseline}"))
            .split_whitespace()
            .collect();
        assert!(words.ends_with(&[origin, value]), "{words:?}");
    }
}
