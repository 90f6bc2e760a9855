//! Reading a cluster, or manifests, into what answers.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::{Result, bail};
use jiff::Timestamp;
use plimsoll_engine::{
    coverage::Coverage,
    decode::{DecodePlan, Object},
    fact::Fact,
    facts::{Openings, pod_ranges},
    kind::Kind,
    object::{ADMIN_POLICIES, AdminPeer, AdminPolicy, Direction, NetworkPolicy, Projection},
    reach::{Network, Reach},
};

use super::end::Block;
use crate::scan::{
    assess::some,
    cluster as live,
    input::{self, Role},
    progress::Progress,
    read,
};

/// What was read.
pub(super) struct Loaded {
    pub(super) reach: Reach,
    /// The world outside, by family of addresses.
    pub(super) whole: Vec<Block>,
    /// Blocks that policies name, the widest first.
    pub(super) narrower: Vec<Block>,
    /// What the answers rest on that nobody said.
    pub(super) warnings: Vec<String>,
    /// What could not be read, and where.
    pub(super) unreadable: Vec<String>,
}

/// Reads files as if they were the whole cluster.
pub(super) fn files(paths: &[String], network: Network, progress: &Progress) -> Result<Loaded> {
    let inputs = input::collect(paths)?;
    let mut intake = read::read(&inputs, no_plan(), progress);
    let implied = intake.imply_namespaces();
    let mut warnings = Vec::new();
    if !implied.is_empty() {
        warnings.push(format!(
            "namespaces without a Namespace object, whose labels may be anything: {}",
            some(&implied)
        ));
    }
    if inputs.kustomizations > 0 {
        let patches = inputs
            .files
            .iter()
            .filter(|file| file.role == Role::Patch)
            .count();
        warnings.push(format!(
            "{} kustomizations are not applied, {patches} files that they patch with are left out",
            inputs.kustomizations
        ));
    }
    let unreadable = intake.documents.unreadable.iter().map(|document| {
        let file = inputs.files.get(document.file).map_or("", |file| &file.name);
        format!("{file}:{}: {}", document.line, document.why)
    });
    let unreadable = unreadable.collect();
    let objects = intake.objects.into_iter().map(|(object, _)| object);
    Ok(Loaded::new(objects, network, warnings, unreadable))
}

/// Looks at a cluster once. An answer that leaves out a kind that may not be read would be wrong in either direction.
pub(super) fn cluster(context: Option<&str>, network: Network, progress: &Progress) -> Result<Loaded> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let spinner = progress.spinner("listing");
    let seen = runtime.block_on(async {
        let client = live::connect(None, context).await?;
        let kinds = <Openings as Fact>::READS.with(Kind::Node);
        live::look(&client, kinds.iter(), &no_plan(), Timestamp::now()).await
    });
    spinner.finish_and_clear();
    let seen = seen?;
    let is_seen = |(kind, coverage): &(Kind, Coverage)| match coverage {
        Coverage::Complete => true,
        Coverage::Absent => kind.is_optional(),
        _ => false,
    };
    // Nodes only narrow down what an `ipBlock` may match.
    let decides = |(kind, _): &&(Kind, Coverage)| *kind != Kind::Node;
    if !seen.coverage.iter().filter(decides).all(is_seen) {
        bail!("who reaches whom cannot be told: {}", seen.complaints.join("; "));
    }
    let mut warnings = Vec::new();
    let network = with_pod_ranges(network, &seen, &mut warnings);
    Ok(Loaded::new(
        seen.objects.into_iter(),
        network,
        warnings,
        Vec::new(),
    ))
}

/// What the nodes tell of pods' addresses (`spec.podCIDRs`), where nobody said it (`--pod-cidr`).
fn with_pod_ranges(mut network: Network, seen: &live::Cluster, warnings: &mut Vec<String>) -> Network {
    if network.pod_ranges.is_some() {
        return network;
    }
    let complete = seen
        .coverage
        .iter()
        .any(|(kind, coverage)| *kind == Kind::Node && *coverage == Coverage::Complete);
    let nodes = seen
        .objects
        .iter()
        .filter(|object| object.name.kind() == Kind::Node);
    match pod_ranges(nodes) {
        Ok(ranges) if complete => network.pod_ranges = ranges,
        _ => warnings
            .push("nodes cannot be read: pods may have any address, unless --pod-cidr says which".into()),
    }
    network
}

fn no_plan() -> Arc<DecodePlan> {
    Arc::new(DecodePlan::of([]))
}

impl Loaded {
    fn new(
        objects: impl Iterator<Item = Object>,
        network: Network,
        warnings: Vec<String>,
        unreadable: Vec<String>,
    ) -> Self {
        let mut reach = Reach::new(network);
        let mut blocks = BTreeSet::new();
        for object in objects {
            blocks.extend(blocks_of(&object));
            reach.upsert(&object);
        }
        reach.settle();
        let has_v6 = blocks.iter().any(|block| block.contains(':'));
        let whole = ["0.0.0.0/0", "::/0"].iter().take(1 + usize::from(has_v6));
        Self {
            reach,
            whole: whole.filter_map(|all| Block::parse(all)).collect(),
            narrower: blocks
                .iter()
                .filter(|block| !block.ends_with("/0"))
                .filter_map(|block| Block::parse(block))
                .collect(),
            warnings,
            unreadable,
        }
    }
}

/// The blocks of addresses that a policy names.
fn blocks_of(object: &Object) -> Vec<String> {
    let Ok(body) = &object.body else { return Vec::new() };
    let both = [Direction::Ingress, Direction::Egress];
    if let Some(policy) = NetworkPolicy::of(body) {
        let peers = both
            .into_iter()
            .flat_map(|direction| policy.rules(direction))
            .flat_map(|rule| &rule.peers);
        return peers
            .filter_map(|peer| Some(peer.ip_block.as_ref()?.cidr.to_string()))
            .collect();
    }
    if !ADMIN_POLICIES.contains(&object.name.kind()) {
        return Vec::new();
    }
    let Some(policy) = AdminPolicy::of(body) else {
        return Vec::new();
    };
    let peers = both
        .into_iter()
        .flat_map(|direction| policy.rules(direction))
        .flat_map(|rule| &rule.peers);
    let networks = peers.filter_map(|peer| match peer {
        AdminPeer::Networks(networks) => Some(networks),
        _ => None,
    });
    networks
        .flat_map(|networks| networks.iter().map(ToString::to_string))
        .collect()
}

#[cfg(test)]
mod tests {
    use plimsoll_engine::{
        decode::decode_json,
        reach::{Addresses, IpBlocks},
    };
    use serde_json::json;

    use super::*;

    fn seen(coverage: Coverage, ranges: &[&str]) -> live::Cluster {
        let node = |range: &&str| {
            let node =
                json!({"metadata": {"name": range.replace(['.', '/'], "-")}, "spec": {"podCIDRs": [range]}});
            decode_json(Kind::Node, &node.to_string()).unwrap()
        };
        live::Cluster {
            objects: ranges.iter().map(node).collect(),
            coverage: vec![(Kind::Node, coverage)],
            exceptions: Vec::new(),
            complaints: Vec::new(),
        }
    }

    #[test]
    fn nodes_tell_the_ranges_of_pods_where_nobody_said_them() {
        let network = |pod_ranges| Network {
            ip_blocks: IpBlocks::MayMatchPods,
            pod_ranges,
        };
        let told = seen(Coverage::Complete, &["10.244.0.0/24", "10.244.1.0/24"]);
        let mut warnings = Vec::new();
        let found = with_pod_ranges(network(None), &told, &mut warnings);
        assert_eq!(found.pod_ranges, Addresses::parse(["10.244.0.0/23"]));
        let said = Addresses::parse(["10.0.0.0/8"]);
        assert_eq!(
            with_pod_ranges(network(said.clone()), &told, &mut warnings).pod_ranges,
            said
        );
        assert!(warnings.is_empty(), "{warnings:?}");
        let forbidden = seen(Coverage::Forbidden, &[]);
        assert_eq!(
            with_pod_ranges(network(None), &forbidden, &mut warnings).pod_ranges,
            None
        );
        assert_eq!(warnings.len(), 1);
    }
}
