//! Probes: what a control asks somebody with a network to try, where such a probe may be aimed, and what came of it.
//!
//! Nothing here opens a connection. A control states its [requests](Request) among its findings; whoever owns the engine
//! hands them to a prober, and what that met comes back as a [`Met`], is remembered, and wakes the readers of
//! [`crate::view::View::handshake`] and [`crate::view::View::availability`].

mod address;
mod availability;
mod handshake;
mod request;
mod window;

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use address::{AddressFilter, Net, Refusal};
pub use availability::{Bucket, Check, History, HistoryError, Measured};
pub use handshake::{Answer, Certificate, Endpoint, Handshake, Obstacle, VERSIONS};
pub use request::{CaBundle, Limits, Probe, Request};
pub use window::{BusinessHours, BusinessHoursError, Window};

/// What a prober met.
#[derive(Clone, PartialEq, Debug)]
pub enum Met {
    /// The answers of a TLS server.
    Handshake {
        /// Namespace of the object that publishes the host.
        namespace: Arc<str>,
        /// Where.
        endpoint: Endpoint,
        /// What it answered.
        handshake: Handshake,
    },
    /// Attempts to reach a host.
    Attempts {
        /// Namespace of the object that publishes the host.
        namespace: Arc<str>,
        /// What was tried.
        check: Check,
        /// When; all of them within one hour.
        at: Timestamp,
        /// For how long they stand.
        bucket: Bucket,
    },
}

/// What is remembered of probes aimed at the hosts of one namespace.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Probed {
    /// The last answers of each TLS server.
    #[serde(serialize_with = "pairs", deserialize_with = "map")]
    pub handshakes: BTreeMap<Endpoint, Handshake>,
    /// How available each host was.
    #[serde(serialize_with = "pairs", deserialize_with = "map")]
    pub availability: BTreeMap<Check, History>,
}

/// A map as a list of pairs: its keys are no texts.
fn pairs<K: Serialize, V: Serialize, S: Serializer>(map: &BTreeMap<K, V>, s: S) -> Result<S::Ok, S::Error> {
    s.collect_seq(map)
}

fn map<'de, K, V, D>(d: D) -> Result<BTreeMap<K, V>, D::Error>
where
    K: Deserialize<'de> + Ord,
    V: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Ok(Vec::<(K, V)>::deserialize(d)?.into_iter().collect())
}

/// Most servers, and most hosts, of which one namespace's answers are remembered; the longest unheard go first.
pub const MOST: usize = 500;

impl Probed {
    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.handshakes.is_empty() && self.availability.is_empty()
    }

    /// The last answers of the servers of a host, by address and port.
    pub(crate) fn handshakes_of<'a>(
        &'a self,
        host: &str,
    ) -> impl Iterator<Item = (&'a Endpoint, &'a Handshake)> {
        let first = Endpoint {
            host: host.into(),
            address: Arc::default(),
            port: 0,
        };
        let host = first.host.clone();
        self.handshakes
            .range(first..)
            .take_while(move |(endpoint, _)| endpoint.host == host)
    }

    /// Takes in what another process wrote: the later answers, the fuller hours. Tells what that changed.
    pub(crate) fn merge(&mut self, other: &Self) -> (Vec<Endpoint>, Vec<Check>) {
        let mut changed = (Vec::new(), Vec::new());
        for (endpoint, handshake) in &other.handshakes {
            if self
                .handshakes
                .get(endpoint)
                .is_none_or(|own| own.at < handshake.at)
            {
                self.handshakes.insert(endpoint.clone(), handshake.clone());
                changed.0.push(endpoint.clone());
            }
        }
        for (check, history) in &other.availability {
            if self.availability.entry(check.clone()).or_default().merge(history) {
                changed.1.push(check.clone());
            }
        }
        changed
    }

    /// Both together, see [`Probed::merge`].
    #[must_use]
    pub fn with(mut self, other: &Self) -> Self {
        self.merge(other);
        self
    }

    pub(crate) fn take_handshake(&mut self, endpoint: Endpoint, handshake: Handshake) {
        self.handshakes.insert(endpoint, handshake);
        while self.handshakes.len() > MOST {
            let oldest = self.handshakes.iter().min_by_key(|(_, answer)| answer.at);
            let oldest = oldest.map(|(endpoint, _)| endpoint.clone());
            oldest.and_then(|endpoint| self.handshakes.remove(&endpoint));
        }
    }

    pub(crate) fn take_attempts(&mut self, check: Check, at: Timestamp, bucket: Bucket) {
        self.availability.entry(check).or_default().add(at, bucket);
        while self.availability.len() > MOST {
            let oldest = self.availability.iter().min_by_key(|(_, history)| history.last());
            let oldest = oldest.map(|(check, _)| check.clone());
            oldest.and_then(|check| self.availability.remove(&check));
        }
    }
}
