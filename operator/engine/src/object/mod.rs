//! Projections: of each watched object only what some control reads.
//!
//! One file per kind (workload kinds share one). A projection implements `Deserialize` once; watch events, list pages and
//! manifests all come in through [`crate::decode`]. Fields are optional wherever the API allows `null` or absence.

mod foreign_policy;
mod index;
mod meta;
mod namespace;
mod network_policy;
mod node;
mod pod;
mod template;
mod workload;

use crate::kind::Kind;

pub use foreign_policy::{FOREIGN_POLICIES, ForeignPolicy};
pub use meta::{Annotations, Meta, OwnerRef};
pub use namespace::Namespace;
pub use network_policy::{Direction, IpBlock, NetworkPolicy, Peer, Port, Rule};
pub use node::Node;
pub use pod::Pod;
pub use template::{Container, ContainerPort, PodSpec, PodTemplate, Volume};
pub use workload::{ClaimTemplate, Workload};

/// A projection that can be taken out of a [`Body`].
pub trait Projection: Sized + 'static {
    /// The projection, if this body holds one of its kinds.
    fn of(body: &Body) -> Option<&Self>;
}

macro_rules! bodies {
    ($($variant:ident($ty:ty): $($kind:ident)|+;)+) => {
        /// The projected body of an object.
        #[derive(Clone, PartialEq, Debug)]
        #[allow(missing_docs, reason = "variants are named after the projections they hold")]
        pub enum Body { $($variant(Box<$ty>),)+ }

        $(impl Projection for $ty {
            fn of(body: &Body) -> Option<&Self> {
                match body { Body::$variant(inner) => Some(inner), _ => None }
            }
        })+

        impl Body {
            /// Decodes the body of an object of `kind`.
            pub(crate) fn decode<'de, D: serde::Deserializer<'de>>(kind: Kind, d: D) -> Result<Self, D::Error> {
                match kind {
                    $($(Kind::$kind)|+ => <$ty as serde::Deserialize>::deserialize(d).map(|b| Body::$variant(Box::new(b))),)+
                }
            }
        }
    };
}

bodies! {
    Namespace(Namespace): Namespace;
    Node(Node): Node;
    Pod(Pod): Pod;
    Workload(Workload): Deployment | StatefulSet | DaemonSet | ReplicaSet | Job | CronJob | Rollout;
    NetworkPolicy(NetworkPolicy): NetworkPolicy;
    ForeignPolicy(ForeignPolicy): CiliumNetworkPolicy | CiliumClusterwideNetworkPolicy | CalicoNetworkPolicy
        | CalicoGlobalNetworkPolicy | CalicoStoredNetworkPolicy | CalicoStoredGlobalNetworkPolicy
        | AdminNetworkPolicy | BaselineAdminNetworkPolicy | ClusterNetworkPolicy;
}
