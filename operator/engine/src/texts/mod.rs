//! Confidential text: environment variables, arguments, ConfigMap data, annotations.
//!
//! Such text may hold passwords, so none of it ever enters the inventory. It is matched while it is decoded, against what the
//! [plan](crate::decode::DecodePlan) asks for, and what stays is a list of [`Mark`]s: under which key something was seen, and
//! what it looked like. Never the text, its length or a hash of it. Most texts show nothing, and then nothing is kept.

mod assignments;
mod hosts;
mod literal;
mod marks;
mod patterns;
mod place;
mod wire;

pub use hosts::services;
pub(crate) use marks::{Collector, matching};
pub use marks::{LAST_APPLIED, Mark, Marks, Sign};
pub(crate) use patterns::Matcher;
pub use patterns::{PatternError, Patterns, ValuePattern};
pub use place::{Part, Place};
pub use wire::{Configs, Data, Env};
pub(crate) use wire::{Scalar, of_env_from, of_projection, of_volume, words_of};
