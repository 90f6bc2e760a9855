//! Where the pods run.

use std::{collections::BTreeMap, sync::Arc};

use plimsoll_engine::{
    control::Unit,
    facts::{Domains, NodeDomain, Pods, PodsValue},
    finding::Findings,
    unknown::Unknown,
    view::View,
};

use super::SHARED_DOMAIN;

/// Domains shown as evidence at most.
const SHOWN: usize = 20;

/// Judges the running pods by the domains of their nodes.
pub(super) fn judge(
    unit: &Unit<'_>,
    view: &View<'_>,
    key: &Arc<str>,
    min_domains: usize,
    out: &mut Findings,
) -> Result<(), Unknown> {
    let pods = view.fact(&Pods {
        workload: unit.name().clone(),
    })?;
    if pods.running == 0 {
        return Err(Unknown::new("NoRunningPods", "no pod runs, so none is anywhere").live_only());
    }
    let placed = Placed::of(view, &pods, key)?;
    if placed.domains.len() >= min_domains {
        return Ok(());
    }
    if let Some(node) = placed.unplaced {
        let why = format!("node {node} has no label {key}, so the domain of its pods is not known");
        return Err(Unknown::new("NodeUnlabelled", why));
    }
    let known = view.fact(&Domains { key: key.clone() })?;
    if known.domains.len() < min_domains {
        let why = format!("the cluster has {} domains by {key}, fewer than {min_domains}", known.domains.len());
        return Err(Unknown::new("TooFewDomainsInCluster", why).live_only());
    }
    if pods.running == 1 {
        return Err(Unknown::new("OnePodRuns", "only one pod runs, so nothing is spread yet").live_only());
    }
    placed.report(&pods, known.domains.len(), key, min_domains, out);
    Ok(())
}

/// Running pods by domain.
struct Placed {
    domains: BTreeMap<Box<str>, usize>,
    /// A node with pods whose domain is not known.
    unplaced: Option<Arc<str>>,
}

impl Placed {
    fn of(view: &View<'_>, pods: &PodsValue, key: &Arc<str>) -> Result<Self, Unknown> {
        let mut placed = Self {
            domains: BTreeMap::new(),
            unplaced: None,
        };
        for (node, count) in &pods.nodes {
            let domain = view.fact(&NodeDomain {
                node: node.clone(),
                key: key.clone(),
            })?;
            match &*domain {
                Some(domain) => *placed.domains.entry(domain.clone()).or_default() += count,
                None => placed.unplaced = Some(node.clone()),
            }
        }
        Ok(placed)
    }

    fn report(&self, pods: &PodsValue, known: usize, key: &str, min_domains: usize, out: &mut Findings) {
        let mut finding = out
            .fail(
                SHARED_DOMAIN,
                format!(
                    "{} running pods are in {} of the cluster's {known} domains by {key}, at least {min_domains} are expected",
                    pods.running,
                    self.domains.len()
                ),
            )
            .at("spec.template.spec");
        for (domain, count) in self.domains.iter().take(SHOWN) {
            finding = finding.seen(format!("{key}={domain}: {count} pods"));
        }
    }
}
