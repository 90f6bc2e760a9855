//! Which deployment of which tool an object belongs to.

use super::Release;
use crate::decode::Object;

/// The release that a top-most workload was installed by, if its metadata names one beyond doubt.
///
/// The label `app.kubernetes.io/instance` alone does not: two releases of one name in two namespaces carry the same.
pub(super) fn release(object: &Object) -> Option<Release> {
    if !object.is_workload() {
        return None;
    }
    let name = argo(object).or_else(|| helm(object))?;
    let account = object
        .body
        .as_ref()
        .ok()
        .and_then(|body| body.pod_spec()?.service_account_name.clone())
        .filter(|account| !account.is_empty());
    Some(Release {
        name: name.into(),
        service_account: account.unwrap_or_else(|| "default".into()),
    })
}

/// Helm sets both annotations on everything it installs.
fn helm(object: &Object) -> Option<String> {
    let name = object.meta.annotations.get("meta.helm.sh/release-name")?;
    let namespace = object.meta.annotations.get("meta.helm.sh/release-namespace")?;
    Some(format!("Helm release {namespace}/{name}"))
}

/// Argo CD's tracking: `<app>:<group>/<kind>:<namespace>/<name>`, or its own instance label.
fn argo(object: &Object) -> Option<String> {
    let annotations = &object.meta.annotations;
    let tracked = annotations
        .get("argocd.argoproj.io/tracking-id")
        .and_then(|id| tracked_by(id, object));
    let app = tracked
        .or_else(|| annotations.get("argocd.argoproj.io/instance"))
        .or_else(|| object.meta.labels.get("argocd.argoproj.io/instance"))?;
    Some(format!("Argo CD application {app}"))
}

/// The application of a tracking id, unless the annotation was copied from another object, as some controllers do.
fn tracked_by<'i>(id: &'i str, object: &Object) -> Option<&'i str> {
    let (app, resource) = id.split_once(':')?;
    let (_, target) = resource.rsplit_once(':')?;
    let own = format!("{}/{}", object.name.namespace().unwrap_or(""), object.name.name());
    (target == own).then_some(app)
}
