//! The name of an object: its kind, namespace and name, shared by everything that speaks of it.

use std::{cmp::Ordering, fmt, sync::Arc};

use crate::kind::Kind;

/// Names an object. Cheap to clone; equality and order are by (kind, namespace, name).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ObjRef(Arc<Inner>);

impl PartialOrd for ObjRef {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ObjRef {
    fn cmp(&self, other: &Self) -> Ordering {
        // Names are shared: equal ones are mostly the very same, and need not be read.
        if Arc::ptr_eq(&self.0, &other.0) {
            Ordering::Equal
        } else {
            self.0.cmp(&other.0)
        }
    }
}

#[derive(PartialEq, Eq, Hash)]
struct Inner {
    kind: Kind,
    /// Empty for cluster-scoped objects: no namespace has an empty name.
    namespace: Arc<str>,
    name: Box<str>,
}

impl PartialOrd for Inner {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Inner {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.kind, &self.namespace, &self.name).cmp(&(other.kind, &other.namespace, &other.name))
    }
}

impl ObjRef {
    /// Names an object; `namespace` is empty for cluster-scoped kinds.
    pub fn new(kind: Kind, namespace: impl Into<Arc<str>>, name: impl Into<Box<str>>) -> Self {
        Self(Arc::new(Inner {
            kind,
            namespace: namespace.into(),
            name: name.into(),
        }))
    }

    /// Names a cluster-scoped object.
    pub fn cluster(kind: Kind, name: impl Into<Box<str>>) -> Self {
        Self::new(kind, "", name)
    }

    /// Names a Namespace.
    pub fn namespace_object(name: &str) -> Self {
        Self::cluster(Kind::Namespace, name)
    }

    /// The same name, its namespace shared with others.
    pub(crate) fn with_namespace(&self, namespace: Arc<str>) -> Self {
        Self::new(self.kind(), namespace, self.name())
    }

    /// The object's kind.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The object's namespace; `None` for cluster-scoped objects.
    pub fn namespace(&self) -> Option<&str> {
        (!self.0.namespace.is_empty()).then_some(&*self.0.namespace)
    }

    /// The namespace that governs the object: its own, or itself for a Namespace.
    pub fn governing_namespace(&self) -> Option<&str> {
        if self.kind() == Kind::Namespace {
            Some(self.name())
        } else {
            self.namespace()
        }
    }

    /// The namespace that answers for the object, empty where none does: that of [`Self::governing_namespace`], except for what
    /// stands for the cluster as a whole or for all namespaces.
    pub fn home(&self) -> &str {
        match self.governing_namespace() {
            Some(namespace) if !self.is_all() => namespace,
            _ => "",
        }
    }

    /// What stands for all objects of a kind where none of them can be seen. No object can bear its name, nor does the
    /// cluster as a whole, which is a Namespace called `""`.
    pub fn all_of(kind: Kind) -> Self {
        Self::cluster(kind, "*")
    }

    /// Whether this stands for all objects of its kind, see [`ObjRef::all_of`].
    pub fn is_all(&self) -> bool {
        self.name() == "*"
    }

    /// The namespace as a shared string, empty for cluster-scoped objects.
    pub(crate) fn namespace_arc(&self) -> &Arc<str> {
        &self.0.namespace
    }

    /// The object's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }
}

impl fmt::Display for ObjRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace() {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind(), self.name()),
            None => write!(f, "{} {}", self.kind(), self.name()),
        }
    }
}

impl fmt::Debug for ObjRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
