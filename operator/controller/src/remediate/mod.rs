//! Remediation.

pub mod apply;
pub mod counters;
pub mod error;
pub mod fence;
pub mod owner;
mod patch;
pub mod plan;
pub mod record;
