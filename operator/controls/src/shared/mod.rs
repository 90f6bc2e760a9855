//! What several controls share and is no fact of the engine.

pub(crate) mod aim;
pub(crate) mod backup;
pub(crate) mod handshake;
pub(crate) mod ingress;
pub(crate) mod maintenance;
pub(crate) mod managed;
pub(crate) mod podspec;
pub(crate) mod probing;
pub(crate) mod ratio;
pub(crate) mod rights;
pub(crate) mod sites;
pub(crate) mod strangers;
pub(crate) mod tls;
pub(crate) mod traffic;
