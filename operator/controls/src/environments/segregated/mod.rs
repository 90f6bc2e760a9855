//! `environments/segregated`: environments are kept apart, and there is one besides production.
//!
//! Cost: each namespace is a unit and reads which values of the environment label are in use among its workloads, not the
//! workloads; the cluster is a unit and reads which values are in use among namespaces, and the releases that have workloads
//! in several namespaces. All three sets are kept by the inventory as objects come and go, so that an event that changes
//! none of them (a new pod, an edited workload, another label on a namespace) runs no unit but the edited namespace's own.

mod cluster;

use plimsoll_engine::{
    baseline::Settings,
    control::{Control, Meta, ParamError, Unit, UnitKind},
    duration::Duration,
    facts::{EnvironmentLabel, StandingValue},
    finding::{Basis, Findings, Severity},
    kind::{Kind, KindSet},
    unknown::Unknown,
    view::View,
    workload::WORKLOADS,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shared::strangers::{Naming, Strangers};

/// The control.
pub struct Segregated;

/// Parameters. Whether environments share a cluster stands in `spec.environments.clusterEnvironment`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Params {
    /// Whether an environment other than production must exist, where changes are tried first. Default: true.
    pub require_non_production: bool,
    /// Where each environment has a cluster of its own: the other clusters. Default: none.
    #[schemars(length(max = 32))]
    pub peer_clusters: Vec<PeerCluster>,
}

/// A cluster of another environment.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PeerCluster {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Its environment.
    #[schemars(length(min = 1, max = 63))]
    pub environment: String,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            require_non_production: true,
            peer_clusters: Vec::new(),
        }
    }
}

impl Control for Segregated {
    const META: Meta = Meta {
        id: "environments/segregated",
        title: "Environments are kept apart, and there is one besides production",
        severity: Severity::Critical,
        basis: Basis::Automated,
        unit: UnitKind::NamespaceAndCluster,
        reads: KindSet::of(WORKLOADS).with(Kind::Namespace),
        fail_after: Duration::from_mins(5),
        mappings: &[
            ("SOC 2", "CC8.1"),
            ("ISO 27001", "A.8.31"),
            ("GDPR", "32(1)(b)"),
        ],
        rights: &[],
        page: include_str!("README.md"),
    };
    type Params = Params;

    fn validate(params: &Params) -> Result<(), ParamError> {
        for (i, peer) in params.peer_clusters.iter().enumerate() {
            let missing = [("name", &peer.name), ("environment", &peer.environment)];
            if let Some((field, _)) = missing.iter().find(|(_, value)| value.is_empty()) {
                return Err(ParamError::new(
                    format!("peerClusters[{i}].{field}"),
                    "is empty, expected a name",
                ));
            }
            if params.peer_clusters[..i].iter().any(|other| other.name == peer.name) {
                let message = format!("{} is listed twice", peer.name);
                return Err(ParamError::new(format!("peerClusters[{i}].name"), message));
            }
        }
        Ok(())
    }

    fn check(unit: &Unit<'_>, view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
        if unit.is_cluster() {
            return cluster::check(view, params, out);
        }
        let standing = view.standing()?;
        if standing.platform || standing.terminating {
            out.not_applicable(if standing.platform {
                "belongs to the platform"
            } else {
                "is being deleted"
            });
            return Ok(());
        }
        let settings = view.settings()?;
        foreign(settings, &standing, out);
        let own = standing.environment.as_ref().or(settings.cluster_environment());
        match own {
            Some(own) => mixed(unit, view, own, out),
            None => unclear(unit, view, out),
        }
    }
}

/// Where the cluster has one environment, no namespace may be labelled otherwise.
fn foreign(settings: &Settings, standing: &StandingValue, out: &mut Findings) {
    let Some(cluster) = settings.cluster_environment() else {
        return;
    };
    if let EnvironmentLabel::Valid(label) | EnvironmentLabel::Overridden(label) = &standing.label
        && label != cluster
    {
        let message =
            format!("the namespace belongs to {label}, but this is the cluster of {cluster} alone");
        out.fail("ForeignEnvironment", message)
            .at("metadata.labels")
            .seen(format!("{}={label}", settings.environment_key()));
    }
}

fn mixed(unit: &Unit<'_>, view: &View<'_>, own: &str, out: &mut Findings) -> Result<(), Unknown> {
    let strangers = strangers(unit, view, own)?;
    if !strangers.workloads.is_empty() {
        let (count, named) = (strangers.count(), strangers.listed());
        report(
            &strangers,
            format!("the namespace is {own}, but {count} in it say {named}"),
            out,
        );
    }
    strangers.complete
}

/// Without an environment of its own a namespace still must not hold workloads of two.
fn unclear(unit: &Unit<'_>, view: &View<'_>, out: &mut Findings) -> Result<(), Unknown> {
    let strangers = strangers(unit, view, "")?;
    if strangers.names().len() > 1 {
        let named = strangers.listed();
        report(
            &strangers,
            format!("the namespace has no environment, and its workloads say {named}"),
            out,
        );
    }
    Err(Unknown::environment(unit.namespace()))
}

fn report(strangers: &Strangers, message: String, out: &mut Findings) {
    let mut finding = out.fail("Mixed", message).at("metadata.labels");
    for witness in strangers.witnesses() {
        finding = finding.seen(witness);
    }
}

fn strangers(unit: &Unit<'_>, view: &View<'_>, own: &str) -> Result<Strangers, Unknown> {
    let settings = view.settings()?;
    let meaning = |value: &str| settings.normalise(value).map(|e| e.to_string());
    let naming = Naming {
        keys: settings.environment_keys(),
        meaning: &meaning,
        named: &|labels| settings.environment_label(labels).and_then(meaning),
    };
    Ok(Strangers::find(view, unit.namespace(), own, &naming))
}
