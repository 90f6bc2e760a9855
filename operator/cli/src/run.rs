//! `plimsoll run`: the operator.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::{Result, bail};
use plimsoll_controller::Config;

/// Run the operator: watch the cluster, measure it against its baselines, repair what it may
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Namespace of the Lease by which replicas elect their leader: the operator's own
    #[arg(long, env = "POD_NAMESPACE", default_value = "plimsoll-system")]
    leader_election_namespace: String,
    /// Who this process is among the replicas; the pod's name
    #[arg(long, env = "POD_NAME", default_value = "plimsoll")]
    identity: String,
    /// Where /livez, /readyz and /metrics are served
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    listen: SocketAddr,
    /// Allow repairs to be written; the chart grants the verbs together with this
    #[arg(long)]
    remediation: bool,
    /// Cluster to connect to; default: in-cluster, or $KUBECONFIG, or ~/.kube/config
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

pub(crate) fn main(args: &Args) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let client =
            crate::scan::cluster::connect(args.kubeconfig.as_deref(), args.context.as_deref()).await?;
        operate(config(args), client).await
    })
}

fn config(args: &Args) -> Config {
    Config {
        namespace: args.leader_election_namespace.clone(),
        identity: args.identity.clone(),
        listen: args.listen,
        remediation: args.remediation,
        ..Config::default()
    }
}

/// Hands over to the controller.
#[allow(
    clippy::unused_async,
    reason = "the controller it hands over to is not there yet"
)]
async fn operate(_config: Config, _client: kube::Client) -> Result<()> {
    bail!("the controller is not wired up yet")
}
