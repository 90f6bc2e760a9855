#![doc = include_str!("README.md")]

mod address;
mod answer;
mod bounds;
mod exits;
mod index;
mod local;
mod matrix;
mod objects;
mod openings;
mod peer;
mod pods;
mod policy;
mod ports;
mod profile;
mod shared;
mod tiers;
mod witness;

pub use address::Addresses;
pub use answer::{Because, Cause, Effect, Site, between, explain};
pub(crate) use answer::{entering, leaving};
pub use bounds::{Bounds, Match};
pub(crate) use exits::Exit;
pub use exits::{ExitIndex, Exits, Takers, Ways};
pub use index::{Reach, Touched};
pub use local::{Local, Parts, Unmodelled};
pub use matrix::Matrix;
pub use objects::pods_of;
pub(crate) use objects::speaks;
pub(crate) use openings::{Crowd, Visit};
pub use openings::{Names, Open, Opener, Sources};
pub use peer::{IpBlocks, Network};
pub use pods::{Class, End, NamedPort, NamedPorts, Namespace, Pods, Who};
pub use policy::{ClusterPolicy, Policy, Unreadable};
pub use ports::{PortRange, PortSet, Protocol};
pub use shared::Shared;
pub use tiers::Tiers;
