//! The files that containerd, kubelet and kube-proxy read.

use std::fs;

use serde_json::{Value, json};

use super::enclosure::{CNI_FOLDERS, cgroup};
use super::{ADDRESS, NAME, POD_RANGE};
use crate::error::{Error, Result};
use crate::parts::Layout;
use crate::pki::write_private;

/// What holds a pod's namespaces: any image whose default command waits forever. `e2e/node/images.sh` makes it.
pub(crate) const SANDBOX_IMAGE: &str = "docker.io/kube-test/tools:1";

/// Writes them into the cluster's folder.
pub(crate) fn write(layout: &Layout) -> Result<()> {
    let cni = layout.path("cni");
    fs::create_dir_all(&cni).map_err(Error::io(cni.display().to_string()))?;
    let files = [
        ("containerd.toml", containerd(layout)),
        ("cni/kube-test.conflist", format!("{:#}", network(layout))),
        ("kubelet.yaml", format!("{:#}", kubelet(layout)?)),
        ("kube-proxy.yaml", format!("{:#}", kube_proxy(layout))),
    ];
    for (name, content) in files {
        write_private(&layout.path(name), &content)?;
    }
    Ok(())
}

fn containerd(layout: &Layout) -> String {
    let path = |name: &str| layout.path(name).display().to_string();
    let folders = CNI_FOLDERS.map(|folder| format!("\"{folder}\"")).join(", ");
    format!(
        r#"version = 3
root = "{root}"
state = "{state}"
[grpc]
address = "{socket}"
[plugins."io.containerd.internal.v1.opt"]
path = "{opt}"
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{SANDBOX_IMAGE}"
[plugins."io.containerd.cri.v1.runtime"]
# Lowering a process's score takes CAP_SYS_RESOURCE, which root in a container has not.
restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = [{folders}]
conf_dir = "{cni}"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
SystemdCgroup = false
"#,
        root = path("containerd"),
        state = path("containerd-state"),
        socket = path("containerd.sock"),
        opt = path("containerd-opt"),
        cni = path("cni"),
    )
}

/// Each pod has a link of its own to the node, so that everything is routed and passes kube-proxy's rules.
fn network(layout: &Layout) -> Value {
    let subnet = POD_RANGE.replace("/16", "/24");
    json!({
        "cniVersion": "1.0.0",
        "name": "kube-test",
        "plugins": [{
            "type": "ptp",
            "ipam": {
                "type": "host-local",
                "dataDir": layout.path("cni-addresses"),
                "ranges": [[{ "subnet": subnet }]],
                "routes": [{ "dst": "0.0.0.0/0" }],
            },
        }],
    })
}

fn kubelet(layout: &Layout) -> Result<Value> {
    Ok(json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": { "x509": { "clientCAFile": layout.path("ca.crt") } },
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": format!("/{}", cgroup()?),
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": format!("unix://{}", layout.path("containerd.sock").display()),
        "enforceNodeAllocatable": [],
        // A full disk of the machine is not the test's concern.
        "evictionHard": { "nodefs.available": "0%", "imagefs.available": "0%", "memory.available": "0%" },
        "failCgroupV1": false,
        "failSwapOn": false,
        "imageGCHighThresholdPercent": 100,
        "localStorageCapacityIsolation": false,
        "nodeStatusUpdateFrequency": "4s",
        "oomScoreAdj": 0,
        "podLogsDir": layout.path("logs/pods"),
        "registerWithTaints": [],
        "resolvConf": "",
        "syncFrequency": "5s",
        "volumePluginDir": layout.path("volume-plugins"),
    }))
}

fn kube_proxy(layout: &Layout) -> Value {
    json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": { "kubeconfig": layout.kubeconfig_of("system:kube-proxy") },
        "clusterCIDR": POD_RANGE,
        // The table's size is the machine's, not ours to set.
        "conntrack": { "maxPerCore": 0 },
        "healthzBindAddress": format!("{ADDRESS}:10256"),
        "hostnameOverride": NAME,
        "metricsBindAddress": "127.0.0.1:10249",
        "mode": "nftables",
    })
}
