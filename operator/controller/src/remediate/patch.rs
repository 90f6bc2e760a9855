//! What is sent for a change, built from the live object: pure, so that it can be tested without a server.

use json_patch::{
    AddOperation, Patch, PatchOperation, ReplaceOperation, TestOperation,
    jsonptr::{PointerBuf, Token},
};
use serde_json::{Value, json};

/// The label on objects that this operator creates: what it may change by force, and what it may ever delete.
pub(super) const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "plimsoll");

/// A JSON Patch that changes one field only if the object is the same one and the field still has the old value. Where
/// the field was not set there is no value to test, and the object's version is tested instead.
pub(super) fn guarded(
    uid: &str,
    version: &str,
    pointer: &PointerBuf,
    before: Option<&Value>,
    after: Value,
) -> Patch {
    let metadata = |field: &str| PointerBuf::from_tokens([Token::new("metadata"), Token::new(field)]);
    let test = |path, value| PatchOperation::Test(TestOperation { path, value });
    let path = pointer.clone();
    let (guard, change) = match before {
        Some(before) => (
            test(pointer.clone(), before.clone()),
            PatchOperation::Replace(ReplaceOperation { path, value: after }),
        ),
        None => (
            test(metadata("resourceVersion"), version.into()),
            PatchOperation::Add(AddOperation { path, value: after }),
        ),
    };
    Patch(vec![test(metadata("uid"), uid.into()), guard, change])
}

/// The manifest as it is applied: named as planned, labelled as ours, with the uid of the object it changes, if any.
/// `None` if it is no object.
pub(super) fn applied(
    manifest: &Value,
    api_version: &str,
    target: &Names<'_>,
    uid: Option<&str>,
) -> Option<Value> {
    let mut manifest = manifest.clone();
    let top = manifest.as_object_mut()?;
    top.insert("apiVersion".into(), api_version.into());
    top.insert("kind".into(), target.kind.into());
    top.remove("status");
    let metadata = top
        .entry("metadata")
        .or_insert_with(|| json!({}))
        .as_object_mut()?;
    for field in [
        "uid",
        "resourceVersion",
        "managedFields",
        "creationTimestamp",
        "generateName",
    ] {
        metadata.remove(field);
    }
    metadata.insert("name".into(), target.name.into());
    if let Some(namespace) = target.namespace {
        metadata.insert("namespace".into(), namespace.into());
    }
    if let Some(uid) = uid {
        metadata.insert("uid".into(), uid.into());
    }
    let labels = metadata
        .entry("labels")
        .or_insert_with(|| json!({}))
        .as_object_mut()?;
    labels.insert(MANAGED_BY.0.into(), MANAGED_BY.1.into());
    Some(manifest)
}

/// What marks a Job that its CronJob's schedule did not start, as `kubectl create job --from` has it.
const MANUAL: (&str, &str) = ("cronjob.kubernetes.io/instantiate", "manual");

/// The Job that a CronJob would start, as `kubectl create job --from` makes it; the CronJob owns it, so that its controller
/// counts it. An error tells why it must not be started.
pub(super) fn job_of(cron_job: &Value) -> Result<Value, &'static str> {
    let at = |pointer: &str| cron_job.pointer(pointer).cloned();
    if at("/spec/suspend") == Some(true.into()) {
        return Err("it is suspended");
    }
    if at("/status/active").is_some_and(|active| !is_empty(&active)) {
        return Err("a Job of it is running");
    }
    let spec = at("/spec/jobTemplate/spec").ok_or("it has no jobTemplate")?;
    let labels = at("/spec/jobTemplate/metadata/labels").unwrap_or_else(|| json!({}));
    let mut annotations = at("/spec/jobTemplate/metadata/annotations").unwrap_or_else(|| json!({}));
    if let Some(annotations) = annotations.as_object_mut() {
        annotations.insert(MANUAL.0.into(), MANUAL.1.into());
    }
    Ok(json!({
        "metadata": {
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [{
                "apiVersion": "batch/v1",
                "kind": "CronJob",
                "name": at("/metadata/name"),
                "uid": at("/metadata/uid"),
                "controller": true,
            }],
        },
        "spec": spec,
    }))
}

/// How an object is named in its manifest.
pub(super) struct Names<'a> {
    pub(super) kind: &'a str,
    pub(super) namespace: Option<&'a str>,
    pub(super) name: &'a str,
}

/// Whether a live object holds everything that a manifest says. The server adds defaults and leaves out what is empty.
pub(super) fn holds(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => wanted.iter().all(|(key, wanted)| {
            key == "uid"
                || live
                    .get(key)
                    .map_or_else(|| is_empty(wanted), |live| holds(live, wanted))
        }),
        (Value::Array(live), Value::Array(wanted)) => {
            live.len() == wanted.len() && live.iter().zip(wanted).all(|(live, wanted)| holds(live, wanted))
        }
        (live, wanted) => live == wanted,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_empty),
        _ => false,
    }
}

/// The labels of an object say that it was created by us.
pub(super) fn is_labelled_ours(live: &Value) -> bool {
    let label = live
        .pointer("/metadata/labels")
        .and_then(|labels| labels.get(MANAGED_BY.0));
    label == Some(&json!(MANAGED_BY.1))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn pointer() -> PointerBuf {
        PointerBuf::parse("/spec/replicas").unwrap()
    }

    #[test]
    fn a_patch_applies_only_to_the_object_and_value_it_was_made_for() {
        let patch = guarded("u1", "7", &pointer(), Some(&json!(1)), json!(2));
        let web =
            |uid: &str, replicas: i32| json!({"metadata": {"uid": uid}, "spec": {"replicas": replicas}});
        let after = |mut live: Value| json_patch::patch(&mut live, &patch).map(|()| live);
        assert_eq!(after(web("u1", 1)).unwrap(), web("u1", 2));
        assert!(after(web("u2", 1)).is_err(), "another object of the name");
        assert!(after(web("u1", 3)).is_err(), "changed meanwhile");
        assert!(
            after(json!({"metadata": {"uid": "u1"}, "spec": {}})).is_err(),
            "unset meanwhile"
        );
    }

    #[test]
    fn a_field_that_was_not_set_is_added_only_to_the_version_seen() {
        let patch = guarded("u1", "7", &pointer(), None, json!(2));
        let web = |version: &str| json!({"metadata": {"uid": "u1", "resourceVersion": version}, "spec": {}});
        let after = |mut live: Value| json_patch::patch(&mut live, &patch).map(|()| live);
        assert_eq!(
            after(web("7")).unwrap().pointer("/spec/replicas"),
            Some(&json!(2))
        );
        assert!(after(web("8")).is_err());
    }

    #[rstest]
    #[case(json!({"spec": {"a": 1}}), json!({"spec": {"a": 1, "defaulted": true}}), true)]
    #[case(json!({"spec": {"a": 1}}), json!({"spec": {"a": 2}}), false)]
    #[case(json!({"spec": {"podSelector": {}, "ingress": []}}), json!({"spec": {"podSelector": {}}}), true)]
    #[case(json!({"ports": [{"port": 53}]}), json!({"ports": [{"port": 53, "protocol": "TCP"}]}), true)]
    #[case(json!({"ports": [{"port": 53}]}), json!({"ports": [{"port": 53}, {"port": 54}]}), false)]
    #[case(json!({"ports": [{"port": 53}]}), json!({}), false)]
    fn holding_a_manifest(#[case] wanted: Value, #[case] live: Value, #[case] held: bool) {
        assert_eq!(holds(&live, &wanted), held);
    }

    #[test]
    fn a_manifest_is_applied_under_the_planned_name_and_as_ours() {
        let names = Names {
            kind: "PodDisruptionBudget",
            namespace: Some("shop"),
            name: "web",
        };
        let manifest = json!({"metadata": {"name": "other", "uid": "x", "labels": {"a": "b"}}, "spec": {"maxUnavailable": 1}, "status": {}});
        let applied = applied(&manifest, "policy/v1", &names, Some("u1")).unwrap();
        assert_eq!(
            applied,
            json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "spec": {"maxUnavailable": 1},
                   "metadata": {"name": "web", "namespace": "shop", "uid": "u1",
                                "labels": {"a": "b", "app.kubernetes.io/managed-by": "plimsoll"}}})
        );
        assert!(is_labelled_ours(&applied));
        assert_eq!(super::applied(&json!([]), "v1", &names, None), None);
    }

    #[test]
    fn a_job_is_what_its_cron_job_says_and_belongs_to_it() {
        let cron_job = json!({
            "metadata": {"name": "nightly", "uid": "u1"},
            "spec": {"jobTemplate": {
                "metadata": {"labels": {"app": "db"}},
                "spec": {"backoffLimit": 2, "template": {"spec": {"restartPolicy": "Never"}}},
            }},
        });
        let job = job_of(&cron_job).unwrap();
        assert_eq!(job["spec"], cron_job["spec"]["jobTemplate"]["spec"]);
        assert_eq!(job["metadata"]["labels"], json!({"app": "db"}));
        assert_eq!(job["metadata"]["annotations"], json!({MANUAL.0: MANUAL.1}));
        assert_eq!(job["metadata"]["ownerReferences"][0]["uid"], "u1");
        for (pointer, value) in [
            ("/spec/suspend", json!(true)),
            ("/status", json!({"active": [{"name": "x"}]})),
        ] {
            let mut held = cron_job.clone();
            match pointer {
                "/status" => held["status"] = value,
                _ => held["spec"]["suspend"] = value,
            }
            assert!(job_of(&held).is_err(), "{pointer}");
        }
    }
}
