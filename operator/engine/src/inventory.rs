//! The inventory: every known object once, found by name or by index, with the coverage of each kind.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    hash::Hash,
    sync::Arc,
};

use crate::{coverage::Coverage, decode::Object, dep::Dep, kind::Kind, labels::Labels, name::ObjRef};

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
    /// Replicated workloads whose pod template carries a label (namespace, key, value).
    Runs(Arc<str>, Box<str>, Box<str>),
    /// Objects of a kind that state a certain setting (a ConfigMap with the key `ssl-protocols`).
    States(Kind, Box<str>),
}

/// Everything known of a cluster (or of a set of manifests).
#[derive(Default)]
pub struct Inventory {
    objects: HashMap<ObjRef, Object>,
    by_kind: HashMap<Kind, BTreeSet<ObjRef>>,
    index: HashMap<IndexKey, BTreeSet<ObjRef>>,
    coverage: HashMap<Kind, Coverage>,
    labels: Interner,
}

impl Inventory {
    /// An object by name.
    pub fn get(&self, name: &ObjRef) -> Option<&Object> {
        self.objects.get(name)
    }

    /// The names of all objects of a kind, in order.
    pub fn names(&self, kind: Kind) -> impl ExactSizeIterator<Item = &ObjRef> + Clone {
        static NONE: BTreeSet<ObjRef> = BTreeSet::new();
        self.by_kind.get(&kind).unwrap_or(&NONE).iter()
    }

    /// The names of the objects filed under a key, in order.
    pub fn indexed(&self, key: &IndexKey) -> impl ExactSizeIterator<Item = &ObjRef> + Clone {
        static NONE: BTreeSet<ObjRef> = BTreeSet::new();
        self.index.get(key).unwrap_or(&NONE).iter()
    }

    /// The coverage of a kind; a kind nobody spoke of is still syncing.
    pub fn coverage(&self, kind: Kind) -> Coverage {
        self.coverage.get(&kind).copied().unwrap_or_default()
    }

    /// How many objects are held.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Sets the coverage of a kind; tells whether that changed anything.
    pub(crate) fn set_coverage(&mut self, kind: Kind, coverage: Coverage) -> bool {
        self.coverage.insert(kind, coverage).unwrap_or_default() != coverage
    }

    /// Takes an object in; tells what that touches: nothing, when no projected field differs.
    pub(crate) fn upsert(&mut self, mut object: Object) -> Touched {
        object.meta.labels = self.labels.share(object.meta.labels);
        let name = object.name.clone();
        let old = self.objects.get(&name);
        if old.is_some_and(|old| *old == object) {
            return Touched::default();
        }
        let before = old.map(object_keys).unwrap_or_default();
        let after = object_keys(&object);
        let created = old.is_none();
        let mut touched = Touched {
            deps: vec![Dep::object(&name)],
            ..Touched::default()
        };
        for key in &before {
            touched.deps.push(Dep::index(key));
            if !after.contains(key) {
                self.unfile(key, &name);
            }
        }
        for key in after {
            if !before.contains(&key) {
                touched.deps.push(Dep::index(&key));
                self.index.entry(key).or_default().insert(name.clone());
            }
        }
        touched.deps.push(Dep::kind(name.kind()));
        if created {
            self.by_kind.entry(name.kind()).or_default().insert(name.clone());
        }
        self.objects.insert(name, object);
        touched
    }

    /// Forgets an object; tells what that touches.
    pub(crate) fn remove(&mut self, name: &ObjRef) -> Touched {
        let Some(old) = self.objects.remove(name) else {
            return Touched::default();
        };
        let mut touched = Touched {
            deps: vec![Dep::object(name), Dep::kind(name.kind())],
            removed: true,
        };
        for key in object_keys(&old) {
            touched.deps.push(Dep::index(&key));
            self.unfile(&key, name);
        }
        if let Some(names) = self.by_kind.get_mut(&name.kind()) {
            names.remove(name);
        }
        touched
    }

    fn unfile(&mut self, key: &IndexKey, name: &ObjRef) {
        if let Some(names) = self.index.get_mut(key) {
            names.remove(name);
            if names.is_empty() {
                self.index.remove(key);
            }
        }
    }
}

/// What a change touched: the reads whose answers may differ now.
#[derive(Default, Debug)]
pub(crate) struct Touched {
    pub(crate) deps: Vec<Dep>,
    pub(crate) removed: bool,
}

/// The keys an object is filed under: those of every object, then those its projection states.
fn object_keys(object: &Object) -> Vec<IndexKey> {
    let mut keys = Vec::with_capacity(3);
    let namespace = object.name.namespace_arc();
    if object.name.kind().info().namespaced {
        keys.push(IndexKey::InNamespace(object.name.kind(), namespace.clone()));
    }
    if let Some(owner) = &object.meta.controller {
        keys.push(IndexKey::OwnedBy(
            namespace.clone(),
            owner.kind.clone(),
            owner.name.clone(),
        ));
    }
    match &object.body {
        Ok(body) => body.index_keys(&object.name, &object.meta, &mut keys),
        Err(_) => keys.push(IndexKey::Unparsed(object.name.kind(), namespace.clone())),
    }
    keys
}

/// Shares equal label sets; sweeps out those that nobody else holds when it has grown.
#[derive(Default)]
struct Interner {
    sets: HashSet<Labels>,
    sweep_at: usize,
}

impl Interner {
    fn share(&mut self, labels: Labels) -> Labels {
        if let Some(shared) = self.sets.get(&labels) {
            return shared.clone();
        }
        if self.sets.len() >= self.sweep_at {
            self.sets.retain(|set| set.shared_by() > 1);
            self.sweep_at = (self.sets.len() * 2).max(1024);
        }
        self.sets.insert(labels.clone());
        labels
    }
}
