//! Who owns the fields a change would touch, told from `metadata.managedFields` and the marks deployment tools leave.
//!
//! Measured on a real 1.37 server: writing a field that somebody applies makes their next server-side apply conflict, or is
//! reverted by it. So only fields that nobody owns, that this operator owns, or that a person set with kubectl other than
//! by server-side apply are written; the rest is left to its owner.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use serde_json::{Map, Value};

/// Prefix of the field managers this operator writes with: `plimsoll/<control>`. A `/` is legal there.
pub const MANAGER_PREFIX: &str = "plimsoll/";

/// The field manager of a control's repairs.
pub fn manager_of(control: &str) -> String {
    format!("{MANAGER_PREFIX}{control}")
}

/// Whether a change may touch its fields.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ownership {
    /// Nobody owns them, this operator does, or a person with kubectl: go on.
    Free,
    /// Somebody else decides them; the change is theirs to make at its source.
    ManagedElsewhere(Manager),
}

/// Who decides a field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Manager {
    /// Name of the field manager, release, application or controller.
    pub name: String,
    /// How it does so.
    pub how: How,
}

/// How a field or an object is managed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    /// The field is part of a server-side apply.
    Apply,
    /// The field was last set by a program other than kubectl.
    Update,
    /// The object belongs to a Helm release.
    Helm,
    /// The object belongs to an Argo CD application.
    ArgoCd,
    /// The object belongs to a Flux Kustomization or HelmRelease.
    Flux,
    /// The object carries the mark of another deployment tool.
    Tool,
    /// A controller owns the object.
    Controller,
    /// The object does not say: its managedFields were cleared.
    Untold,
}

impl fmt::Display for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match self.how {
            How::Apply => write!(f, "server-side apply of {name}"),
            How::Update | How::Tool => write!(f, "{name}"),
            How::Helm => write!(f, "Helm release {name}"),
            How::ArgoCd => write!(f, "Argo CD application {name}"),
            How::Flux => write!(f, "Flux {name}"),
            How::Controller => write!(f, "its owner {name}"),
            How::Untold => write!(f, "somebody who cleared its managedFields"),
        }
    }
}

/// Where a tool leaves its mark.
#[derive(Clone, Copy)]
enum Place {
    Label,
    Annotation,
}

/// Marks that deployment tools leave on objects they manage, by the documentation of each.
const MARKS: &[(Place, &str, How)] = &[
    (Place::Annotation, "meta.helm.sh/release-name", How::Helm),
    (Place::Annotation, "argocd.argoproj.io/tracking-id", How::ArgoCd),
    (Place::Label, "argocd.argoproj.io/instance", How::ArgoCd),
    (Place::Label, "kustomize.toolkit.fluxcd.io/name", How::Flux),
    (Place::Label, "helm.toolkit.fluxcd.io/name", How::Flux),
    (Place::Annotation, "objectset.rio.cattle.io/id", How::Tool),
    (Place::Annotation, "configmanagement.gke.io/managed", How::Tool),
    (Place::Label, "kapp.k14s.io/app", How::Tool),
    (Place::Label, "addonmanager.kubernetes.io/mode", How::Tool),
    (Place::Label, "olm.owner", How::Tool),
];

/// Judges whether the fields at these JSON pointers may be written on this live object.
pub fn judge(meta: &ObjectMeta, pointers: &[&str]) -> Ownership {
    let manager = marked(meta)
        .or_else(|| controlled(meta))
        .or_else(|| owned(meta, pointers));
    manager.map_or(Ownership::Free, Ownership::ManagedElsewhere)
}

/// The tool whose mark the object carries. It owns the whole object: a tool that left out a field today may render it
/// tomorrow.
fn marked(meta: &ObjectMeta) -> Option<Manager> {
    let get = |place, key: &str| match place {
        Place::Label => meta.labels.as_ref()?.get(key),
        Place::Annotation => meta.annotations.as_ref()?.get(key),
    };
    MARKS
        .iter()
        .find_map(|&(place, key, how)| {
            let value = get(place, key)?;
            let name = if how == How::Tool {
                format!("{key}={value}")
            } else {
                value.clone()
            };
            Some(Manager { name, how })
        })
        .or_else(|| {
            let helm = get(Place::Label, "app.kubernetes.io/managed-by")? == "Helm";
            helm.then(|| Manager {
                name: meta.name.clone().unwrap_or_default(),
                how: How::Helm,
            })
        })
}

/// The controller that owns the object: it would set back what it decides.
fn controlled(meta: &ObjectMeta) -> Option<Manager> {
    let owner = meta
        .owner_references
        .iter()
        .flatten()
        .find(|owner| owner.controller == Some(true))?;
    Some(Manager {
        name: format!("{} {}", owner.kind, owner.name),
        how: How::Controller,
    })
}

/// The field manager, other than us and kubectl, that owns one of the fields.
fn owned(meta: &ObjectMeta, pointers: &[&str]) -> Option<Manager> {
    let entries = meta.managed_fields.as_deref().unwrap_or_default();
    if entries.is_empty() {
        let name = String::new();
        return Some(Manager {
            name,
            how: How::Untold,
        });
    }
    entries
        .iter()
        .filter(|entry| pointers.iter().any(|pointer| owns(entry, pointer)))
        .find_map(elsewhere)
}

/// What an entry that owns a touched field means for us.
fn elsewhere(entry: &ManagedFieldsEntry) -> Option<Manager> {
    let name = entry.manager.clone().unwrap_or_default();
    let applied = entry.operation.as_deref() == Some("Apply");
    if name.starts_with(MANAGER_PREFIX) || (!applied && is_kubectl(&name)) {
        return None;
    }
    let how = match name.as_str() {
        "helm" | "Helm" => How::Helm,
        "argocd-controller" | "argocd-application-controller" | "argocd-server" => How::ArgoCd,
        "kustomize-controller" | "helm-controller" | "flux-client-side-apply" => How::Flux,
        _ if applied => How::Apply,
        _ => How::Update,
    };
    Some(Manager { name, how })
}

/// `kubectl`, `kubectl-create`, `kubectl-edit`, `kubectl-client-side-apply` …
fn is_kubectl(manager: &str) -> bool {
    manager
        .strip_prefix("kubectl")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Whether an entry owns the field at a pointer, something in it, or the whole it is part of.
fn owns(entry: &ManagedFieldsEntry, pointer: &str) -> bool {
    let segments: Vec<String> = pointer
        .split('/')
        .skip(1)
        .map(|s| s.replace("~1", "/").replace("~0", "~"))
        .collect();
    match entry.fields_v1.as_ref().map(|fields| &fields.0) {
        Some(Value::Object(fields)) => reaches(fields, &segments),
        // Ownership that cannot be read is taken for ownership.
        _ => true,
    }
}

/// Walks `fieldsV1`: `f:<name>` for fields, `k:`, `v:` and `i:` for list items, `{}` for a value owned as a whole.
fn reaches(fields: &Map<String, Value>, segments: &[String]) -> bool {
    let Some((segment, rest)) = segments.split_first() else {
        return true;
    };
    if fields.is_empty() {
        return true; // owned as a whole
    }
    let into = |value: &Value| value.as_object().is_none_or(|inner| reaches(inner, rest));
    let is_item = segment == "-" || segment.bytes().all(|b| b.is_ascii_digit());
    fields.iter().any(|(key, value)| match key.split_once(':') {
        Some(("f", name)) => name == segment && into(value),
        // Indices do not tell which item of a keyed list is meant: any of them counts.
        Some(("k" | "v" | "i", _)) => is_item && into(value),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn meta(value: Value) -> ObjectMeta {
        serde_json::from_value(value).unwrap()
    }

    /// What the API server recorded for each kind of owner (`kubectl get -o json --show-managed-fields`, Kubernetes 1.37,
    /// kubectl 1.37, Helm 4.3), cut down to the entries about `spec`.
    fn recorded(name: &str) -> ObjectMeta {
        let replicas = json!({"f:spec": {"f:replicas": {}, "f:selector": {}}});
        let without = json!({"f:spec": {"f:selector": {}, "f:template": {"f:spec": {"f:containers": {
            "k:{\"name\":\"c\"}": {".": {}, "f:image": {}, "f:name": {}}}}}}});
        let status = entry(
            "kube-controller-manager",
            "Update",
            Some("status"),
            &json!({"f:status": {"f:replicas": {}}}),
        );
        let scale = json!({"f:spec": {"f:replicas": {}}});
        let entries = match name {
            "kubectl create" => vec![entry("kubectl-create", "Update", None, &replicas)],
            "kubectl apply" => vec![entry("kubectl-client-side-apply", "Update", None, &replicas)],
            "kubectl edit" => vec![entry("kubectl-edit", "Update", None, &replicas)],
            "kubectl apply --server-side" => vec![entry("kubectl", "Apply", None, &replicas)],
            "kubectl apply --server-side without replicas" => vec![entry("kubectl", "Apply", None, &without)],
            "kubectl scale" => vec![
                entry("kubectl", "Update", Some("scale"), &scale),
                entry("kubectl-client-side-apply", "Update", None, &without),
            ],
            "server-side apply, then kubectl scale" => vec![
                entry("kubectl", "Apply", None, &without),
                entry("kubectl", "Update", Some("scale"), &scale),
            ],
            "autoscaler" => vec![
                entry("kube-controller-manager", "Update", Some("scale"), &scale),
                entry("kubectl-client-side-apply", "Update", None, &without),
            ],
            "helm" => vec![entry("helm", "Apply", None, &replicas)],
            "helm client-side" => vec![entry("helm", "Update", None, &replicas)],
            "argocd client-side" => vec![entry("argocd-controller", "Update", None, &replicas)],
            "argocd server-side" => vec![entry("argocd-controller", "Apply", None, &replicas)],
            "flux" => vec![entry("kustomize-controller", "Apply", None, &replicas)],
            "terraform" => vec![entry("Terraform", "Update", None, &replicas)],
            "ours" => vec![
                entry(
                    "plimsoll/availability/replica-redundancy",
                    "Update",
                    Some("scale"),
                    &scale,
                ),
                entry("kubectl", "Apply", None, &without),
            ],
            other => panic!("{other}"),
        };
        let entries: Vec<_> = entries.into_iter().chain([status]).collect();
        meta(json!({"name": "web", "managedFields": entries}))
    }

    fn entry(manager: &str, operation: &str, subresource: Option<&str>, fields: &Value) -> Value {
        json!({"apiVersion": "apps/v1", "fieldsType": "FieldsV1", "fieldsV1": fields, "manager": manager,
               "operation": operation, "subresource": subresource})
    }

    #[rstest]
    #[case("kubectl create", None)]
    #[case("kubectl apply", None)]
    #[case("kubectl edit", None)]
    #[case("kubectl apply --server-side without replicas", None)]
    #[case("kubectl scale", None)]
    #[case("server-side apply, then kubectl scale", None)]
    #[case("ours", None)]
    #[case("kubectl apply --server-side", Some(How::Apply))]
    #[case("autoscaler", Some(How::Update))]
    #[case("helm", Some(How::Helm))]
    #[case("helm client-side", Some(How::Helm))]
    #[case("argocd client-side", Some(How::ArgoCd))]
    #[case("argocd server-side", Some(How::ArgoCd))]
    #[case("flux", Some(How::Flux))]
    #[case("terraform", Some(How::Update))]
    fn each_kind_of_owner(#[case] owner: &str, #[case] elsewhere: Option<How>) {
        let how = match judge(&recorded(owner), &["/spec/replicas"]) {
            Ownership::Free => None,
            Ownership::ManagedElsewhere(manager) => Some(manager.how),
        };
        assert_eq!(how, elsewhere);
    }

    #[rstest]
    #[case(json!({"annotations": {"meta.helm.sh/release-name": "shop"}}), How::Helm)]
    #[case(json!({"labels": {"app.kubernetes.io/managed-by": "Helm"}}), How::Helm)]
    #[case(json!({"annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:a/web"}}), How::ArgoCd)]
    #[case(json!({"labels": {"argocd.argoproj.io/instance": "shop"}}), How::ArgoCd)]
    #[case(json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "shop"}}), How::Flux)]
    #[case(json!({"labels": {"helm.toolkit.fluxcd.io/name": "shop"}}), How::Flux)]
    #[case(json!({"labels": {"kapp.k14s.io/app": "1"}}), How::Tool)]
    #[case(json!({"ownerReferences": [{"apiVersion": "x/v1", "kind": "Shop", "name": "s", "uid": "u",
                                       "controller": true}]}), How::Controller)]
    fn marks_of_tools_count_whoever_owns_the_field(#[case] marks: Value, #[case] how: How) {
        let mut meta = meta(marks);
        meta.managed_fields = recorded("kubectl create").managed_fields;
        let Ownership::ManagedElsewhere(manager) = judge(&meta, &["/spec/replicas"]) else {
            panic!("free")
        };
        assert_eq!(manager.how, how);
    }

    #[test]
    fn an_owner_that_is_no_controller_and_other_labels_do_not_count() {
        let mut meta = meta(json!({
            "labels": {"app.kubernetes.io/managed-by": "people"},
            "ownerReferences": [{"apiVersion": "x/v1", "kind": "Shop", "name": "s", "uid": "u"}]}));
        meta.managed_fields = recorded("kubectl create").managed_fields;
        assert_eq!(judge(&meta, &["/spec/replicas"]), Ownership::Free);
    }

    #[test]
    fn cleared_managed_fields_are_no_leave_to_write() {
        assert!(matches!(
            judge(&ObjectMeta::default(), &["/spec/replicas"]),
            Ownership::ManagedElsewhere(Manager { how: How::Untold, .. })
        ));
    }

    #[rstest]
    #[case("/spec/replicas", false)]
    #[case("/spec/template/spec/containers/0/image", true)]
    #[case("/spec/template/spec/containers/-", true)]
    #[case("/spec/template/spec/containers/0/resources", false)]
    #[case("/spec/template", true)] // something in it is owned
    #[case("/spec/selector/matchLabels", true)] // the whole is owned
    #[case("/metadata/labels/a~1b", false)]
    fn paths_into_fields(#[case] pointer: &str, #[case] owned: bool) {
        let meta = recorded("kubectl apply --server-side without replicas");
        let elsewhere = matches!(judge(&meta, &[pointer]), Ownership::ManagedElsewhere(_));
        assert_eq!(elsewhere, owned);
    }

    #[test]
    fn names_that_only_begin_like_kubectl_are_not_kubectl() {
        assert!(is_kubectl("kubectl") && is_kubectl("kubectl-edit"));
        assert!(!is_kubectl("kubectler") && !is_kubectl("my-kubectl"));
    }
}
