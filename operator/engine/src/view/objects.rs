//! Objects by name and by index, each read recorded, absence included.

use super::View;
use crate::{
    control::project, decode::Object, dep::Dep, inventory::IndexKey, kind::Kind, name::ObjRef,
    object::Projection, unknown::Unknown,
};

impl<'a> View<'a> {
    /// An object by name; `None` only where its absence is certain.
    pub fn object(&self, name: &ObjRef) -> Result<Option<&'a Object>, Unknown> {
        self.read(|| Dep::object(name), name.kind());
        let coverage = self.world.inventory.coverage(name.kind());
        match self.world.inventory.get(name) {
            Some(object) => coverage.proves_presence(name.kind()).map(|()| Some(object)),
            None => coverage.proves_absence(name.kind()).map(|()| None),
        }
    }

    /// The projection of an object by name.
    pub fn get<T: Projection>(&self, name: &ObjRef) -> Result<Option<&'a T>, Unknown> {
        self.object(name)?.map(project).transpose()
    }

    /// All objects of a kind in one namespace. For kinds of which a namespace has few.
    pub fn in_namespace(&self, kind: Kind, namespace: &str) -> Result<Vec<&'a Object>, Unknown> {
        self.indexed(kind, &IndexKey::InNamespace(kind, namespace.into()))
    }

    /// How many objects of a kind a namespace holds.
    pub fn count_in_namespace(&self, kind: Kind, namespace: &str) -> Result<usize, Unknown> {
        let key = IndexKey::InNamespace(kind, namespace.into());
        self.read(|| Dep::index(&key), kind);
        self.world.inventory.coverage(kind).proves_absence(kind)?;
        Ok(self.world.inventory.indexed(&key).len())
    }

    /// The objects of `kind` filed under a key.
    pub fn indexed(&self, kind: Kind, key: &IndexKey) -> Result<Vec<&'a Object>, Unknown> {
        self.read(|| Dep::index(key), kind);
        self.world.inventory.coverage(kind).proves_absence(kind)?;
        Ok(self.objects(
            self.world
                .inventory
                .indexed(key)
                .filter(|name| name.kind() == kind),
        ))
    }

    /// The objects of `kind` filed under a key as far as they can be seen, and why they may not be all: for findings that no
    /// further object could take back. The objects are looked up one by one as the caller goes on.
    pub fn indexed_so_far(
        &self,
        kind: Kind,
        key: &IndexKey,
    ) -> (impl Iterator<Item = &'a Object> + use<'a>, Result<(), Unknown>) {
        self.read(|| Dep::index(key), kind);
        let inventory = self.world.inventory;
        let names = inventory.indexed(key).filter(move |name| name.kind() == kind);
        self.so_far(kind, names)
    }

    /// All objects of `kind` as far as they can be seen, and why they may not be all.
    pub fn all_so_far(
        &self,
        kind: Kind,
    ) -> (impl Iterator<Item = &'a Object> + use<'a>, Result<(), Unknown>) {
        self.read(|| Dep::kind(kind), kind);
        self.so_far(kind, self.world.inventory.names(kind))
    }

    fn so_far<N: Iterator<Item = &'a ObjRef> + 'a>(
        &self,
        kind: Kind,
        names: N,
    ) -> (impl Iterator<Item = &'a Object> + use<'a, N>, Result<(), Unknown>) {
        let inventory = self.world.inventory;
        let coverage = inventory.coverage(kind);
        let seen = coverage.proves_presence(kind).is_ok();
        let objects = names
            .filter_map(move |name| inventory.get(name))
            .filter(move |_| seen);
        (objects, coverage.proves_absence(kind))
    }

    /// Unknown where a namespace holds an object of `kind` that could not be read: it is filed under no key, so a look-up
    /// would pass it over.
    pub fn all_parsed(&self, kind: Kind, namespace: &str) -> Result<(), Unknown> {
        match self
            .indexed(kind, &IndexKey::Unparsed(kind, namespace.into()))?
            .first()
        {
            // Its body is an error, whatever projection is asked for.
            Some(object) => project::<crate::object::Workload>(object).map(drop),
            None => Ok(()),
        }
    }

    /// The key under which the fewest objects are filed, for a look-up that any of them answers alike. That is why the
    /// choice is not recorded: another one, made later, would give the same result.
    pub(crate) fn narrowest(&self, keys: impl Iterator<Item = IndexKey>) -> Option<IndexKey> {
        keys.min_by_key(|key| self.world.inventory.indexed(key).len())
    }

    /// The objects of a kind that some owner controls (`ownerReferences[].controller`).
    pub fn owned_by(&self, kind: Kind, owner: &ObjRef) -> Result<Vec<&'a Object>, Unknown> {
        let namespace = owner.namespace_arc().clone();
        self.indexed(
            kind,
            &IndexKey::OwnedBy(namespace, owner.kind().info().kind.into(), owner.name().into()),
        )
    }

    /// All objects of a kind, over all namespaces. For cluster units and facts; any change of the kind runs the reader.
    pub fn all(&self, kind: Kind) -> Result<Vec<&'a Object>, Unknown> {
        self.read(|| Dep::kind(kind), kind);
        self.world.inventory.coverage(kind).proves_absence(kind)?;
        Ok(self.objects(self.world.inventory.names(kind)))
    }

    /// The names of all objects of a kind, over all namespaces. Only an object that comes or goes runs the reader.
    pub fn names(&self, kind: Kind) -> Result<impl Iterator<Item = &'a ObjRef> + use<'a>, Unknown> {
        self.read(|| Dep::census(kind), kind);
        self.world.inventory.coverage(kind).proves_absence(kind)?;
        Ok(self.world.inventory.names(kind))
    }

    pub(super) fn objects<'n>(&self, names: impl Iterator<Item = &'n ObjRef>) -> Vec<&'a Object> {
        names.filter_map(|name| self.world.inventory.get(name)).collect()
    }
}
