//! The name of an object: its kind, namespace and name, shared by everything that speaks of it.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use triomphe::ThinArc;

use crate::kind::Kind;

/// Names an object. Cheap to clone; equality and order are by (kind, namespace, name).
///
/// One word, and one allocation with little beside the name itself: where the object is, it has in common with others.
#[derive(Clone)]
pub struct ObjRef(ThinArc<triomphe::Arc<Place>, u8>);

/// Where an object is: what the names of one kind in one namespace share.
#[derive(PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place {
    kind: Kind,
    /// Empty for cluster-scoped objects: no namespace has an empty name.
    namespace: Arc<str>,
}

impl Place {
    pub(crate) fn new(kind: Kind, namespace: Arc<str>) -> triomphe::Arc<Self> {
        triomphe::Arc::new(Self { kind, namespace })
    }
}

impl PartialEq for ObjRef {
    fn eq(&self, other: &Self) -> bool {
        self.is_very(other) || (self.bytes() == other.bytes() && self.place() == other.place())
    }
}

impl Eq for ObjRef {}

impl Hash for ObjRef {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.place().hash(state);
        self.bytes().hash(state);
    }
}

impl PartialOrd for ObjRef {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ObjRef {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.is_very(other) {
            return Ordering::Equal;
        }
        let places = if triomphe::Arc::ptr_eq(self.place(), other.place()) {
            Ordering::Equal
        } else {
            self.place().cmp(other.place())
        };
        // Texts are ordered as their bytes are.
        places.then_with(|| self.bytes().cmp(other.bytes()))
    }
}

impl ObjRef {
    /// Names an object; `namespace` is empty for cluster-scoped kinds.
    pub fn new(kind: Kind, namespace: impl Into<Arc<str>>, name: impl AsRef<str>) -> Self {
        Self::at(Place::new(kind, namespace.into()), name.as_ref())
    }

    fn at(place: triomphe::Arc<Place>, name: &str) -> Self {
        Self(ThinArc::from_header_and_slice(place, name.as_bytes()))
    }

    /// Names a cluster-scoped object.
    pub fn cluster(kind: Kind, name: impl AsRef<str>) -> Self {
        Self::new(kind, "", name)
    }

    /// Names a Namespace.
    pub fn namespace_object(name: &str) -> Self {
        Self::cluster(Kind::Namespace, name)
    }

    /// The same name, its place shared with others.
    pub(crate) fn sharing(&self, place: triomphe::Arc<Place>) -> Self {
        Self::at(place, self.name())
    }

    /// Where the object is.
    pub(crate) fn place(&self) -> &triomphe::Arc<Place> {
        &self.0.header.header
    }

    fn bytes(&self) -> &[u8] {
        &self.0.slice
    }

    /// Names are shared: equal ones are mostly the very same, and need not be read.
    fn is_very(&self, other: &Self) -> bool {
        std::ptr::eq(self.bytes().as_ptr(), other.bytes().as_ptr())
    }

    /// The object's kind.
    pub fn kind(&self) -> Kind {
        self.place().kind
    }

    /// The object's namespace; `None` for cluster-scoped objects.
    pub fn namespace(&self) -> Option<&str> {
        let namespace = &*self.place().namespace;
        (!namespace.is_empty()).then_some(namespace)
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
        self.bytes() == b"*"
    }

    /// The namespace as a shared string, empty for cluster-scoped objects.
    pub(crate) fn namespace_arc(&self) -> &Arc<str> {
        &self.place().namespace
    }

    /// The object's name.
    pub fn name(&self) -> &str {
        // They were a text when they came in.
        std::str::from_utf8(self.bytes()).unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ordered_by_kind_namespace_and_name_whatever_they_share() {
        let name = |namespace: &str, name: &str| ObjRef::new(Kind::Pod, namespace, name);
        let (a, b, far) = (name("x", "a"), name("x", "b"), name("y", "a"));
        let shared = b.sharing(a.place().clone());
        assert!(a < b && b < far && shared == b && shared > a);
        assert!(ObjRef::cluster(Kind::Node, "z") != ObjRef::cluster(Kind::Namespace, "z"));
        assert_eq!((shared.name(), shared.namespace()), ("b", Some("x")));
    }
}
