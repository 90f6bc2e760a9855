//! `access/no-plaintext-credentials`: credentials lie in Secrets, not in pod templates, ConfigMaps and annotations.
//!
//! Texts are matched while they are decoded and never kept; this control only sees where something matched, and which pattern.
//! It cannot report a value, because there is none.

mod params;

use std::collections::BTreeMap;

use plimsoll_engine::{
    control::{Control, Meta, ParamError, Unit, UnitKind},
    decode::Wanted,
    duration::Duration,
    finding::{Basis, Finding, Findings, Repair, RepairClass, Severity},
    kind::{Kind, KindSet},
    texts::{LAST_APPLIED, Mark, Part, Place, Sign},
    unknown::Unknown,
    view::View,
    workload::{WORKLOADS, workloads_and},
};

pub use params::{Params, ValuePattern};

/// The control.
pub struct NoPlaintextCredentials;

/// Workloads, and what else carries texts that people write.
const SUBJECTS: &[Kind] = &workloads_and::<11>(&[Kind::ConfigMap, Kind::Service, Kind::Ingress]);

impl Control for NoPlaintextCredentials {
    const META: Meta = Meta {
        id: "access/no-plaintext-credentials",
        title: "Credentials lie in Secrets, not in plain text",
        severity: Severity::Critical,
        basis: Basis::Automated,
        unit: UnitKind::TopMost(SUBJECTS),
        reads: KindSet::of(SUBJECTS).union(KindSet::of(WORKLOADS)),
        fail_after: Duration::from_mins(5),
        mappings: &[("SOC 2", "CC6.1"), ("ISO 27001", "A.5.17"), ("GDPR", "32(1)(b)")],
        rights: &[],
        page: include_str!("README.md"),
    };
    type Params = Params;

    fn validate(params: &Params) -> Result<(), ParamError> {
        params.validate()
    }

    fn wanted(params: &Params) -> Wanted {
        Wanted {
            credentials: Some(params.patterns()),
            hosts: false,
        }
    }

    fn check(unit: &Unit<'_>, view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
        if !view.is_in(&params.environments)? {
            out.not_applicable("its environment is not among those judged");
            return Ok(());
        }
        let (seen, complete) = view.credentials(unit.object()?, &params.patterns());
        for ((path, inner), sight) in sights(&seen, params) {
            report(&path, inner, &sight, out);
        }
        complete
    }

    fn repair(
        _unit: &Unit<'_>,
        _view: &View<'_>,
        _params: &Params,
        _finding: &Finding,
    ) -> Result<Option<Repair>, Unknown> {
        Ok(Some(Repair {
            class: RepairClass::NeverAutomatic,
            why: "move it to a Secret (valueFrom.secretKeyRef, or a file), then issue a new credential: this one lies in etcd, \
                  in what was last applied, and in Git"
                .into(),
            changes: Vec::new(),
        }))
    }
}

/// What was seen at one place.
#[derive(Default)]
struct Sight<'a> {
    words: String,
    named: bool,
    shape: Option<&'a str>,
}

/// What was seen, by place: several patterns on one value are one finding.
fn sights<'a>(
    seen: &'a [(Place<'a>, &'a Mark)],
    params: &'a Params,
) -> BTreeMap<(String, Option<&'a str>), Sight<'a>> {
    let elsewhere = seen.iter().any(|(_, mark)| &*mark.key != LAST_APPLIED);
    let mut sights: BTreeMap<_, Sight<'_>> = BTreeMap::new();
    // What was last applied repeats the object: of interest only where the object itself is clean by now.
    for (place, mark) in seen.iter().filter(|(_, mark)| !elsewhere || &*mark.key != LAST_APPLIED) {
        let sight = sights
            .entry((place.path(&mark.key), mark.inner.as_deref()))
            .or_default();
        sight.words = words(place, &mark.key, mark.inner.as_deref());
        match mark.sign {
            Sign::Named { .. } => sight.named = true,
            Sign::Shaped { shape, .. } => {
                let pattern = params.value_patterns.get(usize::from(shape));
                sight.shape = pattern.map(|pattern| pattern.name.as_str());
            }
            Sign::Host(_) | Sign::More => {}
        }
    }
    sights
}

fn report(path: &str, inner: Option<&str>, sight: &Sight<'_>, out: &mut Findings) {
    let message = match (sight.named, sight.shape) {
        (_, Some(shape)) => format!("{} has the shape of a credential: {shape}", sight.words),
        (true, None) => format!("{} is written out under the name of a credential", sight.words),
        (false, None) => "there are more credentials than are listed".to_owned(),
    };
    out.fail("PlaintextCredential", message)
        .at(path)
        .detail(format!("{path}{}", inner.map(|name| format!(" {name}")).unwrap_or_default()));
}

/// Which text it is, in words.
fn words(place: &Place<'_>, key: &str, inner: Option<&str>) -> String {
    let container = place.container.unwrap_or_default();
    let within = inner.map(|name| format!("{name} in ")).unwrap_or_default();
    match place.part {
        Part::Env => format!("{within}variable {key} of container {container}"),
        Part::Command => format!("{within}the command of container {container}"),
        Part::Args => format!("{within}the arguments of container {container}"),
        Part::Data | Part::BinaryData => format!("{within}key {key}"),
        Part::Annotations => format!("annotation {key}"),
        Part::PodAnnotations => format!("annotation {key} of its pods"),
    }
}
