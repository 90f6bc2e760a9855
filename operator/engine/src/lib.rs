//! Pure evaluation: what a cluster looks like, what a baseline asks, and whether the one is as the other says.
//!
//! No clock, no I/O, no environment, no async: everything comes in as a value. Objects are decoded into small
//! [projections](object), held in an [inventory], judged by [controls](control) through a recording [view], and the settled
//! verdicts are published as a persistent [report].
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::disallowed_methods
    )
)]

pub mod aside;
pub mod baseline;
pub mod control;
pub mod coverage;
pub mod cron;
pub mod decode;
mod dep;
pub mod duration;
mod engine;
pub mod exception;
pub mod fact;
pub mod facts;
pub mod finding;
mod graph;
pub mod intake;
pub mod intorstring;
pub mod inventory;
pub mod json;
pub mod kind;
pub mod labels;
pub mod manifest;
pub mod memory;
pub mod metric;
pub mod name;
pub mod object;
pub mod observation;
mod pieces;
pub mod podsecurity;
pub mod probe;
pub mod quantity;
pub mod reach;
mod recent;
pub mod report;
pub mod restore;
pub mod rights;
pub mod selector;
mod slab;
pub mod text;
pub mod texts;
pub mod unknown;
pub mod view;
pub mod workload;

pub use engine::Engine;
