//! What the process is told from outside: flags and the downward API, never the environment read deep inside.

use std::net::SocketAddr;

use jiff::SignedDuration;
use plimsoll_api::Part;

use crate::output::{policy_reports::ReportTerms, server::Identity};

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
    /// Which work this process does.
    pub duties: Duties,
    /// What reports call the cluster.
    pub cluster_name: String,
    /// Whether repairs may be written at all (the chart grants the verbs only then).
    pub remediation: bool,
    /// Whether this process probes while it leads, where baselines ask for it.
    pub probing: bool,
    /// How reports for other tools are written, if at all.
    pub policy_reports: Option<ReportTerms>,
    /// How often rights are re-checked: a running watch outlives its RBAC.
    pub access_interval: SignedDuration,
    /// How long the Lease of a replica holds without being renewed.
    pub replica_lease: SignedDuration,
    /// How long a kind may take to list before it counts as Unknown and holds nobody up.
    pub sync_deadline: SignedDuration,
    /// How long events are gathered before a turn.
    pub coalesce: SignedDuration,
}

/// Which work a process does. All of them watch and evaluate; processes of different duties elect different leaders and need
/// different rights.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Duties {
    /// Tells what it found: status, Events, since when findings have been there.
    pub read: bool,
    /// Writes repairs, where they are allowed.
    pub repair: bool,
    /// Probes hosts, where that is allowed.
    pub probe: bool,
}

impl Duties {
    /// One process does everything.
    pub const ALL: Self = Self {
        read: true,
        repair: true,
        probe: true,
    };

    /// Their words.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        [
            (self.read, "read"),
            (self.repair, "repair"),
            (self.probe, "probe"),
        ]
        .into_iter()
        .filter_map(|(has, word)| has.then_some(word))
    }

    /// The records of evidence it keeps.
    pub const fn part(self) -> Part {
        match (self.read, self.repair) {
            (true, _) => Part::Main,
            (false, true) => Part::Repairs,
            (false, false) => Part::Probes,
        }
    }

    /// The Lease by which those of the same duties elect their leader.
    pub const fn lease(self) -> &'static str {
        match self.part() {
            Part::Main => "plimsoll",
            Part::Repairs => "plimsoll-repairs",
            Part::Probes => "plimsoll-probes",
        }
    }
}

impl Default for Duties {
    fn default() -> Self {
        Self::ALL
    }
}

impl Config {
    /// Whether this process writes repairs while it leads.
    pub const fn repairs(&self) -> bool {
        self.remediation && self.duties.repair
    }

    /// Whether this process probes while it leads.
    pub const fn probes(&self) -> bool {
        self.probing && self.duties.probe
    }
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
            duties: Duties::ALL,
            cluster_name: "this cluster".into(),
            remediation: false,
            probing: false,
            policy_reports: None,
            access_interval: SignedDuration::from_secs(60),
            // As kubelets do it for nodes: renewed every 10 s.
            replica_lease: SignedDuration::from_secs(40),
            sync_deadline: SignedDuration::from_secs(60),
            coalesce: SignedDuration::from_millis(20),
        }
    }
}
