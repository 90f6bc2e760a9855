//! A Service of the cluster in front of an operator that runs outside of it, as a process: what asks through the API server comes to
//! that process.

use std::net::{IpAddr, UdpSocket};

use kube_test::{Cluster, Error};
use serde_json::json;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::installed::NAMESPACE;

/// This machine's address as others see it; endpoints may not be loopback addresses. Nothing is sent. None where it has no other.
pub fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.connect("192.0.2.1:9").ok()?;
    Some(socket.local_addr().unwrap().ip())
}

/// Passes connections on from an address that the API server can reach, until it is dropped.
#[derive(Debug)]
pub struct Front {
    address: IpAddr,
    port: u16,
    passing: JoinHandle<()>,
}

impl Drop for Front {
    fn drop(&mut self) {
        self.passing.abort();
    }
}

impl Front {
    /// In front of what serves at `operator` (`host:port`).
    pub async fn of(address: IpAddr, operator: &str) -> Self {
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let passing = tokio::spawn(pass(listener, operator.to_owned()));
        Self {
            address,
            port,
            passing,
        }
    }

    /// Makes a Service of the operator's namespace lead here and nowhere else. The API server passes questions on to addresses of
    /// pods only: a pod that no node takes has the address, so that nobody gives it another.
    pub async fn stand_behind(&self, cluster: &Cluster, service: &str) -> Result<(), Error> {
        let unselect = json!({"spec": {"selector": null}}).to_string();
        let patch = [
            "patch",
            "service",
            service,
            "-n",
            NAMESPACE,
            "--type=merge",
            "-p",
            &unselect,
        ];
        cluster.kubectl(patch).await?;
        // What was known of its pods would be mirrored into new slices.
        let known = [
            "delete",
            "endpoints",
            service,
            "-n",
            NAMESPACE,
            "--ignore-not-found",
        ];
        cluster.kubectl(known).await?;
        let theirs = format!("kubernetes.io/service-name={service},endpointslice.kubernetes.io/managed-by");
        let delete = ["delete", "endpointslices", "-n", NAMESPACE, "-l", &theirs];
        cluster.kubectl(delete).await?;
        cluster.apply(&self.objects(service)).await?;
        let status = json!({"status": {"podIP": self.address, "podIPs": [{"ip": self.address}]}}).to_string();
        let pod = format!("{service}-outside");
        let patch = [
            "patch",
            "pod",
            &pod,
            "-n",
            NAMESPACE,
            "--subresource=status",
            "--type=merge",
            "-p",
            &status,
        ];
        cluster.kubectl(patch).await.map(drop)
    }

    /// Whether that Service leads here and nowhere else. Its controller may have made endpoints once more, and an upgrade writes the
    /// Service's selector again.
    pub async fn stands_behind(&self, cluster: &Cluster, service: &str) -> Result<bool, Error> {
        let label = format!("kubernetes.io/service-name={service}");
        let slices = [
            "get",
            "endpointslices",
            "-n",
            NAMESPACE,
            "-l",
            &label,
            "-o",
            "name",
        ];
        let slices = cluster.kubectl(slices).await?.stdout;
        let selector = [
            "get",
            "service",
            service,
            "-n",
            NAMESPACE,
            "-o",
            "jsonpath={.spec.selector}",
        ];
        let selector = cluster.kubectl(selector).await?.stdout;
        let only = format!("endpointslice.discovery.k8s.io/{service}-outside");
        Ok(slices.trim() == only && selector.is_empty())
    }

    fn objects(&self, service: &str) -> String {
        let name = format!("{service}-outside");
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {
                "schedulingGates": [{"name": "plimsoll.dev/test"}],
                "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
                "containers": [{
                    "name": "operator", "image": "registry.example/plimsoll",
                    "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
                }],
            },
        });
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {
                "name": name, "namespace": NAMESPACE, "labels": {"kubernetes.io/service-name": service},
            },
            "addressType": if self.address.is_ipv4() { "IPv4" } else { "IPv6" },
            "ports": [{"name": "https", "port": self.port, "protocol": "TCP"}],
            "endpoints": [{
                "addresses": [self.address], "conditions": {"ready": true, "serving": true},
                "targetRef": {"kind": "Pod", "namespace": NAMESPACE, "name": name},
            }],
        });
        format!("{pod}\n---\n{slice}\n")
    }
}

async fn pass(listener: TcpListener, operator: String) {
    while let Ok((mut client, _)) = listener.accept().await {
        let operator = operator.clone();
        tokio::spawn(async move {
            let mut there = TcpStream::connect(operator).await?;
            tokio::io::copy_bidirectional(&mut client, &mut there).await
        });
    }
}
