//! `backup/recent-success`: a backup of every production database succeeded recently.

use jiff::{SignedDuration, Timestamp};
use plimsoll_engine::{
    control::{Control, Meta, ParamError, Unit, UnitKind},
    duration::Duration,
    finding::{Basis, Finding, Findings, Repair, RepairClass, Severity},
    kind::Kind,
    metric::{BACKUP_DUE, BACKUP_LAST_SUCCESS},
    unknown::Unknown,
    view::View,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shared::{
    backup::{
        ExternalDatabase, RUNS, Run, RunOf, START, Source, Sources, SourcesOf, Start, Startable, State, TARGETS,
        Target, check_external, default_images, judge_external, measure, seconds, start, target,
    },
    maintenance::{Maintenance, is_open, windows},
};

/// The control.
pub struct RecentSuccess;

/// Parameters of `backup/recent-success`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Params {
    /// Oldest success that still counts. Default 26h.
    pub max_age: Duration,
    /// How long a run that is under way puts the deadline off. Default 4h.
    pub max_runtime: Duration,
    /// Least size of a backup in bytes, where it is known. Default: not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub min_bytes: Option<u64>,
    /// Environments whose databases must be backed up. Default: production.
    #[schemars(length(min = 1))]
    pub environments: Vec<String>,
    /// Repository base names of images that make a workload with a volume a database. Default: the known databases.
    pub database_images: Vec<String>,
    /// Databases outside of the cluster, by name and kind (`{name: orders, kind: rds}`): what is asked of them only an attestation
    /// answers. Default: none.
    #[schemars(length(max = 256))]
    pub external_databases: Vec<ExternalDatabase>,
    /// When a Job of a backup CronJob may be started without asking, where the CronJob forbids that two run at once. Default: never.
    #[schemars(length(max = 16))]
    pub maintenance: Vec<Maintenance>,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            max_age: Duration::from_hours(26),
            max_runtime: Duration::from_hours(4),
            min_bytes: None,
            environments: vec!["production".into()],
            database_images: default_images(),
            external_databases: Vec::new(),
            maintenance: Vec::new(),
        }
    }
}

/// A success so far ahead of our clock is no matter of clocks that differ a little.
const SKEW: SignedDuration = SignedDuration::from_hours(1);
/// Pieces of evidence shown: what is wrong with so many sources.
const SHOWN: usize = 5;

impl Control for RecentSuccess {
    const META: Meta = Meta {
        id: "backup/recent-success",
        title: "A backup of every database succeeded recently",
        severity: Severity::Critical,
        basis: Basis::Automated,
        unit: UnitKind::TopMostAndCluster(TARGETS),
        reads: RUNS.with(Kind::Job),
        // maxAge is the grace: the verdict turns when it ends.
        fail_after: Duration::from_secs(0),
        mappings: &[("SOC 2", "A1.2"), ("ISO 27001", "A.8.13"), ("GDPR", "32(1)(c)")],
        rights: &[START],
        page: include_str!("README.md"),
    };
    type Params = Params;

    fn validate(params: &Params) -> Result<(), ParamError> {
        if params.max_age.is_zero() {
            return Err(ParamError::new("maxAge", "0s, expected a duration such as 26h"));
        }
        if params.environments.is_empty() {
            return Err(ParamError::new("environments", "empty, expected at least one environment"));
        }
        windows(&params.maintenance)?;
        check_external(&params.external_databases)
    }

    fn check(unit: &Unit<'_>, view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
        if unit.is_cluster() {
            return judge_external(&params.external_databases, "successful backups", out);
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
        let outcomes = outcomes(unit, view, params, &sources, out)?;
        conclude(outcomes, &sources, out)
    }

    fn repair(
        unit: &Unit<'_>,
        view: &View<'_>,
        params: &Params,
        finding: &Finding,
    ) -> Result<Option<Repair>, Unknown> {
        // What wrote too little would do so again.
        if !matches!(finding.reason, "Stale" | "NeverSucceeded") {
            return Ok(None);
        }
        let sources = view.fact(&SourcesOf {
            target: unit.name().clone(),
        })?;
        let live = sources.found.iter().filter(|source| matches!(source.state, State::Live));
        for source in live.filter(|source| source.name.kind() == Kind::CronJob) {
            let Some(cron_job) = view.object(&source.name)? else { continue };
            match start(cron_job, view)? {
                Start::No => {}
                Start::Done => return Ok(None),
                Start::Now(startable) => return Ok(Some(start_now(startable, view, params))),
            }
        }
        Ok(None)
    }
}

/// A backup puts load on the database; nobody but the CronJob knows whether two may run at once.
fn start_now(startable: Startable, view: &View<'_>, params: &Params) -> Repair {
    // Refused where the baseline is compiled, should one not parse.
    let windows = windows(&params.maintenance).unwrap_or_default();
    let (class, why) = if startable.forbids_overlap && is_open(&windows, view) {
        let why = "a maintenance window is open, no Job is running, and the CronJob forbids that two do";
        (RepairClass::Safe, why)
    } else {
        (RepairClass::NeedsApproval, "a backup puts load on the database")
    };
    Repair {
        class,
        why: why.into(),
        changes: vec![startable.change],
    }
}

/// What one source's runs mean.
enum Outcome {
    Recent,
    Unknown(Unknown),
    Failed(Failure),
}

struct Failure {
    reason: &'static str,
    message: String,
    /// The nearest to a recent success comes first.
    success: Option<Timestamp>,
}

fn outcomes(
    unit: &Unit<'_>,
    view: &View<'_>,
    params: &Params,
    sources: &Sources,
    out: &mut Findings,
) -> Result<Vec<Outcome>, Unknown> {
    let mut outcomes = Vec::new();
    for source in sources.found.iter().filter(|s| s.holds_target()) {
        let run = view.fact(&RunOf::new(&source.name, unit.name()));
        let outcome = match run {
            Ok(run) => {
                if let Some(success) = run.success {
                    tell(unit, source, &run, success, view, params, out)?;
                }
                outcome(source, &run, view, params)
            }
            Err(unknown) => Outcome::Unknown(unknown),
        };
        if matches!(outcome, Outcome::Recent) {
            return Ok(vec![outcome]);
        }
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

/// Its series.
fn tell(
    unit: &Unit<'_>,
    source: &Source,
    run: &Run,
    success: Timestamp,
    view: &View<'_>,
    params: &Params,
    out: &mut Findings,
) -> Result<(), Unknown> {
    let mechanism = Some(source.mechanism());
    let due = success.checked_add(limit(run, view, params)).unwrap_or(success);
    measure(&BACKUP_LAST_SUCCESS, unit.name(), mechanism, seconds(success), view, out)?;
    measure(&BACKUP_DUE, unit.name(), mechanism, seconds(due), view, out)
}

/// One recent success is enough. Else what cannot be seen might be one; else the deadline of the last has passed.
fn conclude(outcomes: Vec<Outcome>, sources: &Sources, out: &mut Findings) -> Result<(), Unknown> {
    let mut failures = Vec::new();
    let mut young = None;
    for outcome in outcomes {
        match outcome {
            Outcome::Recent => return Ok(()),
            Outcome::Unknown(unknown) if unknown.reason() == YOUNG => young = Some(unknown),
            Outcome::Unknown(unknown) => return Err(unknown),
            Outcome::Failed(failure) => failures.push(failure),
        }
    }
    if let Some(missing) = &sources.missing {
        return Err(missing.clone());
    }
    // A new source buys no grace for one that went stale, only for a database that has no other.
    failures.sort_by_key(|failure| std::cmp::Reverse(failure.success));
    match (failures.first(), young) {
        (None, Some(young)) => return Err(young),
        (None, None) => _ = out.fail("NoSource", "no backup of this database is scheduled, so none can have succeeded"),
        (Some(first), _) => {
            let mut finding = out.fail(first.reason, first.message.clone());
            for other in failures.iter().skip(1).take(SHOWN) {
                finding = finding.seen(other.message.clone());
            }
        }
    }
    Ok(())
}

/// The reason of Unknown for a source that is too young to be late.
const YOUNG: &str = "NotYetSucceeded";

fn outcome(source: &Source, run: &Run, view: &View<'_>, params: &Params) -> Outcome {
    let Some(since) = run.success.or(run.since) else {
        let why = format!("{} is configured, its runs were never observed", source.title());
        return Outcome::Unknown(Unknown::new("NeverObserved", why).live_only());
    };
    if let Some(success) = run.success {
        let ahead = success.checked_sub(SKEW).is_ok_and(|bound| !view.is_past(bound));
        if ahead {
            let why = format!("{} succeeded at {success}, which has not come yet", source.title());
            return Outcome::Unknown(Unknown::new("ClockSkew", why).live_only());
        }
    }
    match (view.is_older(since, limit(run, view, params)), run.success) {
        (true, success) => Outcome::Failed(failure(source, run, success, params)),
        (false, Some(_)) => sized(source, run, params),
        (false, None) => {
            let why = format!("{} is younger than {} and has not succeeded yet", source.title(), params.max_age);
            Outcome::Unknown(Unknown::new(YOUNG, why).live_only())
        }
    }
}

/// How old a success may be: a run that is under way puts the deadline off.
fn limit(run: &Run, view: &View<'_>, params: &Params) -> SignedDuration {
    let running = run
        .running
        .is_some_and(|started| !view.is_older(started, params.max_runtime));
    let grace = if running { params.max_runtime.to_signed() } else { SignedDuration::ZERO };
    params.max_age.to_signed().saturating_add(grace)
}

fn failure(source: &Source, run: &Run, success: Option<Timestamp>, params: &Params) -> Failure {
    let failed = run.failed.as_ref().map(|what| format!("; {what}")).unwrap_or_default();
    match success {
        Some(at) => Failure {
            reason: "Stale",
            message: format!(
                "the last success of {} was at {at}, more than {} ago{failed}",
                source.title(),
                params.max_age
            ),
            success,
        },
        None => Failure {
            reason: "NeverSucceeded",
            message: format!("{} has never succeeded{failed}", source.title()),
            success,
        },
    }
}

/// An exit code of zero may stand for an empty dump.
fn sized(source: &Source, run: &Run, params: &Params) -> Outcome {
    match (params.min_bytes, run.bytes) {
        (None, _) => Outcome::Recent,
        (Some(least), Some(bytes)) if bytes >= least => Outcome::Recent,
        (Some(least), Some(bytes)) => Outcome::Failed(Failure {
            reason: "TooSmall",
            message: format!(
                "the last backup of {} has {bytes} bytes, at least {least} are expected",
                source.title()
            ),
            success: run.success,
        }),
        (Some(_), None) => {
            let why = format!("{} does not tell the size of its last backup", source.title());
            Outcome::Unknown(Unknown::new("SizeUnknown", why))
        }
    }
}
