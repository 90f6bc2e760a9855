//! Verdicts as an engine would publish them, of any size.

use std::{collections::BTreeMap, io::Write, path::Path, sync::Arc};

use imbl::{OrdMap, OrdSet};
use jiff::{SignedDuration, Timestamp};
use plimsoll_engine::{
    baseline::{BaselineSpec, Compiled, Mode, compile},
    control::Registry,
    coverage::Coverage,
    finding::{Basis, Change, Details, Finding, Repair, RepairClass, Severity, Verdict},
    kind::Kind,
    memory::Fingerprint,
    name::ObjRef,
    report::{BaselineReport, Judgement, Report, Reported, State, UnitKey, UnitResult, Units},
    unknown::Unknown,
};
use plimsoll_report::{
    Given, Nowhere, Waiver,
    model::{Source, SourceKind},
};
use serde_json::json;

/// Names that do harm where they are taken for more than text.
pub(crate) const HOSTILE: [&str; 6] = [
    "</script><script>window.harmed=1</script>",
    "\"><img src=x onerror=window.harmed=1>",
    "evil\u{202e}gpj.exe",
    "bell\u{7}\u{1b}[31mred\u{0}",
    "{{7*7}}${7*7}`x`|pipe|[a](javascript:window.harmed=1)",
    "<style>*{display:none}</style><iframe src=http://127.0.0.1:1/></iframe>",
];

/// When the verdicts were reached.
pub(crate) fn now() -> Timestamp {
    "2026-11-22T08:30:00Z".parse().unwrap()
}

/// A cluster's verdicts, and what else a report is made of.
pub(crate) struct Scene {
    report: Report,
    registry: Registry,
    baselines: Vec<Compiled>,
    waivers: Vec<Waiver>,
    coverage: BTreeMap<Kind, (Coverage, Option<usize>)>,
    source: Source,
    live: bool,
}

impl Scene {
    /// One in which so many findings are open, and some more units pass, are waived or unknown.
    pub(crate) fn of(findings: usize) -> Self {
        let mut scene = Self::empty();
        let ids: Vec<&'static str> = scene.registry.metas().map(|meta| meta.id).collect();
        let mut baseline = baseline(&scene.registry);
        for i in 0..findings {
            // Some controls fail often and others seldom, as in life.
            let control = ids[(i * i + i / 7) % ids.len()];
            baseline.take(scene.unit(control, i, failing(i, control)));
        }
        for (i, control) in (0..findings.max(40) * 2).zip(ids.iter().cycle()) {
            baseline.take(scene.unit(control, i + findings, Vec::new()));
        }
        for i in 0..(findings / 50).clamp(3, 400) {
            let unknown = Unknown::new(
                "Forbidden",
                "the operator may not list and watch ingresses.networking.k8s.io",
            );
            let mut unit = scene.unit("encryption/ingress-tls", i, Vec::new());
            unit.key.subject = ObjRef::new(Kind::Ingress, namespace(i), format!("site-{i}"));
            let judgement = Judgement {
                verdict: Verdict::Unknown(unknown.live_only()),
                ..(*unit.judgement).clone()
            };
            unit.judgement = Arc::new(judgement);
            baseline.take(unit);
        }
        scene.publish(baseline);
        scene
    }

    /// One whose objects have the names given.
    pub(crate) fn named(names: &[String]) -> Self {
        let mut scene = Self::empty();
        let mut baseline = baseline(&scene.registry);
        for (i, name) in names.iter().enumerate() {
            let mut found = failing(i, "availability/replica-redundancy");
            found[0].finding.object = ObjRef::new(Kind::Deployment, name.as_str(), name.as_str());
            found[0].finding.message = format!("{name} asks for 1 replicas").into();
            found[0].finding.evidence = vec![name.as_str().into()];
            found[0].finding.field_path = Some(name.as_str().into());
            found[0].finding.repair = Some(Box::new(Repair {
                class: RepairClass::NeedsApproval,
                why: name.clone().into(),
                changes: vec![Change::Create {
                    target: ObjRef::new(Kind::NetworkPolicy, name.as_str(), name.as_str()),
                    manifest: json!({"kind": "NetworkPolicy", "metadata": {"name": name}}).into(),
                }],
            }));
            let mut unit = scene.unit("availability/replica-redundancy", i, found);
            unit.key.subject = ObjRef::new(Kind::Deployment, name.as_str(), name.as_str());
            let judgement = Judgement {
                environment: Some(name.as_str().into()),
                notes: Box::new([name.as_str().into()]),
                ..(*unit.judgement).clone()
            };
            unit.judgement = Arc::new(judgement);
            baseline
                .report
                .tenants
                .insert(name.as_str().into(), name.as_str().into());
            baseline.take(unit);
            scene.waivers.push(Waiver {
                name: name.clone(),
                control: name.clone(),
                covers: name.clone(),
                reason: name.clone(),
                risk_id: name.clone(),
                approved_by: name.clone(),
                ..Waiver::default()
            });
        }
        scene.publish(baseline);
        scene.source.name.clone_from(&names[0]);
        scene
    }

    fn empty() -> Self {
        let registry = plimsoll_controls::registry();
        let spec = BaselineSpec {
            extends: vec!["essentials".into()],
            ..BaselineSpec::default()
        };
        let compiled = compile(
            "production",
            7,
            &spec,
            &plimsoll_controls::presets(),
            &registry,
            None,
        );
        let coverage = registry
            .reads()
            .iter()
            .enumerate()
            .map(|(i, kind)| match (kind, i % 3) {
                (Kind::Ingress, _) => (kind, (Coverage::Forbidden, Some(0))),
                (_, 2) if kind.is_optional() => (kind, (Coverage::Absent, Some(0))),
                _ => (kind, (Coverage::Complete, Some(i * i * 7 % 991))),
            })
            .collect();
        Self {
            report: Report::default(),
            registry,
            baselines: vec![compiled],
            waivers: waivers(),
            coverage,
            source: Source {
                kind: SourceKind::Operator,
                name: "prod-eu-central-1".into(),
            },
            live: true,
        }
    }

    fn unit(&self, control: &'static str, i: usize, findings: Vec<Reported>) -> UnitResult {
        let meta = self.registry.meta(control).unwrap();
        let waived = !findings.is_empty() && findings.iter().all(|f| matches!(f.state, State::Waived(_)));
        let verdict = match findings.is_empty() {
            true => Verdict::Pass,
            false if waived => Verdict::Waived,
            false => Verdict::Fail,
        };
        let judgement = Judgement {
            control: meta.id,
            severity: meta.severity,
            basis: Basis::Automated,
            mode: Mode::Propose,
            environment: ["production", "staging", "development"]
                .get(i % 7 / 2)
                .map(|name| Arc::from(*name)),
            verdict,
            findings: findings.into(),
            notes: Box::default(),
            blind: false,
        };
        UnitResult {
            key: UnitKey {
                control,
                subject: subject(i),
            },
            judgement: Arc::new(judgement),
        }
    }

    fn publish(&mut self, baseline: Filing) {
        for judgement in baseline.report.units.judgements() {
            for found in &judgement.findings {
                if let State::Waived(by) = &found.state {
                    *self.report.waived_by.entry(by.clone()).or_insert(0) += 1;
                }
            }
        }
        self.report.evaluated_at = Some(now() - SignedDuration::from_secs(3));
        self.report.baselines.insert("production".into(), baseline.report);
    }

    /// What a report is made of.
    pub(crate) fn given(&self) -> Given<'_> {
        Given {
            verdicts: &self.report,
            controls: &self.registry,
            baselines: &self.baselines,
            waivers: &self.waivers,
            coverage: &self.coverage,
            places: &Nowhere,
            source: &self.source,
            version: "0.1.0",
            now: now(),
            live: self.live,
            assumptions: &[],
            problems: &[],
            documents: None,
            previous: None,
        }
    }

    /// Writes the page.
    pub(crate) fn write(&self, file: &Path) {
        let mut out = std::io::BufWriter::new(std::fs::File::create(file).unwrap());
        plimsoll_report::write_html(&self.given(), &mut out).unwrap();
        out.flush().unwrap();
    }
}

struct Filing {
    report: BaselineReport,
}

impl Filing {
    fn take(&mut self, unit: UnitResult) {
        let key = (unit.key.control, unit.environment.clone().unwrap_or_default());
        self.report
            .tallies
            .entry(key)
            .or_default()
            .count(&unit.judgement, 1);
        self.report.units.insert(unit);
    }
}

fn baseline(registry: &Registry) -> Filing {
    let mut tenants = OrdMap::new();
    for i in 0..2000 {
        if i % 5 != 0 {
            tenants.insert(
                Arc::from(namespace(i)),
                Arc::from(format!("tenant-{:02}", i % 23)),
            );
        }
    }
    Filing {
        report: BaselineReport {
            name: "production".into(),
            generation: 7,
            mode: Mode::Propose,
            problems: Arc::from([]),
            severities: Arc::new(registry.metas().map(|meta| (meta.id, meta.severity)).collect()),
            units: Units::default(),
            tallies: OrdMap::new(),
            worst: OrdMap::new(),
            repairable: OrdSet::new(),
            tenants,
        },
    }
}

fn namespace(i: usize) -> String {
    const TEAMS: [&str; 8] = [
        "shop", "bank", "billing", "search", "mail", "reports", "crm", "media",
    ];
    format!("{}-{:04}", TEAMS[i % TEAMS.len()], i % 1000)
}

fn subject(i: usize) -> ObjRef {
    let kind = [
        Kind::Deployment,
        Kind::StatefulSet,
        Kind::CronJob,
        Kind::DaemonSet,
    ][i % 4];
    ObjRef::new(
        kind,
        namespace(i),
        format!("{}-{i}", ["web", "api", "worker", "cache"][i / 4 % 4]),
    )
}

/// One finding, of which every thirtieth is waived.
fn failing(i: usize, control: &str) -> Vec<Reported> {
    let object = subject(i);
    let number = i % 9 + 1;
    let finding = Finding::new(
        object.clone(),
        Details {
            reason: "TooFewReplicas",
            field_path: Some(format!("spec.template.spec.containers[name=app-{}].resources", i % 50).into()),
            message: format!(
                "asks for {number} replicas in zone {}, at least {} are expected",
                i % 17,
                number + 1
            )
            .into(),
            evidence: vec![
                format!("spec.replicas: {number}").into(),
                format!(
                    "PodDisruptionBudget {}/{} allows {} at a time",
                    namespace(i),
                    object.name(),
                    i % 4
                )
                .into(),
            ],
            severity: None,
            detail: None,
            repair: i.is_multiple_of(2).then(|| {
                Box::new(Repair {
                    class: RepairClass::Safe,
                    why: "adding a replica interrupts nobody".into(),
                    changes: vec![Change::Replicas {
                        target: object.clone(),
                        from: 1,
                        to: 2,
                    }],
                })
            }),
        },
    );
    vec![Reported {
        fingerprint: Fingerprint::of(&["production", control, &object.to_string(), &i.to_string()]),
        severity: Severity::ALL[[1, 1, 2, 2, 3, 2, 1, 0][i * 5 % 8]],
        first_seen: now() - SignedDuration::from_hours((i * i % 4000) as i64),
        state: if i % 30 == 29 {
            State::Waived("single-writer-caches".into())
        } else {
            State::Failing
        },
        finding,
    }]
}

fn waivers() -> Vec<Waiver> {
    let waiver = |name: &str, reason: &str, expires: &str, risk: &str| Waiver {
        name: name.into(),
        control: "availability/replica-redundancy".into(),
        covers: "StatefulSet cache-29 in bank-0029".into(),
        reason: reason.into(),
        risk_id: risk.into(),
        approved_by: "head of operations".into(),
        expires: Some(expires.parse().unwrap()),
        ..Waiver::default()
    };
    vec![
        waiver(
            "single-writer-caches",
            "the cache is warmed from the database within a minute; losing it is a slow page, no outage",
            "2026-12-11T00:00:00Z",
            "RISK-114",
        ),
        waiver(
            "legacy-importer",
            "replaced by the new importer in the first quarter",
            "2027-03-31T00:00:00Z",
            "RISK-97",
        ),
        waiver(
            "migration-2025",
            "the migration ran twice by design",
            "2026-10-01T00:00:00Z",
            "RISK-61",
        ),
    ]
}
