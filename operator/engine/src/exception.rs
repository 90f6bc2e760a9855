//! Exceptions: findings a person has accepted, for a reason and a time.
//!
//! They select by namespace, object and reason, never by labels of the workload: whoever may edit those could waive
//! anything.

use std::sync::Arc;

use jiff::Timestamp;

use crate::{finding::Finding, labels::Labels, selector::LabelSelector};

/// A waiver, as the engine applies it.
#[derive(Clone, PartialEq, Debug)]
pub struct Exception {
    /// Name of the `BaselineException`.
    pub name: Arc<str>,
    /// The control it concerns.
    pub control: String,
    /// The baselines it concerns; empty means all.
    pub baselines: Vec<String>,
    /// What it covers.
    pub selector: ExceptionSelector,
    /// From this moment on it covers nothing. Mandatory.
    pub expires: Timestamp,
}

/// What an exception covers; every criterion given must hold.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ExceptionSelector {
    /// Namespaces by exact name; empty means any.
    pub namespaces: Vec<String>,
    /// Namespaces by label; absent means any.
    pub namespace_selector: Option<LabelSelector>,
    /// Objects by kind and name; empty means any.
    pub objects: Vec<ExceptionObject>,
    /// Reasons of findings; empty means any.
    pub reasons: Vec<String>,
}

/// An object an exception names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExceptionObject {
    /// Kind as written in manifests.
    pub kind: String,
    /// Exact name; absent means every object of the kind.
    pub name: Option<String>,
}

impl Exception {
    /// Whether it covers a finding of `control` under `baseline`.
    pub(crate) fn covers(
        &self,
        baseline: &str,
        control: &str,
        finding: &Finding,
        namespace: Option<&Labels>,
    ) -> bool {
        self.control == control
            && (self.baselines.is_empty() || self.baselines.iter().any(|b| b == baseline))
            && self.selector.covers(finding, namespace)
    }
}

impl ExceptionSelector {
    fn covers(&self, finding: &Finding, namespace: Option<&Labels>) -> bool {
        let name = finding.object.governing_namespace().unwrap_or_default();
        let by_label = || match (&self.namespace_selector, namespace) {
            (None, _) => true,
            (Some(selector), Some(labels)) => selector.validate().is_ok() && selector.matches(labels),
            (Some(_), None) => false,
        };
        any_or_empty(&self.namespaces, |n| n == name)
            && any_or_empty(&self.reasons, |r| r == finding.reason)
            && any_or_empty(&self.objects, |o| o.names(finding))
            && by_label()
    }
}

impl ExceptionObject {
    fn names(&self, finding: &Finding) -> bool {
        self.kind == finding.object.kind().info().kind
            && self
                .name
                .as_ref()
                .is_none_or(|name| name == finding.object.name())
    }
}

fn any_or_empty<T>(list: &[T], test: impl Fn(&T) -> bool) -> bool {
    list.is_empty() || list.iter().any(test)
}
