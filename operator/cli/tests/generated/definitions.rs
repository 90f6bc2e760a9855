//! CustomResourceDefinitions: plain in `crds/`, and in the chart that installs them.

use plimsoll_api::CustomResourceDefinition;
use serde_json::{Value, json};

use crate::{Files, yaml};

pub(crate) fn files(crds: &[CustomResourceDefinition]) -> Files {
    let mut files = Files::new();
    for crd in crds {
        let mut value = serde_json::to_value(crd).unwrap();
        let plural = crd.spec.names.plural.clone();
        no_defaults(&value, &plural);
        described(
            &value["spec"]["versions"][0]["schema"]["openAPIV3Schema"],
            &plural,
        );
        files.insert(format!("crds/plimsoll.dev_{plural}.yaml"), yaml(&value));
        // A definition that goes takes every object of its kind with it; that is nothing for `helm uninstall` to decide.
        value["metadata"]["annotations"] = json!({ "helm.sh/resource-policy": "keep" });
        let chart = yaml(&value);
        assert!(
            !chart.contains("{{"),
            "{plural}: Helm would take this for a template"
        );
        files.insert(format!("charts/plimsoll-crds/templates/{plural}.yaml"), chart);
    }
    files
}

/// The API server would write a default into the object, where it overrides what `extends` says.
fn no_defaults(schema: &Value, path: &str) {
    match schema {
        Value::Object(entries) => {
            for (key, value) in entries {
                // A control's entry may be null, so that the admission policy sees it and refuses it.
                let entry = path
                    .split_once(".controls.properties.")
                    .is_some_and(|(_, id)| !id.contains('.'));
                let allowed = key != "default" && (key != "nullable" || entry) && key != "$ref";
                assert!(allowed, "{path} has {key}");
                no_defaults(value, &format!("{path}.{key}"));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| no_defaults(item, path)),
        _ => {}
    }
}

/// `kubectl explain` has something to say of every field.
fn described(schema: &Value, path: &str) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        let standard =
            ["apiVersion", "kind", "metadata"].contains(&name.as_str()) && path.matches('.').count() == 1;
        assert!(
            standard || property["description"].is_string(),
            "{path} has no description"
        );
        let typed = [
            "type",
            "x-kubernetes-int-or-string",
            "x-kubernetes-preserve-unknown-fields",
        ];
        assert!(
            typed.iter().any(|key| !property[*key].is_null()),
            "{path} has no type: not a structural schema"
        );
        described(property, &path);
        described(&property["items"], &path);
        described(&property["additionalProperties"], &path);
    }
}
