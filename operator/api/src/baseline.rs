//! `SecurityBaseline`: how safe is safe enough.

use kube::CustomResource;
use plimsoll_engine::baseline::BaselineSpec;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::status::SecurityBaselineStatus;

// The type inside is the engine's own: nothing is translated, so nothing can be lost on the way.
/// What is asked for: presets and controls with their parameters, where they hold, and how far the operator may go.
#[derive(CustomResource, Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "plimsoll.dev",
    version = "v1alpha1",
    kind = "SecurityBaseline",
    plural = "securitybaselines",
    shortname = "sb",
    category = "plimsoll",
    status = "SecurityBaselineStatus",
    derive = "PartialEq",
    doc = "A SecurityBaseline says how safe is safe enough: which controls hold, with which parameters, in which namespaces, and how far the operator may go to repair what does not. The operator measures every object against it continuously and reports in its status.",
    printcolumn = r#"{"name":"Mode","type":"string","jsonPath":".status.mode","description":"How far the operator may go"}"#,
    printcolumn = r#"{"name":"Score","type":"integer","jsonPath":".status.score","description":"Percentage that passes, weighted by severity; what is unknown counts as not passing"}"#,
    printcolumn = r#"{"name":"Failing","type":"integer","jsonPath":".status.totals.fail","description":"Verdicts that are Fail"}"#,
    printcolumn = r#"{"name":"Unknown","type":"integer","jsonPath":".status.totals.unknown","description":"Verdicts that cannot be reached"}"#,
    printcolumn = r#"{"name":"Accepted","type":"string","jsonPath":".status.conditions[?(@.type=='Accepted')].status","priority":1,"description":"Whether the operator understands all of the baseline"}"#,
    printcolumn = r#"{"name":"Compliant","type":"string","jsonPath":".status.conditions[?(@.type=='Compliant')].status","priority":1,"description":"Whether nothing fails and nothing is unknown"}"#,
    printcolumn = r#"{"name":"Evaluated","type":"date","jsonPath":".status.lastEvaluated","priority":1,"description":"Since the last evaluation"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(transparent)]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "has(self.extends) || has(self.controls)",
    "message": "spec.extends or spec.controls: name a preset or at least one control, otherwise nothing is evaluated"
}]))]
pub struct SecurityBaselineSpec(pub BaselineSpec);

impl SecurityBaseline {
    /// The specification as the engine compiles it.
    pub fn baseline(&self) -> &BaselineSpec {
        &self.spec.0
    }

    /// `metadata.generation`, 0 where the object never was in a cluster.
    pub fn generation(&self) -> i64 {
        self.metadata.generation.unwrap_or_default()
    }
}

impl From<BaselineSpec> for SecurityBaselineSpec {
    fn from(spec: BaselineSpec) -> Self {
        Self(spec)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_control_without_parameters_may_be_null() {
        let spec = json!({ "controls": { "environments/labelled": null } });
        let spec: SecurityBaselineSpec = serde_json::from_value(spec).unwrap();
        assert_eq!(spec.0.controls["environments/labelled"], serde_json::Map::new());
    }
}
