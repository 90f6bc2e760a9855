//! What the end-to-end tests share: a cluster with the charts installed, the operator as a process of the chart's own
//! ServiceAccount, and its metrics.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test that cannot go on panics"
)]

pub mod agreement;
pub mod baseline;
pub mod certificate;
pub mod front;
pub mod installed;
pub mod link;
pub mod operator;
pub mod replicas;
pub mod scenario;
pub mod series;
pub mod tls_host;
pub mod within;
