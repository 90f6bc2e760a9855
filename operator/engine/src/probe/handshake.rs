//! What a TLS server answered to offers of single versions.

use std::{fmt, net::IpAddr, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The versions that are offered one by one, oldest first.
pub const VERSIONS: [&str; 4] = ["1.0", "1.1", "1.2", "1.3"];

/// A server as clients see it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Endpoint {
    /// The host a client asks for; empty where it names none.
    pub host: Arc<str>,
    /// Where it connects: an address, or the name of a load balancer, as the object's status has it.
    pub address: Arc<str>,
    /// The port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = if self.host.is_empty() {
            "(no host)"
        } else {
            &self.host
        };
        match self.address.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => write!(f, "{host} at [{address}]:{}", self.port),
            _ => write!(f, "{host} at {}:{}", self.address, self.port),
        }
    }
}

/// What came of offering the versions.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Handshake {
    /// When.
    pub at: Timestamp,
    /// The answer to each of [`VERSIONS`].
    pub answers: [Answer; 4],
    /// The certificate that was shown, if any.
    pub certificate: Option<Certificate>,
}

impl Handshake {
    /// Nothing could be learned.
    pub fn unknown(at: Timestamp, obstacle: Obstacle) -> Self {
        Self {
            at,
            answers: [Answer::Unknown(obstacle); 4],
            certificate: None,
        }
    }

    /// Each version with its answer, oldest first.
    pub fn versions(&self) -> impl Iterator<Item = (&'static str, Answer)> {
        VERSIONS.into_iter().zip(self.answers)
    }

    /// Whether every version was accepted or refused.
    pub fn is_complete(&self) -> bool {
        !self
            .answers
            .iter()
            .any(|answer| matches!(answer, Answer::Unknown(_)))
    }
}

/// The answer to the offer of one version.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Answer {
    /// The server would speak it.
    Accepted,
    /// The server would not.
    Refused,
    /// It cannot be told.
    Unknown(Obstacle),
}

/// What kept an answer from being one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Obstacle {
    /// Nothing came in time.
    Timeout,
    /// No connection came about.
    Unreachable,
    /// The load balancer's name does not resolve.
    NotResolved,
    /// Every address it resolves to is one that probes may not be aimed at.
    AddressRefused,
    /// What came is not TLS.
    NotTls,
    /// An alert that says nothing about the version.
    OtherAlert,
    /// The host is no name that TLS can carry.
    InvalidHost,
    /// There are more hosts than `maxHosts`.
    TooManyHosts,
}

impl Obstacle {
    /// What happened, for a sentence.
    pub const fn what(self) -> &'static str {
        match self {
            Self::Timeout => "did not answer in time",
            Self::Unreachable => "cannot be reached",
            Self::NotResolved => "has an address that does not resolve",
            Self::AddressRefused => "resolves to addresses that probes may not be aimed at",
            Self::NotTls => "answered with something that is not TLS",
            Self::OtherAlert => "answered with an alert that says nothing about the version",
            Self::InvalidHost => "has a name that TLS cannot carry",
            Self::TooManyHosts => "was not probed: there are more hosts than maxHosts",
        }
    }

    /// The CamelCase word.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Timeout => "ProbeTimeout",
            Self::Unreachable => "Unreachable",
            Self::NotResolved => "NotResolved",
            Self::AddressRefused => "AddressRefused",
            Self::NotTls => "NotTls",
            Self::OtherAlert => "UnclearAnswer",
            Self::InvalidHost => "InvalidHost",
            Self::TooManyHosts => "TooManyHosts",
        }
    }
}

/// What is kept of a certificate.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Certificate {
    /// `notAfter`.
    pub not_after: Timestamp,
    /// Whether it chains to the bundle that was given; nothing where none was.
    pub trusted: Option<bool>,
}
