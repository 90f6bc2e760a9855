//! The index keys each projection states beyond those of every object.

use super::{Body, Meta, Workload};
use crate::{inventory::IndexKey, kind::Kind, name::ObjRef};

/// The label that says what a workload is for.
pub const ROLE: &str = "plimsoll.dev/role";
/// The annotation by which a backup CronJob names what it backs up: `<Kind>/<name>`, several by comma, or `*`.
pub const BACKUP_OF: &str = "plimsoll.dev/backup-of";

impl Body {
    /// Adds the keys under which look-ups find this object.
    pub(crate) fn index_keys(&self, name: &ObjRef, meta: &Meta, keys: &mut Vec<IndexKey>) {
        match self {
            Body::Workload(workload) if name.kind() == Kind::CronJob => {
                cron_job(workload, name, meta, keys);
            }
            Body::VeleroBackup(_) => {
                if let Some(schedule) = meta.labels.get("velero.io/schedule-name") {
                    keys.push(targets(name, "Schedule", schedule));
                }
            }
            Body::CnpgScheduledBackup(backup) => {
                keys.push(targets(name, "Cluster", &backup.spec.cluster.name));
            }
            Body::CnpgBackup(backup) => keys.push(targets(name, "Cluster", &backup.spec.cluster.name)),
            Body::LonghornVolume(volume) => {
                if let Some((namespace, claim)) = volume.claim() {
                    let kind = "PersistentVolumeClaim".into();
                    keys.push(IndexKey::Targets(
                        name.kind(),
                        namespace.into(),
                        kind,
                        claim.into(),
                    ));
                }
            }
            Body::LonghornBackup(backup) => keys.push(targets(name, "Volume", &backup.status.volume_name)),
            _ => {}
        }
    }
}

fn targets(name: &ObjRef, kind: &str, target: &str) -> IndexKey {
    IndexKey::Targets(
        name.kind(),
        name.namespace_arc().clone(),
        kind.into(),
        target.into(),
    )
}

/// A backup CronJob is filed under what it says it backs up (`*` under kind and name `*`), one that only looks like a
/// backup under kind `?`, so that an ordinary CronJob touches no database.
fn cron_job(workload: &Workload, name: &ObjRef, meta: &Meta, keys: &mut Vec<IndexKey>) {
    let is_backup = meta.labels.get(ROLE) == Some("backup");
    match meta.annotations.get(BACKUP_OF).filter(|_| is_backup) {
        Some(list) => keys.extend(list.split(',').map(str::trim).map(|target| {
            let (kind, of) = target.split_once('/').unwrap_or((target, target));
            targets(name, kind, of)
        })),
        None if is_backup || workload.looks_like_backup(name.name()).is_some() => {
            keys.push(targets(name, "?", "?"));
        }
        None => {}
    }
}
