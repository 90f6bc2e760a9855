//! Whether a backup tool's filters let a database's volumes through.

use plimsoll_engine::{
    decode::Object,
    labels::Labels,
    object::{BackupTemplate, Body, Workload},
    selector::LabelSelector,
};

const CLAIMS: &[&str] = &["persistentvolumeclaims", "persistentvolumeclaim", "pvc"];
const VOLUMES: &[&str] = &["persistentvolumes", "persistentvolume", "pv"];
const PODS: &[&str] = &["pods", "pod", "po"];

/// What of a database the tools' filters look at.
pub(crate) struct Shape {
    namespace: Box<str>,
    labels: Labels,
    pods: Labels,
    /// Labels of the claims made from each template, as the StatefulSet controller merges them.
    claims: Vec<Labels>,
    /// Names of the pod's volumes that are claims; `None` where an operator makes them.
    volumes: Option<Vec<Box<str>>>,
    opt_in: Option<Box<str>>,
    opt_out: Option<Box<str>>,
}

impl Shape {
    pub(crate) fn of(object: &Object) -> Self {
        let workload = match &object.body {
            Ok(Body::Workload(workload)) => Some(&**workload),
            _ => None,
        };
        let template = workload.and_then(Workload::template);
        let annotation = |key| template.and_then(|t| t.annotation(key)).map(Into::into);
        Self {
            namespace: object.name.namespace().unwrap_or_default().into(),
            labels: object.meta.labels.clone(),
            pods: template
                .map(plimsoll_engine::object::PodTemplate::labels)
                .unwrap_or_default(),
            claims: workload.map(claim_labels).unwrap_or_default(),
            volumes: workload.map(volumes),
            opt_in: annotation("backup.velero.io/backup-volumes"),
            opt_out: annotation("backup.velero.io/backup-volumes-excludes"),
        }
    }

    fn matches(&self, selector: &LabelSelector) -> bool {
        selector.matches(&self.pods)
            || self.claims.iter().any(|labels| selector.matches(labels))
            || self.volumes.is_none() && selector.matches(&self.labels)
    }

    fn is_marked_out(&self) -> bool {
        let all = [&self.labels, &self.pods].into_iter().chain(&self.claims);
        all.map(|labels| labels.get("velero.io/exclude-from-backup"))
            .any(|value| value == Some("true"))
    }

    /// Whether the names in an annotation are those of all claims.
    fn names_every_volume(&self, list: Option<&str>) -> bool {
        let named: Vec<&str> = list
            .into_iter()
            .flat_map(|l| l.split(','))
            .map(str::trim)
            .collect();
        self.volumes
            .as_ref()
            .is_some_and(|volumes| volumes.iter().all(|v| named.contains(&&**v)))
    }

    fn leaves_volume_out(&self) -> bool {
        let out: Vec<&str> = self
            .opt_out
            .iter()
            .flat_map(|l| l.split(','))
            .map(str::trim)
            .collect();
        self.volumes
            .iter()
            .flatten()
            .any(|volume| out.contains(&&**volume))
    }

    /// Why none of K8up's label selectors lets the database's claims through, if so.
    pub(crate) fn left_out_by_k8up(&self, selectors: Option<&[LabelSelector]>) -> Option<String> {
        let selectors = selectors.filter(|s| !s.is_empty())?;
        (!selectors.iter().any(|s| self.matches(s)))
            .then(|| "spec.backup.labelSelectors match none of its claims".to_owned())
    }

    /// Why Velero's filters leave the database or its volumes out, if they do.
    pub(crate) fn left_out_by_velero(&self, template: &BackupTemplate) -> Option<String> {
        let namespaces = |list: Option<&[Box<str>]>| {
            list.unwrap_or_default()
                .iter()
                .any(|pattern| glob(pattern, &self.namespace))
        };
        if namespaces(template.excluded_namespaces.as_deref()) {
            return Some(format!("excludedNamespaces has {}", self.namespace));
        }
        let all = template.included_namespaces.as_ref().is_none_or(Vec::is_empty);
        if !all && !namespaces(template.included_namespaces.as_deref()) {
            return Some(format!("includedNamespaces leaves {} out", self.namespace));
        }
        if self.is_marked_out() {
            return Some("label velero.io/exclude-from-backup leaves it out".to_owned());
        }
        if self.volumes.as_ref().is_some_and(Vec::is_empty) {
            return Some("it has no claim whose volume Velero could copy".to_owned());
        }
        self.not_selected(template)
            .or_else(|| self.volumes_left_out(template))
    }

    fn not_selected(&self, template: &BackupTemplate) -> Option<String> {
        if template.label_selector.as_ref().is_some_and(|s| !self.matches(s)) {
            return Some("labelSelector matches neither its pods nor its claims".to_owned());
        }
        let any = template.or_label_selectors.as_ref().filter(|s| !s.is_empty());
        any.filter(|selectors| !selectors.iter().any(|s| self.matches(s)))
            .map(|_| "orLabelSelectors match neither its pods nor its claims".to_owned())
    }

    /// A volume's data is taken by a snapshot (of a claim and its volume) or by copying files (through a pod).
    fn volumes_left_out(&self, template: &BackupTemplate) -> Option<String> {
        let passes = |names: &[&str]| {
            in_filter(
                template.included_resources.as_deref(),
                template.excluded_resources.as_deref(),
                names,
            )
        };
        let scoped = |names: &[&str]| {
            in_filter(
                template.included_namespace_scoped_resources.as_deref(),
                template.excluded_namespace_scoped_resources.as_deref(),
                names,
            )
        };
        if !passes(CLAIMS) || !scoped(CLAIMS) {
            return Some("its resource filters leave persistentvolumeclaims out".to_owned());
        }
        let snapshots = template.snapshot_volumes != Some(false);
        let files = if template.default_volumes_to_fs_backup == Some(true) {
            !self.leaves_volume_out()
        } else {
            self.names_every_volume(self.opt_in.as_deref())
        };
        let pods = passes(PODS) && scoped(PODS);
        match (snapshots && passes(VOLUMES), files && pods) {
            (false, false) if snapshots => {
                Some("its resource filters leave persistentvolumes out".to_owned())
            }
            (false, false) => {
                Some("neither snapshotVolumes nor defaultVolumesToFsBackup covers its volumes".to_owned())
            }
            _ => None,
        }
    }
}

fn in_filter(included: Option<&[Box<str>]>, excluded: Option<&[Box<str>]>, names: &[&str]) -> bool {
    let included = included.unwrap_or_default();
    let excluded = excluded.unwrap_or_default();
    let listed = |list: &[Box<str>]| {
        list.iter()
            .any(|r| &**r == "*" || names.iter().any(|n| r.eq_ignore_ascii_case(n)))
    };
    (included.is_empty() || listed(included)) && !listed(excluded)
}

/// Velero's namespace patterns: `*` stands for any run of characters.
fn glob(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut tail) = name.strip_prefix(head) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match tail.split_once(part) {
            Some((_, after)) => tail = after,
            None => return false,
        }
    }
    tail.ends_with(last)
}

fn claim_labels(workload: &Workload) -> Vec<Labels> {
    let selector = workload.spec.selector.as_ref();
    workload
        .spec
        .volume_claim_templates
        .iter()
        .flatten()
        .map(|claim| {
            let own = claim.metadata.labels.iter();
            let selected = selector.into_iter().flat_map(|s| s.match_labels.iter());
            own.chain(selected).collect()
        })
        .collect()
}

fn volumes(workload: &Workload) -> Vec<Box<str>> {
    let templates = workload.spec.volume_claim_templates.iter().flatten();
    let named = workload
        .template()
        .into_iter()
        .flat_map(|t| t.spec.volumes.iter().flatten());
    templates
        .map(|t| t.metadata.name.clone())
        .chain(
            named
                .filter(|v| v.persistent_volume_claim.is_some())
                .map(|v| v.name.clone()),
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_any_run_of_characters() {
        for (pattern, name, is) in [
            ("*", "shop", true),
            ("shop", "shop", true),
            ("shop", "shops", false),
            ("shop-*", "shop-eu", true),
            ("*-eu", "shop-eu", true),
            ("s*p-*u", "shop-eu", true),
            ("s*x*u", "shop-eu", false),
            ("shop-*", "shop", false),
        ] {
            assert_eq!(glob(pattern, name), is, "{pattern} {name}");
        }
    }
}
