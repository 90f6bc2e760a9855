//! `encryption/backups-at-rest`: backups are encrypted where they lie.

mod place;

use plimsoll_engine::{
    control::{Control, Meta, ParamError, Unit, UnitKind},
    duration::Duration,
    finding::{Basis, Finding, Findings, Repair, RepairClass, Severity},
    kind::{Kind, KindSet},
    unknown::Unknown,
    view::View,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shared::backup::{SOURCES, SourcesOf, TARGETS, Target, default_images, target};
use place::Verdict;

/// The control.
pub struct BackupsAtRest;

/// Parameters of `encryption/backups-at-rest`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Params {
    /// Whether encryption that a cloud provider's object store applies by itself (S3 since January 2023, Azure and Google
    /// always) is enough. Default true.
    pub accept_provider_default: bool,
    /// Environments whose databases' backups are judged. Default: `[production, staging]`.
    #[schemars(length(min = 1))]
    pub environments: Vec<String>,
    /// Repository base names of images that make a workload with a volume a database. Default: the known databases.
    pub database_images: Vec<String>,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            accept_provider_default: true,
            environments: ["production", "staging"].map(String::from).to_vec(),
            database_images: default_images(),
        }
    }
}

impl Control for BackupsAtRest {
    const META: Meta = Meta {
        id: "encryption/backups-at-rest",
        title: "Backups are encrypted where they lie",
        severity: Severity::Critical,
        basis: Basis::Automated,
        unit: UnitKind::TopMost(TARGETS),
        reads: SOURCES.union(KindSet::of(&[
            Kind::PersistentVolumeClaim,
            Kind::PersistentVolume,
            Kind::StorageClass,
            Kind::VeleroLocation,
            Kind::CnpgObjectStore,
        ])),
        fail_after: Duration::from_mins(5),
        mappings: &[
            ("SOC 2", "CC6.1"),
            ("ISO 27001", "A.8.13"),
            ("ISO 27001", "A.8.24"),
            ("GDPR", "32(1)(a)"),
        ],
        rights: &[],
        page: include_str!("README.md"),
    };
    type Params = Params;

    fn validate(params: &Params) -> Result<(), ParamError> {
        if params.environments.is_empty() {
            return Err(ParamError::new("environments", "empty, expected at least one environment"));
        }
        Ok(())
    }

    fn check(unit: &Unit<'_>, view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
        if let Target::Not(why) = target(unit, &params.database_images)? {
            out.not_applicable(why);
            return Ok(());
        }
        if !view.is_in(&params.environments)? {
            out.not_applicable("in an environment whose backups are not judged");
            return Ok(());
        }
        let sources = view.fact(&SourcesOf {
            target: unit.name().clone(),
        })?;
        let mut judged = false;
        for source in sources.found.iter().filter(|source| source.holds_target()) {
            judged = true;
            match place::judge(unit, source, view, params, out) {
                Ok(Verdict::Encrypted) => {}
                Ok(Verdict::Plain(reason, why)) => {
                    out.fail(reason, format!("backups by {} are not encrypted: {why}", source.title()))
                        .detail(source.title());
                }
                Err(unknown) => out.unknown(unknown),
            }
        }
        if let Some(missing) = &sources.missing {
            return Err(missing.clone());
        }
        if !judged {
            out.not_applicable("has no backup: backup/database-scheduled is about that");
        }
        Ok(())
    }

    fn repair(_: &Unit<'_>, _: &View<'_>, _: &Params, _: &Finding) -> Result<Option<Repair>, Unknown> {
        Ok(Some(Repair {
            class: RepairClass::NeverAutomatic,
            why: "set up encryption at the store or in the tool, make a full backup, check that it can be restored, and delete \
                  the plain ones; keep the key where the cluster's loss does not lose it"
                .into(),
            changes: Vec::new(),
        }))
    }
}
