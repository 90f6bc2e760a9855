//! `environments/network-segregation`: no pod of one environment reaches a pod of another.
//!
//! What it costs is told where it is decided, in `shared/traffic`.

use plimsoll_engine::{
    control::{Control, Meta, ParamError, Unit, UnitKind},
    duration::Duration,
    facts::GroupBy,
    finding::{Basis, Finding, Findings, Repair, Severity},
    unknown::Unknown,
    view::View,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shared::traffic::{self, AllowedPair, Matching, NetworkParams, Side, Traffic};

/// The control.
pub struct NetworkSegregation;

/// Parameters.
#[derive(Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Params {
    /// Traffic between environments that is meant to be, one way. Default: none.
    #[schemars(length(max = 256))]
    pub allowed_pairs: Vec<EnvironmentPair>,
    /// Ranges that pods get their addresses from. Default: what the nodes tell (`spec.podCIDRs`), and if they tell nothing,
    /// any address.
    #[schemars(length(max = 64), inner(length(min = 1, max = 64)))]
    pub pod_cidrs: Vec<String>,
    /// Whether the `ipBlock` of a NetworkPolicy matches addresses of pods: `Maybe`, `Always`, or `Never` (Cilium).
    /// Default: Maybe, and then pods in a block count as reachable.
    pub ip_blocks_match_pods: Matching,
    /// Whether the verdict from the policies that are modelled stands where policies of other kinds (Cilium, Calico) may
    /// apply. Default: false.
    pub trust_static_result: bool,
}

/// Traffic that is meant to be, from one side to the other.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvironmentPair {
    /// Where it comes from.
    pub from: EnvironmentSide,
    /// Where it goes.
    pub to: EnvironmentSide,
}

/// Namespaces by environment, by name, or both; `{}` is all of them.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvironmentSide {
    /// The environment they belong to; absent: any, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub environment: Option<String>,
    /// The namespace, by exact name; absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
}

impl Params {
    fn network(&self) -> NetworkParams<'_> {
        NetworkParams {
            pod_cidrs: &self.pod_cidrs,
            ip_blocks: self.ip_blocks_match_pods,
            trusting: self.trust_static_result,
        }
    }

    fn traffic(&self) -> Traffic<'_> {
        let side = |side: &'_ EnvironmentSide| Side {
            group: side.environment.as_deref().map(Into::into),
            namespace: side.namespace.as_deref().map(Into::into),
        };
        let pairs = self.allowed_pairs.iter();
        Traffic {
            by: GroupBy::Environment,
            allowed: pairs
                .map(|pair| AllowedPair {
                    from: side(&pair.from),
                    to: side(&pair.to),
                })
                .collect(),
            network: self.network(),
        }
    }
}

impl Control for NetworkSegregation {
    const META: Meta = Meta {
        id: "environments/network-segregation",
        title: "No pod of one environment reaches a pod of another",
        severity: Severity::Critical,
        basis: Basis::Automated,
        unit: UnitKind::Namespace,
        reads: traffic::READS,
        fail_after: Duration::from_mins(5),
        mappings: &[
            ("SOC 2", "CC6.6"),
            ("SOC 2", "CC8.1"),
            ("ISO 27001", "A.8.22"),
            ("ISO 27001", "A.8.31"),
            ("GDPR", "32(1)(b)"),
        ],
        rights: &[],
        page: include_str!("README.md"),
    };
    type Params = Params;

    fn validate(params: &Params) -> Result<(), ParamError> {
        params.network().validate()
    }

    fn check(unit: &Unit<'_>, view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
        params.traffic().check(unit, view, out).map(drop)
    }

    fn repair(
        unit: &Unit<'_>,
        view: &View<'_>,
        params: &Params,
        finding: &Finding,
    ) -> Result<Option<Repair>, Unknown> {
        params.traffic().repair(unit, view, finding)
    }
}
