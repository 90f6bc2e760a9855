//! See the crate description in Cargo.toml.

pub mod cron;
pub mod duration;
pub mod intorstring;
pub mod quantity;
pub mod selector;
