//! Which units hold a database.

use plimsoll_engine::{
    control::Unit,
    decode::Object,
    kind::Kind,
    object::{Projection, ROLE, Workload, base_name},
    unknown::Unknown,
};

/// The kinds that may be databases: workloads that run for good, and the clusters of database operators.
pub(crate) const TARGETS: &[Kind] = &[
    Kind::Deployment,
    Kind::StatefulSet,
    Kind::DaemonSet,
    Kind::ReplicaSet,
    Kind::Rollout,
    Kind::CnpgCluster,
    Kind::ZalandoPostgresql,
    Kind::PerconaPgCluster,
    Kind::PerconaXtraDbCluster,
    Kind::PerconaServerMongoDb,
    Kind::InnoDbCluster,
    Kind::MongoDbCommunity,
];

/// Repository base names of images that hold data wherever they have a volume.
const IMAGES: &[&str] = &[
    "postgres",
    "postgresql",
    "postgresql-repmgr",
    "postgis",
    "pgvector",
    "timescaledb",
    "timescaledb-ha",
    "supabase-postgres",
    "mysql",
    "mysql-server",
    "mariadb",
    "mariadb-galera",
    "percona",
    "percona-server",
    "percona-xtradb-cluster",
    "mongo",
    "mongodb",
    "mongodb-community-server",
    "percona-server-mongodb",
    "redis",
    "redis-stack-server",
    "valkey",
    "keydb",
    "cassandra",
    "scylla",
    "couchdb",
    "couchbase",
    "influxdb",
    "neo4j",
    "clickhouse",
    "clickhouse-server",
    "cockroach",
    "cockroachdb",
    "arangodb",
    "rethinkdb",
    "surrealdb",
    "etcd",
];

/// The default of `databaseImages`.
pub(crate) fn default_images() -> Vec<String> {
    IMAGES.iter().map(ToString::to_string).collect()
}

/// What a unit is to the backup controls.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    /// A database; the image's base name or the kind says of which sort.
    Database(String),
    /// Nothing to back up as a database, for this reason.
    Not(&'static str),
}

/// Whether a unit holds a database: by label, by kind, or by image and volume.
pub(crate) fn target(unit: &Unit<'_>, images: &[String]) -> Result<Target, Unknown> {
    let object = unit.object()?;
    let kind = object.name.kind();
    let by_label = object.meta.labels.get(ROLE) == Some("database");
    if !matches!(
        kind,
        Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet | Kind::ReplicaSet | Kind::Rollout
    ) {
        return Ok(Target::Database(kind.info().kind.to_owned()));
    }
    let workload = unit.get::<Workload>()?;
    let known = workload
        .template()
        .into_iter()
        .flat_map(|t| t.spec.containers.iter().flatten())
        .filter_map(|c| c.image.as_deref().map(base_name))
        .find(|base| images.iter().any(|image| image == base));
    Ok(match (keeps_data(workload), known) {
        _ if by_label => Target::Database(known.unwrap_or_default().to_owned()),
        (true, Some(image)) => Target::Database(image.to_owned()),
        (true, None) => Target::Not(FILES),
        (false, _) => Target::Not("stateless"),
    })
}

/// Whether a workload is a database: by label, or by image and volume.
pub(crate) fn is_database(object: &Object, images: &[String]) -> bool {
    let workload = object.body.as_ref().ok().and_then(Workload::of);
    let known = workload.is_some_and(|workload| {
        let containers = workload
            .template()
            .into_iter()
            .flat_map(|t| t.spec.containers.iter().flatten());
        let mut bases = containers.filter_map(|c| c.image.as_deref().map(base_name));
        keeps_data(workload) && bases.any(|base| images.iter().any(|image| image == base))
    });
    known || object.meta.labels.get(ROLE) == Some("database")
}

/// Whether a unit keeps files on volumes and is no database.
pub(crate) fn keeps_files(unit: &Unit<'_>, images: &[String]) -> Result<Result<(), &'static str>, Unknown> {
    Ok(match target(unit, images)? {
        Target::Not(FILES) => Ok(()),
        Target::Not(why) => Err(why),
        Target::Database(_) => Err("a database: backup/database-scheduled is about it"),
    })
}

const FILES: &str = "keeps files, not a database";

/// The workloads that may keep files.
pub(crate) const FILE_TARGETS: &[Kind] = &[
    Kind::Deployment,
    Kind::StatefulSet,
    Kind::DaemonSet,
    Kind::ReplicaSet,
    Kind::Rollout,
];

fn keeps_data(workload: &Workload) -> bool {
    let templates = workload.spec.volume_claim_templates.iter().flatten();
    let volumes = workload
        .template()
        .into_iter()
        .flat_map(|t| t.spec.volumes.iter().flatten());
    templates.count() > 0
        || volumes
            .filter(|v| v.persistent_volume_claim.is_some() || v.host_path.is_some())
            .count()
            > 0
}
