//! Database clusters of several operators: what they have in common, and the backups that their own resource schedules.

use serde::Deserialize;

/// What is kept of a database cluster's resource (Zalando, Percona, Oracle, MongoDB).
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(from = "Wire")]
pub struct DatabaseCr {
    /// The backups that the resource itself schedules.
    pub schedules: Vec<NativeSchedule>,
}

/// One backup schedule inside a database cluster's resource.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Deserialize)]
pub struct NativeSchedule {
    /// Its name there, or the field it stands in.
    #[serde(default)]
    pub name: Box<str>,
    /// Five cron fields, in UTC.
    #[serde(default)]
    pub schedule: Box<str>,
    /// Whether it is switched on.
    #[serde(default = "on")]
    pub enabled: bool,
    /// `full`, `incremental`, `differential`, `logical` …; absent means full.
    #[serde(default, rename = "type")]
    pub extent: Option<Box<str>>,
}

fn on() -> bool {
    true
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    spec: Spec,
}

/// The fields of all of them: each resource has its own and none of the others'.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    /// Zalando.
    #[serde(default)]
    enable_logical_backup: Option<bool>,
    #[serde(default)]
    logical_backup_schedule: Option<Box<str>>,
    /// Percona XtraDB Cluster and Server for MongoDB.
    #[serde(default)]
    backup: Option<PerconaBackup>,
    /// Percona for PostgreSQL.
    #[serde(default)]
    backups: Option<PgBackups>,
    /// Oracle's InnoDBCluster.
    #[serde(default)]
    backup_schedules: Option<Vec<NativeSchedule>>,
}

#[derive(Default, Deserialize)]
struct PerconaBackup {
    #[serde(default)]
    enabled: Option<bool>,
    #[serde(default)]
    schedule: Option<Vec<NativeSchedule>>,
    #[serde(default)]
    tasks: Option<Vec<NativeSchedule>>,
}

#[derive(Default, Deserialize)]
struct PgBackups {
    #[serde(default)]
    pgbackrest: Option<PgBackRest>,
}

#[derive(Default, Deserialize)]
struct PgBackRest {
    #[serde(default)]
    repos: Option<Vec<Repo>>,
}

#[derive(Default, Deserialize)]
struct Repo {
    #[serde(default)]
    name: Box<str>,
    #[serde(default)]
    schedules: Option<RepoSchedules>,
}

#[derive(Default, Deserialize)]
struct RepoSchedules {
    #[serde(default)]
    full: Option<Box<str>>,
    #[serde(default)]
    differential: Option<Box<str>>,
    #[serde(default)]
    incremental: Option<Box<str>>,
}

/// When Zalando's operator runs logical backups unless told otherwise.
const ZALANDO_DEFAULT: &str = "30 00 * * *";

impl From<Wire> for DatabaseCr {
    fn from(Wire { spec }: Wire) -> Self {
        let mut schedules = Vec::new();
        if spec.enable_logical_backup == Some(true) {
            schedules.push(NativeSchedule {
                name: "logicalBackupSchedule".into(),
                schedule: spec
                    .logical_backup_schedule
                    .unwrap_or_else(|| ZALANDO_DEFAULT.into()),
                enabled: true,
                extent: None,
            });
        }
        if let Some(backup) = spec.backup {
            let on = backup.enabled != Some(false);
            let given = backup.schedule.into_iter().flatten();
            schedules.extend(
                given
                    .chain(backup.tasks.into_iter().flatten())
                    .map(|s| NativeSchedule {
                        enabled: on && s.enabled,
                        ..s
                    }),
            );
        }
        let repos = spec
            .backups
            .and_then(|b| b.pgbackrest)
            .and_then(|p| p.repos)
            .into_iter()
            .flatten();
        schedules.extend(repos.flat_map(Repo::schedules));
        schedules.extend(spec.backup_schedules.into_iter().flatten());
        Self { schedules }
    }
}

impl Repo {
    fn schedules(self) -> impl Iterator<Item = NativeSchedule> {
        let Self { name, schedules } = self;
        let schedules = schedules.unwrap_or_default();
        [
            ("full", schedules.full),
            ("differential", schedules.differential),
            ("incremental", schedules.incremental),
        ]
        .into_iter()
        .filter_map(move |(extent, schedule)| {
            Some(NativeSchedule {
                name: format!("{name} {extent}").into(),
                schedule: schedule?,
                enabled: true,
                extent: Some(extent.into()),
            })
        })
    }
}
