//! `environments/labelled`: every namespace says which environment it belongs to.

use plimsoll_engine::{
    control::{Control, Meta, Unit, UnitKind},
    duration::Duration,
    facts::{EnvironmentLabel, StandingValue},
    finding::{Basis, FindingRef, Findings, Severity},
    kind::{Kind, KindSet},
    unknown::Unknown,
    view::View,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The control.
pub struct Labelled;

/// It has no parameters: label keys, allowed values and aliases stand in `spec.environments`.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Params {}

impl Control for Labelled {
    const META: Meta = Meta {
        id: "environments/labelled",
        title: "Every namespace says which environment it belongs to",
        severity: Severity::High,
        basis: Basis::Automated,
        unit: UnitKind::Namespace,
        reads: KindSet::of(&[Kind::Namespace]),
        fail_after: Duration::from_mins(5),
        mappings: &[("SOC 2", "CC8.1"), ("ISO 27001", "A.8.31"), ("GDPR", "32(1)(b)")],
        rights: &[],
        page: include_str!("README.md"),
    };
    type Params = Params;

    fn check(unit: &Unit<'_>, view: &View<'_>, _params: &Params, out: &mut Findings) -> Result<(), Unknown> {
        let standing = view.standing()?;
        if standing.platform || standing.terminating {
            out.not_applicable(if standing.platform { "belongs to the platform" } else { "is being deleted" });
            return Ok(());
        }
        let settings = view.settings()?;
        let key = settings.environment_key();
        let allowed = settings.allowed().join(", ");
        match &standing.label {
            EnvironmentLabel::Missing => {
                let message = format!("the namespace has no label {key} (one of: {allowed})");
                first_seen(out.fail("Unlabelled", message).at("metadata.labels"), &standing);
            }
            EnvironmentLabel::Invalid(value) => {
                let message = format!("label {key} is {value:?}, expected one of: {allowed}");
                let finding = out.fail("InvalidEnvironment", message).at("metadata.labels");
                first_seen(finding.seen(format!("{key}={value}")), &standing);
            }
            EnvironmentLabel::Assumed(_) => {
                out.unknown(Unknown::namespace_not_given(unit.namespace()));
            }
            EnvironmentLabel::Valid(_) | EnvironmentLabel::Overridden(_) => {}
        }
        relabelled(key, &standing, out);
        if let Some(environment) = &standing.environment {
            contradiction(unit.namespace(), environment, settings.allowed(), |t| settings.normalise(t), out);
        }
        Ok(())
    }
}

/// A label changed after it was first seen may be an escape from the rules of its environment; the first stays in force.
fn relabelled(key: &str, standing: &StandingValue, out: &mut Findings) {
    let (Some(first), EnvironmentLabel::Valid(now)) = (&standing.relabelled_from, &standing.label) else { return };
    out.fail(
        "Relabelled",
        format!("label {key} was first {first:?} and is now {now:?}; {first:?} stays in force until spec.environments.overrides accepts the change"),
    )
    .at("metadata.labels")
    .seen(format!("{key}={now}"));
}

/// Where a label is taken away or made invalid, the environment it named first stays in force; that is worth knowing.
fn first_seen(finding: FindingRef<'_>, standing: &StandingValue) {
    if let Some(first) = &standing.relabelled_from {
        finding.seen(format!("when first seen it was {first}, which stays in force"));
    }
}

/// A name is never evidence of an environment, but one that contradicts the label is worth a look.
fn contradiction(
    namespace: &str,
    environment: &str,
    allowed: &[std::sync::Arc<str>],
    normalise: impl Fn(&str) -> Option<std::sync::Arc<str>>,
    out: &mut Findings,
) {
    let named = namespace.split(['-', '_', '.']).find_map(|token| {
        allowed.iter().find(|e| ***e == *token).cloned().or_else(|| normalise(token))
    });
    if let Some(named) = named.filter(|named| **named != *environment) {
        out.note(format!("the name suggests {named}, the label says {environment}"));
    }
}
