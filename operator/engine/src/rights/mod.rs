//! Effective rights: what RBAC's roles and bindings really let somebody do. See the README beside this file.
//!
//! [`Policy`] answers any question about any identity, exactly as the API server's authorizer does (a test asks both). What
//! controls need of one role is its [`Effect`], kept up to date by the fact [`crate::facts::RoleEffect`].

pub(crate) mod aggregate;
pub(crate) mod defaults;
mod effect;
mod given;
mod policy;
mod power;
mod request;
mod rule;
mod scope;
mod subject;
#[cfg(test)]
mod tests;
mod words;

pub use defaults::{is_default, roles as default_roles};
pub use effect::{Effect, Grant};
pub use policy::{Because, Policy};
pub use power::{Power, Powers};
pub use request::{Request, ResourceRequest};
pub use rule::{Rule, Rules};
pub use scope::cluster_scoped;
pub use subject::{Crowd, Identity, Subject, SubjectError};
pub use words::Words;
