//! `backup/volume-snapshots`: files on volumes are copied every night: by a snapshot, or by a tool that backs them up.

mod claim;
mod propose;

use plimsoll_engine::{
    control::{Control, Meta, ParamError, Unit, UnitKind},
    duration::Duration,
    finding::{Basis, Finding, Findings, Repair, Right, Severity},
    kind::{Kind, KindSet},
    unknown::Unknown,
    view::View,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shared::backup::{FILE_TARGETS, RUNS, SourcesOf, claims, default_images, keeps_files};
use claim::{Copy, look};

/// The control.
pub struct VolumeSnapshots;

/// Parameters of `backup/volume-snapshots`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Params {
    /// Oldest copy that still counts. Default 26h.
    pub max_age: Duration,
    /// Environments whose volumes must be copied. Default: production.
    #[schemars(length(min = 1))]
    pub environments: Vec<String>,
    /// Most snapshots of one claim that the repair takes in a day (UTC); 0 proposes none. Default 1.
    #[schemars(range(max = 24))]
    pub max_per_day: u32,
    /// Repository base names of images that make a workload with a volume a database, which other controls are about.
    /// Default: the known databases.
    pub database_images: Vec<String>,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            max_age: Duration::from_hours(26),
            environments: vec!["production".into()],
            max_per_day: 1,
            database_images: default_images(),
        }
    }
}

impl Control for VolumeSnapshots {
    const META: Meta = Meta {
        id: "backup/volume-snapshots",
        title: "Files on volumes are snapshotted or backed up every night",
        severity: Severity::High,
        basis: Basis::Automated,
        unit: UnitKind::TopMost(FILE_TARGETS),
        reads: RUNS.union(KindSet::of(&[
            Kind::PersistentVolumeClaim,
            Kind::PersistentVolume,
            Kind::StorageClass,
            Kind::VolumeSnapshot,
            Kind::VolumeSnapshotClass,
        ])),
        // maxAge is the grace: the verdict turns when it ends.
        fail_after: Duration::from_secs(0),
        mappings: &[
            ("SOC 2", "A1.2"),
            ("ISO 27001", "A.8.13"),
            ("GDPR", "32(1)(c)"),
        ],
        rights: &[Right {
            kind: Kind::VolumeSnapshot,
            subresource: None,
            verbs: &["create", "patch"], // server-side apply is a patch that may create
        }],
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
        if params.max_per_day > 24 {
            return Err(ParamError::new("maxPerDay", "more than 24, expected at most one an hour"));
        }
        Ok(())
    }

    fn check(unit: &Unit<'_>, view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
        if let Err(why) = keeps_files(unit, &params.database_images)? {
            out.not_applicable(why);
            return Ok(());
        }
        let claims = claims(unit.object()?);
        if claims.is_empty() {
            out.not_applicable("keeps files on nodes only, which no snapshot holds");
            return Ok(());
        }
        if !view.is_in(&params.environments)? {
            out.not_applicable("in an environment whose volumes need no copies");
            return Ok(());
        }
        let sources = view.fact(&SourcesOf {
            target: unit.name().clone(),
        })?;
        // A tool that backs up the workload copies all its claims; else each claim has snapshots of its own.
        let tool = claim::by_tools(unit, view, params, &sources);
        if matches!(tool, Copy::Recent) {
            return Ok(());
        }
        for name in &claims {
            judge(name, look(unit.namespace(), name, view, params), &tool, out);
        }
        Ok(())
    }

    fn repair(
        unit: &Unit<'_>,
        view: &View<'_>,
        params: &Params,
        finding: &Finding,
    ) -> Result<Option<Repair>, Unknown> {
        match &finding.detail {
            Some(claim) => propose::snapshot(unit.namespace(), claim, view, params),
            None => Ok(None),
        }
    }
}

/// What a claim has, beside what a tool made of the whole workload.
fn judge(claim: &str, snapshot: Copy, tool: &Copy, out: &mut Findings) {
    let (reason, message, seen) = match (snapshot, tool) {
        (Copy::Recent, _) => return,
        // A tool that is young, or cannot be seen, may have copied it.
        (_, Copy::Unknown(unknown)) => return out.unknown(unknown.clone()),
        (Copy::Old(why), Copy::Old(tool)) => ("Stale", why, Some(tool)),
        (Copy::Old(why), _) => ("Stale", why, None),
        (Copy::None(_) | Copy::Impossible(_), Copy::Old(tool)) => ("Stale", tool.clone(), None),
        (Copy::None(why), _) => ("NoSnapshot", why.to_owned(), None),
        (Copy::Unknown(unknown) | Copy::Impossible(unknown), _) => return out.unknown(unknown),
    };
    let finding = out.fail(reason, format!("claim {claim}: {message}")).detail(claim);
    if let Some(seen) = seen {
        finding.seen(seen.clone());
    }
}
