//! The parts of a control plane and how each is started.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fmt};

use crate::binaries::Binaries;
use crate::error::{Error, Result};
use crate::node;
use crate::ports::Port;

/// One process of the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The store behind the API server.
    Etcd,
    /// `kube-apiserver`.
    ApiServer,
    /// `kube-controller-manager`: Deployments, Jobs, CronJobs, claims, ServiceAccounts …
    ControllerManager,
    /// `kube-scheduler`.
    Scheduler,
    /// Stands in for every kubelet and for the storage drivers: pods become Ready, claims get volumes.
    Kwok,
    /// Of a real node: runs the containers.
    Containerd,
    /// Of a real node.
    Kubelet,
    /// Of a real node: Services.
    KubeProxy,
}

impl Part {
    /// All of them, in the order in which they start; a cluster has either kwok or a real node.
    pub const ALL: [Self; 8] = [
        Self::Etcd,
        Self::ApiServer,
        Self::ControllerManager,
        Self::Scheduler,
        Self::Kwok,
        Self::Containerd,
        Self::Kubelet,
        Self::KubeProxy,
    ];

    /// The name of its binary and of its log file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Kwok => "kwok",
            Self::Containerd => "containerd",
            Self::Kubelet => "kubelet",
            Self::KubeProxy => "kube-proxy",
        }
    }

    /// Where its binary is, or an error that says how to get it.
    pub(crate) fn binary(self, binaries: &Binaries) -> Result<PathBuf> {
        match self {
            Self::Containerd | Self::Kubelet | Self::KubeProxy => binaries.node_path(self.name()),
            _ => binaries.path(self.name()),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Users with a static token, and their groups. The parts have the names they have in a real cluster, so that RBAC and
/// the audit log are as there.
pub(crate) const USERS: [(&str, &str); 6] = [
    ("admin", "system:masters"),
    ("system:kube-controller-manager", ""),
    ("system:kube-scheduler", ""),
    ("system:kwok", "system:masters"),
    ("system:node:node-0", "system:nodes"),
    ("system:kube-proxy", ""),
];

/// Where everything of one cluster lies and listens.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) dir: PathBuf,
    pub(crate) binaries: Binaries,
    pub(crate) etcd: Port,
    pub(crate) etcd_peer: Port,
    pub(crate) apiserver: Port,
    /// The zone of the real node, where there is one.
    pub(crate) real_node: Option<String>,
}

impl Layout {
    pub(crate) fn reserve(dir: &Path, binaries: Binaries, real_node: Option<String>) -> Result<Self> {
        let (etcd, etcd_peer, apiserver) = (Port::reserve()?, Port::reserve()?, Port::reserve()?);
        Ok(Self {
            dir: dir.to_owned(),
            binaries,
            etcd,
            etcd_peer,
            apiserver,
            real_node,
        })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.dir.join("logs").join(format!("{name}.log"))
    }

    pub(crate) fn server(&self) -> String {
        format!("https://127.0.0.1:{}", self.apiserver.number)
    }

    pub(crate) fn etcd_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.etcd.number)
    }

    /// The kubeconfig of one of [`USERS`].
    pub(crate) fn kubeconfig_of(&self, user: &str) -> PathBuf {
        self.dir.join(format!(
            "{}.kubeconfig",
            user.trim_start_matches("system:").replace(':', "-")
        ))
    }

    fn arg(&self, flag: &str, file: &str) -> String {
        format!("--{flag}={}", self.path(file).display())
    }

    /// The command line of a part.
    pub(crate) fn command(&self, part: Part, extra: &[String]) -> Result<Command> {
        let mut command = Command::new(part.binary(&self.binaries)?);
        command
            .current_dir(&self.dir)
            .env("HOME", &self.dir)
            .env("PATH", self.search_path()?);
        command.args(match part {
            Part::Etcd => self.etcd_args(),
            Part::ApiServer => self.apiserver_args(),
            Part::ControllerManager => self.controller_manager_args(),
            Part::Scheduler => self.scheduler_args(),
            Part::Kwok => self.kwok_args(),
            Part::Containerd => vec![self.arg("config", "containerd.toml")],
            Part::Kubelet => self.kubelet_args(),
            Part::KubeProxy => vec![self.arg("config", "kube-proxy.yaml")],
        });
        command.args(extra);
        Ok(command)
    }

    /// containerd finds its shim and runc there.
    fn search_path(&self) -> Result<OsString> {
        let path = env::var_os("PATH").unwrap_or_default();
        let node = self.binaries.node_dir().to_owned();
        env::join_paths(std::iter::once(node).chain(env::split_paths(&path)))
            .map_err(|error| Error::io("PATH")(std::io::Error::other(error)))
    }

    fn etcd_args(&self) -> Vec<String> {
        let (client, peer) = (
            self.etcd_url(),
            format!("http://127.0.0.1:{}", self.etcd_peer.number),
        );
        vec![
            self.arg("data-dir", "etcd"),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=default={peer}"),
            "--unsafe-no-fsync".to_owned(), // survives SIGKILL of etcd, not a power cut
            "--log-level=warn".to_owned(),
        ]
    }

    fn apiserver_args(&self) -> Vec<String> {
        let mut args = vec![
            format!("--etcd-servers={}", self.etcd_url()),
            format!("--secure-port={}", self.apiserver.number),
            // Else it looks for a default route, and a machine without network has none.
            format!("--advertise-address={}", node::ADDRESS),
            self.arg("tls-cert-file", "apiserver.crt"),
            self.arg("tls-private-key-file", "apiserver.key"),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            self.arg("service-account-key-file", "sa.pub"),
            self.arg("service-account-signing-key-file", "sa.key"),
            self.arg("token-auth-file", "tokens.csv"),
            "--allow-privileged=true".to_owned(), // as every installer sets it; Pod Security decides instead
            "--service-cluster-ip-range=10.0.0.0/16".to_owned(),
            self.arg("audit-policy-file", "audit-policy.yaml"),
            self.arg("audit-log-path", "audit.log"),
            "--audit-log-mode=blocking".to_owned(), // the default, but tests rely on it
            "--audit-log-maxsize=100000".to_owned(), // never rotate
        ];
        if self.real_node.is_none() {
            args.push("--bind-address=127.0.0.1".to_owned());
            args.push("--authorization-mode=RBAC".to_owned());
            return args;
        }
        args.extend([
            "--bind-address=0.0.0.0".to_owned(), // of a network of our own
            "--authorization-mode=Node,RBAC".to_owned(),
            "--enable-admission-plugins=NodeRestriction".to_owned(),
            "--kubelet-preferred-address-types=InternalIP".to_owned(),
            self.arg("kubelet-client-certificate", "kubelet-client.crt"),
            self.arg("kubelet-client-key", "kubelet-client.key"),
        ]);
        args
    }

    fn kubelet_args(&self) -> Vec<String> {
        let zone = self.real_node.as_deref().unwrap_or_default();
        let labels = [
            ("topology.kubernetes.io/zone", zone),
            ("topology.kubernetes.io/region", "kube-test"),
        ];
        let labels = labels.map(|(key, value)| format!("{key}={value}")).join(",");
        vec![
            format!(
                "--kubeconfig={}",
                self.kubeconfig_of("system:node:node-0").display()
            ),
            self.arg("config", "kubelet.yaml"),
            self.arg("root-dir", "kubelet"),
            self.arg("cert-dir", "kubelet-pki"),
            format!("--hostname-override={}", node::NAME),
            format!("--node-ip={}", node::ADDRESS),
            format!("--node-labels={labels}"),
        ]
    }

    fn controller_manager_args(&self) -> Vec<String> {
        let ranges = [
            "--allocate-node-cidrs=true".to_owned(),
            format!("--cluster-cidr={}", node::POD_RANGE),
        ];
        let ranges = ranges.into_iter().filter(|_| self.real_node.is_some());
        let args = vec![
            format!(
                "--kubeconfig={}",
                self.kubeconfig_of("system:kube-controller-manager").display()
            ),
            self.arg("service-account-private-key-file", "sa.key"),
            self.arg("root-ca-file", "ca.crt"),
            "--use-service-account-credentials".to_owned(),
            "--leader-elect=false".to_owned(),
            "--secure-port=0".to_owned(),
            "--kube-api-qps=500".to_owned(),
            "--kube-api-burst=1000".to_owned(),
        ];
        args.into_iter().chain(ranges).collect()
    }

    fn scheduler_args(&self) -> Vec<String> {
        vec![
            format!(
                "--kubeconfig={}",
                self.kubeconfig_of("system:kube-scheduler").display()
            ),
            "--leader-elect=false".to_owned(),
            "--secure-port=0".to_owned(),
            "--kube-api-qps=500".to_owned(),
            "--kube-api-burst=1000".to_owned(),
        ]
    }

    fn kwok_args(&self) -> Vec<String> {
        vec![
            format!("--kubeconfig={}", self.kubeconfig_of("system:kwok").display()),
            self.arg("config", "stages.yaml"),
            "--manage-all-nodes=true".to_owned(),
            format!("--cidr={}", node::POD_RANGE),
            format!("--node-ip={}", node::ADDRESS),
            // A restarted kwok waits for the leases of its predecessor to run out.
            "--node-lease-duration-seconds=8".to_owned(),
        ]
    }
}
