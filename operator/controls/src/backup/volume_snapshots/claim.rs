//! What copies there are of a claim.

use jiff::SignedDuration;
use plimsoll_engine::{
    control::{Unit, project},
    decode::Object,
    facts::VolumeEncryption,
    inventory::IndexKey,
    kind::{Kind, KindSet},
    fact::Fact,
    name::ObjRef,
    object::{VolumeSnapshot, VolumeSnapshotClass},
    unknown::Unknown,
    view::View,
};

use super::Params;
use crate::shared::backup::{RunOf, Source, Sources};

/// A time so far ahead of our clock is no matter of clocks that differ a little.
const SKEW: SignedDuration = SignedDuration::from_hours(1);
const DEFAULT: &str = "snapshot.storage.kubernetes.io/is-default-class";

/// The newest copy of something.
pub(super) enum Copy {
    /// It counts.
    Recent,
    /// It is too old, in words.
    Old(String),
    /// There is none, in words.
    None(&'static str),
    /// There can be none, for this reason.
    Impossible(Unknown),
    /// It cannot be told, or is not due yet.
    Unknown(Unknown),
}

/// The newest snapshot of a claim that can be used.
pub(super) fn look(namespace: &str, claim: &str, view: &View<'_>, params: &Params) -> Copy {
    newest(namespace, claim, view, params).unwrap_or_else(Copy::Unknown)
}

pub(super) fn snapshots<'a>(
    namespace: &str,
    claim: &str,
    view: &View<'a>,
) -> Result<Vec<(&'a Object, &'a VolumeSnapshot)>, Unknown> {
    let kind = Kind::VolumeSnapshot;
    let key = IndexKey::Targets(kind, namespace.into(), "PersistentVolumeClaim".into(), claim.into());
    let found = view.indexed(kind, &key)?;
    found.into_iter().map(|object| Ok((object, project(object)?))).collect()
}

fn newest(namespace: &str, claim: &str, view: &View<'_>, params: &Params) -> Result<Copy, Unknown> {
    let taken = snapshots(namespace, claim, view)?;
    if let Some(at) = taken.iter().filter_map(|(_, snapshot)| snapshot.taken()).max() {
        if at.checked_sub(SKEW).is_ok_and(|bound| !view.is_past(bound)) {
            let why = format!("the last snapshot of claim {claim} is of {at}, which has not come yet");
            return Err(Unknown::new("ClockSkew", why).live_only());
        }
        return Ok(if view.is_older(at, params.max_age) {
            Copy::Old(format!("the last snapshot was taken at {at}, more than {} ago", params.max_age))
        } else {
            Copy::Recent
        });
    }
    let name = ObjRef::new(Kind::PersistentVolumeClaim, namespace, claim);
    let object = view.object(&name)?.ok_or_else(|| {
        Unknown::new("ClaimNotFound", format!("claim {claim} does not exist (yet)")).live_only()
    })?;
    let Some(created) = object.meta.creation_timestamp() else {
        let why = format!("claim {claim} is a manifest, its snapshots were never observed");
        return Err(Unknown::new("NeverObserved", why).live_only());
    };
    if !view.is_older(created, params.max_age) {
        let why = format!("claim {claim} is younger than {} and has no snapshot yet", params.max_age);
        return Err(Unknown::new("NotYetTaken", why).live_only());
    }
    if class(&name, view)?.is_none() {
        let why = format!("no VolumeSnapshotClass is for the driver of claim {claim}, and nothing else backs it up");
        return Ok(Copy::Impossible(Unknown::new("NoSnapshotClass", why)));
    }
    Ok(Copy::None(if taken.is_empty() {
        "has never been snapshotted, and nothing else backs it up"
    } else {
        "has no snapshot that is ready to use, and nothing else backs it up"
    }))
}

/// The class to take snapshots of a claim with: the default one of its driver, else the first by name.
pub(super) fn class(claim: &ObjRef, view: &View<'_>) -> Result<Option<String>, Unknown> {
    let volume = view.fact(&VolumeEncryption { claim: claim.clone() })?;
    let classes = view.fact(&Classes)?;
    let mut of_driver = classes.iter().filter(|class| class.driver == *volume.driver);
    let first = of_driver.clone().next();
    Ok(of_driver.find(|class| class.default).or(first).map(|class| class.name.clone()))
}

/// The VolumeSnapshotClasses of the cluster, which are few.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Classes;

#[derive(PartialEq, Debug)]
struct Class {
    name: String,
    driver: String,
    default: bool,
}

impl Fact for Classes {
    const READS: KindSet = KindSet::of(&[Kind::VolumeSnapshotClass]);
    type Value = Vec<Class>;

    fn compute(&self, view: &View<'_>) -> Result<Vec<Class>, Unknown> {
        let classes = view.all(Kind::VolumeSnapshotClass)?;
        let class = |object: &Object| {
            Ok(Class {
                name: object.name.name().into(),
                driver: project::<VolumeSnapshotClass>(object)?.driver.to_string(),
                default: object.meta.annotations.get(DEFAULT) == Some("true"),
            })
        };
        classes.into_iter().map(class).collect()
    }
}

/// The newest backup by a tool that holds the workload's volumes. One that is not known of may have made one.
pub(super) fn by_tools(unit: &Unit<'_>, view: &View<'_>, params: &Params, sources: &Sources) -> Copy {
    let mut best = Copy::None("");
    for source in sources.found.iter().filter(|source| source.holds_target()) {
        best = match (by_tool(unit, source, view, params), best) {
            (Copy::Recent, _) => return Copy::Recent,
            (Copy::Unknown(unknown), _) => Copy::Unknown(unknown),
            (_, best @ (Copy::Unknown(_) | Copy::Old(_))) => best,
            (other, _) => other,
        };
    }
    sources.missing.clone().map_or(best, Copy::Unknown)
}

fn by_tool(unit: &Unit<'_>, source: &Source, view: &View<'_>, params: &Params) -> Copy {
    let title = source.title();
    let run = match view.fact(&RunOf::new(&source.name, unit.name())) {
        Ok(run) => run,
        Err(unknown) => return Copy::Unknown(unknown),
    };
    let never = |what: &str| Copy::Unknown(Unknown::new("NeverObserved", format!("{title} {what}")).live_only());
    match (run.success, run.since) {
        (Some(at), _) if at.checked_sub(SKEW).is_ok_and(|bound| !view.is_past(bound)) => {
            let why = format!("{title} succeeded at {at}, which has not come yet");
            Copy::Unknown(Unknown::new("ClockSkew", why).live_only())
        }
        (Some(at), _) if !view.is_older(at, params.max_age) => Copy::Recent,
        (Some(at), _) => Copy::Old(format!(
            "the last success of {title} was at {at}, more than {} ago",
            params.max_age
        )),
        (None, None) => never("is configured, its runs were never observed"),
        (None, Some(since)) if view.is_older(since, params.max_age) => {
            Copy::Old(format!("{title} has never succeeded"))
        }
        (None, Some(_)) => never("is young and has not succeeded yet"),
    }
}
