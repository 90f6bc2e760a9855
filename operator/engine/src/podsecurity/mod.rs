//! Pod Security Standards, decided as `k8s.io/pod-security-admission` 1.37 decides them (its `policy/check_*.go`).
//!
//! Pure. The decoder reduces each security context to a few bits ([`SecurityContext`]), from which [`Checks::of`] tells the
//! checks that a pod violates: one word per pod, whatever the specification says. Always the newest version of each check:
//! that is what a namespace label without a version asks for.

mod check;
mod context;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use check::{Check, Checks, offenders};
pub use context::{Handler, Lifecycle, Os, SecurityContext};

/// Prefix of the annotation that set a container's AppArmor profile before there was a field.
pub const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";

/// A level of the Pod Security Standards, weakest first.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Everything is allowed.
    Privileged,
    /// Known ways to gain privileges are not.
    Baseline,
    /// Pods are hardened.
    Restricted,
}

impl Level {
    /// The word in labels.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Privileged => "privileged",
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        }
    }

    /// From the value of a label; `None` for what the API server refuses.
    pub fn from_label(value: &str) -> Option<Self> {
        [Self::Privileged, Self::Baseline, Self::Restricted]
            .into_iter()
            .find(|level| level.word() == value)
    }
}
