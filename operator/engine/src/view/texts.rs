//! What decoding saw in the texts of objects, which are not kept.

use super::{Seen, View};
use crate::{
    control::project,
    coverage::Coverage,
    decode::{DecodePlan, Object},
    dep::Dep,
    kind::{Kind, KindSet},
    object::Body,
    texts::{Mark, Patterns, Place, Sign},
    unknown::Unknown,
};

impl<'a> View<'a> {
    /// The credentials that decoding found in an object's texts, by someone's patterns: under which name or of which shape.
    /// Also tells why there may be more.
    pub fn credentials(
        &self,
        object: &'a Object,
        patterns: &Patterns,
    ) -> (Vec<Seen<'a>>, Result<(), Unknown>) {
        let (places, complete) = self.texts(object);
        let Some(ours) = self.matched(object.name.kind(), |plan| plan.index_of(patterns)) else {
            return (Vec::new(), Err(not_looked_for(object)));
        };
        let found = places.into_iter().flat_map(|place| {
            let mine = move |mark: &&Mark| match &mark.sign {
                Sign::Named { matcher } | Sign::Shaped { matcher, .. } => usize::from(*matcher) == ours,
                Sign::More => true,
                Sign::Host(_) => false,
            };
            place.marks.iter().filter(mine).map(move |mark| (place, mark))
        });
        (found.collect(), complete)
    }

    /// The Services that an object's texts name. Also tells why there may be more.
    pub fn hosts(&self, object: &'a Object) -> (Vec<Seen<'a>>, Result<(), Unknown>) {
        let (places, complete) = self.texts(object);
        if self
            .matched(object.name.kind(), |plan| plan.wants_hosts().then_some(()))
            .is_none()
        {
            return (Vec::new(), Err(not_looked_for(object)));
        }
        let found = places.into_iter().flat_map(|place| {
            let mine = |mark: &&Mark| matches!(mark.sign, Sign::Host(_) | Sign::More);
            place.marks.iter().filter(mine).map(move |mark| (place, mark))
        });
        (found.collect(), complete)
    }

    /// Whether the texts of a kind were looked through for Services that they name.
    pub fn looks_for_hosts(&self, kind: Kind) -> bool {
        self.enforce(KindSet::of(&[kind]), kind.info().kind);
        // There is nothing to look through of a kind that the cluster does not serve.
        self.world.inventory.coverage(kind) == Coverage::Absent
            || self
                .matched(kind, |plan| plan.wants_hosts().then_some(()))
                .is_some()
    }

    fn texts(&self, object: &'a Object) -> (Vec<Place<'a>>, Result<(), Unknown>) {
        self.read(|| Dep::object(&object.name), object.name.kind());
        let complete = match &object.body {
            Err(_) => project::<crate::object::Workload>(object).map(drop),
            // A pod that something else owns is judged there, and its specification is not kept.
            Ok(Body::Pod(pod)) if pod.spec().is_none() => Err(Unknown::new(
                "NotDecoded",
                format!(
                    "{} belongs to another object, which is not its controller",
                    object.name
                ),
            )),
            Ok(_) => Ok(()),
        };
        (object.texts(), complete)
    }

    /// What the plan says under which a kind was decoded. A change of that plan runs the readers of the kind.
    fn matched<T>(&self, kind: Kind, ask: impl FnOnce(&DecodePlan) -> Option<T>) -> Option<T> {
        self.world.inventory.decoded(kind).and_then(ask)
    }
}

/// The objects were decoded before anybody asked: they are being listed again.
fn not_looked_for(object: &Object) -> Unknown {
    let kind = object.name.kind().resource();
    Unknown::new(
        "NotDecoded",
        format!("{kind} were decoded before this was asked for, and are being listed again"),
    )
    .live_only()
}
