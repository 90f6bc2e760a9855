//! Who manages an object by its labels, annotations and owner: what they would write again must not be patched.
//!
//! Field managers tell more, and are looked at when a change is made; these marks are seen in a scan too.

use plimsoll_engine::object::Meta;

/// Labels that a deployment tool sets on what it applies.
const LABELS: [(&str, &str); 3] = [
    ("argocd.argoproj.io/instance", "Argo CD"),
    ("kustomize.toolkit.fluxcd.io/name", "Flux"),
    ("helm.toolkit.fluxcd.io/name", "Flux"),
];

/// Annotations that a deployment tool sets on what it applies.
const ANNOTATIONS: [(&str, &str); 3] = [
    ("argocd.argoproj.io/tracking-id", "Argo CD"),
    ("argocd.argoproj.io/instance", "Argo CD"),
    ("meta.helm.sh/release-name", "Helm"),
];

/// The manager whose next deployment or reconciliation would undo a change, such as `Helm` or `Operator db`.
pub(crate) fn manager(meta: &Meta) -> Option<String> {
    if let Some(owner) = &meta.controller {
        return Some(format!("{} {}", owner.kind(), owner.name()));
    }
    let by_label = LABELS
        .iter()
        .find(|(key, _)| meta.labels.get(key).is_some())
        .map(|(_, tool)| *tool);
    let by_annotation = || {
        ANNOTATIONS
            .iter()
            .find(|(key, _)| meta.annotations.get(key).is_some())
            .map(|(_, tool)| *tool)
    };
    let by_helm = || (meta.labels.get("app.kubernetes.io/managed-by") == Some("Helm")).then_some("Helm");
    by_label
        .or_else(by_annotation)
        .or_else(by_helm)
        .map(str::to_owned)
}

/// The reason for asking first, where somebody manages the object.
pub(crate) fn managed_elsewhere(meta: &Meta) -> Option<String> {
    manager(meta).map(|who| format!("managed elsewhere: {who} would write it again"))
}
