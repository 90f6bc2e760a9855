//! All cluster I/O: watches feed one actor that owns the engine; outputs read what it publishes.
//!
//! The controller receives the registry of controls as an argument and never names one.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod actor;
mod config;
mod exceptions;
pub mod leader;
mod list;
pub mod output;
mod patience;
mod probe;
mod published;
pub mod remediate;
mod replica;
mod rights;
mod run;
mod source;

pub use config::{Config, Duties};
pub use list::{ListError, Listed, list_json, list_once};
pub use published::{Changes, Declared, Health, Published};
pub use run::{RunError, run};
pub use source::Raw;
