use plimsoll_engine::control::Registry;

use super::*;
use crate::Duties;

fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> ResourceRule {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    ResourceRule {
        api_groups: Some(owned(groups)),
        resources: Some(owned(resources)),
        verbs: owned(verbs),
        resource_names: None,
    }
}

fn granted(rules: Vec<ResourceRule>) -> SubjectRulesReviewStatus {
    SubjectRulesReviewStatus {
        resource_rules: rules,
        ..SubjectRulesReviewStatus::default()
    }
}

/// The needs of a process without controls: its own kinds, Leases and reviews.
fn needs(duties: Duties, remediation: bool) -> Needs {
    let config = Config {
        duties,
        remediation,
        ..Config::default()
    };
    Needs::of(&Registry::default(), &config)
}

/// Rules that give exactly this.
fn rules(rights: &BTreeSet<Right>) -> Vec<ResourceRule> {
    let rule = |right: &Right| rule(&[&right.group], &[&right.resource], &[&right.verb]);
    rights.iter().map(rule).collect()
}

#[test]
fn what_is_needed_is_no_problem_and_each_right_less_is_one() {
    let needs = needs(Duties::ALL, false);
    let whole = rules(&needs.must);
    assert_eq!(needs.compare(&granted(whole.clone())), Problems::default());
    for left_out in 0..whole.len() {
        let mut less = whole.clone();
        less.remove(left_out);
        let problems = needs.compare(&granted(less));
        assert_eq!((problems.missing.len(), problems.excess.len()), (1, 0));
    }
}

#[test]
fn what_nobody_needs_is_excess_wildcards_above_all() {
    let needs = needs(Duties::ALL, false);
    for (extra, told) in [
        (rule(&[""], &["secrets"], &["get"]), "get secrets"),
        (
            rule(&["apps"], &["deployments"], &["patch"]),
            "patch deployments.apps",
        ),
        (rule(&["*"], &["*"], &["*"]), "* *.*"),
        (
            rule(&["plimsoll.dev"], &["securitybaselines"], &["update"]),
            "update securitybaselines.plimsoll.dev",
        ),
    ] {
        let mut all = rules(&needs.must);
        all.push(extra);
        assert_eq!(needs.compare(&granted(all)).excess, [told]);
    }
    let everything = needs.compare(&granted(vec![rule(&["*"], &["*"], &["*"])]));
    assert!(everything.missing.is_empty(), "a wildcard gives what is needed");
}

#[test]
fn a_right_to_named_objects_is_not_one_to_all() {
    let needs = needs(Duties::ALL, false);
    let mut all = rules(&needs.must);
    all[0].resource_names = Some(vec!["one".into()]);
    assert_eq!(needs.compare(&granted(all)).missing.len(), 1);
}

#[test]
fn each_duty_needs_its_own_rights() {
    let only = |read, repair, probe| Duties { read, repair, probe };
    let has = |needs: &Needs, verb: &str, resource: &str| {
        needs
            .must
            .iter()
            .any(|right| right.verb == verb && right.resource == resource)
    };
    let [all, repairer, prober] = [
        needs(Duties::ALL, false),
        needs(only(false, true, false), true),
        needs(only(false, false, true), false),
    ];
    let status = "securitybaselines/status";
    assert!(has(&all, "patch", status) && !has(&repairer, "patch", status) && !has(&prober, "patch", status));
    assert!(has(&repairer, "create", "events") && !has(&prober, "create", "events"));
    let excess = prober.compare(&granted(rules(&all.must))).excess;
    assert!(excess.iter().any(|right| right.contains(status)), "{excess:?}");
}

#[test]
fn paths_that_everybody_may_get_are_no_excess() {
    let needs = needs(Duties::ALL, false);
    let path = |verbs: &[&str], url: &str| NonResourceRule {
        verbs: verbs.iter().map(|verb| (*verb).to_owned()).collect(),
        non_resource_urls: Some(vec![url.to_owned()]),
    };
    let with = |rule| SubjectRulesReviewStatus {
        resource_rules: rules(&needs.must),
        non_resource_rules: vec![rule],
        ..SubjectRulesReviewStatus::default()
    };
    assert!(
        needs
            .compare(&with(path(&["get"], "/openapi/*")))
            .excess
            .is_empty()
    );
    assert_eq!(
        needs.compare(&with(path(&["get"], "/metrics"))).excess,
        ["get /metrics"]
    );
    assert_eq!(needs.compare(&with(path(&["*"], "*"))).excess, ["* *"]);
}

#[test]
fn an_incomplete_answer_tells_nothing_of_what_is_missing() {
    let needs = needs(Duties::ALL, false);
    let status = SubjectRulesReviewStatus {
        incomplete: true,
        ..SubjectRulesReviewStatus::default()
    };
    assert_eq!(needs.compare(&status).series(), [(["excess"], 0.0)]);
}
