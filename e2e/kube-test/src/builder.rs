use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::PathBuf;

use crate::cluster::Cluster;
use crate::error::Result;
use crate::parts::Part;

/// What the cluster to start looks like. From [`Cluster::builder`]; the defaults are four nodes in three zones and every
/// part.
#[derive(Clone, Debug)]
pub struct Builder {
    pub(crate) nodes: usize,
    pub(crate) zones: Vec<String>,
    pub(crate) args: BTreeMap<Part, Vec<String>>,
    pub(crate) without: BTreeSet<Part>,
    pub(crate) keep: bool,
    pub(crate) existing: Option<PathBuf>,
    pub(crate) real_node: bool,
    pub(crate) images: Option<PathBuf>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            nodes: 4,
            zones: ["zone-a", "zone-b", "zone-c"].map(str::to_owned).to_vec(),
            args: BTreeMap::new(),
            without: BTreeSet::new(),
            keep: false,
            existing: env::var_os("KUBE_TEST_KUBECONFIG")
                .filter(|path| !path.is_empty())
                .map(PathBuf::from),
            real_node: false,
            images: None,
        }
    }
}

impl Builder {
    /// How many nodes; they are called `node-0`, `node-1` …
    #[must_use]
    pub fn nodes(mut self, count: usize) -> Self {
        self.nodes = count;
        self
    }

    /// The zones over which the nodes are dealt in turn (`topology.kubernetes.io/zone`); none for nodes without a zone.
    #[must_use]
    pub fn zones<Z: Into<String>>(mut self, zones: impl IntoIterator<Item = Z>) -> Self {
        self.zones = zones.into_iter().map(Into::into).collect();
        self
    }

    /// One more command line argument for a part, such as `--feature-gates=…`; it comes after ours and wins.
    #[must_use]
    pub fn arg(mut self, part: Part, arg: impl Into<String>) -> Self {
        self.args.entry(part).or_default().push(arg.into());
        self
    }

    /// Leaves a part out. Without [`Part::Kwok`] no node becomes Ready and no pod runs; an API server alone starts fastest.
    #[must_use]
    pub fn without(mut self, part: Part) -> Self {
        self.without.insert(part);
        self
    }

    /// One real node (containerd, kubelet, kube-proxy) in place of kwok's: containers run, and what is seen of them is what
    /// they do. Only within an [`Enclosure`](crate::Enclosure). Of [`Self::nodes`] and [`Self::zones`] the first zone counts.
    #[must_use]
    pub fn real_node(mut self) -> Self {
        self.real_node = true;
        self
    }

    /// The folder of the images that the real node has: archives (`*.tar`) as `docker save` writes them. No registry is
    /// reachable from there. Pods need `kube-test/tools:1` among them (`e2e/node/images.sh`).
    #[must_use]
    pub fn images(mut self, folder: impl Into<PathBuf>) -> Self {
        self.images = Some(folder.into());
        self
    }

    /// Uses an existing cluster instead of starting one, as `KUBE_TEST_KUBECONFIG` does.
    #[must_use]
    pub fn existing(mut self, kubeconfig: impl Into<PathBuf>) -> Self {
        self.existing = Some(kubeconfig.into());
        self
    }

    /// Leaves the cluster's folder (kubeconfigs, logs, audit log, etcd) behind at the end.
    #[must_use]
    pub fn keep(mut self) -> Self {
        self.keep = true;
        self
    }

    /// Starts it and waits until it is usable: nodes Ready, the ServiceAccount `default` there.
    pub async fn start(self) -> Result<Cluster> {
        Cluster::start_with(self).await
    }

    pub(crate) fn has(&self, part: Part) -> bool {
        let of_this_kind = match part {
            Part::Kwok => !self.real_node,
            Part::Containerd | Part::Kubelet | Part::KubeProxy => self.real_node,
            _ => true,
        };
        of_this_kind && !self.without.contains(&part)
    }
}
