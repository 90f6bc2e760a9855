//! What a control of ours says of a case.

use std::{collections::BTreeMap, path::PathBuf};

use plimsoll_engine::{
    Engine,
    baseline::{BaselineSpec, Compiled, compile},
    finding::Verdict,
    intake::Intake,
    object::Body,
    report::UnitResult,
};

use crate::table::Rule;

/// What a control of ours says of a case as a whole: the worst of what it says of each object.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Ours {
    /// There is nothing in it that the control judges.
    Silent,
    NotApplicable,
    Pass,
    Unknown(&'static str),
    Fail(&'static str),
}

impl std::fmt::Display for Ours {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown(reason) => write!(f, "Unknown({reason})"),
            Self::Fail(reason) => write!(f, "Fail({reason})"),
            other => write!(f, "{other:?}"),
        }
    }
}

/// Judges manifests as the whole of a production cluster.
pub(crate) fn judge(inputs: &[PathBuf], rule: &Rule) -> Ours {
    let texts: Vec<Vec<u8>> = inputs
        .iter()
        .map(|input| std::fs::read(input).unwrap_or_else(|e| panic!("{}: {e}", input.display())))
        .collect();
    let mut intake = Intake::read(&texts, "default");
    let namespaces: Vec<String> = intake
        .imply_namespaces()
        .iter()
        .map(|name| namespace(name))
        .collect();
    intake.add(&namespaces, "default");
    let mut engine = Engine::scan();
    engine.set_baselines(vec![baseline(rule)]);
    engine.see_everything();
    for (mut object, _) in intake.objects {
        if let (Ok(Body::Workload(workload)), Some(assumed)) = (&mut object.body, rule.replicas) {
            let workload = triomphe::Arc::get_mut(workload).expect("nobody else has it yet");
            workload.spec.replicas.get_or_insert(assumed);
        }
        engine.upsert(object);
    }
    engine.turn("2026-06-01T12:00:00Z".parse().unwrap());
    let report = engine.report();
    let units = report.baselines["comparison"].units.values();
    units.map(|unit| of_unit(&unit)).max().unwrap_or(Ours::Silent)
}

/// A namespace that the case's objects are in: of production, and with no other label.
fn namespace(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {{plimsoll.dev/environment: production}}}}\n"
    )
}

fn baseline(rule: &Rule) -> Compiled {
    let params = serde_json::from_str(rule.params).unwrap();
    let spec = BaselineSpec {
        controls: BTreeMap::from([(rule.control.to_owned(), params)]),
        ..BaselineSpec::default()
    };
    let registry = plimsoll_controls::registry();
    let baseline = compile("comparison", 1, &spec, &[], &registry, None);
    assert!(
        baseline.problems.is_empty(),
        "{}: {:?}",
        rule.check,
        baseline.problems
    );
    baseline
}

fn of_unit(unit: &UnitResult) -> Ours {
    match &unit.verdict {
        Verdict::Pass => Ours::Pass,
        Verdict::NotApplicable(_) => Ours::NotApplicable,
        Verdict::Unknown(unknown) => Ours::Unknown(unknown.reason()),
        Verdict::Fail => {
            let worst = unit.failing().map(|r| (r.severity, r.finding.reason)).min();
            Ours::Fail(worst.unwrap().1)
        }
        Verdict::Waived => panic!("there are no exceptions"),
    }
}
