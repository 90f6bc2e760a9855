//! The harness against the real thing. Needs `make controlplane`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod access;
mod audit;
mod leftovers;
mod parts;
mod prometheus;
mod workloads;

use std::time::Duration;

/// For conditions that come true in a second or two on a quiet machine.
const SOON: Duration = Duration::from_secs(40);
