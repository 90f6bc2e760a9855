//! The desk, told by hand what the API server would say.

use serde_json::json;

use super::{super::outlet::ReportApi, *};

const OUTLET: Outlet = Outlet {
    api: ReportApi::OpenReports,
    cluster: false,
};

fn object(
    name: &str,
    version: u64,
    generation: i64,
    digest: Option<&str>,
) -> PartialObjectMeta<DynamicObject> {
    let annotations = digest.map(|digest| json!({ DIGEST: digest }));
    let object = json!({
        "apiVersion": "openreports.io/v1alpha1",
        "kind": "Report",
        "metadata": {
            "namespace": "shop", "name": name, "uid": "u", "resourceVersion": version.to_string(),
            "generation": generation, "annotations": annotations,
            "ownerReferences": [{ "apiVersion": "v1", "kind": "X", "name": "x", "uid": "owner" }],
        },
    });
    serde_json::from_value(object).unwrap()
}

fn stored(version: u64, generation: i64, digest: &str) -> Stored {
    Stored::of(&object("plimsoll-b", version, generation, Some(digest))).unwrap()
}

fn key() -> Key {
    Key {
        namespace: "shop".into(),
        baseline: "b".into(),
    }
}

/// A desk that knows of one report, version 5, generation 1.
fn desk() -> Desk {
    let mut desk = Desk::default();
    assert_eq!(desk.serve(&BTreeSet::from([OUTLET])), (vec![OUTLET], vec![]));
    assert!(desk.ready(false).is_empty(), "nothing is known of it yet");
    desk.hear(OUTLET, &News::Begin);
    desk.hear(OUTLET, &News::Listed(object("plimsoll-b", 5, 1, Some("one"))));
    desk.hear(OUTLET, &News::Listed(object("another", 6, 1, None)));
    desk.hear(OUTLET, &News::Complete);
    assert!(std::mem::take(&mut desk.look_at_all));
    assert_eq!(desk.ready(false), [OUTLET]);
    assert_eq!(desk.stored().len(), 1, "what has no digest is not ours");
    desk
}

fn decide(desk: &Desk, digest: Option<&str>) -> Write {
    desk.decide(OUTLET, "shop", "plimsoll-b", digest, "owner")
}

#[test]
fn only_what_differs_is_written() {
    let desk = desk();
    assert_eq!(decide(&desk, Some("one")), Write::Nothing);
    assert_eq!(decide(&desk, Some("two")), Write::Patch(stored(5, 1, "one")));
    assert_eq!(decide(&desk, None), Write::Delete(stored(5, 1, "one")));
    assert_eq!(
        desk.decide(OUTLET, "else", "plimsoll-b", None, "owner"),
        Write::Nothing
    );
    assert_eq!(
        desk.decide(OUTLET, "else", "plimsoll-b", Some("one"), "owner"),
        Write::Create
    );
    // The chart was installed anew: what its role owned would go with the old one.
    assert!(matches!(
        desk.decide(OUTLET, "shop", "plimsoll-b", Some("one"), "new"),
        Write::Patch(_)
    ));
}

#[test]
fn our_own_writes_come_back_and_mean_nothing() {
    let mut desk = desk();
    desk.written(
        OUTLET,
        &key(),
        "plimsoll-b",
        Some(stored(9, 3, "three")),
        Instant::now(),
    );
    for (version, generation, digest) in [(7, 2, "two"), (9, 3, "three")] {
        desk.hear(
            OUTLET,
            &News::Applied(object("plimsoll-b", version, generation, Some(digest))),
        );
        assert!(!desk.look_at_all, "version {version}");
    }
    // Somebody labelled it.
    desk.hear(OUTLET, &News::Applied(object("plimsoll-b", 10, 3, Some("three"))));
    assert!(!desk.look_at_all);
    assert_eq!(decide(&desk, Some("three")), Write::Nothing);
}

#[test]
fn what_others_do_to_a_report_is_noticed() {
    let mut edited = desk();
    edited.hear(OUTLET, &News::Applied(object("plimsoll-b", 6, 2, Some("one"))));
    assert!(edited.look_at_all);
    assert!(matches!(decide(&edited, Some("one")), Write::Patch(_)));

    // The same while nobody watched.
    let mut relisted = desk();
    relisted.hear(OUTLET, &News::Begin);
    relisted.hear(OUTLET, &News::Listed(object("plimsoll-b", 6, 2, Some("one"))));
    relisted.hear(OUTLET, &News::Complete);
    assert!(matches!(decide(&relisted, Some("one")), Write::Patch(_)));

    let mut deleted = desk();
    deleted.hear(OUTLET, &News::Deleted(object("plimsoll-b", 6, 1, Some("one"))));
    assert!(deleted.look_at_all);
    assert_eq!(decide(&deleted, Some("one")), Write::Create);

    let mut disowned = desk();
    disowned.hear(OUTLET, &News::Applied(object("plimsoll-b", 6, 1, None)));
    assert!(disowned.look_at_all && disowned.stored().is_empty());
}

#[test]
fn kinds_come_and_go() {
    let mut desk = desk();
    assert_eq!(desk.serve(&BTreeSet::new()), (vec![], vec![OUTLET]));
    assert!(desk.ready(false).is_empty() && desk.stored().is_empty());
    desk.hear(OUTLET, &News::Complete);
    assert!(desk.ready(false).is_empty(), "a late word of a kind that is gone");
}

#[test]
fn changes_are_gathered_and_one_report_waits_between_writes() {
    let (mut desk, start) = (desk(), Instant::now());
    desk.change(key(), start);
    desk.change(key(), start + GATHER / 2);
    assert_eq!(desk.next_due(start), Some(start + GATHER));
    assert!(desk.due(start, 9).is_empty());
    assert_eq!(desk.due(start + GATHER, 9), [key()]);
    desk.written(
        OUTLET,
        &key(),
        "plimsoll-b",
        Some(stored(6, 2, "two")),
        start + GATHER,
    );
    desk.change(key(), start + GATHER);
    assert_eq!(desk.next_due(start), Some(start + GATHER + PAUSE));
}

#[test]
fn names_fit_and_are_found_again() {
    assert_eq!(name_for("production"), "plimsoll-production");
    let (a, b) = (
        name_for(&"a".repeat(253)),
        name_for(&format!("{}b", "a".repeat(252))),
    );
    assert!(a.len() <= NAME && b.len() <= NAME && a != b);
    // What is stored of a baseline that is gone is looked up by its name alone.
    for baseline in ["production", &"a".repeat(253)] {
        let name = name_for(baseline);
        let rest = name.strip_prefix("plimsoll-").unwrap();
        assert_eq!(name_for(rest), name);
    }
}
