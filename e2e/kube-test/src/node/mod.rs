//! A real node: containerd, kubelet and kube-proxy, in namespaces of their own.

mod config;
mod enclosure;

pub use enclosure::Enclosure;

pub(crate) use config::write;

/// The one node's name.
pub(crate) const NAME: &str = "node-0";
/// Its address; no other is reachable from the namespaces. Keep in step with `inside.sh`.
pub(crate) const ADDRESS: &str = "10.10.0.1";
/// The addresses of all nodes' pods; the one node gets the first /24 of it.
pub(crate) const POD_RANGE: &str = "10.244.0.0/16";
