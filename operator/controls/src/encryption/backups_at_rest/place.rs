//! Where a source puts its backups, and whether they are encrypted there.

use std::collections::BTreeMap;

use plimsoll_engine::{
    control::{Unit, project},
    decode::Object,
    fact::Fact,
    facts::{Encryption, Level, VolumeEncryption, by_class, class_of},
    finding::Findings,
    kind::{Kind, KindSet},
    name::ObjRef,
    object::{
        CnpgCluster, CnpgObjectStore, CnpgScheduledBackup, Container, LonghornVolume, Store, VeleroLocation,
        VeleroSchedule, Workload, base_name,
    },
    unknown::Unknown,
    view::View,
};

use super::Params;
use crate::shared::backup::{Source, claims, longhorn_volumes};

/// What is known of a source's backups.
pub(super) enum Verdict {
    /// They are encrypted.
    Encrypted,
    /// They are not: a reason and a fact.
    Plain(&'static str, String),
}

type Judged = Result<Verdict, Unknown>;

/// The annotation in which a CronJob says how what it writes elsewhere is encrypted.
const DECLARED: &str = "plimsoll.dev/backup-encryption";
const WORDS: [&str; 4] = ["client-side", "sse-kms", "sse-provider", "volume"];

pub(super) fn judge(
    unit: &Unit<'_>,
    source: &Source,
    view: &View<'_>,
    params: &Params,
    out: &mut Findings,
) -> Judged {
    let object = view
        .object(&source.name)?
        .ok_or_else(|| Unknown::new("SourceGone", format!("{} is gone", source.title())))?;
    match source.name.kind() {
        Kind::CronJob => cron_job(unit, object, view, params),
        Kind::VeleroSchedule => velero(object, view, params),
        Kind::CnpgScheduledBackup => cnpg(unit, object, view, params),
        Kind::K8upSchedule => {
            out.note(format!(
                "{}: restic encrypts; the password's Secret lies beside the data: keep a copy elsewhere",
                source.title()
            ));
            Ok(Verdict::Encrypted)
        }
        Kind::LonghornRecurringJob => longhorn(unit, view),
        other => Err(Unknown::not_modelled(format!(
            "the encryption of backups by {}",
            other.resource()
        ))),
    }
}

/// As the storage it lies on is encrypted.
fn stored(what: &str, encryption: &Encryption, params: &Params) -> Judged {
    match encryption.level {
        Level::OwnKey => Ok(Verdict::Encrypted),
        Level::Provider => by_provider(what, params),
        Level::Not => Ok(Verdict::Plain("NotEncrypted", format!("{what}: {}", encryption.why))),
        Level::Unknown => Err(Unknown::new("NotVisible", format!("{what}: {}", encryption.why))),
    }
}

#[allow(clippy::unnecessary_wraps, reason = "one of several answers of one type")]
fn by_provider(what: &str, params: &Params) -> Judged {
    Ok(if params.accept_provider_default {
        Verdict::Encrypted
    } else {
        Verdict::Plain(
            "ProviderDefault",
            format!("{what} is encrypted by the provider's default only"),
        )
    })
}

/// The worst of several places.
fn worst(places: impl IntoIterator<Item = Judged>) -> Judged {
    let mut unknown = None;
    for place in places {
        match place {
            Ok(Verdict::Encrypted) => {}
            Ok(plain) => return Ok(plain),
            Err(why) => unknown = unknown.or(Some(why)),
        }
    }
    unknown.map_or(Ok(Verdict::Encrypted), Err)
}

/// A CronJob writes to a claim, to a node, or somewhere the cluster does not know.
fn cron_job(unit: &Unit<'_>, object: &Object, view: &View<'_>, params: &Params) -> Judged {
    let job: &Workload = project(object)?;
    let Some(pod) = job.template().map(|template| &template.spec) else {
        return Err(Unknown::not_modelled("a CronJob without a pod template"));
    };
    // restic has no way to write in the clear.
    if pod.all_containers().any(is_restic) {
        return Ok(Verdict::Encrypted);
    }
    let own = claims(unit.object()?);
    let namespace = object.name.namespace().unwrap_or_default();
    let targets: Vec<&str> = pod.claims().filter(|claim| !own.iter().any(|o| o == claim)).collect();
    let node = pod.volumes.iter().flatten().find(|volume| volume.host_path.is_some());
    if let Some(volume) = node.filter(|_| targets.is_empty()) {
        let why = format!("volume {} is a directory of a node", volume.name);
        return Ok(Verdict::Plain("NodeDisk", why));
    }
    if !targets.is_empty() {
        return worst(targets.into_iter().map(|claim| {
            let name = ObjRef::new(Kind::PersistentVolumeClaim, namespace, claim);
            let value = view.fact(&VolumeEncryption { claim: name })?;
            match &value.doubt {
                Some(doubt) if value.encryption.level == Level::Unknown => Err(doubt.clone()),
                _ => stored(&format!("claim {claim}"), &value.encryption, params),
            }
        }));
    }
    let declared = object.meta.annotations.get(DECLARED).filter(|word| WORDS.contains(word));
    Err(match declared {
        Some(word) => Unknown::new(
            "AttestationNeeded",
            format!("{} declares {word}, which only an attestation could confirm", object.name),
        ),
        None => Unknown::new(
            "NotDeclared",
            format!(
                "{} writes to no claim, and {DECLARED} does not say how what it writes is encrypted",
                object.name
            ),
        ),
    })
}

fn is_restic(container: &Container) -> bool {
    let image = container.image.as_deref().map(base_name);
    let verb = container.command.verb().or(container.args.verb());
    let command = container.command.backup_command().or(container.args.backup_command());
    command == Some("restic backup") || image == Some("restic") && verb == Some("backup")
}

/// The BackupStorageLocations of the cluster, which are few.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Locations;

impl Fact for Locations {
    const READS: KindSet = KindSet::of(&[Kind::VeleroLocation]);
    type Value = Vec<(ObjRef, VeleroLocation)>;

    fn compute(&self, view: &View<'_>) -> Result<Self::Value, Unknown> {
        let locations = view.all(Kind::VeleroLocation)?;
        locations
            .into_iter()
            .map(|object| Ok((object.name.clone(), project::<VeleroLocation>(object)?.clone())))
            .collect()
    }
}

fn velero(schedule: &Object, view: &View<'_>, params: &Params) -> Judged {
    let named = project::<VeleroSchedule>(schedule)?.spec.template.storage_location.clone();
    let locations = view.fact(&Locations)?;
    let beside = locations.iter().filter(|(name, _)| name.namespace() == schedule.name.namespace());
    let mut found: Vec<_> = if let Some(named) = &named {
        beside.filter(|(name, _)| name.name() == &**named).collect()
    } else {
        let all: Vec<_> = beside.collect();
        let marked: Vec<_> = all
            .iter()
            .copied()
            .filter(|(_, location)| location.spec.default == Some(true))
            .collect();
        // Without a mark Velero takes the one that its server was told, by default `default`.
        if marked.is_empty() {
            all.into_iter()
                .filter(|(name, _)| name.name() == "default")
                .collect()
        } else {
            marked
        }
    };
    let Some((name, location)) = found.pop() else {
        let named = named.as_deref().unwrap_or("default");
        let why = format!("BackupStorageLocation {named} of {} does not exist", schedule.name);
        return Err(Unknown::new("LocationNotFound", why));
    };
    let none = BTreeMap::new();
    let config = location.spec.config.as_ref().unwrap_or(&none);
    let set = |key: &str| config.get(key).is_some_and(|value| !value.is_empty());
    let what = format!("BackupStorageLocation {}", name.name());
    let provider = location.spec.provider.trim_start_matches("velero.io/");
    match provider {
        "aws" if ["serverSideEncryption", "kmsKeyId", "customerKeyEncryptionFile"].into_iter().any(set) => {
            Ok(Verdict::Encrypted)
        }
        "aws" => s3(&what, config.get("s3Url").map(|url| &**url), params),
        "gcp" if set("kmsKeyName") => Ok(Verdict::Encrypted),
        "azure" | "gcp" => by_provider(&what, params),
        other => Err(Unknown::not_modelled(format!("{what} of provider {other:?}"))),
    }
}

/// S3 of AWS encrypts by default; another store that speaks its protocol may not.
fn s3(what: &str, endpoint: Option<&str>, params: &Params) -> Judged {
    match endpoint.filter(|url| !url.is_empty()).map(host) {
        None => by_provider(what, params),
        Some(host) if host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn") => {
            by_provider(what, params)
        }
        Some(host) => Err(Unknown::new(
            "NotVisible",
            format!("{what} asks for no encryption, and whether {host} encrypts by itself is not visible"),
        )),
    }
}

fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', ':', '?']).next().unwrap_or(rest)
}

/// By snapshots of its volumes, or to a store, which the Cluster names itself or through a plugin.
fn cnpg(unit: &Unit<'_>, schedule: &Object, view: &View<'_>, params: &Params) -> Judged {
    let cluster = unit.get::<CnpgCluster>()?;
    match project::<CnpgScheduledBackup>(schedule)?.spec.method.as_deref() {
        Some("volumeSnapshot") => {
            let class = class_of(view, cluster.spec.storage.storage_class.as_deref())?
                .ok_or_else(|| Unknown::new("StaticVolume", "the cluster's claims have no class"))?;
            let value = by_class(view, &class)?;
            stored("snapshots of its volumes", &value.encryption, params)
        }
        Some("plugin") => plugin(unit, cluster, view, params),
        _ => match cluster.spec.backup.as_ref().and_then(|b| b.barman_object_store.as_ref()) {
            Some(at) => store("spec.backup.barmanObjectStore", at, params),
            None if cluster.object_store().is_some() => plugin(unit, cluster, view, params),
            None => Err(Unknown::new(
                "NoStore",
                format!("{} says nowhere where its backups go", unit.name()),
            )),
        },
    }
}

fn plugin(unit: &Unit<'_>, cluster: &CnpgCluster, view: &View<'_>, params: &Params) -> Judged {
    let Some(name) = cluster.object_store() else {
        return Err(Unknown::not_modelled("a backup plugin other than Barman Cloud"));
    };
    let store_name = ObjRef::new(Kind::CnpgObjectStore, unit.namespace(), name);
    match view.get::<CnpgObjectStore>(&store_name)? {
        Some(found) => store(&format!("ObjectStore {name}"), &found.spec.configuration, params),
        None => Err(Unknown::new(
            "StoreNotFound",
            format!("ObjectStore {name} does not exist"),
        )),
    }
}

/// Both base backups and the log hold the data.
fn store(what: &str, store: &Store, params: &Params) -> Judged {
    let parts = [("data", &store.data), ("wal", &store.wal)];
    worst(parts.into_iter().map(|(part, stored)| {
        let asked = stored.as_ref().and_then(|stored| stored.encryption.as_deref());
        match asked {
            Some("AES256" | "aws:kms") => Ok(Verdict::Encrypted),
            _ => by_default(&format!("{what}.{part}"), store, params),
        }
    }))
}

fn by_default(what: &str, store: &Store, params: &Params) -> Judged {
    let path = &*store.destination_path;
    if path.starts_with("gs://") || host(path).ends_with(".blob.core.windows.net") {
        return by_provider(what, params);
    }
    s3(what, store.endpoint_url.as_deref(), params)
}

/// Backups of an encrypted volume are encrypted; what the store does with others is not visible.
fn longhorn(unit: &Unit<'_>, view: &View<'_>) -> Judged {
    let claims = claims(unit.object()?);
    let volumes = longhorn_volumes(view, unit.namespace(), &claims)?;
    worst(claims.iter().zip(volumes).map(|(claim, volume)| {
        let encrypted = match volume {
            Some(volume) => project::<LonghornVolume>(volume)?.spec.encrypted == Some(true),
            None => true, // not on Longhorn: no backup of it to judge
        };
        if encrypted {
            return Ok(Verdict::Encrypted);
        }
        let why = format!("the volume of claim {claim} is not encrypted; whether the backup target is, is not visible");
        Err(Unknown::new("NotVisible", why))
    }))
}
