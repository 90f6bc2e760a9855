//! Several replicas of the operator on a real API server, each a process with a token of the chart's ServiceAccount behind a
//! line of its own: leaders that are killed, paused and cut off, control planes that go away and come back, replicas replaced
//! one by one. What was written is taken from the API server's audit log. Needs `make controlplane`.
//!
//! Each theme has a control plane of its own, for it breaks it or counts everything in it; an existing cluster
//! (`KUBE_TEST_KUBECONFIG`) is left alone.
//!
//! Times are printed (`--nocapture`); `docs/high-availability.md` has a range of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod control_plane;
mod gate;
mod lost;
mod scene;
mod update;
