//! `backup/database-scheduled`: every production database is backed up on a schedule that fires often enough.

mod judge;
mod proposal;
mod template;

use std::collections::BTreeMap;

use plimsoll_engine::{
    control::{Control, Meta, ParamError, Unit, UnitKind},
    duration::Duration,
    finding::{Basis, Finding, Findings, Repair, Severity},
    unknown::Unknown,
    view::View,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shared::backup::{
    ExternalDatabase, SOURCES, SourcesOf, TARGETS, Target, check_external, default_images, judge_external, target,
};
use judge::{Problem, judge};
pub use template::{BackupTemplate, TemplateClass};

/// The control.
pub struct DatabaseScheduled;

/// Parameters of `backup/database-scheduled`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Params {
    /// Longest pause between two backups; one hour more is tolerated for clock changes. Default 24h.
    pub max_interval: Duration,
    /// Environments whose databases must be backed up. Default: production.
    #[schemars(length(min = 1))]
    pub environments: Vec<String>,
    /// Whether incremental and differential backups do not count. Default true.
    pub require_full: bool,
    /// Repository base names of images that make a workload with a volume a database. Default: the known databases.
    pub database_images: Vec<String>,
    /// CronJobs to propose for databases without a backup, by image base name. Default: `postgres` with `pg_dump`.
    pub backup_templates: BTreeMap<String, BackupTemplate>,
    /// Databases outside of the cluster, by name and kind (`{name: orders, kind: rds}`): what is asked of them only an attestation
    /// answers. Default: none.
    #[schemars(length(max = 256))]
    pub external_databases: Vec<ExternalDatabase>,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            max_interval: Duration::from_hours(24),
            environments: vec!["production".into()],
            require_full: true,
            database_images: default_images(),
            backup_templates: template::defaults(),
            external_databases: Vec::new(),
        }
    }
}

/// Pieces of evidence shown: what is wrong with so many sources.
const SHOWN: usize = 5;

impl Control for DatabaseScheduled {
    const META: Meta = Meta {
        id: "backup/database-scheduled",
        title: "Every database is backed up on a schedule that fires often enough",
        severity: Severity::Critical,
        basis: Basis::Automated,
        unit: UnitKind::TopMostAndCluster(TARGETS),
        reads: SOURCES,
        fail_after: Duration::from_mins(5),
        mappings: &[("SOC 2", "A1.2"), ("ISO 27001", "A.8.13"), ("GDPR", "32(1)(c)")],
        // Creating CronJobs is running code: a template of class Safe needs the right granted on purpose.
        rights: &[],
        page: include_str!("README.md"),
    };
    type Params = Params;

    fn validate(params: &Params) -> Result<(), ParamError> {
        if params.max_interval.is_zero() {
            return Err(ParamError::new("maxInterval", "0s, expected a duration such as 24h"));
        }
        if params.environments.is_empty() {
            return Err(ParamError::new("environments", "empty, expected at least one environment"));
        }
        check_external(&params.external_databases)?;
        for (name, template) in &params.backup_templates {
            template
                .validate()
                .map_err(|why| ParamError::new(format!("backupTemplates.{name}.{}", why.field), why.expected))?;
        }
        Ok(())
    }

    fn check(unit: &Unit<'_>, view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
        if unit.is_cluster() {
            return judge_external(&params.external_databases, "backup schedules", out);
        }
        if let Target::Not(why) = target(unit, &params.database_images)? {
            out.not_applicable(why);
            return Ok(());
        }
        if !view.is_in(&params.environments)? {
            out.not_applicable("in an environment whose databases need no backup");
            return Ok(());
        }
        let sources = view.fact(&SourcesOf {
            target: unit.name().clone(),
        })?;
        let mut problems = Vec::new();
        for source in &sources.found {
            match judge(source, view, params)? {
                None => {
                    source.note.into_iter().for_each(|note| out.note(format!("{} {note}", source.title())));
                    return Ok(());
                }
                Some(problem) => problems.push(problem),
            }
        }
        if let Some(missing) = &sources.missing {
            return Err(missing.clone());
        }
        report(problems, out);
        for suggestion in &sources.suggestions {
            out.note(format!(
                "{suggestion}: if it backs this up, label it plimsoll.dev/role=backup and annotate plimsoll.dev/backup-of={}/{}",
                unit.name().kind(),
                unit.name().name()
            ));
        }
        Ok(())
    }

    fn repair(
        unit: &Unit<'_>,
        view: &View<'_>,
        params: &Params,
        finding: &Finding,
    ) -> Result<Option<Repair>, Unknown> {
        match finding.reason {
            "Suspended" => proposal::resume(unit, view, params),
            "NoBackup" => proposal::create(unit, params),
            _ => Ok(None),
        }
    }
}

/// One finding: the source that is nearest to a backup names it, the others are evidence.
fn report(mut problems: Vec<Problem>, out: &mut Findings) {
    problems.sort_by_key(|problem| problem.rank);
    let Some(first) = problems.first() else {
        out.fail("NoBackup", "no backup is scheduled for this database");
        return;
    };
    let mut finding = out.fail(first.reason, first.message.clone());
    for problem in problems.iter().take(SHOWN) {
        finding = finding.seen(problem.evidence.clone());
    }
    if problems.len() > SHOWN {
        finding.seen(format!("and {} more sources that do not count", problems.len() - SHOWN));
    }
}
