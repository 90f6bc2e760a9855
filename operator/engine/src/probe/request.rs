//! What a control asks a prober to try.

use std::sync::Arc;

use jiff::Timestamp;

use super::{AddressFilter, Check, Endpoint, Window};
use crate::duration::Duration;

/// One thing to try again and again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// Namespace of the object that publishes the host.
    pub namespace: Arc<str>,
    /// What to try, and where.
    pub probe: Probe,
    /// How often.
    pub interval: Duration,
    /// When it was tried last.
    pub last: Option<Timestamp>,
    /// Where probes may be aimed.
    pub filter: AddressFilter,
    /// What it may cost.
    pub limits: Limits,
}

/// What to try.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Probe {
    /// Offer every version of TLS, one by one.
    Handshake {
        /// To whom.
        endpoint: Endpoint,
        /// What its certificate should chain to.
        ca: Option<CaBundle>,
    },
    /// Ask for a page over HTTP or HTTPS. It is there if any address answers.
    Availability {
        /// Which page.
        check: Check,
        /// The host's addresses with their ports, tried in order.
        at: Arc<[(Arc<str>, u16)]>,
        /// When failures are expected.
        maintenance: Arc<[Window]>,
    },
}

/// What probes may cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// How long one step may take.
    pub timeout: Duration,
    /// How many run at once.
    pub concurrency: u16,
    /// How many hosts are probed.
    pub hosts: u32,
}

/// A ConfigMap with certificates in PEM.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CaBundle {
    /// Its namespace.
    pub namespace: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// The key of its data.
    pub key: Box<str>,
}
