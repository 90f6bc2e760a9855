//! The whole cluster, kept up to date: what changes a namespace sums up that namespace again, and nothing else.

mod settle;
mod takings;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Because, Bounds, Class, ClusterPolicy, End, ExitIndex, Local, Names, Namespace, Network, Open, Pods,
    Policy, Shared, Site, Sources, Tiers, Unmodelled, Ways, between, explain, pods_of, shared::Map,
};
use crate::{
    control::project,
    decode::Object,
    kind::Kind,
    labels::Labels,
    name::ObjRef,
    object::{self, ADMIN_POLICIES, AdminPolicy, FOREIGN_POLICIES, ForeignPolicy, NetworkPolicy},
};
pub use settle::Touched;
use takings::Takings;

/// Who can talk to whom. Takes namespaces, pods and policies in any order; [`Reach::settle`] brings the answers up to date.
#[derive(Default)]
pub struct Reach {
    network: Shared<Network>,
    spaces: BTreeMap<Arc<str>, Space>,
    cluster_policies: BTreeMap<ObjRef, Result<ClusterPolicy, Box<str>>>,
    foreign: BTreeMap<ObjRef, ForeignPolicy>,
    tiers: Tiers,
    stale: BTreeSet<Arc<str>>,
    exits: Takings,
    index: ExitIndex,
    opened: BTreeMap<Arc<str>, Vec<Open>>,
    /// Sources that were asked for, with the ages of the ways out they were resolved from.
    resolved: RefCell<Map<Sources, Resolved>>,
}

/// The names, with the ages of what they were resolved from.
type Resolved = (Vec<u64>, Arc<Names>);

/// What is known of one namespace.
#[derive(Default)]
struct Space {
    labels: Option<Labels>,
    pods: BTreeMap<ObjRef, Pods>,
    policies: BTreeMap<ObjRef, Result<Arc<Policy>, Box<str>>>,
    /// Objects that may stand for pods and cannot be read.
    unread: BTreeMap<ObjRef, Box<str>>,
    local: Option<Arc<Local>>,
    ways: Ways,
}

impl Reach {
    /// An empty cluster in this network.
    pub fn new(network: Network) -> Self {
        Self {
            network: Shared::new(network),
            ..Self::default()
        }
    }

    /// What is known of the network.
    pub const fn network(&self) -> &Shared<Network> {
        &self.network
    }

    /// Takes in any object that has a say; others are left alone.
    pub fn upsert(&mut self, object: &Object) {
        let (name, kind) = (&object.name, object.name.kind());
        match kind {
            Kind::Namespace => {
                let implied = project::<object::Namespace>(object).is_ok_and(object::Namespace::is_implied);
                self.upsert_namespace(name.name(), (!implied).then(|| object.meta.labels.clone()));
            }
            Kind::NetworkPolicy => match project::<NetworkPolicy>(object) {
                Ok(policy) => self.upsert_policy(name.clone(), policy),
                Err(why) => self.keep_policy(name.clone(), Err(why.message().into())),
            },
            kind if ADMIN_POLICIES.contains(&kind) => match project::<AdminPolicy>(object) {
                Ok(policy) => self.upsert_cluster_policy(name, policy),
                Err(why) => self.keep_cluster_policy(name, Err(why.message().into())),
            },
            kind if FOREIGN_POLICIES.contains(&kind) => {
                let policy = project::<ForeignPolicy>(object).cloned();
                self.upsert_foreign(name, policy.unwrap_or_else(|_| ForeignPolicy::anywhere()));
            }
            kind if crate::workload::WORKLOADS.contains(&kind) => self.upsert_workload(object),
            _ => {}
        }
    }

    fn upsert_workload(&mut self, object: &Object) {
        if let Err(why) = &object.body {
            let space = self.space(object.name.namespace_arc());
            space.unread.insert(object.name.clone(), why.why.clone());
            space.pods.remove(&object.name);
            return;
        }
        match pods_of(object) {
            Some(pods) => self.upsert_pods(pods),
            None => self.remove(&object.name),
        }
    }

    /// Takes in a namespace; labels that are not known may be anything.
    pub fn upsert_namespace(&mut self, name: &str, labels: Option<Labels>) {
        self.space(&Arc::from(name)).labels = labels;
    }

    /// Takes in the pods of an object.
    pub fn upsert_pods(&mut self, pods: Pods) {
        let namespace = pods.name.namespace_arc().clone();
        if self
            .spaces
            .get(&namespace)
            .is_some_and(|space| space.pods.get(&pods.name) == Some(&pods))
        {
            return;
        }
        let space = self.space(&namespace);
        space.unread.remove(&pods.name);
        space.pods.insert(pods.name.clone(), pods);
    }

    /// Takes in a NetworkPolicy.
    pub fn upsert_policy(&mut self, name: ObjRef, policy: &NetworkPolicy) {
        let read = Policy::read(name.clone(), policy).map(Arc::new);
        self.keep_policy(name, read.map_err(|why| why.to_string().into()));
    }

    fn keep_policy(&mut self, name: ObjRef, policy: Result<Arc<Policy>, Box<str>>) {
        let namespace = name.namespace_arc().clone();
        self.space(&namespace).policies.insert(name, policy);
    }

    /// Takes in a policy of an ordered kind ([`ADMIN_POLICIES`]).
    pub fn upsert_cluster_policy(&mut self, name: &ObjRef, policy: &AdminPolicy) {
        let read = ClusterPolicy::read(name.clone(), policy);
        self.keep_cluster_policy(name, read.map_err(|why| why.to_string().into()));
    }

    fn keep_cluster_policy(&mut self, name: &ObjRef, policy: Result<ClusterPolicy, Box<str>>) {
        let old = self.cluster_policies.insert(name.clone(), policy);
        self.cluster_policy_changed(old.as_ref(), name);
    }

    /// Takes in a policy of a kind that is not modelled.
    pub fn upsert_foreign(&mut self, name: &ObjRef, policy: ForeignPolicy) {
        self.foreign_changed(name, &policy);
        if let Some(old) = self.foreign.insert(name.clone(), policy) {
            self.foreign_changed(name, &old);
        }
    }

    /// Forgets an object of any kind.
    pub fn remove(&mut self, name: &ObjRef) {
        if name.kind() == Kind::Namespace {
            if let Some(space) = self.spaces.get_mut(name.name()) {
                space.labels = None;
                self.stale.insert(name.name().into());
            }
        } else if let Some(old) = self.foreign.remove(name) {
            self.foreign_changed(name, &old);
        } else if let Some(old) = self.cluster_policies.remove(name) {
            self.cluster_policy_changed(Some(&old), name);
        } else if let Some(space) = self.spaces.get_mut(name.namespace_arc()) {
            let pods = space.pods.remove(name).is_some();
            let policy = space.policies.remove(name).is_some();
            if pods || policy || space.unread.remove(name).is_some() {
                self.stale.insert(name.namespace_arc().clone());
            }
        }
    }

    fn space(&mut self, namespace: &Arc<str>) -> &mut Space {
        self.stale.insert(namespace.clone());
        self.spaces.entry(namespace.clone()).or_default()
    }

    fn cluster_policy_changed(&mut self, old: Option<&Result<ClusterPolicy, Box<str>>>, name: &ObjRef) {
        let tiers = self
            .cluster_policies
            .values()
            .filter_map(|p| p.as_ref().ok())
            .cloned();
        self.tiers = Tiers::new(tiers.collect());
        let new = self.cluster_policies.get(name);
        for policy in old.into_iter().chain(new) {
            // One that cannot be read may select any pod.
            let only = policy
                .as_ref()
                .ok()
                .map(|policy| Tiers::new(vec![policy.clone()]));
            for (namespace, space) in &self.spaces {
                let selects = |tiers: &Tiers| !tiers.candidates(&space.namespace(namespace)).is_empty();
                if only.as_ref().is_none_or(selects) {
                    self.stale.insert(namespace.clone());
                }
            }
        }
    }

    fn foreign_changed(&mut self, name: &ObjRef, policy: &ForeignPolicy) {
        let selected = self
            .spaces
            .keys()
            .filter(|namespace| may_select(namespace, name, policy));
        self.stale.extend(selected.cloned());
    }

    /// The summaries of all namespaces, by name, as of the last [`Reach::settle`].
    pub fn locals(&self) -> impl Iterator<Item = &Arc<Local>> {
        self.spaces.values().filter_map(|space| space.local.as_ref())
    }

    /// The summary of a namespace.
    pub fn local(&self, namespace: &str) -> Option<&Arc<Local>> {
        self.spaces.get(namespace)?.local.as_ref()
    }

    /// What opens a namespace to others, by cause.
    pub fn open(&self, namespace: &str) -> &[Open] {
        self.opened.get(namespace).map_or(&[], Vec::as_slice)
    }

    /// The namespaces an opening is reached from, by name; the opened one may be among them.
    pub fn sources(&self, sources: &Sources) -> Arc<Names> {
        let ages = self.exits.ages(sources.exits());
        if let Some((of, names)) = self.resolved.borrow().get(sources)
            && *of == ages
        {
            return names.clone();
        }
        // Nothing is hidden here, so that nothing is unknown.
        let names = Arc::new(sources.resolve(&self.exits).unwrap_or_default());
        self.resolved
            .borrow_mut()
            .insert(sources.clone(), (ages, names.clone()));
        names
    }

    /// Where an object's pods are.
    pub fn site(&self, object: &ObjRef) -> Option<Site<'_>> {
        let local = self.local(object.namespace()?)?;
        Some(Site::Pods(local, local.class_of(object)?))
    }

    /// All classes, by namespace.
    pub fn classes(&self) -> impl Iterator<Item = &Class> {
        self.locals().flat_map(|local| &*local.classes)
    }

    /// The ports on which one end reaches the other; an error where a policy that is not modelled may decide that.
    pub fn between(&self, from: Site<'_>, to: Site<'_>) -> Result<Bounds, Arc<Unmodelled>> {
        for site in [from, to] {
            if let Site::Pods(
                Local {
                    unmodelled: Some(policy),
                    ..
                },
                _,
            ) = site
            {
                return Err(policy.clone());
            }
        }
        Ok(between(from.end(), to.end(), &self.network))
    }

    /// Why.
    pub fn explain(&self, from: Site<'_>, to: Site<'_>) -> Vec<Because> {
        explain(from, to, &self.network)
    }

    /// The ports on which two ends connect whatever is not modelled.
    pub fn modelled(&self, from: End<'_>, to: End<'_>) -> Bounds {
        between(from, to, &self.network)
    }
}

impl Space {
    fn namespace(&self, name: &Arc<str>) -> Namespace {
        Namespace {
            name: name.clone(),
            labels: self.labels.clone(),
        }
    }
}

fn may_select(namespace: &str, name: &ObjRef, policy: &ForeignPolicy) -> bool {
    match name.namespace() {
        Some(own) => own == namespace,
        None => policy.may_select_in(namespace),
    }
}
