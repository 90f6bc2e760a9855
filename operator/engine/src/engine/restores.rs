//! What the objects at hand tell of restores, to be remembered when they are gone.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::Engine;
use crate::{
    decode::Object,
    dep::Dep,
    inventory::{IndexKey, Inventory},
    kind::Kind,
    name::ObjRef,
    object::{Body, ROLE, Workload, restore_tests},
    restore::{
        Mechanism, RESTORE_KINDS, RESTORE_OF, RESTORE_RESULT, RESTORE_TEST, Restore, RestoreResult, short,
        targets,
    },
};

impl Engine {
    /// Whether a change of an object may tell of a restore, or of where one went.
    pub(super) fn tells_of_restores(&self, object: &Object) -> bool {
        match object.name.kind() {
            Kind::Namespace => true,
            Kind::Pod => matches!(&object.body, Ok(Body::Pod(pod)) if pod.restore().is_some()),
            kind if !RESTORE_KINDS.contains(&kind) => false,
            _ => test_of(&self.inventory, object).is_some(),
        }
    }

    /// The same of the object as it is held.
    pub(super) fn told_of_restores(&self, name: &ObjRef) -> bool {
        let may = name.kind() == Kind::Namespace || RESTORE_KINDS.contains(&name.kind());
        may && self
            .inventory
            .get(name)
            .is_some_and(|object| self.tells_of_restores(object))
    }

    /// Remembers the restores that objects tell of. Every one is looked at again: they are few, and looking twice changes
    /// nothing.
    pub(super) fn observe_restores(&mut self) {
        if !std::mem::take(&mut self.restores_changed) {
            return;
        }
        let mut told = Vec::new();
        for kind in RESTORE_KINDS {
            for name in self.inventory.indexed(&restore_tests(*kind)) {
                if let Some(object) = self.inventory.get(name) {
                    told.extend(tell(&self.inventory, object));
                }
            }
        }
        for Told {
            namespace,
            target,
            mut restore,
        } in told
        {
            // An unbounded number of records for namespaces that do not exist must not be made.
            if self
                .inventory
                .get(&ObjRef::namespace_object(&namespace))
                .is_none()
            {
                continue;
            }
            restore.environments = self.environments_of(&restore.namespace);
            if self.memory.observe_restore(&namespace, &target, restore) {
                self.touch_restores(&namespace);
            }
        }
    }

    pub(super) fn touch_restores(&mut self, namespace: &str) {
        self.touch_deps(vec![Dep::restores(namespace)]);
    }

    /// The environments in force in a namespace, by the label key of each baseline.
    fn environments_of(&self, namespace: &str) -> BTreeMap<Box<str>, Box<str>> {
        let keys = self.plan.baselines().iter().map(|b| b.settings.environment_key());
        keys.filter_map(|key| Some((key.into(), self.memory.first_label(key, namespace)?.into())))
            .collect()
    }
}

/// A restore, and what was restored.
struct Told {
    namespace: Box<str>,
    target: Box<str>,
    restore: Restore,
}

/// The object whose marks make this one a restore test: itself, or the CronJob that started it.
fn test_of<'a>(inventory: &'a Inventory, object: &'a Object) -> Option<&'a Object> {
    let is_test = |object: &&Object| object.meta.labels.get(ROLE) == Some(RESTORE_TEST);
    let starter = || {
        let owner = object
            .meta
            .controller
            .as_ref()
            .filter(|owner| owner.kind() == "CronJob")?;
        let namespace = object.name.namespace_arc().clone();
        inventory.get(&ObjRef::new(Kind::CronJob, namespace, owner.name()))
    };
    Some(object).filter(is_test).or_else(|| starter().filter(is_test))
}

/// The restores an object that is marked tells of; those of its Jobs, where it is a CronJob.
fn tell(inventory: &Inventory, object: &Object) -> Vec<Told> {
    let mut told = run(inventory, object);
    if object.name.kind() == Kind::CronJob {
        let jobs = IndexKey::OwnedBy(
            object.name.namespace_arc().clone(),
            "CronJob".into(),
            object.name.name().into(),
        );
        let jobs = inventory.indexed(&jobs).filter(|name| name.kind() == Kind::Job);
        told.extend(
            jobs.filter_map(|name| inventory.get(name))
                .flat_map(|job| run(inventory, job)),
        );
    }
    told
}

/// What one object tells of its own run.
fn run(inventory: &Inventory, object: &Object) -> Vec<Told> {
    let Some(mut ended) = ended(inventory, object) else {
        return Vec::new();
    };
    // A Job may name its target itself, else its CronJob does.
    let own = object.meta.annotations.get(RESTORE_OF);
    let list = own.or_else(|| test_of(inventory, object)?.meta.annotations.get(RESTORE_OF));
    let own_namespace = object.name.namespace().unwrap_or_default();
    let result = ended.result.take().or_else(|| {
        object
            .meta
            .annotations
            .get(RESTORE_RESULT)
            .map(RestoreResult::read)
    });
    targets(list.unwrap_or_default(), own_namespace)
        .map(|(namespace, target)| Told {
            namespace: namespace.into(),
            target: target.into(),
            restore: Restore {
                at: ended.at,
                namespace: short(ended.mapped(namespace).unwrap_or(own_namespace)),
                environments: BTreeMap::new(),
                source: object.name.to_string().into(),
                mechanism: ended.mechanism.or(result.as_ref().and_then(|r| r.mechanism)),
                flaw: match &result {
                    Some(result) => result.flaw().map(Into::into),
                    None => Some("it left no result".into()),
                },
                backup: match &result {
                    Some(result) if !result.backup.is_empty() => result.backup.clone(),
                    _ => short(ended.backup),
                },
                backup_time: result.as_ref().and_then(|r| r.backup_time),
                seconds: result
                    .as_ref()
                    .and_then(|r| r.duration)
                    .map(crate::duration::Duration::as_secs)
                    .or_else(|| seconds(ended.at.duration_since(ended.started?))),
            },
        })
        .collect()
}

fn seconds(length: SignedDuration) -> Option<u32> {
    u32::try_from(length.as_secs()).ok()
}

/// A run that ended well.
struct Ended<'a> {
    at: Timestamp,
    started: Option<Timestamp>,
    mechanism: Option<Mechanism>,
    backup: &'a str,
    result: Option<RestoreResult>,
    mapping: Option<&'a BTreeMap<Box<str>, Box<str>>>,
    in_place: bool,
}

impl Ended<'_> {
    fn at(at: Timestamp) -> Self {
        Self {
            at,
            started: None,
            mechanism: None,
            backup: "",
            result: None,
            mapping: None,
            in_place: false,
        }
    }

    /// The namespace that what was in another went to, where it is not the test's own.
    fn mapped<'b>(&'b self, from: &'b str) -> Option<&'b str> {
        let to = self.mapping.and_then(|mapping| mapping.get(from)).map(|to| &**to);
        to.or_else(|| self.in_place.then_some(from))
    }
}

fn ended<'a>(inventory: &Inventory, object: &'a Object) -> Option<Ended<'a>> {
    match object.body.as_ref().ok()? {
        Body::Workload(workload) => job(inventory, object, workload),
        Body::VeleroRestore(restore) => {
            let status = restore
                .status
                .as_ref()
                .filter(|s| s.phase.as_deref() == Some("Completed"))?;
            Some(Ended {
                started: status.start_timestamp,
                mechanism: Some(Mechanism::Velero),
                backup: restore.spec.backup_name.as_deref().unwrap_or_default(),
                mapping: restore.spec.namespace_mapping.as_ref(),
                in_place: true,
                ..Ended::at(status.completion_timestamp?)
            })
        }
        Body::K8upRestore(restore) => {
            let (at, _) = restore.status.as_ref()?.ended().filter(|(_, well)| *well)?;
            Some(Ended {
                started: object.meta.creation_timestamp(),
                mechanism: Some(Mechanism::K8up),
                backup: restore.spec.snapshot.as_deref().unwrap_or_default(),
                ..Ended::at(at)
            })
        }
        // When it became ready is not kept by anybody; when it was made is.
        Body::CnpgCluster(cluster) if cluster.is_ready() => Some(Ended {
            mechanism: Some(Mechanism::Cnpg),
            backup: cluster.recovered_from()?,
            ..Ended::at(object.meta.creation_timestamp()?)
        }),
        _ => None,
    }
}

/// A Job says when it ended well; a CronJob, when the last of its Jobs did.
fn job<'a>(inventory: &Inventory, object: &'a Object, workload: &'a Workload) -> Option<Ended<'a>> {
    let status = workload.status.as_ref()?;
    if object.name.kind() == Kind::CronJob {
        return status.last_successful_time.map(Ended::at);
    }
    let pods = IndexKey::OwnedBy(
        object.name.namespace_arc().clone(),
        "Job".into(),
        object.name.name().into(),
    );
    let results = inventory
        .indexed(&pods)
        .filter_map(|name| match &inventory.get(name)?.body {
            Ok(Body::Pod(pod)) => pod.restore(),
            _ => None,
        });
    // Several pods may have tried; one that verified is enough.
    let result = results.min_by_key(|result| result.flaw().is_some()).cloned();
    Some(Ended {
        started: status.start_time,
        result,
        ..Ended::at(status.completion_time?)
    })
}
