//! `environments/no-cross-references`: nothing in production names a Service of another environment, and nothing elsewhere
//! names a database of production.
//!
//! Cost: Services are found in texts while those are decoded. A unit without any reads nothing else; one with some reads the
//! Namespaces they name, whether they exist or not, so that a new namespace runs only those that name it.

mod data_store;
mod reference;

use std::collections::BTreeMap;

use plimsoll_engine::{
    control::{Control, Meta, Unit, UnitKind},
    decode::Wanted,
    duration::Duration,
    finding::{Basis, Findings, Severity},
    inventory::IndexKey,
    kind::{Kind, KindSet},
    name::ObjRef,
    unknown::Unknown,
    view::View,
    workload::{WORKLOADS, workloads_and},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use reference::{Reference, references};

/// The control.
pub struct NoCrossReferences;

/// Parameters.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Params {
    /// References that are meant to be. Default: none.
    #[schemars(length(max = 256))]
    pub allowed_references: Vec<AllowedReference>,
    /// The environments that are kept apart from all others. Default: `[production]`.
    #[schemars(length(min = 1, max = 32))]
    pub environments: Vec<String>,
}

/// A reference that is meant to be.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AllowedReference {
    /// The namespace of what refers; absent: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub from: Option<String>,
    /// The namespace that is named.
    #[schemars(length(min = 1, max = 63))]
    pub to: String,
    /// The Service that is named; absent: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub service: Option<String>,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            allowed_references: Vec::new(),
            environments: vec!["production".into()],
        }
    }
}

/// Workloads, and what sends traffic from one namespace to another.
const SUBJECTS: &[Kind] = &workloads_and::<13>(&[Kind::ConfigMap, Kind::Service, Kind::Ingress, Kind::HttpRoute, Kind::ReferenceGrant]);

/// Most findings on one object; how many more there are is told.
const MOST: usize = 50;

impl Control for NoCrossReferences {
    const META: Meta = Meta {
        id: "environments/no-cross-references",
        title: "Production names no Service of another environment, and others no database of production",
        severity: Severity::High,
        basis: Basis::Automated,
        unit: UnitKind::TopMost(SUBJECTS),
        reads: KindSet::of(SUBJECTS)
            .union(KindSet::of(WORKLOADS))
            .union(KindSet::of(data_store::READS))
            .with(Kind::Namespace),
        fail_after: Duration::from_mins(5),
        mappings: &[("SOC 2", "CC8.1"), ("ISO 27001", "A.8.31"), ("GDPR", "32(1)(b)")],
        rights: &[],
        page: include_str!("README.md"),
    };
    type Params = Params;

    fn wanted(_params: &Params) -> Wanted {
        Wanted {
            credentials: None,
            hosts: true,
        }
    }

    fn check(unit: &Unit<'_>, view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
        let (found, complete) = references(unit, view);
        if let Err(unknown) = complete {
            out.unknown(unknown);
        }
        let mut crossings: BTreeMap<(String, String), Crossing> = BTreeMap::new();
        for reference in found.iter().filter(|r| !is_allowed(unit, r, params)) {
            match crossing(unit, view, params, reference) {
                Ok(Some(crossing)) => _ = crossings.insert((reference.path.clone(), reference.host()), crossing),
                Ok(None) => {}
                Err(unknown) => out.unknown(unknown),
            }
        }
        if crossings.is_empty() {
            return Ok(());
        }
        if unit.name().kind() == Kind::ConfigMap && !is_used(unit, view)? {
            out.not_applicable("no workload uses it");
            return Ok(());
        }
        report(&crossings, out);
        Ok(())
    }
}

fn report(crossings: &BTreeMap<(String, String), Crossing>, out: &mut Findings) {
    for ((path, host), crossing) in crossings.iter().take(MOST) {
        out.fail(crossing.reason, crossing.message.clone())
            .at(path.as_str())
            .seen(crossing.evidence.clone())
            .detail(format!("{path} {host}"));
    }
    if let Some(more) = crossings.len().checked_sub(MOST).filter(|more| *more > 0) {
        out.note(format!("{more} more references to other environments"));
    }
}

/// A reference from one environment to another.
struct Crossing {
    reason: &'static str,
    message: String,
    evidence: String,
}

/// Whether a reference leads to an environment that must not be named here.
fn crossing(
    unit: &Unit<'_>,
    view: &View<'_>,
    params: &Params,
    reference: &Reference,
) -> Result<Option<Crossing>, Unknown> {
    let namespace = &*reference.namespace;
    // Only names of namespaces that exist are names of namespaces.
    if view.object(&ObjRef::namespace_object(namespace))?.is_none() {
        return Ok(None);
    }
    let theirs = view.standing_of(namespace)?;
    if theirs.platform {
        return Ok(None);
    }
    let ours = view.environment()?;
    let theirs = theirs.environment.clone().ok_or_else(|| Unknown::environment(namespace))?;
    let is_kept_apart = |environment: &str| params.environments.iter().any(|e| e == environment);
    let (what, host) = (&reference.what, reference.host());
    let evidence = format!("namespace {namespace} is {theirs}, {} is {ours}", unit.namespace());
    if ours == theirs || !(is_kept_apart(&ours) || is_kept_apart(&theirs)) {
        return Ok(None);
    }
    if is_kept_apart(&ours) {
        return Ok(Some(Crossing {
            reason: "OtherEnvironment",
            message: format!("{what} names {host}, which is {theirs}"),
            evidence,
        }));
    }
    let Some(store) = data_store::behind(view, namespace, &reference.service)? else {
        return Ok(None);
    };
    Ok(Some(Crossing {
        reason: "ProductionDataStore",
        message: format!("{what} names {host}, a database of {theirs}"),
        evidence: format!("{evidence}; {store}"),
    }))
}

fn is_allowed(unit: &Unit<'_>, reference: &Reference, params: &Params) -> bool {
    let from = unit.namespace();
    *reference.namespace == *from
        || params.allowed_references.iter().any(|allowed| {
            allowed.from.as_deref().is_none_or(|namespace| namespace == from)
                && *allowed.to == *reference.namespace
                && allowed.service.as_deref().is_none_or(|service| *service == *reference.service)
        })
}

/// Whether a workload of the namespace mounts a ConfigMap or takes variables from it.
fn is_used(unit: &Unit<'_>, view: &View<'_>) -> Result<bool, Unknown> {
    let config = unit.name();
    let mut unknown = None;
    for kind in WORKLOADS {
        let key = IndexKey::Targets(*kind, unit.namespace().into(), "ConfigMap".into(), config.name().into());
        let unparsed = IndexKey::Unparsed(*kind, unit.namespace().into());
        let users = view.indexed(*kind, &key);
        match (users, view.indexed(*kind, &unparsed)) {
            (Ok(users), _) if !users.is_empty() => return Ok(true),
            (Ok(_), Ok(unread)) if unread.is_empty() && view.looks_for_hosts(*kind) => {}
            (Err(why), _) | (_, Err(why)) => unknown = Some(why),
            (Ok(_), Ok(_)) => {
                unknown = Some(Unknown::new(
                    "Unparsed",
                    format!("what {} of the namespace use cannot all be read", kind.resource()),
                ));
            }
        }
    }
    unknown.map_or(Ok(false), Err)
}
