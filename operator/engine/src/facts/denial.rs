//! What the cluster-wide policies, which are asked before and after NetworkPolicies, make of traffic that nobody allowed.
//!
//! Decided by effect: a pod of the namespace that no policy names is put before a stranger, a pod of a namespace without
//! labels, and before all addresses. So it holds for pods to come too.

use std::sync::Arc;

use super::reach::{OrderedPolicies, namespace as namespace_of};
use crate::{
    fact::Fact,
    kind::{Kind, KindSet},
    labels::Labels,
    name::ObjRef,
    object::{ADMIN_POLICIES, Direction, NetworkPolicy},
    reach::{
        Addresses, Bounds, Cause, Class, Effect, End, IpBlocks, Local, Match, Namespace, Network, Parts,
        Pods, Policy, Shared, Site, Tiers, explain,
    },
    unknown::Unknown,
    view::View,
};

/// What cluster-wide policies (AdminNetworkPolicy, BaselineAdminNetworkPolicy, ClusterNetworkPolicy) do to the traffic of a
/// namespace, whoever its pods are. Those that cannot be read are told by [`super::UnmodelledPolicy`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ClusterDenial {
    /// The namespace.
    pub namespace: Arc<str>,
}

/// What [`ClusterDenial`] yields.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClusterDenialValue([DirectionDenial; 2]);

/// One direction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DirectionDenial {
    /// Whether pods that no NetworkPolicy isolates get no traffic from (to) whom no rule names: strangers in the cluster,
    /// and every address.
    pub denied: Match,
    /// The rules that deny, or that open, in words.
    pub because: Vec<Box<str>>,
    /// A rule that certainly opens the direction to every address of a family, whatever NetworkPolicies say.
    pub opened: Option<Opened>,
}

/// A rule that opens a direction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opened {
    /// The policy.
    pub policy: ObjRef,
    /// The rule, by its index.
    pub rule: u32,
    /// `IPv4` or `IPv6`.
    pub family: &'static str,
}

impl ClusterDenialValue {
    /// One direction.
    pub fn of(&self, direction: Direction) -> &DirectionDenial {
        &self.0[direction as usize]
    }
}

impl Default for ClusterDenialValue {
    /// Without a policy.
    fn default() -> Self {
        let open = DirectionDenial {
            denied: Match::No,
            because: Vec::new(),
            opened: None,
        };
        Self([open.clone(), open])
    }
}

const FAMILIES: [(&str, &str); 2] = [("IPv4", "0.0.0.0/0"), ("IPv6", "::/0")];

impl Fact for ClusterDenial {
    const READS: KindSet = KindSet::of(ADMIN_POLICIES).with(Kind::Namespace);
    type Value = ClusterDenialValue;

    fn compute(&self, view: &View<'_>) -> Result<ClusterDenialValue, Unknown> {
        let cluster = view.fact(&OrderedPolicies)?;
        let object = view.object(&ObjRef::namespace_object(&self.namespace))?;
        let namespace = Arc::new(namespace_of(self.namespace.clone(), object));
        match cluster.tiers.concern(&namespace) {
            Match::No => return Ok(ClusterDenialValue::default()),
            Match::Maybe => {
                let why = format!(
                    "whether cluster-wide policies select pods of namespace {} cannot be told",
                    self.namespace
                );
                return Err(Unknown::new("PolicySubjectUnknown", why));
            }
            Match::Yes => {}
        }
        let trial = Trial::new(&namespace, &cluster.tiers);
        Ok(ClusterDenialValue(
            [Direction::Ingress, Direction::Egress].map(|direction| trial.judge(direction)),
        ))
    }
}

/// A pod that nothing is known of, with and without a NetworkPolicy that denies everything; and a stranger.
struct Trial {
    free: Local,
    isolated: Local,
    stranger: Local,
    network: Network,
}

impl Trial {
    fn new(namespace: &Arc<Namespace>, tiers: &Tiers) -> Self {
        let nobody = Arc::new(Namespace {
            // No namespace has such a name.
            name: "".into(),
            labels: Some(Labels::default()),
        });
        let deny = NetworkPolicy::deny_all();
        let name = ObjRef::new(Kind::NetworkPolicy, namespace.name.clone(), "");
        let deny = Policy::read(name, &deny).ok().map(Arc::new);
        Self {
            free: local(namespace, Vec::new(), tiers),
            isolated: local(namespace, deny.into_iter().collect(), tiers),
            stranger: local(&nobody, Vec::new(), &Tiers::default()),
            network: Network {
                ip_blocks: IpBlocks::MayMatchPods,
                pod_ranges: None,
            },
        }
    }

    fn judge(&self, direction: Direction) -> DirectionDenial {
        let families = FAMILIES.map(|(family, range)| (family, Addresses::parse([range])));
        let outside = || {
            families
                .iter()
                .filter_map(|(family, range)| Some((*family, range.as_ref()?)))
        };
        let stranger = site(&self.stranger);
        let others = stranger
            .into_iter()
            .chain(outside().map(|(_, range)| Site::Outside(range)));
        let mut denied = Match::Yes;
        let mut because = Vec::new();
        for other in others {
            let bounds = self.across(&self.free, other, direction);
            denied = denied.min(closed(&bounds));
            for reason in self.because(&self.free, other, direction) {
                let text: Box<str> = reason.to_string().into();
                if reason.cause.policy().is_some() && !because.contains(&text) {
                    because.push(text);
                }
            }
        }
        DirectionDenial {
            denied,
            because,
            opened: outside().find_map(|(family, range)| self.opened(family, range, direction)),
        }
    }

    /// The rule that opens what a NetworkPolicy closes.
    fn opened(&self, family: &'static str, range: &Addresses, direction: Direction) -> Option<Opened> {
        let other = Site::Outside(range);
        if self.across(&self.isolated, other, direction).sure.is_none() {
            return None;
        }
        let reasons = self.because(&self.isolated, other, direction);
        reasons.into_iter().find_map(|reason| match reason.cause {
            Cause::Rule(policy, rule) if reason.effect == Effect::Opens && reason.certain => {
                Some(Opened { policy, rule, family })
            }
            _ => None,
        })
    }

    /// The ports on which traffic between our pod and the other passes our side.
    fn across(&self, own: &Local, other: Site<'_>, direction: Direction) -> Bounds {
        let Some(class) = own.classes.first() else {
            return Bounds::ALL;
        };
        match direction {
            Direction::Ingress => crate::reach::entering(other.end(), End::Pods(class), &self.network),
            Direction::Egress => crate::reach::leaving(End::Pods(class), other.end(), &self.network),
        }
    }

    fn because(&self, own: &Local, other: Site<'_>, direction: Direction) -> Vec<crate::reach::Because> {
        let Some(own) = site(own) else { return Vec::new() };
        let mut reasons = match direction {
            Direction::Ingress => explain(other, own, &self.network),
            Direction::Egress => explain(own, other, &self.network),
        };
        reasons.retain(|reason| reason.direction == direction);
        reasons
    }
}

fn closed(bounds: &Bounds) -> Match {
    if bounds.is_none() {
        Match::Yes
    } else if bounds.sure.is_none() {
        Match::Maybe
    } else {
        Match::No
    }
}

fn local(namespace: &Arc<Namespace>, policies: Vec<Arc<Policy>>, tiers: &Tiers) -> Local {
    let pod = Pods {
        name: ObjRef::new(Kind::Pod, namespace.name.clone(), ""),
        labels: Labels::default(),
        ports: Some(Shared::new(Box::default())),
        host_network: false,
        addresses: None,
    };
    let parts = Parts {
        namespace: namespace.clone(),
        policies,
        tiers,
        unmodelled: None,
    };
    Local::new(parts, [&pod])
}

fn site(local: &Local) -> Option<Site<'_>> {
    let class: &Class = local.classes.first()?;
    Some(Site::Pods(local, class))
}
