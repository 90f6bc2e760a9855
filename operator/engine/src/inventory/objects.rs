//! The objects themselves, each found by its name.

use std::hash::BuildHasher;

use hashbrown::HashTable;

use crate::{decode::Object, name::ObjRef, slab::Slab};

/// All objects. They lie in chunks, and what finds them holds nothing but their numbers: there are very many.
#[derive(Default)]
pub(super) struct Objects {
    by_number: Slab<Object>,
    by_name: HashTable<u32>,
    hasher: foldhash::fast::RandomState,
}

impl Objects {
    fn number(&self, name: &ObjRef) -> Option<u32> {
        let is = |number: &u32| {
            self.by_number
                .get(*number)
                .is_some_and(|object| object.name == *name)
        };
        self.by_name.find(self.hasher.hash_one(name), is).copied()
    }

    pub(super) fn get(&self, name: &ObjRef) -> Option<&Object> {
        self.by_number.get(self.number(name)?)
    }

    pub(super) fn len(&self) -> usize {
        self.by_name.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Object> {
        self.by_number.iter().map(|(_, object)| object)
    }

    /// Makes room for so many more names: to grow step by step looks at all of them several times.
    pub(super) fn reserve(&mut self, more: usize) {
        let Self {
            by_number: objects,
            by_name,
            hasher,
        } = self;
        by_name.reserve(more, |number| {
            objects
                .get(*number)
                .map_or(0, |object| hasher.hash_one(&object.name))
        });
    }

    /// Takes an object in, in place of the one of its name.
    pub(super) fn put(&mut self, object: Object) {
        let number = self.number(&object.name);
        if let Some(held) = number.and_then(|number| self.by_number.get_mut(number)) {
            *held = object;
            return;
        }
        let hash = self.hasher.hash_one(&object.name);
        let number = self.by_number.insert(object);
        let Self {
            by_number: objects,
            hasher,
            ..
        } = self;
        let hash_of = |number: &u32| {
            objects
                .get(*number)
                .map_or(0, |object| hasher.hash_one(&object.name))
        };
        self.by_name.insert_unique(hash, number, hash_of);
    }

    /// Takes an object out.
    pub(super) fn take(&mut self, name: &ObjRef) -> Option<Object> {
        let number = self.number(name)?;
        let hash = self.hasher.hash_one(name);
        if let Ok(place) = self.by_name.find_entry(hash, |other| *other == number) {
            place.remove();
        }
        self.by_number.remove(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{decode::decode_json, kind::Kind};

    #[test]
    fn an_object_takes_the_place_of_its_namesake_and_leaves_it() {
        let node = |number: usize, zone: &str| {
            let json =
                format!(r#"{{"metadata": {{"name": "node-{number}", "labels": {{"zone": "{zone}"}}}}}}"#);
            decode_json(Kind::Node, &json).unwrap()
        };
        let mut objects = Objects::default();
        (0..1000).for_each(|number| objects.put(node(number, "a")));
        (0..1000).for_each(|number| objects.put(node(number, "b")));
        assert_eq!(objects.len(), 1000);
        assert!(
            objects
                .iter()
                .all(|object| object.meta.labels.get("zone") == Some("b"))
        );
        for number in 0..1000 {
            let name = node(number, "b").name;
            assert_eq!(objects.take(&name).map(|object| object.name), Some(name.clone()));
            assert!(objects.get(&name).is_none());
        }
        assert_eq!((objects.len(), objects.iter().count()), (0, 0));
        assert_eq!(size_of::<Option<Object>>(), 40, "of each of very many");
    }
}
