//! All cluster I/O: watches feed one actor that owns the engine; outputs read what it publishes.
//!
//! The controller receives the registry of controls as an argument and never names one.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod config;
mod published;
pub mod remediate;

pub use config::Config;
pub use published::{Changes, Health, Published};
