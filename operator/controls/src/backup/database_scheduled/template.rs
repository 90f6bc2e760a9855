//! Templates of the CronJobs that are proposed where a database has no backup.

use std::collections::BTreeMap;

use plimsoll_engine::control::ParamError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How to back up one sort of database. `{target}` stands for the database's name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackupTemplate {
    /// Image with the dump tool. Default: the database's own image, whose tool fits its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Shell script that writes into `/backup`; it runs with `set -eu` and, where the shell has it, `pipefail`.
    pub script: String,
    /// Variables whose values are keys of the Secret `secret`, by name. Default: none.
    #[serde(default)]
    pub secret_env: BTreeMap<String, String>,
    /// Other variables. Default: none.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// The Secret with the credentials. Default `{target}-backup`.
    #[serde(default = "secret")]
    pub secret: String,
    /// The claim that is mounted at `/backup`; it should lie on other storage than the database. Default `{target}-backups`.
    #[serde(default = "claim")]
    pub claim: String,
    /// Five cron fields, in UTC. Default `0 2 * * *`.
    #[serde(default = "schedule")]
    pub schedule: String,
    /// Whether the CronJob may be created without asking. Default NeedsApproval: it puts load on the database and makes a
    /// second copy of its data.
    #[serde(default)]
    pub class: TemplateClass,
}

/// Whether a proposed CronJob may be created without asking.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub enum TemplateClass {
    /// An independent person has to agree.
    #[default]
    NeedsApproval,
    /// It may be created in mode Enforce.
    Safe,
}

fn secret() -> String {
    "{target}-backup".into()
}

fn claim() -> String {
    "{target}-backups".into()
}

fn schedule() -> String {
    "0 2 * * *".into()
}

impl BackupTemplate {
    pub(super) fn validate(&self) -> Result<(), ParamError> {
        use plimsoll_engine::cron::{Dialect, Schedule};
        if self.script.trim().is_empty() {
            return Err(ParamError::new("script", "empty, expected a shell script"));
        }
        Schedule::parse(&self.schedule, Dialect::Kubernetes)
            .map(drop)
            .map_err(|why| ParamError::new("schedule", why.to_string()))
    }
}

/// A dump that is complete or absent: written aside, checked, then renamed. The custom format compresses by itself, so that no
/// pipe can hide a failure.
const PG_DUMP: &str = r#"file="/backup/$PGDATABASE-$(date -u +%Y%m%dT%H%M%SZ).dump"
pg_dump --format=custom --no-password --file="$file.part"
pg_restore --list "$file.part" > /dev/null
mv "$file.part" "$file"
"#;

/// The default of `backupTemplates`.
pub(super) fn defaults() -> BTreeMap<String, BackupTemplate> {
    let pairs = |list: &[(&str, &str)]| {
        list.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    };
    let postgres = BackupTemplate {
        image: None,
        script: PG_DUMP.into(),
        secret_env: pairs(&[
            ("PGUSER", "username"),
            ("PGPASSWORD", "password"),
            ("PGDATABASE", "database"),
        ]),
        env: pairs(&[("PGHOST", "{target}")]),
        secret: secret(),
        claim: claim(),
        schedule: schedule(),
        class: TemplateClass::NeedsApproval,
    };
    BTreeMap::from([("postgres".into(), postgres)])
}

/// Images that speak a protocol of another: the templates of `postgres` and `mysql` serve them too.
const SPEAKS: &[(&str, &str)] = &[
    ("postgresql", "postgres"),
    ("postgresql-repmgr", "postgres"),
    ("postgis", "postgres"),
    ("pgvector", "postgres"),
    ("timescaledb", "postgres"),
    ("timescaledb-ha", "postgres"),
    ("mysql-server", "mysql"),
    ("percona", "mysql"),
    ("percona-server", "mysql"),
];

/// The template for an image, by its base name or by what it speaks.
pub(super) fn for_image<'t>(
    templates: &'t BTreeMap<String, BackupTemplate>,
    image: &str,
) -> Option<&'t BackupTemplate> {
    let spoken = SPEAKS.iter().find(|(other, _)| *other == image).map(|(_, of)| *of);
    templates.get(image).or_else(|| templates.get(spoken?))
}
