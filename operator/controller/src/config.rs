//! What the process is told from outside: flags and the downward API, never the environment read deep inside.

use std::net::SocketAddr;

use jiff::SignedDuration;

use crate::output::{reports::ReportTerms, server::Identity};

/// How a `plimsoll run` process behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// Namespace of the Lease: the operator's own.
    pub namespace: String,
    /// Who this process is: the pod's name, unique among replicas.
    pub identity: String,
    /// Where `/livez` and `/readyz` are served, in plain HTTP, for the kubelet.
    pub health: SocketAddr,
    /// Where `/metrics` and all other pages are served, over TLS and to those who may see them.
    pub listen: SocketAddr,
    /// The certificate for that.
    pub certificate: Identity,
    /// Whether `/metrics` is also served beside `/livez`: in plain HTTP, to everybody.
    pub plain_metrics: bool,
    /// Whether repairs may be written at all (the chart grants the verbs only then).
    pub remediation: bool,
    /// Whether this process probes while it leads, where baselines ask for it.
    pub probing: bool,
    /// How reports for other tools are written, if at all.
    pub reports: Option<ReportTerms>,
    /// How often rights are re-checked: a running watch outlives its RBAC.
    pub access_interval: SignedDuration,
    /// How long the Lease of a replica holds without being renewed.
    pub replica_lease: SignedDuration,
    /// How long a kind may take to list before it counts as Unknown and holds nobody up.
    pub sync_deadline: SignedDuration,
    /// How long events are gathered before a turn.
    pub coalesce: SignedDuration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            namespace: "plimsoll-system".into(),
            identity: "plimsoll".into(),
            health: SocketAddr::from(([0, 0, 0, 0], 8080)),
            listen: SocketAddr::from(([0, 0, 0, 0], 8443)),
            certificate: Identity::Own(vec!["localhost".into()]),
            plain_metrics: false,
            remediation: false,
            probing: false,
            reports: None,
            access_interval: SignedDuration::from_secs(60),
            // As kubelets do it for nodes: renewed every 10 s.
            replica_lease: SignedDuration::from_secs(40),
            sync_deadline: SignedDuration::from_secs(60),
            coalesce: SignedDuration::from_millis(20),
        }
    }
}
