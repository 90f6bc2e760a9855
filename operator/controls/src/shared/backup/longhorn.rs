//! Longhorn: a RecurringJob runs for the volumes that name it or one of its groups.

use plimsoll_engine::{
    control::project,
    cron::Dialect,
    decode::Object,
    fact::Fact,
    inventory::IndexKey,
    kind::{Kind, KindSet},
    name::ObjRef,
    object::{Body, LonghornRecurringJob, Workload},
    unknown::Unknown,
    view::View,
};

use super::source::{Source, Sources, State};

/// Claims of more pods than this are not looked at one by one.
const MOST_PODS: i32 = 64;

/// The RecurringJobs of the cluster, which are few.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct RecurringJobs;

impl Fact for RecurringJobs {
    const READS: KindSet = KindSet::of(&[Kind::LonghornRecurringJob]);
    type Value = Vec<(ObjRef, LonghornRecurringJob)>;

    fn compute(&self, view: &View<'_>) -> Result<Self::Value, Unknown> {
        let jobs = view.all(Kind::LonghornRecurringJob)?;
        jobs.into_iter()
            .map(|object| {
                Ok((
                    object.name.clone(),
                    project::<LonghornRecurringJob>(object)?.clone(),
                ))
            })
            .collect()
    }
}

/// The names of the claims a workload mounts: those of its pods, made from templates, and those named.
pub(crate) fn claims(object: &Object) -> Vec<String> {
    let Ok(Body::Workload(workload)) = &object.body else {
        return Vec::new();
    };
    let workload: &Workload = workload;
    let pods = workload.spec.replicas.unwrap_or(1).clamp(1, MOST_PODS);
    let templates = workload.spec.volume_claim_templates.iter().flatten();
    let made = templates.flat_map(|template| {
        (0..pods).map(move |pod| format!("{}-{}-{pod}", template.metadata.name, object.name.name()))
    });
    let named = workload
        .template()
        .into_iter()
        .flat_map(|t| t.spec.claims().map(str::to_owned));
    made.chain(named).collect()
}

/// The Longhorn volume of each claim, where it is on Longhorn.
pub(crate) fn volumes<'a>(
    view: &View<'a>,
    namespace: &str,
    claims: &[String],
) -> Result<Vec<Option<&'a Object>>, Unknown> {
    claims
        .iter()
        .map(|claim| {
            let key = IndexKey::Targets(
                Kind::LonghornVolume,
                namespace.into(),
                "PersistentVolumeClaim".into(),
                claim.as_str().into(),
            );
            Ok(view.indexed(Kind::LonghornVolume, &key)?.into_iter().next())
        })
        .collect()
}

pub(super) fn sources(view: &View<'_>, object: &Object, sources: &mut Sources) -> Result<(), Unknown> {
    let claims = claims(object);
    let volumes = volumes(view, object.name.namespace().unwrap_or_default(), &claims)?;
    if volumes.iter().all(Option::is_none) {
        return Ok(());
    }
    for (name, job) in view.fact(&RecurringJobs)?.iter() {
        let runs = |volume: Option<&Object>| volume.is_some_and(|v| runs_for(name, job, v));
        if !volumes.iter().any(|v| runs(*v)) {
            continue;
        }
        let left_out = claims.iter().zip(&volumes).find(|(_, v)| !runs(**v));
        let state = match (job.spec.is_backup(), &*job.spec.task, left_out) {
            (true, _, None) => State::Live,
            (true, _, Some((claim, _))) => {
                State::Excluded(format!("claim {claim} is in none of its groups").into())
            }
            (false, task, _) if task.starts_with("snapshot") => State::Snapshot,
            // filesystem-trim and system-backup copy no volume.
            _ => continue,
        };
        sources
            .found
            .push(Source::new(name, &job.spec.cron, Dialect::Kubernetes, state));
    }
    Ok(())
}

fn runs_for(name: &ObjRef, job: &LonghornRecurringJob, volume: &Object) -> bool {
    let labels = &volume.meta.labels;
    let has = |prefix: &str, of: &str| labels.get(&format!("{prefix}/{of}")) == Some("enabled");
    let mut groups = job.spec.groups.iter().flatten();
    let assigned = labels.iter().any(|(key, value)| {
        value == "enabled"
            && (key.starts_with("recurring-job.longhorn.io/") && key != "recurring-job.longhorn.io/source"
                || key.starts_with("recurring-job-group.longhorn.io/"))
    });
    has("recurring-job.longhorn.io", name.name())
        || groups
            .any(|group| has("recurring-job-group.longhorn.io", group) || !assigned && &**group == "default")
}
