//! The backup sources of a target: every schedule that concerns it, live or not, and why not.

use plimsoll_engine::{
    control::project,
    cron::Dialect,
    decode::Object,
    fact::Fact,
    inventory::IndexKey,
    kind::{Kind, KindSet},
    name::ObjRef,
    object::{BackupTemplate, Body, CnpgScheduledBackup, DatabaseCr, K8upSchedule, VeleroSchedule, Workload},
    unknown::Unknown,
    view::View,
};

use super::{
    SOURCES,
    cover::Shape,
    longhorn,
    source::{Source, Sources, State},
};

/// The backup sources of one target.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct SourcesOf {
    /// The database.
    pub(crate) target: ObjRef,
}

impl Fact for SourcesOf {
    const READS: KindSet = SOURCES;
    type Value = Sources;

    fn compute(&self, view: &View<'_>) -> Result<Sources, Unknown> {
        let mut sources = Sources::default();
        let Some(object) = view.object(&self.target)? else {
            return Ok(sources);
        };
        let shape = Shape::of(object);
        let cron_jobs = self.cron_jobs(view, &mut sources);
        sources.look(cron_jobs);
        let native = self.native(view, object, &mut sources);
        sources.look(native);
        let k8up = self.k8up(view, &shape, &mut sources);
        sources.look(k8up);
        let velero = velero(view, &shape, &mut sources);
        sources.look(velero);
        let longhorn = longhorn::sources(view, object, &mut sources);
        sources.look(longhorn);
        let snapshots = self.snapshots(view, &mut sources);
        sources.look(snapshots);
        Ok(sources)
    }
}

impl SourcesOf {
    fn namespace(&self) -> &str {
        self.target.namespace().unwrap_or_default()
    }

    fn cron_jobs(&self, view: &View<'_>, sources: &mut Sources) -> Result<(), Unknown> {
        let filed = |kind: &str, name: &str| {
            let key = IndexKey::Targets(Kind::CronJob, self.namespace().into(), kind.into(), name.into());
            view.indexed(Kind::CronJob, &key)
        };
        let named = filed(self.target.kind().info().kind, self.target.name())?;
        for object in named.into_iter().chain(filed("*", "*")?) {
            sources.add(cron_job(object));
        }
        for object in filed("?", "?")? {
            let job: &Workload = project(object)?;
            let why = job
                .looks_like_backup(object.name.name())
                .unwrap_or_else(|| "has the role backup".into());
            sources.suggestions.push(format!("{} {why}", object.name).into());
        }
        Ok(())
    }

    /// What the target's own operator schedules.
    fn native(&self, view: &View<'_>, object: &Object, sources: &mut Sources) -> Result<(), Unknown> {
        match &object.body {
            Ok(Body::CnpgCluster(_)) => {
                let kind = Kind::CnpgScheduledBackup;
                let key = IndexKey::Targets(
                    kind,
                    self.namespace().into(),
                    "Cluster".into(),
                    self.target.name().into(),
                );
                for object in view.indexed(kind, &key)? {
                    sources.add(scheduled_backup(object));
                }
            }
            Ok(Body::DatabaseCr(cr)) => native_schedules(&self.target, cr, sources),
            _ => {}
        }
        Ok(())
    }

    fn k8up(&self, view: &View<'_>, shape: &Shape, sources: &mut Sources) -> Result<(), Unknown> {
        for object in view.in_namespace(Kind::K8upSchedule, self.namespace())? {
            let schedule: &K8upSchedule = project(object)?;
            let Some(backup) = &schedule.spec.backup else {
                continue;
            };
            let state = shape
                .left_out_by_k8up(backup.label_selectors.as_deref())
                .map_or(State::Live, |why| State::Excluded(why.into()));
            // What K8up made of `@daily-random` is the schedule that runs.
            let written = schedule.effective_backup().unwrap_or(&backup.schedule);
            let mut source = Source::new(&object.name, written, Dialect::K8up, state);
            source.part = Some("backup".into());
            sources.found.push(source);
        }
        Ok(())
    }

    fn snapshots(&self, view: &View<'_>, sources: &mut Sources) -> Result<(), Unknown> {
        for object in view.in_namespace(Kind::SnapshotSchedule, self.namespace())? {
            let schedule: &plimsoll_engine::object::SnapshotSchedule = project(object)?;
            let written = &schedule.spec.schedule;
            sources.found.push(Source::new(
                &object.name,
                written,
                Dialect::Kubernetes,
                State::Snapshot,
            ));
        }
        Ok(())
    }
}

fn cron_job(object: &Object) -> Result<Source, Unknown> {
    let job: &Workload = project(object)?;
    let extent = object.meta.annotations.get("plimsoll.dev/backup-type");
    let state = match extent {
        _ if job.spec.suspend == Some(true) => State::Suspended("/spec/suspend"),
        Some(extent) if extent != "full" => State::NotFull(extent.into()),
        _ => State::Live,
    };
    let schedule = job.spec.schedule.as_deref().unwrap_or_default();
    let mut source = Source::new(&object.name, schedule, Dialect::Kubernetes, state);
    source.cadence.zone.clone_from(&job.spec.time_zone);
    Ok(source)
}

fn scheduled_backup(object: &Object) -> Result<Source, Unknown> {
    let spec = &project::<CnpgScheduledBackup>(object)?.spec;
    let state = if spec.suspend == Some(true) {
        State::Suspended("/spec/suspend")
    } else {
        State::Live
    };
    let mut source = Source::new(&object.name, &spec.schedule, Dialect::SixFields, state);
    if spec.method.as_deref() == Some("volumeSnapshot") {
        source.note = Some("takes volume snapshots, which usually lie on the same storage as the database");
    }
    Ok(source)
}

fn native_schedules(target: &ObjRef, cr: &DatabaseCr, sources: &mut Sources) {
    for schedule in cr.schedules.iter().filter(|s| s.enabled) {
        let extent = schedule.extent.as_deref().unwrap_or("full");
        let state = if matches!(extent, "incremental" | "differential") {
            State::NotFull(extent.into())
        } else {
            State::Live
        };
        let mut source = Source::new(target, &schedule.schedule, Dialect::Kubernetes, state);
        source.part = Some(schedule.name.clone());
        sources.found.push(source);
    }
}

/// The Velero schedules of the cluster, which are few: read once for all targets.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct VeleroSchedules;

#[derive(Clone, PartialEq, Debug)]
struct VeleroRow {
    name: ObjRef,
    schedule: Box<str>,
    state: State,
    template: BackupTemplate,
}

impl Fact for VeleroSchedules {
    const READS: KindSet = KindSet::of(&[Kind::VeleroSchedule]);
    type Value = Vec<Result<VeleroRow, Unknown>>;

    fn compute(&self, view: &View<'_>) -> Result<Self::Value, Unknown> {
        let row = |object: &Object| {
            let schedule: &VeleroSchedule = project(object)?;
            let state = if schedule.spec.paused == Some(true) {
                State::Suspended("/spec/paused")
            } else if schedule.is_refused() {
                State::Refused("status.phase is FailedValidation".into())
            } else {
                State::Live
            };
            Ok(VeleroRow {
                name: object.name.clone(),
                schedule: schedule.spec.schedule.clone(),
                state,
                template: schedule.spec.template.clone(),
            })
        };
        Ok(view.all(Kind::VeleroSchedule)?.into_iter().map(row).collect())
    }
}

fn velero(view: &View<'_>, shape: &Shape, sources: &mut Sources) -> Result<(), Unknown> {
    for row in view.fact(&VeleroSchedules)?.iter() {
        sources.add(row.clone().map(|row| {
            let state = match shape.left_out_by_velero(&row.template) {
                Some(why) => State::Excluded(why.into()),
                None => row.state,
            };
            Source::new(&row.name, &row.schedule, Dialect::Velero, state)
        }));
    }
    Ok(())
}
