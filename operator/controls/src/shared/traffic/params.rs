//! Parameters of the controls on traffic, which differ in what a side of a pair is called.

use std::sync::Arc;

use plimsoll_engine::{control::ParamError, facts::GroupBy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AllowedPair, Matching, NetworkParams, Side, Traffic};

/// Parameters; `S` is a side of a pair.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Params<S> {
    /// Traffic between groups that is meant to be, one way. Default: none.
    #[schemars(length(max = 256))]
    pub allowed_pairs: Vec<Pair<S>>,
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
pub struct Pair<S> {
    /// Where it comes from.
    pub from: S,
    /// Where it goes.
    pub to: S,
}

/// A side of a pair, by whatever makes a group.
pub trait Named {
    /// What makes one.
    const BY: GroupBy;

    /// The group, if one is named.
    fn group(&self) -> Option<&str>;

    /// The namespace, if one is named.
    fn namespace(&self) -> Option<&str>;
}

impl<S> Default for Params<S> {
    fn default() -> Self {
        Self {
            allowed_pairs: Vec::new(),
            pod_cidrs: Vec::new(),
            ip_blocks_match_pods: Matching::default(),
            trust_static_result: false,
        }
    }
}

impl<S: Named> Params<S> {
    pub(crate) fn validate(&self) -> Result<(), ParamError> {
        self.network().validate()
    }

    fn network(&self) -> NetworkParams<'_> {
        NetworkParams {
            pod_cidrs: &self.pod_cidrs,
            ip_blocks: self.ip_blocks_match_pods,
            trusting: self.trust_static_result,
        }
    }

    /// What is asked of every namespace.
    pub(crate) fn traffic(&self) -> Traffic<'_> {
        let side = |side: &S| Side {
            group: side.group().map(Arc::from),
            namespace: side.namespace().map(Arc::from),
        };
        let pairs = self.allowed_pairs.iter().map(|pair| AllowedPair {
            from: side(&pair.from),
            to: side(&pair.to),
        });
        Traffic {
            by: S::BY,
            allowed: pairs.collect(),
            network: self.network(),
        }
    }
}
