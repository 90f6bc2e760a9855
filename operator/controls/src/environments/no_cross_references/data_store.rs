//! Whether a Service is that of a database.

use plimsoll_engine::{
    control::project,
    decode::Object,
    inventory::IndexKey,
    kind::Kind,
    name::ObjRef,
    object::{Projection, Service, Workload},
    unknown::Unknown,
    view::View,
};

use crate::shared::backup::{default_images, is_database};

/// Workloads that keep data, and what database operators run.
const OPERATED: &[Kind] = &[
    Kind::CnpgCluster,
    Kind::ZalandoPostgresql,
    Kind::PerconaPgCluster,
    Kind::PerconaXtraDbCluster,
    Kind::PerconaServerMongoDb,
    Kind::InnoDbCluster,
    Kind::MongoDbCommunity,
];

const WORKLOADS: [Kind; 3] = [Kind::StatefulSet, Kind::Deployment, Kind::Rollout];

/// What is read to tell.
pub(super) const READS: &[Kind] = &[
    Kind::Service,
    Kind::StatefulSet,
    Kind::Deployment,
    Kind::Rollout,
    Kind::CnpgCluster,
    Kind::ZalandoPostgresql,
    Kind::PerconaPgCluster,
    Kind::PerconaXtraDbCluster,
    Kind::PerconaServerMongoDb,
    Kind::InnoDbCluster,
    Kind::MongoDbCommunity,
];

/// The database behind a Service, by name. A namespace as a whole (an empty Service) is none.
pub(super) fn behind(view: &View<'_>, namespace: &str, service: &str) -> Result<Option<ObjRef>, Unknown> {
    if service.is_empty() {
        return Ok(None);
    }
    let name = ObjRef::new(Kind::Service, namespace, service);
    let by_selector = match view.object(&name)? {
        Some(object) => selected(view, namespace, object)?,
        None => None,
    };
    if by_selector.is_some() {
        return Ok(by_selector);
    }
    for kind in WORKLOADS {
        let workload = view.object(&ObjRef::new(kind, namespace, service))?;
        if let Some(object) = workload.filter(|object| is_database(object, &default_images())) {
            return Ok(Some(object.name.clone()));
        }
    }
    operated(view, namespace, service)
}

/// A database among the workloads that a Service selects.
fn selected(view: &View<'_>, namespace: &str, object: &Object) -> Result<Option<ObjRef>, Unknown> {
    let selector = &project::<Service>(object)?.spec.selector;
    let Some((key, value)) = selector.iter().next() else {
        return Ok(None);
    };
    let runs = IndexKey::Runs(namespace.into(), key.into(), value.into());
    for kind in WORKLOADS {
        for workload in view.indexed(kind, &runs)? {
            let template = workload.body.as_ref().ok().and_then(Workload::of).and_then(Workload::template);
            let all = template.is_some_and(|template| {
                selector.iter().all(|(key, value)| template.label(key) == Some(value))
            });
            if all && is_database(workload, &default_images()) {
                return Ok(Some(workload.name.clone()));
            }
        }
    }
    Ok(None)
}

/// The cluster of a database operator whose Services are called after it: `<cluster>`, `<cluster>-rw`, `<cluster>-primary` …
fn operated(view: &View<'_>, namespace: &str, service: &str) -> Result<Option<ObjRef>, Unknown> {
    let names = std::iter::successors(Some(service), |name| name.rsplit_once('-').map(|(head, _)| head));
    for name in names.take(4) {
        for kind in OPERATED {
            let cluster = ObjRef::new(*kind, namespace, name);
            if view.object(&cluster)?.is_some() {
                return Ok(Some(cluster));
            }
        }
    }
    Ok(None)
}
