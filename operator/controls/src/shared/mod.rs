//! Code that several controls share and that is no engine fact.

pub(crate) mod ingress;
pub(crate) mod tls;
