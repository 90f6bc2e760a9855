//! `isolation/pod-security`: every namespace enforces a level of the Pod Security Standards.
//!
//! Cost: the unit is the namespace, which reads its own labels and one fact about what violates the level; pods coming and
//! going run it only with the first or last of their sort of violation.

mod repair;

use plimsoll_engine::{
    control::{Control, Meta, Unit, UnitKind},
    duration::Duration,
    facts::{Violators, ViolatorsValue, Witness},
    finding::{Basis, Finding, Findings, Repair, Right, Severity},
    kind::{Kind, KindSet},
    podsecurity::Level,
    unknown::Unknown,
    view::View,
    workload::WORKLOADS,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The control.
pub struct PodSecurity;

/// Parameters.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Params {
    /// The level that is to be enforced at least. Default: baseline.
    pub level: Asked,
    /// The level for namespaces that belong to a tenant, where it is another. Default: the same as `level`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_level: Option<Asked>,
    /// Whether a namespace without the label passes while nothing in it violates the level: for clusters in which a policy
    /// engine enforces the same, which is not looked at. Default: false.
    pub accept_equivalent: bool,
}

/// A level that can be asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Asked {
    /// Known ways to gain privileges are not allowed.
    Baseline,
    /// Pods are hardened.
    Restricted,
}

impl From<Asked> for Level {
    fn from(asked: Asked) -> Self {
        match asked {
            Asked::Baseline => Self::Baseline,
            Asked::Restricted => Self::Restricted,
        }
    }
}

impl Default for Params {
    fn default() -> Self {
        Self {
            level: Asked::Baseline,
            tenant_level: None,
            accept_equivalent: false,
        }
    }
}

const ENFORCE: &str = "pod-security.kubernetes.io/enforce";
const ENFORCE_VERSION: &str = "pod-security.kubernetes.io/enforce-version";
const NOT_ANNOUNCED: &str = "NotAnnounced";

impl Control for PodSecurity {
    const META: Meta = Meta {
        id: "isolation/pod-security",
        title: "Every namespace enforces a Pod Security level",
        severity: Severity::High,
        basis: Basis::Automated,
        unit: UnitKind::Namespace,
        reads: KindSet::of(WORKLOADS).with(Kind::Namespace),
        fail_after: Duration::from_mins(5),
        mappings: &[
            ("SOC 2", "CC6.1"),
            ("ISO 27001", "A.8.9"),
            ("GDPR", "32(1)(b)"),
        ],
        rights: &[Right {
            kind: Kind::Namespace,
            subresource: None,
            verbs: &["patch"],
        }],
        page: include_str!("README.md"),
    };
    type Params = Params;

    fn check(unit: &Unit<'_>, view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
        let standing = view.standing()?;
        if standing.platform || standing.terminating {
            out.not_applicable(if standing.platform {
                "belongs to the platform"
            } else {
                "is being deleted"
            });
            return Ok(());
        }
        if !standing.known {
            return Err(Unknown::namespace_not_given(unit.namespace()));
        }
        let labels = &unit.object()?.meta.labels;
        let level = level(view, params)?;
        let violators = view.fact(&Violators {
            namespace: unit.namespace().into(),
            level,
        });
        let value = labels.get(ENFORCE);
        let enforced = value.map(Level::from_label);
        if enforced.flatten().is_some_and(|enforced| enforced >= level) {
            enforced_already(labels.get(ENFORCE_VERSION), level, violators.as_deref(), out);
            return Ok(());
        }
        if value.is_none() && params.accept_equivalent && violators.clone()?.is_empty() {
            out.note(format!("nothing violates {}, and something else is said to enforce it", level.word()));
            return Ok(());
        }
        not_enforced(value, enforced.flatten(), level, &violators, out);
        if !violators.as_ref().is_ok_and(|v| v.is_empty()) && repair::quiet(labels, level).next().is_some() {
            out.fail(
                NOT_ANNOUNCED,
                format!("neither warnings nor the audit log tell what {} would reject", level.word()),
            )
            .at("metadata.labels")
            .severity(Severity::Low);
        }
        Ok(())
    }

    fn repair(
        unit: &Unit<'_>,
        view: &View<'_>,
        params: &Params,
        finding: &Finding,
    ) -> Result<Option<Repair>, Unknown> {
        let level = level(view, params)?;
        repair::repair(unit, view, level, finding.reason == NOT_ANNOUNCED).map(Some)
    }
}

/// The level asked of the unit's namespace.
fn level(view: &View<'_>, params: &Params) -> Result<Level, Unknown> {
    let is_tenants = view.settings()?.has_tenants() && view.standing()?.tenant.is_some();
    let asked = params.tenant_level.filter(|_| is_tenants).unwrap_or(params.level);
    Ok(asked.into())
}

/// The label is there; what it does not say is worth a word.
fn enforced_already(
    version: Option<&str>,
    level: Level,
    violators: Result<&ViolatorsValue, &Unknown>,
    out: &mut Findings,
) {
    if let Some(version) = version.filter(|version| *version != "latest") {
        out.note(format!("enforced as of {version}: checks that came later are not made"));
    }
    // Pods may be older than the label, and users, runtime classes and namespaces may be exempted on the API server.
    if let Ok(violators) = violators
        && !violators.is_empty()
    {
        out.note(format!(
            "violates {} all the same, and may not be started again: {}",
            level.word(),
            named(violators)
        ));
    }
}

/// `Deployment web (privileged), Pod debug (hostPort) and 2 more`.
fn named(violators: &ViolatorsValue) -> String {
    let witnesses = violators.witnesses.iter();
    let mut named: Vec<String> = witnesses
        .map(|w| format!("{} {} ({})", w.workload.kind(), w.workload.name(), w.checks))
        .collect();
    if !violators.admitted.is_empty() {
        named.push(format!("pods that differ from their templates ({})", violators.admitted));
    }
    let more = violators.count.saturating_sub(violators.witnesses.len());
    let list = named.join(", ");
    if more > 0 { format!("{list} and {more} more") } else { list }
}

fn not_enforced(
    value: Option<&str>,
    enforced: Option<Level>,
    level: Level,
    violators: &Result<std::sync::Arc<ViolatorsValue>, Unknown>,
    out: &mut Findings,
) {
    let word = level.word();
    let (reason, message) = match (value, enforced) {
        (None, _) => ("NotEnforced", format!("the namespace has no label {ENFORCE} (asked for: {word})")),
        (Some(value), None) => (
            "InvalidLevel",
            format!("label {ENFORCE} is {value:?}, expected {word}"),
        ),
        (Some(_), Some(Level::Privileged)) => (
            "Privileged",
            format!("label {ENFORCE} is privileged, which allows everything (asked for: {word})"),
        ),
        (Some(value), Some(_)) => ("TooWeak", format!("label {ENFORCE} is {value}, {word} is asked for")),
    };
    let mut finding = out.fail(reason, message).at(format!("metadata.labels['{ENFORCE}']"));
    match violators {
        Err(unknown) => {
            finding.seen(format!("what violates {word} cannot be told: {}", unknown.message()));
        }
        Ok(violators) => {
            for Witness { workload, told, .. } in &violators.witnesses {
                finding = finding.seen(format!("{} {} violates {told}", workload.kind(), workload.name()));
            }
            if !violators.admitted.is_empty() {
                finding = finding.seen(format!(
                    "pods that differ from their templates violate {word}: {}",
                    violators.admitted
                ));
            }
            let more = violators.count.saturating_sub(violators.witnesses.len());
            if more > 0 {
                finding.seen(format!("{more} more workloads violate {word}"));
            }
        }
    }
}
