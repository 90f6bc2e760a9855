//! Observations: what no object of the API server says and somebody saw: how the operator itself is doing, what a probe met.
//!
//! They enter the engine as values ([`crate::Engine::observe`]), are found by key, compared by value, and a change wakes
//! exactly their readers ([`crate::view::View::observed`]). They are watched by nobody, need no rights, and a scan has none.

pub mod operator;

use std::{any::Any, collections::HashMap, fmt, hash::Hash};

use crate::dep::Dep;

/// A kind of observation, identified by its type.
pub trait Observed: PartialEq + fmt::Debug + Send + Sync + 'static {
    /// What one is about; `()` where there is only one.
    type Key: Clone + Eq + Hash + fmt::Debug + Send + Sync + 'static;
}

/// One observation of any kind, or that it no longer holds.
#[derive(Debug)]
pub struct Observation {
    dep: Dep,
    key: Box<dyn Any + Send + Sync>,
    value: Option<Box<dyn Erased>>,
    same_key: fn(&dyn Any, &dyn Any) -> bool,
}

impl Observation {
    /// This was seen.
    pub fn of<O: Observed>(key: O::Key, value: O) -> Self {
        Self::new::<O>(key, Some(Box::new(value)))
    }

    /// It is no longer known.
    pub fn gone<O: Observed>(key: O::Key) -> Self {
        Self::new::<O>(key, None)
    }

    fn new<O: Observed>(key: O::Key, value: Option<Box<dyn Erased>>) -> Self {
        Self {
            dep: Dep::observation::<O>(&key),
            key: Box::new(key),
            value,
            same_key: |a, b| matches!((a.downcast_ref::<O::Key>(), b.downcast_ref()), (Some(a), Some(b)) if a == b),
        }
    }
}

/// A value of any kind of observation.
trait Erased: fmt::Debug + Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn same(&self, other: &dyn Any) -> bool;
}

impl<O: Observed> Erased for O {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn same(&self, other: &dyn Any) -> bool {
        other.downcast_ref() == Some(self)
    }
}

/// Everything observed that still holds.
#[derive(Default)]
pub(crate) struct Observations(HashMap<Dep, Vec<Observation>>);

impl Observations {
    /// The latest observation of a kind about `key`.
    pub(crate) fn get<O: Observed>(&self, dep: Dep, key: &O::Key) -> Option<&O> {
        let held = self
            .0
            .get(&dep)?
            .iter()
            .find(|held| (held.same_key)(&*held.key, key))?;
        held.value.as_ref()?.as_any().downcast_ref()
    }

    /// Takes an observation in; tells what that touches: nothing, when it says what is known.
    pub(crate) fn take(&mut self, new: Observation) -> Option<Dep> {
        let dep = new.dep;
        // Nearly always one: two keys with one digest are kept apart here, and wake each other's readers.
        let held = self.0.entry(dep).or_default();
        let known = held
            .iter()
            .position(|held| (held.same_key)(&*held.key, &*new.key));
        let before = known.map(|known| held.swap_remove(known));
        let same = match (before.as_ref().and_then(|b| b.value.as_ref()), &new.value) {
            (Some(before), Some(new)) => before.same(new.as_any()),
            (before, new) => before.is_none() && new.is_none(),
        };
        if new.value.is_some() {
            held.push(new);
        }
        if held.is_empty() {
            self.0.remove(&dep);
        }
        (!same).then_some(dep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(PartialEq, Debug)]
    struct Height(u32);

    impl Observed for Height {
        type Key = &'static str;
    }

    #[derive(PartialEq, Debug)]
    struct Depth(u32);

    impl Observed for Depth {
        type Key = &'static str;
    }

    fn height<'a>(held: &'a Observations, key: &'static str) -> Option<&'a Height> {
        held.get(Dep::observation::<Height>(&key), &key)
    }

    #[test]
    fn an_observation_is_found_by_its_kind_and_key_until_it_is_gone() {
        let mut held = Observations::default();
        assert!(held.take(Observation::of("a", Height(1))).is_some());
        assert!(held.take(Observation::of("a", Depth(2))).is_some());
        assert_eq!(height(&held, "a"), Some(&Height(1)));
        assert_eq!(height(&held, "b"), None);
        assert!(held.take(Observation::of("a", Height(3))).is_some());
        assert_eq!(height(&held, "a"), Some(&Height(3)));
        assert!(held.take(Observation::gone::<Height>("a")).is_some());
        assert_eq!(height(&held, "a"), None);
        assert_eq!(held.0.len(), 1);
    }

    #[test]
    fn what_is_known_already_touches_nobody() {
        let mut held = Observations::default();
        held.take(Observation::of("a", Height(1)));
        assert_eq!(held.take(Observation::of("a", Height(1))), None);
        assert_eq!(held.take(Observation::gone::<Height>("b")), None);
    }
}
