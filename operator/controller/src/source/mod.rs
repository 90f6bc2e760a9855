//! Where the actor's inputs come from: one watch per kind, what the cluster serves, what we may read.

mod access;
mod discovery;
mod evidence;
mod own;
mod raw;
mod watch;

use std::{collections::BTreeMap, sync::Arc};

use plimsoll_engine::{
    coverage::Coverage,
    decode::{DecodePlan, Object},
    kind::Kind,
    name::ObjRef,
    observation::Observation,
    probe::{Met, Probed},
};
use tokio::sync::watch as channel;

pub(crate) use access::{Access, watch_access};
pub(crate) use discovery::{Served, watch_served};
pub(crate) use evidence::watch_evidence;
pub(crate) use own::{Own, watch_own};
pub use raw::Raw;
pub(crate) use watch::{Terms, watch_kind};

/// One input of the actor.
#[derive(Debug)]
pub(crate) enum Input {
    /// The answer of a list: everything of a kind, and the plan under which it and what follows was decoded.
    Listed(Kind, Arc<DecodePlan>, Vec<Object>),
    /// A new or changed object.
    Applied(Object),
    /// An object that is gone.
    Deleted(ObjRef),
    /// How much of a kind is known.
    Coverage(Kind, Coverage),
    /// What no object says: how the operator is doing, what a probe met.
    Observed(Vec<Observation>),
    /// What the prober met.
    Met(Vec<Met>),
    /// What another replica remembers of probes of a namespace's hosts, with the namespace's uid.
    Recalled(Arc<str>, Option<String>, Probed),
    /// Baselines, exceptions, remembered state.
    Own(Own),
}

/// What decoding looks for under the baselines as they stand; nothing until they are known, so that no kind is listed twice.
pub(crate) type Plan = channel::Receiver<Option<Arc<DecodePlan>>>;

/// The kinds a cluster serves, each in the version we read it in.
pub(crate) type ServedKinds = BTreeMap<Kind, Served>;
