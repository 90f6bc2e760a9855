//! A real Kubernetes control plane for tests, in seconds, without Docker.
//!
//! etcd, kube-apiserver, kube-controller-manager and kube-scheduler run as processes on loopback; kwok stands in for the
//! kubelets and the storage drivers, so nodes are Ready, pods run, Jobs complete and claims bind, though no container ever
//! starts. RBAC, Pod Security, admission policies and field ownership are the real thing. `make controlplane` builds the
//! binaries once.
//!
//! ```no_run
//! # async fn example() -> kube_test::Result<()> {
//! use kube_test::{Cluster, Part};
//!
//! let cluster = Cluster::start().await?;
//! cluster.namespace("shop", &[("pod-security.kubernetes.io/enforce", "restricted")]).await?;
//! cluster.kubectl(["create", "serviceaccount", "robot", "-n", "shop"]).await?;
//! let robot = cluster.client_as("shop", "robot").await?; // has exactly the rights that RBAC gives it
//! cluster.restart(Part::ApiServer).await?;
//! let did = cluster.audit().await?.by_account("shop", "robot").effective_writes().lines();
//! # let _ = robot; let _ = did; Ok(()) }
//! ```
//!
//! # What is different from a node that runs containers
//!
//! Pods are Ready at once and Jobs complete at once. A pod annotated `kube-test/outcome: hold` stays Pending; a Job's
//! pod with `fail` ends with exit code 1.
//! Claims bind when their StorageClass exists, whatever its provisioner (and, with `WaitForFirstConsumer`, once a pod
//! uses them): the volume is a CSI volume of a driver by the provisioner's name.
//!
//! # A real node
//!
//! Within an [`Enclosure`], namespaces of its own, a cluster can have one real node ([`Builder::real_node`]): containerd,
//! kubelet and kube-proxy, so that containers run, probes probe and Services connect. That takes root on Linux, and
//! `e2e/controlplane/build.sh --node`. Of storage there are only volumes that a test makes itself, and its CNI does not
//! enforce NetworkPolicies.
//!
//! # Environment
//!
//! | variable | meaning |
//! | --- | --- |
//! | `KUBE_TEST_KUBECONFIG` | use this existing cluster instead of starting one ([`Cluster::is_external`]) |
//! | `KUBE_TEST_BIN_DIR` | take the binaries from here instead of the cache of `make controlplane` |
//! | `KUBE_TEST_NODE` | `1`: real nodes may be started ([`Enclosure::lacking`]) |
//! | `PLIMSOLL_CACHE` | the root of that cache |
//! | `PLIMSOLL_TEST_DUMP` | where dumps of failed tests go (default `target/kube-test`) |
//!
//! # Nothing is left behind
//!
//! Each cluster has a guard, a shell that waits for a pipe only the test process holds. When that closes, by a drop, a
//! panic, Ctrl-C or SIGKILL, it kills what is left and removes the cluster's folder.
//! With a real node, the guard of the [`Enclosure`] kills the first process of its namespaces: the kernel does the rest.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod access;
mod audit;
mod binaries;
mod builder;
mod cluster;
mod dump;
mod error;
mod node;
mod nodes;
mod parts;
mod pki;
mod ports;
mod process;
mod prometheus;
mod setup;
mod tool;
mod wait;

pub use audit::{AuditEvent, AuditLog};
pub use binaries::binary;
pub use builder::Builder;
pub use cluster::{Cluster, Shared};
pub use error::{Error, Result};
pub use node::Enclosure;
pub use parts::Part;
pub use process::Process;
pub use prometheus::{Prometheus, Sample, promtool};
pub use tool::{Output, Tool};
pub use wait::{eventually, not_yet};
