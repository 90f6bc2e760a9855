//! Whole stories on a real API server, scheduler and controller manager, with the operator as a process that has the chart's
//! own rights: what it finds, what it writes (by the API server's audit log) and what its metrics say. Each has a cluster of
//! its own. Needs `make controlplane`.
//!
//! What cannot be real without kubelets and without the tools themselves, and what stands in for it:
//!
//! - Pods are made to run by kwok and carry no traffic; what may reach what is computed from policies, not tried.
//! - A node is lost when kwok is told to keep it alive no longer: its Lease runs out, and the node controller does the rest.
//!   Grace periods and tolerations are short.
//! - Volumes exist on paper: no CSI driver runs, claims bind to volumes that kwok writes.
//! - Argo CD and Flux are imitated by their field managers, with server-side and with client-side apply.
//!
//! Requests and approvals do not exist yet: where a story has a person approve a change, the test makes it in person.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod s01_single_replica;
mod s02_gitops_owner;
mod s03_node_loss;
mod s05_unencrypted_volumes;
mod s07_rights;
