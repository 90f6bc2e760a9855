//! Who can reach a namespace, in layers, so that a change goes only as far as it matters.
//!
//! [`NamespaceReach`] sums a namespace up and follows from nothing outside it. What may leave each is put together by way
//! ([`ExitList`], [`TakersOf`]); [`Openings`] then tells what opens a namespace, by cause, with the routes that lead in; and
//! [`SourcesOf`] resolves routes to namespaces, once for all namespaces that are open alike.

use std::sync::Arc;

use crate::{
    control::project,
    decode::Object,
    fact::Fact,
    inventory::IndexKey,
    kind::{Kind, KindSet},
    name::ObjRef,
    object::{
        self, ADMIN_POLICIES, AdminPolicy, FOREIGN_POLICIES, ForeignPolicy, NetworkPolicy, implied_namespaces,
    },
    reach::{
        ClusterPolicy, Crowd, Exit, ExitIndex, Exits, Local, NAME_LABEL, Names, Namespace, Network, Open,
        Parts, Policy, Shared, Sources, Takers, Tiers, Unmodelled, Visit, Ways,
    },
    unknown::Unknown,
    view::View,
    workload::WORKLOADS,
};

/// Every kind that has a say in who reaches whom.
const READS: KindSet = KindSet::of(WORKLOADS)
    .union(KindSet::of(FOREIGN_POLICIES))
    .union(KindSet::of(ADMIN_POLICIES))
    .with(Kind::Namespace)
    .with(Kind::NetworkPolicy);

/// The policies of the ordered kinds.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct OrderedPolicies;

#[derive(PartialEq)]
pub(super) struct OrderedPoliciesValue {
    pub(super) tiers: Tiers,
    /// One that cannot be read: it may select any pod.
    unreadable: Option<Arc<Unmodelled>>,
}

impl Fact for OrderedPolicies {
    const READS: KindSet = KindSet::of(ADMIN_POLICIES);
    type Value = OrderedPoliciesValue;

    fn compute(&self, view: &View<'_>) -> Result<OrderedPoliciesValue, Unknown> {
        let (mut policies, mut unreadable) = (Vec::new(), None);
        for kind in ADMIN_POLICIES {
            for object in view.all(*kind)? {
                match cluster_policy(object) {
                    Ok(policy) => policies.push(policy),
                    Err(why) => unreadable = unreadable.or(Some(unmodelled(object, &why))),
                }
            }
        }
        Ok(OrderedPoliciesValue {
            tiers: Tiers::new(policies),
            unreadable,
        })
    }
}

/// The policies that are of no namespace.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct ClusterPolicies;

#[derive(PartialEq)]
struct ClusterPoliciesValue {
    ordered: Arc<OrderedPoliciesValue>,
    /// Policies that cannot be read: they may select any pod.
    unreadable: Option<Arc<Unmodelled>>,
    foreign: Vec<(ObjRef, ForeignPolicy)>,
}

impl Fact for ClusterPolicies {
    const READS: KindSet = KindSet::of(FOREIGN_POLICIES).union(KindSet::of(ADMIN_POLICIES));
    type Value = ClusterPoliciesValue;

    fn compute(&self, view: &View<'_>) -> Result<ClusterPoliciesValue, Unknown> {
        let ordered = view.fact(&OrderedPolicies)?;
        let (mut unreadable, mut foreign) = (ordered.unreadable.clone(), Vec::new());
        for kind in FOREIGN_POLICIES.iter().filter(|kind| !kind.info().namespaced) {
            for object in view.all(*kind)? {
                match project::<ForeignPolicy>(object) {
                    Ok(policy) => foreign.push((object.name.clone(), policy.clone())),
                    Err(why) => unreadable = unreadable.or(Some(unmodelled(object, why.message()))),
                }
            }
        }
        Ok(ClusterPoliciesValue {
            ordered,
            unreadable,
            foreign,
        })
    }
}

pub(super) fn cluster_policy(object: &Object) -> Result<ClusterPolicy, String> {
    let policy = project::<AdminPolicy>(object).map_err(|why| why.message().to_owned())?;
    ClusterPolicy::read(object.name.clone(), policy).map_err(|why| why.to_string())
}

fn unmodelled(object: &Object, why: &str) -> Arc<Unmodelled> {
    Arc::new(Unmodelled {
        policy: object.name.clone(),
        why: why.into(),
    })
}

/// A namespace summed up: its pods in classes, and what policies make of their traffic.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct NamespaceReach {
    /// The namespace.
    pub namespace: Arc<str>,
}

impl Fact for NamespaceReach {
    const READS: KindSet = READS;
    type Value = Local;

    fn compute(&self, view: &View<'_>) -> Result<Local, Unknown> {
        let cluster = view.fact(&ClusterPolicies)?;
        let namespace = view.fact(&SeenNamespace {
            namespace: self.namespace.clone(),
        })?;
        let (mut policies, mut unreadable) = (Vec::new(), None);
        for object in view.in_namespace(Kind::NetworkPolicy, &self.namespace)? {
            match network_policy(object) {
                Ok(policy) => policies.push(Arc::new(policy)),
                Err(why) => unreadable = unreadable.or(Some(unmodelled(object, &why))),
            }
        }
        let parts = Parts {
            namespace: Arc::new(Namespace::clone(&namespace)),
            policies,
            tiers: &cluster.ordered.tiers,
            unmodelled: match unreadable.or_else(|| cluster.unreadable.clone()) {
                Some(policy) => Some(policy),
                None => self.foreign(view, &cluster)?,
            },
        };
        Ok(Local::new(parts, &view.pods_in(&self.namespace)?))
    }
}

impl NamespaceReach {
    fn foreign(
        &self,
        view: &View<'_>,
        cluster: &ClusterPoliciesValue,
    ) -> Result<Option<Arc<Unmodelled>>, Unknown> {
        const WHY: &str = "policies of its kind are not modelled";
        for kind in FOREIGN_POLICIES.iter().filter(|kind| kind.info().namespaced) {
            if let Some(policy) = view.in_namespace(*kind, &self.namespace)?.first() {
                return Ok(Some(unmodelled(policy, WHY)));
            }
        }
        let mut foreign = cluster.foreign.iter();
        let found = foreign.find(|(_, policy)| policy.may_select_in(&self.namespace));
        Ok(found.map(|(policy, _)| {
            Arc::new(Unmodelled {
                policy: policy.clone(),
                why: WHY.into(),
            })
        }))
    }
}

/// A namespace as policies see it: with the labels that some of them name. Of one that is only implied no label is known.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct SeenNamespace {
    namespace: Arc<str>,
}

/// A namespace with all its labels; of one that is only implied none is known.
pub(super) fn namespace(name: Arc<str>, object: Option<&Object>) -> Namespace {
    Namespace {
        name,
        labels: known(object).map(|object| object.meta.labels.clone()),
    }
}

fn known(object: Option<&Object>) -> Option<&Object> {
    let implied =
        |object: &&Object| project::<object::Namespace>(object).is_ok_and(object::Namespace::is_implied);
    object.filter(|object| !implied(object))
}

impl Fact for SeenNamespace {
    const READS: KindSet = KindSet::of(ADMIN_POLICIES)
        .with(Kind::Namespace)
        .with(Kind::NetworkPolicy);
    type Value = Namespace;

    fn compute(&self, view: &View<'_>) -> Result<Namespace, Unknown> {
        let object = view.object(&ObjRef::namespace_object(&self.namespace))?;
        Ok(Namespace {
            name: self.namespace.clone(),
            labels: known(object).map(|object| view.deciding_labels(object)),
        })
    }
}

fn network_policy(object: &Object) -> Result<Policy, String> {
    let policy = project::<NetworkPolicy>(object).map_err(|why| why.message().to_owned())?;
    Policy::read(object.name.clone(), policy).map_err(|why| why.to_string())
}

/// How traffic may leave one namespace. Equal as long as labels and egress policies are, whatever the workloads.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct WaysOut {
    namespace: Arc<str>,
}

impl WaysOut {
    pub(crate) fn of(namespace: &str) -> Self {
        let namespace = namespace.into();
        Self { namespace }
    }
}

impl Fact for WaysOut {
    const READS: KindSet = READS;
    type Value = Ways;

    fn compute(&self, view: &View<'_>) -> Result<Ways, Unknown> {
        let namespace = self.namespace.clone();
        Ok(view.fact(&NamespaceReach { namespace })?.ways())
    }
}

/// How traffic may leave some of all namespaces: they are dealt into parts, so that one of them is put together anew.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct PartOfExits(u8);

const PARTS: u8 = 64;

/// The names of all namespaces, dealt into parts.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct NamesOfPart(u8);

impl Fact for NamesOfPart {
    const READS: KindSet = KindSet::of(&[Kind::Namespace]);
    type Value = Vec<Arc<str>>;

    fn compute(&self, view: &View<'_>) -> Result<Vec<Arc<str>>, Unknown> {
        let parts = view.fact(&Dealt)?;
        Ok(parts[usize::from(self.0)].clone())
    }
}

/// All namespaces by part.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Dealt;

impl Fact for Dealt {
    const READS: KindSet = KindSet::of(&[Kind::Namespace]);
    type Value = Vec<Vec<Arc<str>>>;

    fn compute(&self, view: &View<'_>) -> Result<Vec<Vec<Arc<str>>>, Unknown> {
        let mut parts = vec![Vec::new(); usize::from(PARTS)];
        for name in view.names(Kind::Namespace)? {
            let name = name.name();
            let sum = name
                .bytes()
                .fold(0u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
            parts[usize::from(sum % PARTS)].push(Arc::from(name));
        }
        Ok(parts)
    }
}

impl Fact for PartOfExits {
    const READS: KindSet = READS;
    type Value = Exits;

    fn compute(&self, view: &View<'_>) -> Result<Exits, Unknown> {
        let names = view.fact(&NamesOfPart(self.0))?;
        let ways = names.iter().map(|namespace| {
            view.fact(&WaysOut {
                namespace: namespace.clone(),
            })
        });
        let ways: Vec<Arc<Ways>> = ways.collect::<Result<_, _>>()?;
        Ok(Exits::new(names.iter().zip(ways.iter().map(|ways| &**ways))))
    }
}

/// Which ways out there are among some of all namespaces: equal as long as nobody's policies lead elsewhere, whoever takes them.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct ListOfPart(u8);

impl Fact for ListOfPart {
    const READS: KindSet = READS;
    type Value = Box<[Shared<Exit>]>;

    fn compute(&self, view: &View<'_>) -> Result<Self::Value, Unknown> {
        Ok(view.fact(&PartOfExits(self.0))?.list())
    }
}

/// All ways out with their takers. Put together only where somebody is open to whoever comes: it takes a walk over all
/// namespaces whenever one of them changes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct AllExits;

impl Fact for AllExits {
    const READS: KindSet = READS;
    type Value = Exits;

    fn compute(&self, view: &View<'_>) -> Result<Exits, Unknown> {
        let parts = (0..PARTS).map(|part| view.fact(&PartOfExits(part)));
        let parts: Vec<Arc<Exits>> = parts.collect::<Result<_, _>>()?;
        Ok(Exits::joined(parts.iter().map(|part| &**part)))
    }
}

/// Which ways out there are.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ExitList;

impl Fact for ExitList {
    const READS: KindSet = READS;
    type Value = ExitIndex;

    fn compute(&self, view: &View<'_>) -> Result<ExitIndex, Unknown> {
        let mut exits = Vec::new();
        for part in 0..PARTS {
            exits.extend(view.fact(&ListOfPart(part))?.iter().cloned());
        }
        Ok(ExitIndex::new(exits))
    }
}

/// The pods that may take one way out.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct TakersOf(Shared<Exit>);

impl Fact for TakersOf {
    const READS: KindSet = READS;
    type Value = Takers;

    fn compute(&self, view: &View<'_>) -> Result<Takers, Unknown> {
        Ok(view.fact(&AllExits)?.takers(&self.0))
    }
}

/// What opens a namespace to others, one entry per cause.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Openings {
    /// The namespace.
    pub namespace: Arc<str>,
    /// What is known of the network.
    pub network: Shared<Network>,
    /// Whether policies of kinds that are not modelled are taken to change nothing.
    pub trusting: bool,
}

impl Fact for Openings {
    const READS: KindSet = READS;
    type Value = Vec<Open>;

    fn compute(&self, view: &View<'_>) -> Result<Vec<Open>, Unknown> {
        let local = view.fact(&NamespaceReach {
            namespace: self.namespace.clone(),
        })?;
        let unmodelled = local.unmodelled.as_deref();
        if let Some(Unmodelled { policy, why }) = unmodelled.filter(|u| !(self.trusting && u.is_foreign())) {
            return Err(Unknown::not_modelled(format_args!(
                "{policy}, which may apply to pods of namespace {} ({why}),",
                self.namespace
            )));
        }
        Ok(local.open_to(&*view.fact(&ExitList)?, &self.network, self.trusting))
    }
}

/// The namespaces that an opening is reached from, by name; the opened one may be among them.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SourcesOf(pub Sources);

impl Fact for SourcesOf {
    const READS: KindSet = READS;
    type Value = Names;

    fn compute(&self, view: &View<'_>) -> Result<Names, Unknown> {
        self.0.resolve(&Seen(view))
    }
}

/// The namespaces that have a label, or may have it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Labelled(Box<str>, Box<str>);

impl Fact for Labelled {
    const READS: KindSet = KindSet::of(&[Kind::Namespace]);
    type Value = Vec<Arc<str>>;

    fn compute(&self, view: &View<'_>) -> Result<Vec<Arc<str>>, Unknown> {
        let unlabelled = view.indexed(Kind::Namespace, &implied_namespaces())?;
        let found = if *self.0 == *NAME_LABEL {
            let named = view.object(&ObjRef::namespace_object(&self.1))?;
            named.into_iter().collect()
        } else {
            view.indexed(
                Kind::Namespace,
                &IndexKey::Carries(Kind::Namespace, self.0.clone(), self.1.clone()),
            )?
        };
        let all = found.iter().chain(&unlabelled);
        Ok(all.map(|object| object.name.name().into()).collect())
    }
}

struct Seen<'v, 'a>(&'v View<'a>);

impl Crowd for Seen<'_, '_> {
    fn labelled(&self, key: &str, value: &str) -> Result<Vec<Arc<str>>, Unknown> {
        Ok(self.0.fact(&Labelled(key.into(), value.into()))?.to_vec())
    }

    fn within(
        &self,
        namespace: &Arc<str>,
        exit: &Shared<Exit>,
        visit: &mut Visit<'_>,
    ) -> Result<(), Unknown> {
        let ways = self.0.fact(&WaysOut {
            namespace: namespace.clone(),
        })?;
        if let Some(takers) = ways.takers(exit) {
            visit(namespace, takers);
        }
        Ok(())
    }

    fn everywhere(&self, exit: &Shared<Exit>, visit: &mut Visit<'_>) -> Result<(), Unknown> {
        let takers = self.0.fact(&TakersOf(exit.clone()))?;
        takers.iter().for_each(|(name, takers)| visit(name, takers));
        Ok(())
    }
}
