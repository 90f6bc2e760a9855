//! `v1` Service.

use serde::Deserialize;

use super::{LoadBalancerStatus, Word};
use crate::{intorstring::IntOrString, labels::Labels};

/// What is kept of a Service.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct Service {
    /// `spec`.
    #[serde(default)]
    pub spec: ServiceSpec,
    /// `status`.
    #[serde(default)]
    pub status: LoadBalancerStatus,
}

/// `spec` of a Service.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceSpec {
    /// How far it reaches.
    #[serde(default)]
    pub r#type: ServiceType,
    /// Its ports.
    #[serde(default)]
    pub ports: Option<Vec<ServicePort>>,
    /// Addresses of nodes at which it answers too.
    #[serde(default, rename = "externalIPs")]
    pub external_ips: Option<Vec<Box<str>>>,
    /// The labels of its pods; empty: somebody else keeps its endpoints.
    #[serde(default)]
    pub selector: Labels,
    /// The host a Service of type `ExternalName` stands for.
    #[serde(default)]
    pub external_name: Option<Box<str>>,
}

impl Service {
    /// The host it stands for, in place of pods of its own.
    pub fn stands_for(&self) -> Option<&str> {
        let external = self.spec.r#type == ServiceType::ExternalName;
        self.spec.external_name.as_deref().filter(|_| external)
    }
}

/// `type` of a Service.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(from = "Option<Word<ServiceType>>")]
pub enum ServiceType {
    /// Within the cluster; the default.
    #[default]
    ClusterIp,
    /// On a port of every node.
    NodePort,
    /// Through a load balancer, and on a port of every node.
    LoadBalancer,
    /// An alias of a name outside.
    ExternalName,
}

impl From<&str> for ServiceType {
    fn from(word: &str) -> Self {
        match word {
            "NodePort" => Self::NodePort,
            "LoadBalancer" => Self::LoadBalancer,
            "ExternalName" => Self::ExternalName,
            _ => Self::ClusterIp,
        }
    }
}

impl From<Option<Word<Self>>> for ServiceType {
    fn from(word: Option<Word<Self>>) -> Self {
        word.map(|word| word.0).unwrap_or_default()
    }
}

/// One port of a Service.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServicePort {
    /// Name, unique in the Service.
    #[serde(default)]
    pub name: Option<Box<str>>,
    /// `TCP` (default), `UDP` or `SCTP`.
    #[serde(default)]
    pub protocol: Option<Box<str>>,
    /// What is spoken there, such as `https`.
    #[serde(default)]
    pub app_protocol: Option<Box<str>>,
    /// The port of the Service.
    pub port: u16,
    /// The port of its pods, by number or name; absent: the same.
    #[serde(default)]
    pub target_port: Option<IntOrString>,
}
