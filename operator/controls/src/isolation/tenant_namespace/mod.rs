//! `isolation/tenant-namespace`: every namespace belongs to exactly one tenant.
//!
//! Cost: the unit is the namespace, and it never walks its workloads. The inventory keeps, per namespace and tenant label,
//! which values are in use; the unit reads that set, and the workloads only under values other than its own. An event on a
//! workload that carries the namespace's own tenant (or none) therefore runs nobody, in a namespace of any size.

use std::collections::BTreeSet;

use plimsoll_engine::{
    baseline::Settings,
    control::{Control, Meta, Unit, UnitKind},
    duration::Duration,
    finding::{Basis, Findings, Severity},
    kind::{Kind, KindSet},
    labels::Labels,
    unknown::Unknown,
    view::View,
    workload::WORKLOADS,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shared::strangers::{Naming, Strangers};

/// The control.
pub struct TenantNamespace;

/// It has no parameters: tenancy mode, label keys and platform namespaces stand in the baseline's `spec`.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Params {}

impl Control for TenantNamespace {
    const META: Meta = Meta {
        id: "isolation/tenant-namespace",
        title: "Every namespace belongs to exactly one tenant",
        severity: Severity::Critical,
        basis: Basis::Automated,
        unit: UnitKind::Namespace,
        reads: KindSet::of(WORKLOADS).with(Kind::Namespace),
        fail_after: Duration::from_mins(5),
        mappings: &[
            ("SOC 2", "CC6.1"),
            ("ISO 27001", "A.8.3"),
            ("GDPR", "32(1)(b)"),
        ],
        rights: &[],
        page: include_str!("README.md"),
    };
    type Params = Params;

    fn check(unit: &Unit<'_>, view: &View<'_>, _params: &Params, out: &mut Findings) -> Result<(), Unknown> {
        let settings = view.settings()?;
        let standing = view.standing()?;
        let excused = [
            (!settings.has_tenants(), "there is one tenant"),
            (standing.platform, "belongs to the platform"),
            (standing.terminating, "is being deleted"),
        ];
        if let Some((_, why)) = excused.iter().find(|(excused, _)| *excused) {
            out.not_applicable(why);
            return Ok(());
        }
        if !standing.known {
            return Err(Unknown::namespace_not_given(unit.namespace()));
        }
        let labels = &unit.object()?.meta.labels;
        let Some((key, tenant)) = settings.tenant_label(labels) else {
            return unlabelled(unit, view, settings, standing.tenant.as_deref(), out);
        };
        conflicting(settings, labels, out);
        if let Some(first) = &standing.tenant_relabelled_from {
            let message = format!(
                "label {key} was first {first:?} and is now {tenant:?}; an exception accepts the change"
            );
            out.fail("Relabelled", message)
                .at("metadata.labels")
                .seen(format!("{key}={tenant}"));
        }
        mixed(unit, view, settings, tenant, out)
    }
}

fn unlabelled(
    unit: &Unit<'_>,
    view: &View<'_>,
    settings: &Settings,
    first: Option<&str>,
    out: &mut Findings,
) -> Result<(), Unknown> {
    let workloads = strangers(unit, view, settings, "");
    let message = format!("the namespace has no tenant label {}", settings.tenant_key());
    let mut finding = out.fail("Unlabelled", message).at("metadata.labels");
    if let Some(first) = first {
        finding = finding.seen(format!("when first seen it belonged to {first}"));
    }
    // Who owns a namespace is never guessed, but what its workloads say helps whoever decides.
    if !workloads.workloads.is_empty() {
        finding.seen(format!("its workloads name {}", workloads.listed()));
    }
    workloads.complete
}

/// One key decides, yet two that disagree mean two owners to whoever reads the other.
fn conflicting(settings: &Settings, labels: &Labels, out: &mut Findings) {
    let said: Vec<(&str, &str)> = settings
        .tenant_keys()
        .iter()
        .filter_map(|key| labels.get(key).map(|value| (&**key, value)))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    let distinct: BTreeSet<&str> = said.iter().map(|(_, value)| *value).collect();
    if distinct.len() > 1 {
        let listed: Vec<&str> = distinct.into_iter().collect();
        let message = format!(
            "the namespace's labels name several tenants: {}",
            listed.join(", ")
        );
        let mut finding = out.fail("ConflictingLabels", message).at("metadata.labels");
        for (key, value) in said {
            finding = finding.seen(format!("{key}={value}"));
        }
    }
}

fn mixed(
    unit: &Unit<'_>,
    view: &View<'_>,
    settings: &Settings,
    tenant: &str,
    out: &mut Findings,
) -> Result<(), Unknown> {
    let strangers = strangers(unit, view, settings, tenant);
    if !strangers.workloads.is_empty() {
        let message = format!(
            "the namespace belongs to {tenant}, but {} in it to {}",
            strangers.count(),
            strangers.listed()
        );
        let mut finding = out.fail("Mixed", message).at("metadata.labels");
        for witness in strangers.witnesses() {
            finding = finding.seen(witness);
        }
    }
    strangers.complete
}

fn strangers(unit: &Unit<'_>, view: &View<'_>, settings: &Settings, own: &str) -> Strangers {
    let naming = Naming {
        keys: settings.tenant_keys(),
        meaning: &|value| (!value.is_empty()).then(|| value.to_owned()),
        named: &|labels| settings.tenant_label(labels).map(|(_, tenant)| tenant.to_owned()),
    };
    Strangers::find(view, unit.namespace(), own, &naming)
}
