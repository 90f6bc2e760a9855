//! What is read, and what becomes of it.

use crate::{BROKEN, Folder, GOOD, LABELLED, ORPHAN, UNLABELLED, plimsoll, plimsoll_with_input, results};

const JSON: [&str; 6] = ["scan", "in", "--baseline", "b.yaml", "-o", "json"];

#[test]
fn every_document_is_accounted_for_and_a_list_is_one() {
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n{}",
        indented(&[GOOD, UNLABELLED])
    );
    let folder = Folder::with(&[
        ("b.yaml", LABELLED),
        ("in/list.yaml", &list),
        ("in/broken.yaml", BROKEN),
        (
            "in/values.yaml",
            "replicas: 3\n---\n# nothing\n---\nother: true\n",
        ),
        (
            "in/chart.yaml",
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: {{ .Release.Name }}}\n",
        ),
        ("in/page.html", "<html>"),
    ]);
    let report = plimsoll(folder.path(), &JSON).json();
    let documents = &report["documents"];
    assert_eq!(
        (
            &documents["total"],
            &documents["decoded"],
            &documents["notRelevant"]
        ),
        (&5.into(), &1.into(), &2.into())
    );
    let unreadable: Vec<(&str, &str)> = documents["unreadable"]
        .as_array()
        .unwrap()
        .iter()
        .map(|document| {
            (
                document["file"].as_str().unwrap(),
                document["why"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(unreadable.len(), 2, "{unreadable:?}");
    assert!(unreadable.iter().any(|(file, _)| file.ends_with("broken.yaml")));
    assert!(
        unreadable
            .iter()
            .any(|(file, why)| file.ends_with("chart.yaml") && why.contains("render the chart first"))
    );
    assert_eq!(results(&report, "environments/labelled").len(), 2);
}

fn indented(objects: &[&str]) -> String {
    let item = |object: &str| {
        let lines: Vec<String> = object
            .lines()
            .enumerate()
            .map(|(i, line)| format!("{} {line}", if i == 0 { "-" } else { " " }))
            .collect();
        lines.join("\n") + "\n"
    };
    objects.iter().map(|object| item(object)).collect()
}

#[test]
fn standard_input_is_read_as_a_file_with_lines() {
    let folder = Folder::with(&[("b.yaml", LABELLED)]);
    let ran = plimsoll_with_input(
        folder.path(),
        &["scan", "-", "--baseline", "b.yaml", "-o", "json"],
        &format!("# head\n{GOOD}---\n{UNLABELLED}"),
    );
    assert_eq!(ran.code, 1, "{}", ran.err);
    let report = ran.json();
    let failing = report["results"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["result"] == "fail")
        .unwrap();
    assert_eq!(failing["file"], "<stdin>");
    assert_eq!(failing["line"], 10);
    assert_eq!(failing["fieldPath"], "metadata.labels");
}

#[test]
fn what_is_not_given_is_assumed_aloud_or_unknown() {
    let baseline = LABELLED.replace(
        "environments/labelled: {}",
        "environments/labelled: {}\n    availability/replica-redundancy: {minReplicas: 5}\n    isolation/default-deny: {}\n    isolation/tenant-namespace: {}",
    );
    let folder = Folder::with(&[("b.yaml", &baseline), ("in/a.yaml", ORPHAN)]);
    let report = plimsoll(folder.path(), &JSON).json();
    assert!(
        report["assumptions"].as_array().unwrap().iter().any(|text| {
            let text = text.as_str().unwrap();
            text.contains("assumed to be production") && text.contains("elsewhere")
        }),
        "{}",
        report["assumptions"]
    );
    let of = |control: &str| results(&report, control);
    let unknown = |name: &str| {
        vec![(
            "unknown".to_owned(),
            "NamespaceNotGiven".to_owned(),
            name.to_owned(),
        )]
    };
    assert_eq!(of("environments/labelled"), unknown("elsewhere"));
    assert_eq!(of("isolation/tenant-namespace"), unknown("elsewhere"));
    assert_eq!(
        of("availability/replica-redundancy"),
        [("fail".into(), "TooFewReplicas".into(), "web".into())]
    );
    assert!(
        of("isolation/default-deny")
            .iter()
            .any(|(result, ..)| result == "fail"),
        "{:?}",
        of("isolation/default-deny")
    );

    // Development is not asked for redundancy.
    let args: Vec<&str> = JSON.iter().copied().chain(["--environment", "dev"]).collect();
    let report = plimsoll(folder.path(), &args).json();
    assert!(
        results(&report, "availability/replica-redundancy")
            .iter()
            .all(|(result, ..)| result == "notApplicable")
    );

    // Part of a cluster: a policy may lie elsewhere.
    let args: Vec<&str> = JSON.iter().copied().chain(["--partial"]).collect();
    let report = plimsoll(folder.path(), &args).json();
    let denied = results(&report, "isolation/default-deny");
    assert!(
        denied
            .iter()
            .all(|(result, reason, _)| result == "unknown" && reason == "MissingContext"),
        "{denied:?}"
    );
}

#[test]
fn patches_are_no_objects_and_objects_given_twice_are_told() {
    let folder = Folder::with(&[
        ("b.yaml", LABELLED),
        ("in/base/ns.yaml", GOOD),
        (
            "in/overlay/kustomization.yaml",
            "resources: [../base]\npatches:\n- path: ns.yaml\n",
        ),
        (
            "in/overlay/ns.yaml",
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n",
        ),
        ("in/z/again.yaml", UNLABELLED),
        ("in/z/once-more.yaml", UNLABELLED),
    ]);
    let report = plimsoll(folder.path(), &JSON).json();
    assert_eq!(
        results(&report, "environments/labelled"),
        [
            ("fail".into(), "Unlabelled".into(), "bare".into()),
            ("pass".into(), String::new(), "shop".into())
        ]
    );
    let duplicates = report["duplicates"].as_array().unwrap();
    assert_eq!(duplicates.len(), 1);
    assert!(
        duplicates[0]["lost"]["file"]
            .as_str()
            .unwrap()
            .ends_with("again.yaml")
    );
    assert!(
        duplicates[0]["kept"]["file"]
            .as_str()
            .unwrap()
            .ends_with("once-more.yaml")
    );
}

const EXCEPTION: &str = "apiVersion: plimsoll.dev/v1alpha1
kind: BaselineException
metadata: {name: bare-until-spring}
spec:
  control: environments/labelled
  selector: {namespaces: [bare]}
  reason: the team moves out of it this quarter
  riskId: RISK-7
  approvedBy: the security officer
  expires: EXPIRES
";

fn exception(days: i64) -> String {
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
    EXCEPTION.replace("EXPIRES", &at.to_string())
}

#[test]
fn exceptions_among_the_input_or_beside_it_waive_and_are_shown() {
    let folder = Folder::with(&[
        ("b.yaml", LABELLED),
        ("in/a.yaml", UNLABELLED),
        ("e.yaml", &exception(30)),
    ]);
    let beside = plimsoll(
        folder.path(),
        &["scan", "in", "--baseline", "b.yaml", "--exceptions", "e.yaml"],
    );
    assert_eq!(beside.code, 0, "{}{}", beside.out, beside.err);
    assert!(
        beside.out.contains("by exception bare-until-spring"),
        "{}",
        beside.out
    );
    std::fs::copy(folder.file("e.yaml"), folder.file("in/e.yaml")).unwrap();
    let report = plimsoll(folder.path(), &JSON).json();
    let waived = &report["results"][0];
    assert_eq!(
        (&waived["result"], &waived["reason"]),
        (&"waived".into(), &"Unlabelled".into())
    );
    assert_eq!(waived["exception"], "bare-until-spring");
}

#[test]
fn exceptions_that_are_over_or_wrong_or_cover_nothing_are_told() {
    let run = |exception: &str, objects: &str| {
        let folder = Folder::with(&[
            ("b.yaml", LABELLED),
            ("in/a.yaml", objects),
            ("in/e.yaml", exception),
        ]);
        plimsoll(folder.path(), &["scan", "in", "--baseline", "b.yaml"])
    };
    let over = run(&exception(-1), UNLABELLED);
    assert_eq!(over.code, 1, "{}", over.out);
    let inert = run(&exception(30), GOOD);
    assert_eq!(inert.code, 0, "{}", inert.out);
    assert!(
        inert.out.contains("exception bare-until-spring covers nothing"),
        "{}",
        inert.out
    );
    for (wrong, said) in [
        (exception(800), "spec.expires"),
        (
            exception(30).replace("riskId: RISK-7", "riskId: ''"),
            "spec.riskId",
        ),
        (
            exception(30).replace("selector: {namespaces: [bare]}", "selector: {}"),
            "spec.selector",
        ),
        (
            exception(30).replace("selector: {namespaces", "selector: {namespace"),
            "spec.selector",
        ),
    ] {
        let ran = run(&wrong, GOOD);
        assert_eq!(ran.code, 2, "{said}: {}", ran.out);
        assert!(
            ran.out.contains(said) && ran.out.contains("unreadable documents (1)"),
            "{said}: {}",
            ran.out
        );
    }
}
