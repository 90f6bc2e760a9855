//! Network policies of kinds that are not modelled: only where they may apply is kept.
//!
//! They change what is reachable in both directions, so that a verdict from NetworkPolicies alone would be a guess wherever
//! one of them may select a pod.

use serde::{Deserialize, de::IgnoredAny};

use crate::{
    kind::Kind,
    selector::{LabelSelector, Operator},
};

/// Kinds of policies that are not modelled.
pub const FOREIGN_POLICIES: &[Kind] = &[
    Kind::CiliumNetworkPolicy,
    Kind::CiliumClusterwideNetworkPolicy,
    Kind::CalicoNetworkPolicy,
    Kind::CalicoGlobalNetworkPolicy,
    Kind::CalicoStoredNetworkPolicy,
    Kind::CalicoStoredGlobalNetworkPolicy,
];

/// A network policy of any of [`FOREIGN_POLICIES`].
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(from = "Wire")]
pub struct ForeignPolicy {
    subjects: Box<[Subject]>,
}

/// Whose pods one part of a policy may select. What a kind's selector cannot be read as is taken as every namespace.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Subject {
    Everywhere,
    /// Namespaces by name (Cilium's label of the pod's namespace).
    Named(Box<[Box<str>]>),
}

impl ForeignPolicy {
    /// A policy of which nothing can be read: it may select any pod.
    pub(crate) fn anywhere() -> Self {
        Self {
            subjects: Box::new([Subject::Everywhere]),
        }
    }

    /// Whether it may select pods of a namespace. Of a namespaced policy only its own is asked.
    pub fn may_select_in(&self, namespace: &str) -> bool {
        self.subjects.iter().any(|subject| match subject {
            Subject::Everywhere => true,
            Subject::Named(names) => names.iter().any(|name| **name == *namespace),
        })
    }
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    spec: Option<Spec>,
    /// Cilium: several specifications in one object.
    #[serde(default)]
    specs: Option<Vec<Spec>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Spec {
    /// Cilium.
    #[serde(default)]
    endpoint_selector: Option<LabelSelector>,
    /// Cilium: a policy of nodes, which selects no pod. Its shape does not matter.
    #[serde(default)]
    node_selector: Option<IgnoredAny>,
}

impl From<Wire> for ForeignPolicy {
    fn from(wire: Wire) -> Self {
        let mut specs = wire.specs.unwrap_or_default();
        specs.extend(wire.spec);
        if specs.is_empty() {
            specs.push(Spec::default());
        }
        Self {
            subjects: specs.iter().filter_map(subject).collect(),
        }
    }
}

fn subject(spec: &Spec) -> Option<Subject> {
    match (&spec.endpoint_selector, &spec.node_selector) {
        (None, Some(_)) => None,
        (Some(selector), _) => Some(named(selector).map_or(Subject::Everywhere, Subject::Named)),
        (None, None) => Some(Subject::Everywhere),
    }
}

/// The namespaces that a Cilium endpoint selector restricts itself to by name.
fn named(selector: &LabelSelector) -> Option<Box<[Box<str>]>> {
    const KEYS: [&str; 2] = ["k8s:io.kubernetes.pod.namespace", "io.kubernetes.pod.namespace"];
    let exact = KEYS.iter().find_map(|key| selector.match_labels.get(key));
    if let Some(name) = exact {
        return Some(Box::new([name.into()]));
    }
    let listed = selector
        .match_expressions
        .iter()
        .find(|r| r.operator == Operator::In && KEYS.contains(&r.key.as_str()))?;
    Some(listed.values.iter().map(|name| name.as_str().into()).collect())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case::nothing_said(json!({}), true)]
    #[case::calico_expressions_are_not_read(json!({"spec": {"selector": "all()", "namespaceSelector": "team == 'x'"}}), true)]
    #[case::all_endpoints(json!({"spec": {"endpointSelector": {}}}), true)]
    #[case::endpoints_of_another_namespace(
        json!({"spec": {"endpointSelector": {"matchLabels": {"k8s:io.kubernetes.pod.namespace": "x"}}}}), false)]
    #[case::endpoints_of_listed_namespaces(
        json!({"spec": {"endpointSelector": {"matchExpressions": [
            {"key": "io.kubernetes.pod.namespace", "operator": "In", "values": ["x", "shop"]}]}}}), true)]
    #[case::nodes(json!({"spec": {"nodeSelector": {"matchLabels": {"a": "b"}}}}), false)]
    #[case::one_of_several_specs(
        json!({"specs": [{"nodeSelector": {}}, {"endpointSelector": {"matchLabels": {"app": "web"}}}]}), true)]
    fn it_may_apply_where_nothing_rules_it_out(#[case] object: serde_json::Value, #[case] applies: bool) {
        let policy: ForeignPolicy = serde_json::from_value(object).unwrap();
        assert_eq!(policy.may_select_in("shop"), applies);
    }
}
