//! Who can talk: namespaces, and pods that no policy tells apart.

use std::sync::{Arc, LazyLock};

use super::{Addresses, Match, Protocol, Shared, profile::Profile};
use crate::{
    labels::{LabelLookup, Labels},
    name::ObjRef,
    object::{Container, Direction, PodSpec},
    selector::{LabelSelector, Operator, Requirement},
};

/// Set by the API server on every namespace: nobody can forge it, and manifests leave it out.
pub(crate) const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// A namespace as policies see it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Namespace {
    /// Its name.
    pub name: Arc<str>,
    /// Its labels; `None` where the Namespace object is not known.
    pub labels: Option<Labels>,
}

impl Namespace {
    /// Whether a selector of namespaces selects it. Of labels that are not known a requirement may hold.
    pub fn selected_by(&self, selector: &LabelSelector) -> Match {
        if let Some(labels) = &self.labels {
            return selector
                .matches(&Known {
                    labels,
                    name: &self.name,
                })
                .into();
        }
        let exact = selector.match_labels.iter().map(|(key, value)| Requirement {
            key: key.to_owned(),
            operator: Operator::In,
            values: vec![value.to_owned()],
        });
        exact
            .chain(selector.match_expressions.iter().cloned())
            .map(|requirement| self.fulfils(&requirement))
            .min()
            .unwrap_or(Match::Yes)
    }

    fn fulfils(&self, requirement: &Requirement) -> Match {
        if requirement.key == NAME_LABEL {
            requirement.matches(&[(NAME_LABEL, &*self.name)][..]).into()
        } else {
            Match::Maybe
        }
    }

    /// Every label, the one that holds the name included.
    pub(crate) fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = self
            .labels
            .iter()
            .flat_map(Labels::iter)
            .filter(|(key, _)| *key != NAME_LABEL);
        own.chain([(NAME_LABEL, &*self.name)])
    }
}

struct Known<'a> {
    labels: &'a Labels,
    name: &'a str,
}

impl LabelLookup for Known<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        if key == NAME_LABEL {
            Some(self.name)
        } else {
            self.labels.get(key)
        }
    }
}

/// A port that a container names.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct NamedPort {
    /// Its name.
    pub name: Box<str>,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its number.
    pub port: u16,
}

/// The named ports of a pod; `None` where its containers are not known.
pub type NamedPorts = Option<Shared<Box<[NamedPort]>>>;

/// Pods of one object (a workload or a bare pod) that policies see alike.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pods {
    /// The object they are shown as.
    pub name: ObjRef,
    /// Their labels.
    pub labels: Labels,
    /// Ports their containers name.
    pub ports: NamedPorts,
    /// Whether they use their node's network.
    pub host_network: bool,
    /// Their addresses, where those are known.
    pub addresses: Option<Addresses>,
}

impl Pods {
    /// The pods of a specification with these labels.
    pub fn of(name: ObjRef, labels: Labels, spec: &PodSpec) -> Self {
        Self {
            name,
            labels,
            ports: Some(named_ports(spec)),
            host_network: spec.host_network == Some(true),
            addresses: None,
        }
    }

    /// The same pods, with their addresses (`10.0.0.7`, `fd00::7`). What is no address is left out.
    #[must_use]
    pub fn at<T: AsRef<str>>(mut self, addresses: impl IntoIterator<Item = T>) -> Self {
        self.addresses = Addresses::parse(addresses);
        self
    }
}

/// Ports of regular containers and of sidecars (init containers that stay), as `FindPort` of the upstream API helpers
/// resolves names.
fn named_ports(spec: &PodSpec) -> Shared<Box<[NamedPort]>> {
    // Most pods name none, and share that.
    static NONE: LazyLock<Shared<Box<[NamedPort]>>> = LazyLock::new(Shared::default);
    let sidecars = spec.init_containers.iter().flatten().filter(|c| c.sidecar);
    let containers = spec.containers.iter().flatten().chain(sidecars);
    let mut ports: Vec<NamedPort> = containers.flat_map(ports_of).collect();
    ports.sort_unstable();
    ports.dedup();
    if ports.is_empty() {
        return NONE.clone();
    }
    Shared::new(ports.into())
}

fn ports_of(container: &Container) -> impl Iterator<Item = NamedPort> {
    container.ports.iter().flatten().filter_map(|port| {
        Some(NamedPort {
            name: port.name.clone().filter(|name| !name.is_empty())?,
            protocol: Protocol::parse(port.protocol.as_deref().unwrap_or("TCP"))?,
            port: port.container_port,
        })
    })
}

/// What peers of a rule can tell of pods.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Who {
    /// Their namespace.
    pub namespace: Arc<Namespace>,
    /// Their labels.
    pub labels: Labels,
    /// Whether they use their node's network: then no policy isolates them, and others see their node.
    pub host_network: bool,
    /// Their addresses, where those are known.
    pub addresses: Option<Addresses>,
}

/// Pods of a namespace that no policy can tell apart: same labels, same named ports, same network.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Class {
    /// Who they are.
    pub who: Arc<Who>,
    /// Their named ports.
    pub ports: NamedPorts,
    /// The objects they belong to, in order.
    pub members: Vec<ObjRef>,
    /// What policies make of their traffic, per direction.
    pub(crate) profiles: [Shared<Profile>; 2],
    /// The NetworkPolicies of the namespace that isolate them, per direction, as indices.
    pub(crate) isolated_by: [Arc<[u32]>; 2],
}

impl Class {
    /// What policies make of their traffic in a direction.
    pub(crate) fn profile(&self, direction: Direction) -> &Shared<Profile> {
        &self.profiles[direction as usize]
    }

    /// Whether some NetworkPolicy isolates them in a direction.
    pub fn is_isolated(&self, direction: Direction) -> bool {
        !self.isolated_by[direction as usize].is_empty()
    }
}

/// One end of a connection.
#[derive(Clone, Copy, Debug)]
pub enum End<'a> {
    /// Pods of the cluster.
    Pods(&'a Class),
    /// Addresses outside the cluster.
    Outside(&'a Addresses),
}

/// One end as the peers of a rule see it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Party<'a> {
    Pods(&'a Who),
    Outside(&'a Addresses),
}

impl<'a> End<'a> {
    pub(crate) fn party(self) -> Party<'a> {
        match self {
            Self::Pods(class) => Party::Pods(&class.who),
            Self::Outside(addresses) => Party::Outside(addresses),
        }
    }
}

impl<'a> From<&'a Class> for End<'a> {
    fn from(class: &'a Class) -> Self {
        Self::Pods(class)
    }
}
