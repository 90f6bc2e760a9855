//! A baseline as the engine sees it: settings for all controls, and an entry for each control that is evaluated.

mod compile;
mod settings;
mod spec;

pub(crate) use compile::Entry;
pub use compile::{Compiled, Origin, Preset, Problem, compile};
pub use settings::Settings;
pub use spec::{
    BaselineSpec, EnvironmentOverride, Environments, Mode, Platform, Remediation, Scope, Tenancy, TenancyMode,
};
