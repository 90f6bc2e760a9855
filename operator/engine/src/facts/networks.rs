//! The cluster's own networks, as far as its objects tell them.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    control::project,
    fact::Fact,
    kind::{Kind, KindSet},
    object::{Node, ServiceCidr},
    probe::Net,
    unknown::Unknown,
    view::View,
};

/// The addresses of nodes, of the pods of each node (`spec.podCIDRs`) and of Services (ServiceCIDR, from Kubernetes 1.33 on).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ClusterNetworks;

impl Fact for ClusterNetworks {
    const READS: KindSet = KindSet::of(&[Kind::Node, Kind::ServiceCidr]);
    type Value = Arc<[Net]>;

    fn compute(&self, view: &View<'_>) -> Result<Arc<[Net]>, Unknown> {
        let mut nets = BTreeSet::new();
        for object in view.all(Kind::Node)? {
            let node: &Node = project(object)?;
            nets.extend(node.status.addresses.iter().map(|address| Net::from(*address)));
            for range in node.spec.pod_cidrs.iter().flatten() {
                nets.insert(
                    range
                        .parse()
                        .map_err(|why: String| Unknown::new("Unparsed", why))?,
                );
            }
        }
        for object in view.all(Kind::ServiceCidr)? {
            nets.extend(&project::<ServiceCidr>(object)?.spec.cidrs);
        }
        Ok(nets.into_iter().collect())
    }
}
