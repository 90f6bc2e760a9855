//! `backup/restore-test-isolation`: restored data is production data: it is restored to a place apart, and does not stay.

mod copies;
mod egress;
mod exposure;
mod propose;
mod rights;

use plimsoll_engine::{
    control::{Control, Meta, ParamError, Unit, UnitKind},
    decode::Object,
    duration::Duration,
    fact::Fact,
    facts::{ClusterDenial, Granted, UnmodelledPolicy},
    finding::{Basis, Finding, Findings, Repair, Right, Severity},
    kind::{Kind, KindSet},
    object::{Direction, restore_tests_in},
    reach::Match,
    unknown::Unknown,
    view::View,
    workload::WORKLOADS,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    isolation::default_deny::{Policies, by_cluster, denial, openness, policies, unclear, unmodelled},
    shared::rights::AllowedSubject,
};

/// The control.
pub struct RestoreTestIsolation;

/// Parameters of `backup/restore-test-isolation`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Params {
    /// How long restored claims and databases may stay after the test ended. Default 24h.
    pub max_lifetime: Duration,
    /// Environments that no test may run in, nor reach. Default: production.
    #[schemars(length(min = 1))]
    pub environments: Vec<String>,
    /// Address ranges (`10.20.0.0/24`) of the backup stores outside the cluster. Where some are given, egress to other
    /// addresses fails; else it is noted. Default: none.
    #[schemars(length(max = 64))]
    pub backup_stores: Vec<String>,
    /// Who may get at restored data without the same access in production: `system:serviceaccount:NAMESPACE:NAME`,
    /// `User/NAME` or `Group/NAME`. ServiceAccounts of the test's own namespace and of the platform may. Default: none.
    #[schemars(length(max = 256))]
    pub allowed_subjects: Vec<AllowedSubject>,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            max_lifetime: Duration::from_hours(24),
            environments: vec!["production".into()],
            backup_stores: Vec::new(),
            allowed_subjects: Vec::new(),
        }
    }
}

/// What marks a namespace as one that restore tests run in.
const TESTS: &[Kind] = &[
    Kind::CronJob,
    Kind::Job,
    Kind::K8upRestore,
    Kind::CnpgCluster,
    Kind::StatefulSet,
    Kind::Deployment,
    Kind::PersistentVolumeClaim,
];

impl Control for RestoreTestIsolation {
    const META: Meta = Meta {
        id: "backup/restore-test-isolation",
        title: "Backups are restored in tests to a place apart, and the copies do not stay",
        severity: Severity::High,
        basis: Basis::Automated,
        unit: UnitKind::Namespace,
        reads: KindSet::of(TESTS)
            .union(KindSet::of(WORKLOADS))
            .union(UnmodelledPolicy::READS)
            .union(ClusterDenial::READS)
            .union(Granted::READS)
            .union(KindSet::of(exposure::PUBLISHERS))
            .union(KindSet::of(&[Kind::Namespace, Kind::NetworkPolicy, Kind::Service])),
        fail_after: Duration::from_mins(5),
        mappings: &[
            ("ISO 27001", "A.8.31"),
            ("ISO 27001", "A.8.33"),
            ("GDPR", "32(1)(b)"),
        ],
        rights: &[Right {
            kind: Kind::NetworkPolicy,
            subresource: None,
            verbs: &["create", "patch"], // server-side apply is a patch that may create
        }],
        page: include_str!("README.md"),
    };
    type Params = Params;

    fn validate(params: &Params) -> Result<(), ParamError> {
        if params.environments.is_empty() {
            return Err(ParamError::new("environments", "empty, expected at least one environment"));
        }
        match params.backup_stores.iter().position(|store| !openness::is_range(store)) {
            Some(i) => Err(ParamError::new(
                format!("backupStores[{i}]"),
                "no range of addresses, expected such as 10.20.0.0/24",
            )),
            None => Ok(()),
        }
    }

    fn check(unit: &Unit<'_>, view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
        let namespace = unit.namespace();
        if view.standing()?.terminating {
            out.not_applicable("is being deleted");
            return Ok(());
        }
        let tests = tests(namespace, view)?;
        if tests.is_empty() {
            out.not_applicable("no restore test runs here");
            return Ok(());
        }
        match view.environment() {
            Ok(environment) if params.environments.iter().any(|e| **e == *environment) => {
                let finding = out.fail(
                    "Production",
                    format!("backups are restored in tests into a namespace that is {environment}"),
                );
                tests.iter().take(SHOWN).fold(finding, |finding, test| finding.seen(test.name.to_string()));
            }
            Ok(_) => {}
            Err(unknown) => out.unknown(unknown),
        }
        if let Err(unknown) = network(namespace, view, params, out) {
            out.unknown(unknown);
        }
        if let Err(unknown) = exposure::check(namespace, view, out) {
            out.unknown(unknown);
        }
        if let Err(unknown) = rights::check(namespace, &tests, view, params, out) {
            out.unknown(unknown);
        }
        copies::check(&tests, view, params, out);
        Ok(())
    }

    fn repair(unit: &Unit<'_>, view: &View<'_>, _: &Params, finding: &Finding) -> Result<Option<Repair>, Unknown> {
        Ok(match finding.reason {
            "IngressNotDenied" | "EgressNotDenied" => Some(propose::deny(unit.namespace(), view)?),
            "CopyKept" => Some(propose::delete(&finding.object)),
            _ => None,
        })
    }
}

/// Pieces of evidence shown.
const SHOWN: usize = 5;

/// The objects that mark the namespace.
fn tests<'a>(namespace: &str, view: &View<'a>) -> Result<Vec<&'a Object>, Unknown> {
    let mut found = Vec::new();
    for kind in TESTS {
        found.extend(view.indexed(*kind, &restore_tests_in(*kind, &namespace.into()))?);
    }
    Ok(found)
}

fn network(namespace: &str, view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
    unmodelled(namespace, view)?;
    let policies: Policies<'_> = policies(namespace, view)?;
    let cluster = by_cluster(namespace, view)?;
    for (reason, direction) in [
        ("IngressNotDenied", Direction::Ingress),
        ("EgressNotDenied", Direction::Egress),
    ] {
        match denial(direction, &policies, &cluster) {
            Match::Yes => {}
            Match::Maybe => out.unknown(unclear(direction, &cluster)),
            Match::No => {
                let field = direction.field();
                let message = format!("no NetworkPolicy with an empty podSelector isolates the namespace's pods for {field}");
                out.fail(reason, message);
            }
        }
        if let Some(opened) = &cluster.of(direction).opened {
            let message = format!("{} allows egress with every {} address", opened.policy, opened.family);
            out.fail("EgressOpen", message)
                .about(opened.policy.clone())
                .at(format!("spec.egress[{}]", opened.rule));
        }
    }
    for (object, policy) in &policies {
        for (i, rule) in policy.rules(Direction::Ingress).iter().enumerate() {
            if let Some(how) = openness::how(rule, Direction::Ingress) {
                out.fail("IngressOpen", format!("policy {} allows ingress {how}", object.name.name()))
                    .about(object.name.clone())
                    .at(format!("spec.ingress[{i}]"))
                    .detail(i.to_string());
            }
        }
        for (i, rule) in policy.rules(Direction::Egress).iter().enumerate() {
            egress::check(&object.name, i, rule, view, params, out)?;
        }
    }
    Ok(())
}
