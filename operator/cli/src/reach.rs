//! `plimsoll reach`: who can talk to whom, on which ports, and because of which policy.

mod end;
mod json;
mod load;
mod question;
mod table;

use anyhow::Result;
use clap::ValueEnum;
use plimsoll_engine::reach::{Addresses, IpBlocks, Network};

use crate::{Ending, say, scan::progress::Progress};
use end::Which;
use question::{Question, port};

/// Who can talk to whom, on which ports, and because of which policy
///
/// Reads manifests, or a cluster as it is now: namespaces, workloads, NetworkPolicies, AdminNetworkPolicies and
/// ClusterNetworkPolicies. Pods are shown as the workload that runs them. Exit code: 2 for bad input, else 0.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Files and folders to read (in folders: *.yaml, *.yml, *.json); - is standard input
    #[arg(
        value_name = "PATH",
        required_unless_present = "cluster",
        conflicts_with = "cluster"
    )]
    paths: Vec<String>,
    /// Look at the cluster of the current context instead
    #[arg(long)]
    cluster: bool,
    /// Another context of the kubeconfig
    #[arg(long, value_name = "NAME", requires = "cluster")]
    context: Option<String>,
    /// Only from this workload: NAMESPACE/NAME, NAMESPACE/*, or addresses outside the cluster (203.0.113.0/24).
    /// Needed, or --to, where there are more than 1,000,000 pairs
    #[arg(long, value_name = "NS/NAME|CIDR")]
    from: Option<String>,
    /// Only to this workload, likewise
    #[arg(long, value_name = "NS/NAME|CIDR")]
    to: Option<String>,
    /// Only on this port: TCP/80, UDP/53, or a number for TCP
    #[arg(long, value_name = "PROTOCOL/PORT")]
    port: Option<String>,
    /// Range that pods get their addresses from, for blocks of addresses in policies [default: what the nodes of the cluster
    /// say (spec.podCIDRs), else it may be any]
    #[arg(long, value_name = "CIDR")]
    pod_cidr: Vec<String>,
    /// Whether the ipBlock of a NetworkPolicy matches addresses of pods: CNIs differ
    #[arg(long, value_enum, default_value = "maybe")]
    ip_blocks_match_pods: Matching,
    /// How to print the result
    #[arg(short, long, value_enum, default_value = "table")]
    output: Output,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people: what is open; also what is not where both --from and --to are given
    Table,
    /// For programs: every pair (docs/reach.md)
    Json,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Matching {
    Maybe,
    Always,
    Never,
}

pub(crate) fn main(args: &Args) -> Result<Ending> {
    let from = Which::parse("--from", args.from.as_deref())?;
    let to = Which::parse("--to", args.to.as_deref())?;
    let port = args.port.as_deref().map(port).transpose()?;
    let network = network(args)?;
    let progress = Progress::new(false);
    let loaded = if args.cluster {
        load::cluster(args.context.as_deref(), network, &progress)?
    } else {
        load::files(&args.paths, network, &progress)?
    };
    for warning in &loaded.warnings {
        say::warning(warning);
    }
    let question = Question::new(&loaded, &from, &to, port)?;
    match args.output {
        Output::Json => json::print(&question, &loaded.unreadable)?,
        Output::Table => table::print(&question)?,
    }
    for unreadable in &loaded.unreadable {
        say::warning(unreadable);
    }
    Ok(if loaded.unreadable.is_empty() {
        Ending::Good
    } else {
        Ending::Unclear
    })
}

fn network(args: &Args) -> Result<Network> {
    let pod_ranges = if args.pod_cidr.is_empty() {
        None
    } else {
        let ranges = Addresses::parse(&args.pod_cidr);
        Some(ranges.ok_or_else(|| {
            anyhow::anyhow!(
                "--pod-cidr {}: expected ranges such as 10.244.0.0/16",
                args.pod_cidr.join(" ")
            )
        })?)
    };
    let ip_blocks = match args.ip_blocks_match_pods {
        Matching::Maybe => IpBlocks::MayMatchPods,
        Matching::Always => IpBlocks::MatchPods,
        Matching::Never => IpBlocks::NeverMatchPods,
    };
    Ok(Network {
        ip_blocks,
        pod_ranges,
    })
}
