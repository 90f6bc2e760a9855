use jiff::Timestamp;
use plimsoll_engine::{
    baseline::{BaselineSpec, Remediation, compile},
    control::Registry,
    finding::{Basis, Details, Finding, Severity, Verdict},
    kind::Kind,
    memory::Fingerprint,
    report::{BaselineReport, Reported, UnitResult},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const CONTROL: &str = "availability/replica-redundancy";

/// What one baseline says of the unit.
#[derive(Clone, Debug)]
struct Says {
    name: &'static str,
    mode: Mode,
    findings: Vec<(State, Option<Repair>)>,
}

fn says(name: &'static str, mode: Mode, repair: Repair) -> Says {
    Says {
        name,
        mode,
        findings: vec![(State::Failing, Some(repair))],
    }
}

fn web() -> ObjRef {
    ObjRef::new(Kind::Deployment, "shop", "web")
}

fn replicas(to: i32) -> Repair {
    repair(vec![Change::Replicas {
        target: web(),
        from: 1,
        to,
    }])
}

fn repair(changes: Vec<Change>) -> Repair {
    Repair {
        class: RepairClass::Safe,
        why: "".into(),
        changes,
    }
}

fn create(name: &str, manifest: Value) -> Change {
    Change::Create {
        target: ObjRef::new(Kind::CronJob, "shop", name),
        manifest: manifest.into(),
    }
}

fn unit() -> UnitKey {
    UnitKey {
        control: CONTROL,
        subject: web(),
    }
}

fn reported(i: usize, state: &State, repair: Option<&Repair>) -> Reported {
    Reported {
        finding: Finding::new(
            web(),
            Details {
                reason: "TooFew",
                field_path: None,
                message: "".into(),
                evidence: vec![],
                severity: None,
                detail: None,
                repair: repair.cloned().map(Box::new),
            },
        ),
        fingerprint: Fingerprint::of(&[&i.to_string()]),
        severity: Severity::High,
        first_seen: Timestamp::UNIX_EPOCH,
        state: state.clone(),
    }
}

fn baseline_report(says: &Says) -> BaselineReport {
    let findings = says.findings.iter().enumerate();
    let judgement = Judgement {
        control: unit().control,
        severity: Severity::High,
        basis: Basis::Automated,
        mode: says.mode,
        environment: None,
        verdict: Verdict::Fail,
        findings: findings
            .map(|(i, (state, repair))| reported(i, state, repair.as_ref()))
            .collect(),
        notes: Box::default(),
        blind: false,
    };
    BaselineReport {
        name: says.name.into(),
        generation: 1,
        mode: says.mode,
        problems: Arc::new([]),
        severities: Arc::default(),
        units: [UnitResult {
            key: unit(),
            judgement: Arc::new(judgement),
        }]
        .into_iter()
        .collect(),
        tallies: imbl::OrdMap::new(),
        worst: imbl::OrdMap::new(),
        repairable: [unit()].into_iter().collect(),
        tenants: imbl::OrdMap::new(),
    }
}

fn compiled(name: &str, per_hour: u32) -> Compiled {
    let spec = BaselineSpec {
        remediation: Some(Remediation {
            max_changes_per_object_per_hour: Some(per_hour),
        }),
        ..BaselineSpec::default()
    };
    compile(name, 1, &spec, &[], &Registry::default(), None)
}

fn planned(all: &[Says]) -> Vec<Plan> {
    let report = Report {
        baselines: all
            .iter()
            .map(|s| (Arc::from(s.name), baseline_report(s)))
            .collect(),
        ..Report::default()
    };
    let baselines: Vec<_> = all.iter().map(|s| compiled(s.name, 3)).collect();
    plan(&report, &baselines)
}

/// The one step of the one plan.
fn only(all: &[Says]) -> Option<Step> {
    let mut plans = planned(all);
    assert!(
        plans.len() <= 1 && plans.iter().all(|p| p.steps.len() == 1),
        "{plans:?}"
    );
    plans.pop()?.steps.pop()
}

fn raised_to(all: &[Says]) -> Option<i32> {
    only(all).map(|step| match step.change {
        Change::Replicas { to, .. } => to,
        other => panic!("{other}"),
    })
}

#[test]
fn the_strictest_value_wins_and_names_its_baseline() {
    let all = [
        says("a", Mode::Enforce, replicas(2)),
        says("b", Mode::Enforce, replicas(3)),
        says("c", Mode::Enforce, replicas(3)),
    ];
    let step = only(&all).unwrap();
    assert_eq!((raised_to(&all), &*step.baseline), (Some(3), "b"));
}

#[test]
fn the_most_restrictive_mode_wins() {
    for mode in [Mode::Observe, Mode::Propose] {
        let all = [
            says("a", Mode::Enforce, replicas(2)),
            says("b", mode, replicas(5)),
        ];
        assert_eq!(raised_to(&all), None, "{mode:?}");
        assert_eq!(raised_to(&all[..1]), Some(2));
        assert_eq!(raised_to(&all[1..]), None);
    }
}

#[test]
fn a_baseline_without_a_finding_of_its_own_has_no_say() {
    let content = Says {
        name: "b",
        mode: Mode::Observe,
        findings: vec![],
    };
    assert_eq!(
        raised_to(&[says("a", Mode::Enforce, replicas(2)), content]),
        Some(2)
    );
}

#[test]
fn only_findings_that_count_are_repaired() {
    let with = |state| Says {
        name: "a",
        mode: Mode::Enforce,
        findings: vec![(state, Some(replicas(2)))],
    };
    assert_eq!(raised_to(&[with(State::Failing)]), Some(2));
    assert_eq!(raised_to(&[with(State::Settling(Timestamp::UNIX_EPOCH))]), None);
    let waived = with(State::Waived("legacy".into()));
    assert_eq!(raised_to(std::slice::from_ref(&waived)), None);
    assert_eq!(
        raised_to(&[waived, says("b", Mode::Enforce, replicas(2))]),
        None,
        "waived is never repaired"
    );
}

#[test]
fn only_safe_repairs_are_made_and_all_wishes_must_be_safe() {
    let risky = Repair {
        class: RepairClass::NeedsApproval,
        ..replicas(3)
    };
    assert_eq!(raised_to(&[says("a", Mode::Enforce, risky.clone())]), None);
    let all = [
        says("a", Mode::Enforce, replicas(2)),
        says("b", Mode::Enforce, risky),
    ];
    assert_eq!(raised_to(&all), None);
}

#[test]
fn the_lowest_limit_counts() {
    let all = [
        says("a", Mode::Enforce, replicas(2)),
        says("b", Mode::Enforce, replicas(3)),
    ];
    let report = Report {
        baselines: all
            .iter()
            .map(|s| (Arc::from(s.name), baseline_report(s)))
            .collect(),
        ..Report::default()
    };
    let plans = plan(&report, &[compiled("a", 1), compiled("b", 9)]);
    assert_eq!(plans[0].steps[0].max_changes_per_hour, 1);
    assert_eq!(
        plan(&report, &[compiled("a", 1)]),
        [],
        "a baseline that went away"
    );
}

#[test]
fn companions_come_before_what_needs_them_and_equal_objects_are_created_once() {
    let a = repair(vec![create("dns", json!(1)), create("deny", json!(0))]);
    let b = repair(vec![
        create("ingress", json!(2)),
        create("dns", json!(1)),
        create("deny", json!(0)),
    ]);
    let names = |all: &[Says]| -> Vec<String> {
        let steps = planned(all).remove(0).steps;
        steps
            .iter()
            .map(|s| s.change.target().name().to_owned())
            .collect()
    };
    let all = [says("a", Mode::Enforce, a), says("b", Mode::Enforce, b)];
    assert_eq!(names(&all), ["ingress", "dns", "deny"]);
    assert_eq!(names(&all[..1]), ["dns", "deny"]);
}

#[test]
fn directions_of_a_policy_are_joined_and_other_differences_held() {
    let policy = |types: Value| {
        repair(vec![create(
            "deny",
            json!({"kind": "NetworkPolicy", "spec": {"podSelector": {}, "policyTypes": types}}),
        )])
    };
    let joined = only(&[
        says("a", Mode::Enforce, policy(json!(["Egress"]))),
        says("b", Mode::Enforce, policy(json!(["Ingress"]))),
    ])
    .unwrap();
    let Change::Create { manifest, .. } = joined.change else {
        panic!()
    };
    assert_eq!(
        manifest.value().pointer("/spec/policyTypes"),
        Some(&json!(["Ingress", "Egress"]))
    );

    let other = repair(vec![create(
        "deny",
        json!({"kind": "NetworkPolicy", "spec": {"ingress": []}}),
    )]);
    let all = [
        says("a", Mode::Enforce, policy(json!(["Egress"]))),
        says("b", Mode::Enforce, other),
    ];
    assert_eq!(planned(&all), []);
}

#[test]
fn a_repair_with_a_held_part_is_held_whole() {
    let risky = Repair {
        class: RepairClass::NeedsApproval,
        ..repair(vec![create("dns", json!(1))])
    };
    let all = [
        says(
            "a",
            Mode::Enforce,
            repair(vec![create("dns", json!(1)), create("deny", json!(0))]),
        ),
        says("b", Mode::Enforce, risky),
    ];
    assert_eq!(planned(&all), []);
}

fn any_says() -> impl Strategy<Value = Vec<Says>> {
    let mode = prop_oneof![1 => Just(Mode::Observe), 1 => Just(Mode::Propose), 4 => Just(Mode::Enforce)];
    let state = prop_oneof![
        6 => Just(State::Failing),
        1 => Just(State::Settling(Timestamp::UNIX_EPOCH)),
        1 => Just(State::Waived("x".into())),
    ];
    let class = prop_oneof![6 => Just(RepairClass::Safe), 1 => Just(RepairClass::NeedsApproval)];
    let one = (state, prop::option::weighted(0.9, (class, 2..6)));
    let findings = prop::collection::vec(one, 0..3).prop_map(|findings| {
        let repair = |(class, to)| Repair {
            class,
            ..replicas(to)
        };
        findings
            .into_iter()
            .map(|(state, wish)| (state, wish.map(repair)))
            .collect::<Vec<_>>()
    });
    prop::collection::vec((mode, findings), 1..5).prop_map(|all| {
        let names = ["a", "b", "c", "d"];
        names
            .into_iter()
            .zip(all)
            .map(|(name, (mode, findings))| Says { name, mode, findings })
            .collect()
    })
}

proptest! {
    /// Neither the order of findings nor the names of baselines, by which reports are ordered, change the value.
    #[test]
    fn order_does_not_matter(all in any_says(), seed in any::<u64>()) {
        let value = raised_to(&all);
        let mut turned: Vec<Says> = all.clone();
        let names: Vec<_> = all.iter().map(|s| s.name).collect();
        let shift = usize::try_from(seed % 4).unwrap() % all.len();
        for (i, says) in turned.iter_mut().enumerate() {
            says.name = names[(i + shift) % names.len()];
            says.findings.reverse();
        }
        turned.reverse();
        prop_assert_eq!(raised_to(&turned), value);
    }

    /// One more baseline never lowers a value that is written, and never brings about a write that the others'
    /// modes, classes or exceptions forbade.
    #[test]
    fn another_baseline_is_monotone(all in any_says(), to in 2..6) {
        let before = raised_to(&all);
        let mut more = all.clone();
        more.push(says("z", Mode::Enforce, replicas(to)));
        let after = raised_to(&more);
        if let Some(before) = before {
            prop_assert_eq!(after, Some(before.max(to)));
        }
        let forbidden = all.iter().any(|s| s.findings.iter().any(|(state, repair)| {
            let Some(repair) = repair else { return false };
            match state {
                State::Failing => s.mode != Mode::Enforce || repair.class != RepairClass::Safe,
                State::Waived(_) => true,
                State::Settling(_) => false,
            }
        }));
        prop_assert_eq!(after.is_none(), forbidden);
    }

    /// What is written is what some enforcing baseline asked for.
    #[test]
    fn no_value_is_made_up(all in any_says()) {
        if let Some(step) = only(&all) {
            let asks = all.iter().find(|s| *s.name == *step.baseline).unwrap();
            prop_assert_eq!(asks.mode, Mode::Enforce);
            let asked = asks.findings.iter().any(|(state, repair)| {
                *state == State::Failing && repair.as_ref().is_some_and(|r| r.changes[0] == step.change)
            });
            prop_assert!(asked);
        }
    }
}

fn label(key: &str, to: &str) -> Change {
    Change::Set {
        target: ObjRef::namespace_object("shop"),
        pointer: format!("/metadata/labels/pod-security.kubernetes.io~1{key}").into(),
        from: None,
        to: to.into(),
    }
}

fn steps_of(all: &[Says]) -> Vec<String> {
    let plans = planned(all);
    plans
        .iter()
        .flat_map(|plan| &plan.steps)
        .map(|step| step.change.to_string())
        .collect()
}

/// Warning labels are set although the label that enforces has to wait for people.
#[test]
fn what_needs_approval_holds_only_its_own_place_of_an_object() {
    let enforce = Repair {
        class: RepairClass::NeedsApproval,
        ..repair(vec![label("enforce", "baseline")])
    };
    let announce = repair(vec![label("audit", "baseline"), label("warn", "baseline")]);
    let both = Says {
        name: "a",
        mode: Mode::Enforce,
        findings: vec![
            (State::Failing, Some(enforce.clone())),
            (State::Failing, Some(announce.clone())),
        ],
    };
    let set = |key: &str| label(key, "baseline").to_string();
    assert_eq!(steps_of(&[both]), [set("audit"), set("warn")]);
    // A change of the object as a whole is another matter.
    let whole = Change::Create {
        target: ObjRef::namespace_object("shop"),
        manifest: json!({}).into(),
    };
    let whole = Repair {
        class: RepairClass::NeedsApproval,
        ..repair(vec![whole])
    };
    let all = [
        says("a", Mode::Enforce, announce),
        says("b", Mode::Enforce, whole),
    ];
    assert_eq!(steps_of(&all), [""; 0]);
}

#[test]
fn the_stricter_pod_security_level_contents_both() {
    let wants = |name, level: &str| says(name, Mode::Enforce, repair(vec![label("enforce", level)]));
    let all = [wants("a", "restricted"), wants("b", "baseline")];
    assert_eq!(steps_of(&all), [label("enforce", "restricted").to_string()]);
    let all = [wants("a", "baseline"), wants("b", "nonsense")];
    assert_eq!(steps_of(&all), [""; 0]);
}
