//! What the controls on rights share: subjects in parameters and in findings, and what a role gives in a sentence.

use std::{borrow::Cow, sync::Arc};

use plimsoll_engine::{
    facts::{RoleEffect, RolePowers, RoleValue},
    finding::{Change, FindingRef, Repair, RepairClass},
    name::ObjRef,
    object::Binding,
    rights::{Effect, Power, Subject, SubjectError},
    unknown::Unknown,
    view::View,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Most subjects and rules named in a finding.
pub(crate) const WITNESSES: usize = 20;
/// Most subjects of a binding for which the change is spelt out.
const LONGEST_PROPOSAL: usize = 100;

/// A subject in a parameter: `system:serviceaccount:NAMESPACE:NAME`, `User/NAME` or `Group/NAME`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AllowedSubject(Subject);

impl TryFrom<String> for AllowedSubject {
    type Error = SubjectError;

    fn try_from(text: String) -> Result<Self, SubjectError> {
        text.parse().map(Self)
    }
}

impl From<AllowedSubject> for String {
    fn from(subject: AllowedSubject) -> Self {
        subject.0.to_string()
    }
}

impl JsonSchema for AllowedSubject {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "AllowedSubject".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "maxLength": 512,
            "pattern": "^(system:serviceaccount:[^:]+:[^:]+|User/.+|Group/.+)$",
        })
    }
}

/// Whether a subject of a binding (in `namespace`, empty for a ClusterRoleBinding) is listed.
pub(crate) fn is_allowed(subject: &Subject, namespace: &str, allowed: &[AllowedSubject]) -> bool {
    let subject = subject.in_namespace(namespace);
    allowed.iter().any(|allowed| allowed.0 == subject)
}

/// What the role of a binding gives; `None` where it gives nothing because there is no such role.
pub(crate) fn role_of(
    view: &View<'_>,
    binding: &ObjRef,
    body: &Binding,
) -> Result<Arc<Option<RoleValue>>, Unknown> {
    match body.role(binding) {
        Some(role) => view.fact(&RoleEffect { role }),
        None => Ok(Arc::new(None)),
    }
}

/// Whether the role of a binding gives one of these. A role that is not there gives nothing.
pub(crate) fn gives(
    view: &View<'_>,
    binding: &ObjRef,
    body: &Binding,
    powers: &[Power],
) -> Result<bool, Unknown> {
    let Some(role) = body.role(binding) else {
        return Ok(false);
    };
    match &*view.fact(&RolePowers { role })? {
        Some(value) => value.gives(powers),
        None => Ok(false),
    }
}

/// The role that a binding gives, in words.
pub(crate) fn role_name(binding: &ObjRef, body: &Binding) -> String {
    let role = body.role(binding);
    role.map_or_else(
        || "a Role of no namespace".into(),
        |role| format!("{} {}", role.kind(), role.name()),
    )
}

/// From the most to the least alarming.
const BY_WEIGHT: [Power; 12] = [
    Power::Everything,
    Power::Wildcard,
    Power::Escalates,
    Power::Impersonates,
    Power::ReachesNodes,
    Power::EntersPods,
    Power::WritesWebhooks,
    Power::IssuesTokens,
    Power::ReadsSecrets,
    Power::OwnWildcard,
    Power::WritesNamespaced,
    Power::TouchesNamespaced,
];

/// What a role lets somebody do at the worst, among some powers, with a rule that says so.
pub(crate) fn worst<'e>(effect: &'e Effect, among: &[Power]) -> Option<(Power, &'e str)> {
    BY_WEIGHT
        .iter()
        .filter(|power| among.contains(power))
        .find_map(|power| Some((*power, &**effect.get(*power)?.witnesses.first()?)))
}

/// The same among all powers.
pub(crate) fn worst_of_all(effect: &Effect) -> Option<(Power, &str)> {
    worst(effect, &BY_WEIGHT)
}

/// A rule as a message ends with it; in full it is among the evidence.
pub(crate) fn briefly(rule: &str) -> String {
    const LONGEST: usize = 80;
    let mut cut = rule.chars();
    let mut brief: String = cut.by_ref().take(LONGEST).collect();
    if cut.next().is_some() {
        brief.push('…');
    }
    brief
}

/// A power as what somebody "may" do.
pub(crate) fn may(power: Power) -> &'static str {
    match power {
        Power::Everything => "do everything",
        Power::Wildcard => "do whatever a wildcard covers",
        Power::OwnWildcard => "do whatever a wildcard covers in named groups",
        Power::Escalates => "give itself rights it does not have",
        Power::Impersonates => "act as others",
        Power::EntersPods => "reach into pods",
        Power::ReachesNodes => "reach into every pod through kubelets",
        Power::IssuesTokens => "issue tokens for ServiceAccounts",
        Power::WritesWebhooks => "change admission webhooks",
        Power::ReadsSecrets => "read Secrets",
        Power::TouchesNamespaced => "reach namespaced objects",
        Power::WritesNamespaced => "change namespaced objects",
        Power::BeyondDiscovery => "do more than discover the API",
    }
}

/// Subjects that a finding is about, in an order of their own: that of the binding may change.
#[derive(Default)]
pub(crate) struct Culprits(Vec<(Subject, String)>);

impl Culprits {
    /// Adds a subject of a binding, with what is to be said of it (`of tenant globex`).
    pub(crate) fn add(&mut self, subject: &Subject, said: impl Into<String>) {
        self.0.push((subject.clone(), said.into()));
    }

    /// Adds all of these.
    pub(crate) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `system:serviceaccount:globex:ci of tenant globex and 2 more`.
    pub(crate) fn named(&self) -> String {
        let Some((subject, said)) = self.0.iter().min() else {
            return String::new();
        };
        let gap = if said.is_empty() { "" } else { " " };
        let more = match self.0.len() - 1 {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        format!("{subject}{gap}{said}{more}")
    }

    /// Where the first of them stands in the binding.
    pub(crate) fn path(&self) -> String {
        match self.0.iter().min() {
            // Digits alone would be read as a position.
            Some((subject, _)) if subject.name().bytes().any(|b| !b.is_ascii_digit()) => {
                format!("subjects[{}]", subject.name())
            }
            _ => "subjects".into(),
        }
    }

    /// Adds them to a finding, as many as are shown.
    pub(crate) fn show(&self, finding: FindingRef<'_>) {
        let mut sorted: Vec<&(Subject, String)> = self.0.iter().collect();
        sorted.sort();
        let mut finding = finding;
        for (subject, said) in sorted.into_iter().take(WITNESSES) {
            finding = finding.seen(format!("{subject} {said}").trim_end());
        }
    }

    /// The binding without them, as a proposal; of a very long binding nothing is spelt out.
    pub(crate) fn removed(
        &self,
        binding: &ObjRef,
        body: &Binding,
        class: RepairClass,
        why: &str,
    ) -> Option<Repair> {
        if body.subjects.len() > LONGEST_PROPOSAL {
            return None;
        }
        let gone = |subject: &Subject| self.0.iter().any(|(culprit, _)| culprit == subject);
        let kept: Vec<Value> = body
            .subjects
            .iter()
            .filter(|s| !gone(s))
            .map(Subject::to_json)
            .collect();
        let why = if kept.is_empty() {
            format!(
                "{why}; no subject stays: deleting the binding does the same, but is not undone as easily"
            )
        } else {
            why.to_owned()
        };
        Some(Repair {
            class,
            why: why.into(),
            changes: vec![Change::Set {
                target: binding.clone(),
                pointer: "/subjects".into(),
                from: Some(
                    body.subjects
                        .iter()
                        .map(Subject::to_json)
                        .collect::<serde_json::Value>()
                        .into(),
                ),
                to: kept.into(),
            }],
        })
    }
}
