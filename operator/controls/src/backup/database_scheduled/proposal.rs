//! The changes proposed: resume what is suspended, create what is missing.

use plimsoll_engine::{
    control::Unit,
    finding::{Change, Repair, RepairClass},
    kind::Kind,
    name::ObjRef,
    object::{BACKUP_OF, Container, ROLE, Workload, base_name},
    unknown::Unknown,
    view::View,
};
use serde_json::{Value, json};

use super::{
    Params,
    judge::paced,
    template::{BackupTemplate, TemplateClass, for_image},
};
use crate::shared::backup::{SourcesOf, State, Target, target};

/// Longest name of a CronJob: its Jobs and their pods append to it.
const LONGEST: usize = 52;
/// The label by which the backup's own NetworkPolicy finds its pods.
const NAME: &str = "app.kubernetes.io/name";
/// `nobody`: a dump needs no account in the image.
const UID: u32 = 65534;

/// Resumes the first suspended source that would then be enough.
pub(super) fn resume(unit: &Unit<'_>, view: &View<'_>, params: &Params) -> Result<Option<Repair>, Unknown> {
    let sources = view.fact(&SourcesOf {
        target: unit.name().clone(),
    })?;
    for source in &sources.found {
        let State::Suspended(pointer) = source.state else {
            continue;
        };
        if paced(source, view, params)?.is_some() {
            continue;
        }
        return Ok(Some(Repair {
            class: RepairClass::NeedsApproval,
            why: "someone suspended it on purpose".into(),
            changes: vec![Change::Set {
                target: source.name.clone(),
                pointer: pointer.into(),
                from: Some(true.into()),
                to: false.into(),
            }],
        }));
    }
    Ok(None)
}

/// Creates a schedule with what fits the database: its operator's own, or a CronJob from a template.
pub(super) fn create(unit: &Unit<'_>, params: &Params) -> Result<Option<Repair>, Unknown> {
    if unit.name().kind() == Kind::CnpgCluster {
        return Ok(Some(scheduled_backup(unit.name())));
    }
    let Target::Database(sort) = target(unit, &params.database_images)? else {
        return Ok(None);
    };
    let name = format!("baseline-backup-{}", unit.name().name());
    let template = for_image(&params.backup_templates, &sort).filter(|_| name.len() <= LONGEST);
    let Some(template) = template else {
        return Ok(None);
    };
    let containers = unit.get::<Workload>()?.template();
    let image = containers
        .into_iter()
        .flat_map(|t| t.spec.containers.iter().flatten())
        .filter_map(|c: &Container| c.image.as_deref())
        .find(|image| base_name(image) == sort);
    let Some(image) = template.image.as_deref().or(image) else {
        return Ok(None);
    };
    Ok(Some(Repair {
        class: match template.class {
            TemplateClass::Safe => RepairClass::Safe,
            TemplateClass::NeedsApproval => RepairClass::NeedsApproval,
        },
        why: "it only reads the database, but puts load on it and makes a second copy of its data".into(),
        changes: vec![
            network_policy(unit.name(), unit.get::<Workload>()?, &name),
            cron_job(unit.name(), &name, image, template),
        ],
    }))
}

fn scheduled_backup(cluster: &ObjRef) -> Repair {
    let name = format!("baseline-backup-{}", cluster.name());
    let namespace = cluster.namespace().unwrap_or_default();
    let manifest = json!({
        "apiVersion": Kind::CnpgScheduledBackup.api_version(),
        "kind": "ScheduledBackup",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "schedule": "0 0 2 * * *",
            "backupOwnerReference": "self",
            "cluster": {"name": cluster.name()},
        },
    });
    Repair {
        class: RepairClass::NeedsApproval,
        why: "the cluster's spec.backup must name where backups go, and a backup puts load on it".into(),
        changes: vec![Change::Create {
            target: ObjRef::new(Kind::CnpgScheduledBackup, namespace, name),
            manifest: manifest.into(),
        }],
    }
}

/// The backup's pods reach the database and a resolver, and nobody reaches them. Policies add up: one that a bucket needs can
/// stand beside it.
fn network_policy(database: &ObjRef, workload: &Workload, name: &str) -> Change {
    let namespace = database.namespace().unwrap_or_default();
    let dns = [json!({"protocol": "UDP", "port": 53}), json!({"protocol": "TCP", "port": 53})];
    let manifest = json!({
        "apiVersion": Kind::NetworkPolicy.api_version(),
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "podSelector": {"matchLabels": {NAME: name}},
            "policyTypes": ["Ingress", "Egress"],
            "egress": [
                {"to": [{"podSelector": workload.spec.selector.clone().unwrap_or_default()}]},
                {"to": [{"namespaceSelector": {}}], "ports": dns},
            ],
        },
    });
    Change::Create {
        target: ObjRef::new(Kind::NetworkPolicy, namespace, name),
        manifest: manifest.into(),
    }
}

fn cron_job(database: &ObjRef, name: &str, image: &str, template: &BackupTemplate) -> Change {
    let namespace = database.namespace().unwrap_or_default();
    let manifest = json!({
        "apiVersion": Kind::CronJob.api_version(),
        "kind": "CronJob",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {ROLE: "backup"},
            "annotations": {BACKUP_OF: format!("{}/{}", database.kind(), database.name())},
        },
        "spec": {
            "schedule": template.schedule,
            "timeZone": "Etc/UTC",
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 3600,
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {"spec": {"backoffLimit": 2, "template": pod(database, name, image, template)}},
        },
    });
    Change::Create {
        target: ObjRef::new(Kind::CronJob, namespace, name),
        manifest: manifest.into(),
    }
}

/// A pod that the `restricted` Pod Security Standard admits.
fn pod(database: &ObjRef, name: &str, image: &str, template: &BackupTemplate) -> Value {
    let filled = |text: &str| text.replace("{target}", database.name());
    let secret = filled(&template.secret);
    let from_secret = template.secret_env.iter().map(
        |(name, key)| json!({"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}),
    );
    let plain = template
        .env
        .iter()
        .map(|(name, value)| json!({"name": name, "value": filled(value)}));
    let env: Vec<Value> = plain.chain(from_secret).collect();
    let script = format!(
        "if (set -o pipefail) 2> /dev/null; then set -o pipefail; fi\n{}",
        template.script
    );
    json!({
        "metadata": {"labels": {ROLE: "backup", NAME: name}},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": false,
            "securityContext": {
                "runAsNonRoot": true, "runAsUser": UID, "runAsGroup": UID, "fsGroup": UID,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [{
                "name": "backup",
                "image": image,
                "command": ["/bin/sh", "-euc", script],
                "env": env,
                "securityContext": {
                    "allowPrivilegeEscalation": false,
                    "readOnlyRootFilesystem": true,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": [{"name": "backup", "mountPath": "/backup"}],
            }],
            "volumes": [{"name": "backup", "persistentVolumeClaim": {"claimName": filled(&template.claim)}}],
        },
    })
}
