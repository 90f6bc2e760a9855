//! `plimsoll run`: the operator.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::Result;
use jiff::SignedDuration;
use plimsoll_controller::{
    Config, Duties,
    output::{
        policy_reports::{ReportApi, ReportTerms},
        server::Identity,
    },
};
use plimsoll_engine::duration::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Run the operator: watch the cluster, measure it against its baselines, repair what it may
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Namespace of the Lease by which replicas elect their leader: the operator's own
    #[arg(long, env = "POD_NAMESPACE", default_value = "plimsoll-system")]
    leader_election_namespace: String,
    /// Who this process is among the replicas; the pod's name
    #[arg(long, env = "POD_NAME", default_value = "plimsoll")]
    identity: String,
    /// Where /livez and /readyz are served, in plain HTTP, for the kubelet
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    health_listen: SocketAddr,
    /// Where /metrics, /report and /findings are served: over TLS, to users whom the API server knows and lets get that path
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8443")]
    listen: SocketAddr,
    /// Certificate for that, in PEM, with its issuers; read again when it changes. Without one it is made at the start
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Key of the certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Names for the certificate made at the start
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        default_value = "localhost,127.0.0.1"
    )]
    tls_names: Vec<String>,
    /// Serve /metrics also beside /livez: in plain HTTP, to everybody who reaches that address
    #[arg(long)]
    plain_metrics: bool,
    /// Which work this process does. A process without `read` does one of the others, with rights of its own
    #[arg(
        long,
        value_name = "DUTIES",
        value_delimiter = ',',
        default_value = "read,repair,probe"
    )]
    duties: Vec<Duty>,
    /// What reports call the cluster
    #[arg(long, value_name = "NAME", default_value = "this cluster")]
    cluster_name: String,
    /// Allow repairs to be written; the chart grants the verbs together with this
    #[arg(long)]
    remediation: bool,
    /// Probe published hosts where a baseline asks for it; the chart lets the operator out of its namespace together with this
    #[arg(long)]
    probing: bool,
    /// Write reports for other tools (docs/policy-reports.md), owned by this ClusterRole: they go when it goes
    #[arg(long, value_name = "CLUSTERROLE")]
    policy_reports: Option<String>,
    /// Kinds of reports, by API group; those that the cluster serves are written
    #[arg(
        long,
        value_name = "GROUP",
        value_delimiter = ',',
        default_value = "openreports.io,wgpolicyk8s.io"
    )]
    policy_report_apis: Vec<ReportApi>,
    /// Most results listed in one report; its counts are exact all the same
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    policy_report_results: usize,
    /// How often rights are asked for again, such as 30s or 2m: a watch goes on after its right is taken away
    #[arg(long, value_name = "DURATION", default_value = "60s", hide = true)]
    access_interval: Duration,
    /// How long the Lease of a replica holds, such as 40s: it is renewed four times as often
    #[arg(long, value_name = "DURATION", default_value = "40s", hide = true)]
    replica_lease: Duration,
    /// Cluster to connect to; default: in-cluster, or $KUBECONFIG, or ~/.kube/config
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

/// What a process may be there for
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Duty {
    /// Tell what was found: status, Events, since when findings have been there
    Read,
    /// Write repairs, where --remediation allows them
    Repair,
    /// Probe hosts, where --probing allows it
    Probe,
}

fn duties(given: &[Duty]) -> Result<Duties> {
    let has = |duty| given.contains(&duty);
    let duties = Duties {
        read: has(Duty::Read),
        repair: has(Duty::Repair),
        probe: has(Duty::Probe),
    };
    let one = duties.read || duties.repair != duties.probe;
    anyhow::ensure!(
        one,
        "--duties: a process without `read` does one of `repair` and `probe`"
    );
    Ok(duties)
}

pub(crate) fn main(args: &Args) -> Result<()> {
    let config = config(args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let client =
            crate::scan::cluster::connect(args.kubeconfig.as_deref(), args.context.as_deref()).await?;
        operate(config, client).await
    })
}

fn config(args: &Args) -> Result<Config> {
    Ok(Config {
        namespace: args.leader_election_namespace.clone(),
        identity: args.identity.clone(),
        health: args.health_listen,
        listen: args.listen,
        certificate: match (&args.tls_cert, &args.tls_key) {
            (Some(certificate), Some(key)) => Identity::Files {
                certificate: certificate.clone(),
                key: key.clone(),
            },
            _ => Identity::Own(args.tls_names.clone()),
        },
        plain_metrics: args.plain_metrics,
        cluster_name: args.cluster_name.clone(),
        remediation: args.remediation,
        probing: args.probing,
        policy_reports: args.policy_reports.clone().map(|owner| ReportTerms {
            owner,
            apis: args.policy_report_apis.clone(),
            most_results: args.policy_report_results,
        }),
        // Without a pause it would do nothing but ask.
        access_interval: args.access_interval.to_signed().max(SignedDuration::from_secs(1)),
        // A Lease holds for whole seconds, and is renewed within them.
        replica_lease: args.replica_lease.to_signed().max(SignedDuration::from_secs(2)),
        duties: duties(&args.duties)?,
        ..Config::default()
    })
}

/// Hands over to the controller, until SIGTERM or Ctrl-C.
async fn operate(config: Config, client: kube::Client) -> Result<()> {
    let stop = CancellationToken::new();
    let signal = stop.clone();
    tokio::spawn(async move {
        if let Err(error) = stopped().await {
            tracing::error!(%error, "cannot wait for signals; stopping");
        }
        tracing::info!("stopping");
        signal.cancel();
    });
    let (registry, presets) = (plimsoll_controls::registry(), plimsoll_controls::presets());
    plimsoll_controller::run(client, config, registry, presets, stop).await?;
    Ok(())
}

/// Waits for the signal to stop: SIGTERM from the kubelet, SIGINT from a terminal.
async fn stopped() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
