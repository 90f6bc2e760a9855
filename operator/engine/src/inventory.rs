//! The inventory: every known object once, found by name or by index, with the coverage of each kind.

use std::{
    collections::{BTreeSet, HashMap, hash_map::Entry},
    sync::Arc,
};

mod deployed_by;
mod digest;
mod names;
mod objects;
mod share;
mod violations;

use crate::{
    coverage::Coverage,
    decode::{DecodePlan, Object},
    dep::Dep,
    kind::Kind,
    labels::Labels,
    name::{ObjRef, Place},
    object::{Body, Common, Pod},
    podsecurity::Checks,
    reach::{pods_of, speaks},
    rights::Rules,
};
use digest::{Digest, Digests};
use names::{Names, Roll};
use objects::Objects;
use share::Interner;
pub(crate) use violations::Violated;
use violations::Violations;

/// A way to find objects other than by name. An object states its own keys (see `object_keys`), so that a change tells
/// exactly which look-ups it may have altered.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum IndexKey {
    /// All objects of a kind in one namespace.
    InNamespace(Kind, Arc<str>),
    /// Objects of a kind in one namespace whose body could not be read: what they would be filed under is not known.
    Unparsed(Kind, Arc<str>),
    /// Objects whose controller (`ownerReferences[].controller`) is the named object, identified by kind and name as written.
    OwnedBy(Arc<str>, Box<str>, Box<str>),
    /// Objects of a kind that select by label, filed under one exact requirement (namespace, key, value).
    Selects(Kind, Arc<str>, Box<str>, Box<str>),
    /// Objects of a kind that select by label without an exact requirement.
    SelectsAny(Kind, Arc<str>),
    /// Objects of a kind that point at a target (namespace, kind as written, name).
    Targets(Kind, Arc<str>, Box<str>, Box<str>),
    /// Deployments, StatefulSets, DaemonSets and Rollouts whose pod template carries a label (namespace, key, value).
    Runs(Arc<str>, Box<str>, Box<str>),
    /// Objects of a kind that state a certain setting (a ConfigMap with the key `ssl-protocols`).
    States(Kind, Box<str>),
    /// Objects of a kind that carry a label (key, value), where they are selected by it (ClusterRoles by aggregation,
    /// Namespaces by policies).
    Carries(Kind, Box<str>, Box<str>),
    /// Network policies of all kinds whose selectors of namespaces name a label key.
    NamesLabel(Box<str>),
    /// Bindings of a kind that name a subject who may be named in several namespaces (as [`Subject`] prints it).
    ///
    /// [`Subject`]: crate::rights::Subject
    Binds(Kind, Box<str>),
    /// Top-most workloads of a namespace, or (under the empty name) Namespaces, that carry a watched label (key, value);
    /// see [`Inventory::watch_labels`]. A workload carries its own labels and those of its pod template.
    Labelled(Arc<str>, Arc<str>, Box<str>),
    /// Objects of a namespace that stand for pods: top-most workloads, and Pods that no known workload runs. What they say of
    /// their pods is read through [`crate::view::View::pods_in`].
    Speaks(Arc<str>),
    /// Top-most workloads that one deployment of a tool installed ([`Release`]), by namespace.
    Released(Release, Arc<str>),
    /// Top-most workloads of a namespace, and pods that none we know controls, whose pods violate exactly these Pod
    /// Security checks.
    Violating(Arc<str>, Checks),
}

impl IndexKey {
    /// The group this key belongs to and what it is called in it, where anybody asks which keys of a group are in use.
    fn group(&self) -> Option<(Group, Arc<str>)> {
        match self {
            Self::Labelled(namespace, key, value) => Some((
                Group::LabelValues(namespace.clone(), key.clone()),
                (&**value).into(),
            )),
            Self::Released(release, namespace) => {
                Some((Group::ReleaseNamespaces(release.clone()), namespace.clone()))
            }
            Self::NamesLabel(key) => Some((Group::NamedLabel((&**key).into()), Arc::default())),
            _ => None,
        }
    }
}

/// Index keys that differ in one part, and the values of that part that are in use. Its readers run only when the first
/// object of a value comes or the last one goes, however many objects carry it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) enum Group {
    /// Values of a watched label in a namespace ([`IndexKey::Labelled`]).
    LabelValues(Arc<str>, Arc<str>),
    /// Namespaces of a release ([`IndexKey::Released`]).
    ReleaseNamespaces(Release),
    /// Sets of Pod Security checks that pods of a namespace violate.
    Violations(Arc<str>),
    /// Whether policies name a label key of namespaces ([`IndexKey::NamesLabel`]): empty or of one member.
    NamedLabel(Arc<str>),
}

/// What a deployment tool installs together under one ServiceAccount name.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Release {
    /// The tool's name for it, such as `Helm release shop/web`.
    pub name: Arc<str>,
    /// `serviceAccountName` of the pods.
    pub service_account: Box<str>,
}

/// Everything known of a cluster (or of a set of manifests).
#[derive(Default)]
pub struct Inventory {
    objects: Objects,
    by_kind: HashMap<Kind, Roll>,
    /// All index keys but [`IndexKey::InNamespace`], which `by_kind` answers.
    index: HashMap<Digest, Names, foldhash::fast::RandomState>,
    digests: Digests,
    groups: HashMap<Group, BTreeSet<Arc<str>>>,
    /// Releases with more than one namespace.
    spread: BTreeSet<Release>,
    violations: Violations,
    watched: BTreeSet<Arc<str>>,
    coverage: HashMap<Kind, Coverage>,
    /// Under which plan the texts of a kind were matched.
    decoded: HashMap<Kind, Arc<DecodePlan>>,
    labels: Interner<Labels>,
    places: Interner<triomphe::Arc<Place>>,
    pods: Interner<triomphe::Arc<Pod>>,
    commons: Interner<triomphe::Arc<Common>>,
    rules: Interner<Rules>,
    texts: Interner<Arc<str>>,
}

impl Inventory {
    /// An object by name.
    pub fn get(&self, name: &ObjRef) -> Option<&Object> {
        self.objects.get(name)
    }

    /// The names of all objects of a kind, in order.
    pub fn names(&self, kind: Kind) -> impl ExactSizeIterator<Item = &ObjRef> + Clone {
        self.by_kind.get(&kind).map(Roll::iter).unwrap_or_default()
    }

    /// The names of the objects filed under a key, in order.
    pub fn indexed<'i>(
        &'i self,
        key: &IndexKey,
    ) -> impl ExactSizeIterator<Item = &'i ObjRef> + Clone + use<'i> {
        let names = match key {
            IndexKey::InNamespace(kind, namespace) => {
                let roll = self.by_kind.get(kind).filter(|_| !namespace.is_empty());
                roll.map(|roll| roll.in_namespace(namespace))
            }
            _ => self.index.get(&self.digests.of(key)).map(Names::iter),
        };
        names.unwrap_or_default()
    }

    /// The values in use in a group, in order.
    pub(crate) fn members(&self, group: &Group) -> impl ExactSizeIterator<Item = &Arc<str>> + Clone {
        static NONE: BTreeSet<Arc<str>> = BTreeSet::new();
        self.groups.get(group).unwrap_or(&NONE).iter()
    }

    /// Whether a label key of namespaces may matter to somebody: it names tenants or environments under some baseline, or
    /// policies select by it.
    pub(crate) fn is_named(&self, group: &Group, key: &str) -> bool {
        self.watched.contains(key) || self.groups.contains_key(group)
    }

    /// The releases that have workloads in more than one namespace.
    pub(crate) fn spread_releases(&self) -> impl Iterator<Item = &Release> {
        self.spread.iter()
    }

    /// The sets of Pod Security checks that the pods of a namespace violate.
    pub(crate) fn violated(&self, namespace: &str) -> Violated {
        self.violations.of(namespace)
    }

    /// Sets the keys of the labels under which workloads and namespaces are filed: those that name tenants and environments
    /// under some baseline. Filing every label would cost more than all other indexes together.
    ///
    /// Tells whether there are others now: who reads by them must look again, for while a key is not watched nobody is told
    /// of its changes.
    pub(crate) fn watch_labels(&mut self, keys: BTreeSet<Arc<str>>) -> bool {
        if keys == self.watched {
            return false;
        }
        for (name, keys) in self.labelled() {
            for key in keys {
                self.unfile(&key, &name, &mut Vec::new());
            }
        }
        self.watched = keys;
        for (name, keys) in self.labelled() {
            for key in keys {
                self.file(&key, &name, &mut Vec::new());
            }
        }
        true
    }

    /// The keys of watched labels under which objects are filed.
    fn labelled(&self) -> Vec<(ObjRef, Vec<IndexKey>)> {
        let keys = |object: &Object| {
            let mut keys = Vec::new();
            watched_labels(object, &self.watched, &mut keys);
            (!keys.is_empty()).then(|| (object.name.clone(), keys))
        };
        self.objects.iter().filter_map(keys).collect()
    }

    /// The coverage of a kind; a kind nobody spoke of is still syncing.
    pub fn coverage(&self, kind: Kind) -> Coverage {
        self.coverage.get(&kind).copied().unwrap_or_default()
    }

    /// The plan under which the texts of a kind were matched; nothing was looked for in a kind nobody spoke of.
    pub(crate) fn decoded(&self, kind: Kind) -> Option<&DecodePlan> {
        self.decoded.get(&kind).map(|plan| &**plan)
    }

    /// Sets the plan under which the texts of a kind were matched; tells whether that changed anything.
    pub(crate) fn set_decoded(&mut self, kind: Kind, plan: Arc<DecodePlan>) -> bool {
        let changed = self.decoded(kind).cloned().unwrap_or_default() != *plan;
        self.decoded.insert(kind, plan);
        changed
    }

    /// How many objects are held.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.objects.len() == 0
    }

    /// Makes room for so many more objects.
    pub(crate) fn reserve(&mut self, objects: usize) {
        self.objects.reserve(objects);
    }

    /// Sets the coverage of a kind; tells whether that changed anything.
    pub(crate) fn set_coverage(&mut self, kind: Kind, coverage: Coverage) -> bool {
        self.coverage.insert(kind, coverage).unwrap_or_default() != coverage
    }

    /// Takes an object in; tells what that touches: nothing, when no projected field differs.
    pub(crate) fn upsert(&mut self, mut object: Object) -> Touched {
        let old = self.get(&object.name);
        if old.is_some_and(|old| *old == object) {
            return Touched::default();
        }
        object.name = match old {
            Some(old) => old.name.clone(),
            None => self.shared_name(&object.name),
        };
        self.share_parts(&mut object);
        let name = object.name.clone();
        let old = self.get(&name);
        let before = old.map(|old| self.object_keys(old)).unwrap_or_default();
        let after = self.object_keys(&object);
        let created = old.is_none();
        let violations = (old.and_then(violations::of), violations::of(&object));
        let speech = speaks_otherwise(old, &object);
        let mut touched = Touched {
            deps: vec![Dep::object(&name)],
            ..Touched::default()
        };
        for key in &before {
            touched.deps.push(Dep::index(key));
            if !after.contains(key) {
                self.unfile(key, &name, &mut touched.deps);
            }
        }
        for key in after {
            if !before.contains(&key) {
                touched.deps.push(Dep::index(&key));
                self.file(&key, &name, &mut touched.deps);
            }
        }
        touched.deps.push(Dep::kind(name.kind()));
        self.violations.change(&name, violations, &mut touched.deps);
        if speech {
            touched.deps.push(Dep::speech(name.namespace_arc()));
        }
        if created {
            touched.deps.push(Dep::census(name.kind()));
            self.by_kind.entry(name.kind()).or_default().insert(name.clone());
        }
        self.objects.put(object);
        touched
    }

    /// The same name, sharing what it has in common with others.
    fn shared_name(&mut self, name: &ObjRef) -> ObjRef {
        let namespace = self.texts.share_with(name.namespace_arc().as_ref());
        let place = self.places.share(Place::new(name.kind(), namespace));
        name.sharing(place)
    }

    /// Shares what an object has in common with others.
    fn share_parts(&mut self, object: &mut Object) {
        let common = object.meta.common_mut();
        if let Some(common) = triomphe::Arc::get_mut(common) {
            common.labels = self.labels.share(std::mem::take(&mut common.labels));
        }
        *common = self.commons.share(common.clone());
        let Ok(body) = &mut object.body else { return };
        body.each_labels(|labels| *labels = self.labels.share(std::mem::take(labels)));
        match body {
            Body::Pod(pod) => {
                if let Some(pod) = triomphe::Arc::get_mut(pod) {
                    pod.node = pod.node.take().map(|node| self.texts.share(node));
                }
                if pod.is_common() {
                    *pod = self.pods.share(pod.clone());
                }
            }
            Body::Role(role) => {
                if let Some(role) = triomphe::Arc::get_mut(role) {
                    role.rules = self.rules.share(std::mem::take(&mut role.rules));
                }
            }
            _ => {}
        }
    }

    /// Forgets an object; tells what that touches.
    pub(crate) fn remove(&mut self, name: &ObjRef) -> Touched {
        let Some(old) = self.objects.take(name) else {
            return Touched::default();
        };
        let mut touched = Touched {
            deps: vec![
                Dep::object(name),
                Dep::kind(name.kind()),
                Dep::census(name.kind()),
            ],
            removed: true,
        };
        if speaks(&old) {
            touched.deps.push(Dep::speech(name.namespace_arc()));
        }
        for key in self.object_keys(&old) {
            touched.deps.push(Dep::index(&key));
            self.unfile(&key, name, &mut touched.deps);
        }
        self.violations
            .change(name, (violations::of(&old), None), &mut touched.deps);
        if let Some(names) = self.by_kind.get_mut(&name.kind()) {
            names.remove(name);
        }
        touched
    }

    fn file(&mut self, key: &IndexKey, name: &ObjRef, touched: &mut Vec<Dep>) {
        if matches!(key, IndexKey::InNamespace(..)) {
            return;
        }
        let digest = self.digests.of(key);
        if let Some((group, member)) = key.group().filter(|_| !self.index.contains_key(&digest)) {
            touched.push(Dep::group(&group));
            let members = self.groups.entry(group.clone()).or_default();
            members.insert(member);
            let many = members.len() > 1;
            self.note_spread(&group, many, touched);
        }
        match self.index.entry(digest) {
            Entry::Occupied(mut names) => names.get_mut().insert(name.clone()),
            Entry::Vacant(place) => _ = place.insert(Names::One(name.clone())),
        }
    }

    fn unfile(&mut self, key: &IndexKey, name: &ObjRef, touched: &mut Vec<Dep>) {
        let digest = self.digests.of(key);
        let Some(names) = self.index.get_mut(&digest) else {
            return;
        };
        if !names.remove(name) {
            return;
        }
        self.index.remove(&digest);
        let Some((group, member)) = key.group() else {
            return;
        };
        touched.push(Dep::group(&group));
        let Some(members) = self.groups.get_mut(&group) else {
            return;
        };
        members.remove(&member);
        let many = members.len() > 1;
        if members.is_empty() {
            self.groups.remove(&group);
        }
        self.note_spread(&group, many, touched);
    }

    fn note_spread(&mut self, group: &Group, many: bool, touched: &mut Vec<Dep>) {
        let Group::ReleaseNamespaces(release) = group else {
            return;
        };
        let changed = if many {
            self.spread.insert(release.clone())
        } else {
            self.spread.remove(release)
        };
        if changed {
            touched.push(Dep::spread_releases());
        }
    }

    /// The keys an object is filed under: those of every object, of a workload, then those its projection states.
    fn object_keys(&self, object: &Object) -> Vec<IndexKey> {
        let mut keys = object_keys(object);
        watched_labels(object, &self.watched, &mut keys);
        keys
    }
}

/// What a change touched: the reads whose answers may differ now.
#[derive(Default, Debug)]
pub(crate) struct Touched {
    pub(crate) deps: Vec<Dep>,
    pub(crate) removed: bool,
}

/// Whether what an object says of the pods it stands for differs from before.
fn speaks_otherwise(old: Option<&Object>, new: &Object) -> bool {
    match old {
        Some(old) if speaks(old) || speaks(new) => pods_of(old) != pods_of(new),
        Some(_) => false,
        None => speaks(new),
    }
}

fn object_keys(object: &Object) -> Vec<IndexKey> {
    let mut keys = Vec::with_capacity(3);
    let namespace = object.name.namespace_arc();
    if object.name.kind().info().namespaced {
        keys.push(IndexKey::InNamespace(object.name.kind(), namespace.clone()));
    }
    if let Some(owner) = &object.meta.controller {
        keys.push(IndexKey::OwnedBy(
            namespace.clone(),
            owner.kind().into(),
            owner.name().into(),
        ));
    }
    if speaks(object) {
        keys.push(IndexKey::Speaks(namespace.clone()));
    }
    if let Some(release) = deployed_by::release(object) {
        keys.push(IndexKey::Released(release, namespace.clone()));
    }
    keys.extend(violations::key(object));
    match &object.body {
        Ok(body) => body.index_keys(&object.name, &object.meta, &mut keys),
        Err(_) => keys.push(IndexKey::Unparsed(object.name.kind(), namespace.clone())),
    }
    keys
}

/// The keys of the watched labels that a namespace or a top-most workload carries.
fn watched_labels(object: &Object, watched: &BTreeSet<Arc<str>>, keys: &mut Vec<IndexKey>) {
    let kind = object.name.kind();
    if kind != Kind::Namespace && !object.is_workload() {
        return;
    }
    let template = object.body.as_ref().ok().and_then(Body::template);
    for key in watched {
        let own = object.meta.labels.get(key);
        let of_pods = template.and_then(|template| template.label(key));
        // An object whose two sets of labels disagree is filed under both values.
        for value in [own, of_pods.filter(|v| Some(*v) != own)].into_iter().flatten() {
            keys.push(IndexKey::Labelled(
                object.name.namespace_arc().clone(),
                key.clone(),
                value.into(),
            ));
        }
    }
}
