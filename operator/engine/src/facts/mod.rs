//! Facts that several controls share.

mod standing;

pub use standing::{EnvironmentLabel, Standing, StandingValue};
