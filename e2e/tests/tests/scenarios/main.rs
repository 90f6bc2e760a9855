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
//!
//! Where each story is played; what is not here needs no repairs, or a clock of its own:
//!
//! | Story | Test |
//! | --- | --- |
//! | 1 a single replica, an approved fix | `s01_single_replica` |
//! | 2 what GitOps owns | `s02_gitops_owner` |
//! | 3 a node is lost | `s03_node_loss` |
//! | 4 legacy TLS | `tests/probing.rs`: servers of rustls and OpenSSL on loopback |
//! | 5 volumes that are not encrypted | `s05_unencrypted_volumes` |
//! | 6 two tenants, an open network | `s06_open_network`: `plimsoll reach` instead of an attempt to connect (`tests/node` makes one) |
//! | 7 rights across tenants, and for everybody | `s07_rights` |
//! | 8 staging leaks into production | `s08_staging_leaks` |
//! | 9 backups that look daily | `tests/backups.rs`, with the proposed CronJob; every schedule in the fixtures of `backup/database-scheduled` |
//! | 10 success that is stale, or none | `operator/controls/tests/backup_scenarios.rs` by its own clock; the alert in `tests/rules` by promtool |
//! | 11 the yearly restore test | `operator/controls/tests/backup_scenarios.rs` by its own clock; `tests/backups.rs` for evidence that outlives Job, namespace and operator |
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod s01_single_replica;
mod s02_gitops_owner;
mod s03_node_loss;
mod s05_unencrypted_volumes;
mod s06_open_network;
mod s07_rights;
mod s08_staging_leaks;
