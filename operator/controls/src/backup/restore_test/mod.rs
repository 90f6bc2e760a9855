//! `backup/restore-test`: what backs up a database was restored in a test, and found to be right, within the year.
//!
//! The evidence is the engine's memory of restores, which outlives the Jobs that ran them.

mod judge;

use std::collections::BTreeSet;

use plimsoll_engine::{
    control::{Control, Meta, ParamError, Unit, UnitKind},
    duration::Duration,
    decode::Object,
    finding::{Basis, Finding, Findings, Repair, RepairClass, Severity},
    kind::{Kind, KindSet},
    name::ObjRef,
    object::restore_tests_of,
    restore::{Mechanism, RESTORE_KINDS},
    unknown::Unknown,
    view::View,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shared::backup::{
    ExternalDatabase, SOURCES, START, Sources, SourcesOf, Start, TARGETS, Target, check_external, default_images, judge_external,
    start, target,
};

/// The control.
pub struct RestoreTest;

/// Parameters of `backup/restore-test`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Params {
    /// Oldest verified restore that still counts. Default 365d.
    pub max_age: Duration,
    /// How long before that a note says that the next test is due. Default 30d.
    pub warn_before: Duration,
    /// How long a new database may go without its first test. Default 90d.
    pub first_test_within: Duration,
    /// Whether a restore into one of `environments` does not count. Default true.
    pub require_non_production: bool,
    /// Whether a restore that left no result, or one that verifies nothing, does not count. Default true.
    pub require_verification: bool,
    /// Environments whose databases must be tested, and must not be tested in. Default: production.
    #[schemars(length(min = 1))]
    pub environments: Vec<String>,
    /// Repository base names of images that make a workload with a volume a database. Default: the known databases.
    pub database_images: Vec<String>,
    /// Databases outside of the cluster, by name and kind (`{name: orders, kind: rds}`): what is asked of them only an attestation
    /// answers. Default: none.
    #[schemars(length(max = 256))]
    pub external_databases: Vec<ExternalDatabase>,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            max_age: Duration::from_days(365),
            warn_before: Duration::from_days(30),
            first_test_within: Duration::from_days(90),
            require_non_production: true,
            require_verification: true,
            environments: vec!["production".into()],
            database_images: default_images(),
            external_databases: Vec::new(),
        }
    }
}

impl Control for RestoreTest {
    const META: Meta = Meta {
        id: "backup/restore-test",
        title: "Every way a database is backed up has been restored and verified within the year",
        severity: Severity::Critical,
        basis: Basis::Probed,
        unit: UnitKind::TopMostAndCluster(TARGETS),
        reads: SOURCES.union(KindSet::of(RESTORE_KINDS)).with(Kind::Namespace),
        // maxAge and firstTestWithin are the grace: the verdict turns when they end.
        fail_after: Duration::from_secs(0),
        mappings: &[
            ("SOC 2", "A1.3"),
            ("ISO 27001", "A.5.30"),
            ("ISO 27001", "A.8.13"),
            ("GDPR", "32(1)(c)"),
            ("GDPR", "32(1)(d)"),
        ],
        rights: &[START],
        page: include_str!("README.md"),
    };
    type Params = Params;

    fn validate(params: &Params) -> Result<(), ParamError> {
        if params.max_age.is_zero() {
            return Err(ParamError::new("maxAge", "0s, expected a duration such as 365d"));
        }
        if params.warn_before >= params.max_age {
            return Err(ParamError::new("warnBefore", "not shorter than maxAge"));
        }
        if params.environments.is_empty() {
            return Err(ParamError::new("environments", "empty, expected at least one environment"));
        }
        check_external(&params.external_databases)
    }

    fn check(unit: &Unit<'_>, view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
        if unit.is_cluster() {
            return judge_external(&params.external_databases, "restore tests", out);
        }
        if let Target::Not(why) = target(unit, &params.database_images)? {
            out.not_applicable(why);
            return Ok(());
        }
        if !view.is_in(&params.environments)? {
            out.not_applicable("in an environment whose databases need no restore test");
            return Ok(());
        }
        let sources = view.fact(&SourcesOf {
            target: unit.name().clone(),
        })?;
        let mechanisms = mechanisms(&sources);
        for mechanism in &mechanisms {
            judge::mechanism(unit, *mechanism, &mechanisms, view, params, out)?;
        }
        // Another way of backing it up, which cannot be seen, may never have been tested.
        match &sources.missing {
            Some(missing) => Err(missing.clone()),
            None => Ok(()),
        }
    }

    fn repair(
        unit: &Unit<'_>,
        view: &View<'_>,
        _: &Params,
        finding: &Finding,
    ) -> Result<Option<Repair>, Unknown> {
        // A test that verifies nothing, or runs in production, does so again.
        if !matches!(finding.reason, "Expired" | "NeverTested") {
            return Ok(None);
        }
        for cron_job in tests_of(unit.name(), view)? {
            match start(cron_job, view)? {
                Start::No => {}
                Start::Done => return Ok(None),
                Start::Now(startable) => {
                    return Ok(Some(Repair {
                        class: RepairClass::NeedsApproval,
                        why: "it takes time and space, and brings personal data to another place".into(),
                        changes: vec![startable.change],
                    }));
                }
            }
        }
        Ok(None)
    }
}

/// The CronJobs that restore a database in tests: by name first, then those of all databases of its namespace.
fn tests_of<'a>(target: &ObjRef, view: &View<'a>) -> Result<Vec<&'a Object>, Unknown> {
    let namespace = target.namespace().unwrap_or_default();
    let named = format!("{}/{}", target.kind().info().kind, target.name());
    let mut found = view.indexed(Kind::CronJob, &restore_tests_of(namespace, &named))?;
    found.extend(view.indexed(Kind::CronJob, &restore_tests_of(namespace, "*"))?);
    Ok(found)
}

/// The ways a database is backed up. Where there is none, a test of whatever sort is asked for all the same.
fn mechanisms(sources: &Sources) -> BTreeSet<Option<Mechanism>> {
    let found = sources.found.iter().filter(|source| source.holds_target());
    let mut mechanisms: BTreeSet<_> = found.map(|source| Some(source.mechanism())).collect();
    if mechanisms.is_empty() {
        mechanisms.insert(None);
    }
    mechanisms
}
