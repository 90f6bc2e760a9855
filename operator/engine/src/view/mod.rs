//! What a control or a fact may see: objects by name and by index, facts, and whether a moment has passed.
//!
//! Every read is recorded, absence included, so that a change re-evaluates exactly its readers. Authors write naive code.

mod objects;
mod pods;
mod texts;

use std::{
    cell::{OnceCell, RefCell},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};

use crate::{
    baseline::Settings,
    dep::Dep,
    fact::{Computed, ErasedFact, Fact, Known, value},
    facts::{Standing, StandingValue},
    graph::FactStore,
    inventory::{Inventory, Release},
    kind::{Kind, KindSet},
    memory::Memory,
    name::ObjRef,
    observation::{Observations, Observed},
    probe::{Check, Endpoint, Handshake, History},
    restore::{RESTORE_KINDS, Restore},
    texts::{Mark, Place},
    unknown::Unknown,
};

/// What a unit or fact was evaluated from.
#[derive(Clone, Default, Debug, PartialEq)]
pub(crate) struct Reads {
    pub(crate) deps: Vec<Dep>,
    /// The next moment at which time alone may change the result.
    pub(crate) wake: Option<Timestamp>,
}

impl Reads {
    /// Adds what something else was computed from, but for what need not be recorded.
    fn add(&mut self, other: &Self, own: Option<Dep>) {
        let not_own = other.deps.iter().filter(|dep| own != Some(**dep));
        self.deps.extend(not_own);
        self.wake = self.wake.into_iter().chain(other.wake).min();
    }

    /// Sorts and deduplicates, so that equal reads compare equal.
    pub(crate) fn settle(mut self) -> Self {
        self.deps.sort_unstable();
        self.deps.dedup();
        self
    }
}

/// A release with the namespaces it has workloads in.
pub type SpreadRelease<'a> = (&'a Release, Vec<&'a Arc<str>>);

/// Something that decoding saw in a text: where, and what.
pub type Seen<'a> = (Place<'a>, &'a Mark);

/// Everything an evaluation is a function of.
#[derive(Clone, Copy)]
pub(crate) struct World<'a> {
    pub(crate) inventory: &'a Inventory,
    pub(crate) facts: &'a FactStore,
    pub(crate) memory: &'a Memory,
    pub(crate) observations: &'a Observations,
    pub(crate) now: Timestamp,
    /// Facts computed earlier in the turn and not yet in the store, for all threads.
    pub(crate) warm: Option<&'a Known>,
    /// Whether reads are recorded: who looks once need not know whom a change would concern.
    pub(crate) records: bool,
}

/// Facts computed during one evaluation and not yet in the store; one per thread.
#[derive(Default)]
pub(crate) struct Overlay {
    computed: RefCell<Known>,
    under_way: RefCell<Vec<Dep>>,
}

impl Overlay {
    /// Those that are kept, each after those that it read.
    pub(crate) fn into_computed(self) -> impl Iterator<Item = Computed> {
        let computed = self.computed.into_inner().into_list().into_iter();
        computed.filter(Computed::is_kept)
    }
}

/// A recorded, restricted sight of the cluster.
pub struct View<'a> {
    world: World<'a>,
    overlay: &'a Overlay,
    settings: Option<&'a Arc<Settings>>,
    namespace: &'a str,
    own: Option<Dep>,
    allowed: KindSet,
    reads: RefCell<Reads>,
    /// Where the unit's own namespace stands: every unit asks, most of them more than once.
    stands: OnceCell<Arc<StandingValue>>,
}

impl<'a> View<'a> {
    pub(crate) fn for_unit(
        world: World<'a>,
        overlay: &'a Overlay,
        settings: &'a Arc<Settings>,
        subject: &'a ObjRef,
        allowed: KindSet,
    ) -> Self {
        // Whoever asks for scope, environment or tenant reads Namespaces.
        let allowed = allowed.with(Kind::Namespace);
        Self {
            world,
            overlay,
            settings: Some(settings),
            namespace: subject.governing_namespace().unwrap_or_default(),
            own: world.records.then(|| Dep::object(subject)),
            allowed,
            reads: RefCell::default(),
            stands: OnceCell::new(),
        }
    }

    pub(crate) fn for_fact(world: World<'a>, overlay: &'a Overlay, allowed: KindSet) -> Self {
        Self {
            world,
            overlay,
            settings: None,
            namespace: "",
            own: None,
            allowed,
            reads: RefCell::default(),
            stands: OnceCell::new(),
        }
    }

    pub(crate) fn into_reads(self) -> Reads {
        self.reads.into_inner().settle()
    }

    /// A fact.
    pub fn fact<F: Fact>(&self, fact: &F) -> Result<Arc<F::Value>, Unknown> {
        self.enforce(F::READS, std::any::type_name::<F>());
        let dep = Dep::fact(fact);
        let stored = self.world.facts.current(dep, fact);
        let known = stored.or_else(|| Some(self.world.warm?.get(dep)?.value.clone()));
        if let Some(known) = known {
            self.record(|| dep);
            return value::<F>(known);
        }
        if self.overlay.computed.borrow().get(dep).is_none() {
            self.compute_here(fact, dep)?;
        }
        let overlaid = self.overlay.computed.borrow();
        let Some(computed) = overlaid.get(dep) else {
            return Err(cyclic(fact));
        };
        if computed.is_kept() {
            self.record(|| dep);
        } else {
            self.reads.borrow_mut().add(&computed.reads, self.own);
        }
        value::<F>(computed.value.clone())
    }

    fn compute_here<F: Fact>(&self, fact: &F, dep: Dep) -> Result<(), Unknown> {
        if self.overlay.under_way.borrow().contains(&dep) {
            self.reads.borrow_mut().deps.push(dep);
            return Err(cyclic(fact));
        }
        self.overlay.under_way.borrow_mut().push(dep);
        let computed = compute(self.world, self.overlay, Arc::new(fact.clone()), dep);
        self.overlay.under_way.borrow_mut().retain(|other| *other != dep);
        self.overlay.computed.borrow_mut().add(computed);
        Ok(())
    }

    /// Whether a moment has passed. When it has not, the reader runs again at that moment.
    pub fn is_past(&self, moment: Timestamp) -> bool {
        if self.world.now >= moment {
            return true;
        }
        let mut reads = self.reads.borrow_mut();
        reads.wake = Some(reads.wake.map_or(moment, |wake| wake.min(moment)));
        false
    }

    /// Whether something that happened at `since` is older than `age`. A time in the future is not old: clocks differ.
    pub fn is_older(&self, since: Timestamp, age: impl Into<SignedDuration>) -> bool {
        // An age beyond the calendar has not passed and never will.
        since
            .checked_add(age.into())
            .is_ok_and(|moment| self.is_past(moment))
    }

    /// How old something is, for messages only: reading it does not make the reader run again.
    pub fn age(&self, since: Timestamp) -> SignedDuration {
        self.world.now.duration_since(since)
    }

    /// The moment of this evaluation, for arithmetic whose result the caller guards with [`View::is_past`].
    pub fn evaluated_at(&self) -> Timestamp {
        self.world.now
    }

    /// Settings of the unit's baseline; facts carry their own.
    pub fn settings(&self) -> Result<&'a Arc<Settings>, Unknown> {
        self.settings
            .ok_or_else(|| Unknown::new("NoBaseline", "facts have no baseline of their own"))
    }

    /// Where a namespace stands under the unit's baseline: scope, tenant, environment.
    pub fn standing_of(&self, namespace: &str) -> Result<Arc<StandingValue>, Unknown> {
        self.fact(&Standing {
            settings: self.settings()?.clone(),
            namespace: namespace.into(),
        })
    }

    /// Where the unit's own namespace stands.
    pub fn standing(&self) -> Result<Arc<StandingValue>, Unknown> {
        if let Some(known) = self.stands.get() {
            return Ok(known.clone());
        }
        let standing = self.standing_of(self.namespace)?;
        Ok(self.stands.get_or_init(|| standing).clone())
    }

    /// The environment of the unit's namespace; Unknown where the namespace has no valid label.
    pub fn environment(&self) -> Result<Arc<str>, Unknown> {
        self.standing()?
            .environment
            .clone()
            .ok_or_else(|| Unknown::environment(self.namespace))
    }

    /// Whether the unit's namespace belongs to one of these environments.
    pub fn is_in(&self, environments: &[String]) -> Result<bool, Unknown> {
        let environment = self.environment()?;
        Ok(environments.iter().any(|e| **e == *environment))
    }

    /// What is remembered as the first value of a namespace's label.
    pub(crate) fn first_seen(&self, label_key: &str, namespace: &str) -> Option<&'a str> {
        self.record(|| Dep::first_seen(label_key, namespace));
        self.world.memory.first_label(label_key, namespace)
    }

    /// What was observed last about `key`; `None` where nobody looked, as in a scan.
    pub fn observed<O: Observed>(&self, key: &O::Key) -> Option<&'a O> {
        let dep = Dep::observation::<O>(key);
        self.record(|| dep);
        self.world.observations.get(dep, key)
    }

    /// What a TLS server answered when it was probed last for the unit's namespace.
    pub fn handshake(&self, endpoint: &Endpoint) -> Option<&'a Handshake> {
        self.record(|| Dep::handshakes(self.namespace, &endpoint.host));
        self.world.memory.probed(self.namespace)?.handshakes.get(endpoint)
    }

    /// What the TLS servers of a host of the unit's namespace answered last, wherever probes were aimed.
    pub fn handshakes(&self, host: &str) -> Vec<(&'a Endpoint, &'a Handshake)> {
        self.record(|| Dep::handshakes(self.namespace, host));
        let probed = self.world.memory.probed(self.namespace);
        probed.map_or_else(Vec::new, |probed| probed.handshakes_of(host).collect())
    }

    /// How available a host of the unit's namespace was.
    pub fn availability(&self, check: &Check) -> Option<&'a History> {
        self.record(|| Dep::availability(self.namespace, check));
        self.world.memory.probed(self.namespace)?.availability.get(check)
    }

    /// What is known of restores of a database, the best evidence first. That none is known proves nothing where the
    /// kinds that tell of restores cannot be seen ([`View::sees_restores`]).
    pub fn restores(&self, target: &ObjRef) -> Vec<&'a Restore> {
        let namespace = target.namespace().unwrap_or_default();
        self.record(|| Dep::restores(namespace));
        self.world.memory.restores(target).collect()
    }

    /// Whether every restore would have been seen.
    pub fn sees_restores(&self) -> Result<(), Unknown> {
        for kind in RESTORE_KINDS.iter().chain([&Kind::Namespace]) {
            self.enforce(KindSet::of(&[*kind]), kind.info().kind);
            self.world.inventory.coverage(*kind).proves_absence(*kind)?;
        }
        Ok(())
    }

    fn read(&self, dep: impl FnOnce() -> Dep, kind: Kind) {
        self.enforce(KindSet::of(&[kind]), kind.info().kind);
        self.record(dep);
    }

    fn record(&self, dep: impl FnOnce() -> Dep) {
        // The unit's own object need not be recorded: whatever changes it runs its units.
        if self.world.records
            && let Some(dep) = Some(dep()).filter(|dep| self.own != Some(*dep))
        {
            self.reads.borrow_mut().deps.push(dep);
        }
    }

    /// A read that `META.reads` does not declare would neither be watched nor granted: a mistake of the author, which
    /// surfaces as a panic that the engine turns into Unknown(Panicked).
    fn enforce(&self, kinds: KindSet, what: &str) {
        assert!(
            self.allowed.includes(kinds),
            "{what} is read but not declared in META.reads or READS"
        );
    }
}

fn cyclic(fact: &impl Fact) -> Unknown {
    Unknown::new("CyclicFact", format!("{fact:?} depends on itself"))
}

/// Computes a fact, recording what it reads.
pub(crate) fn compute(world: World<'_>, overlay: &Overlay, fact: Arc<dyn ErasedFact>, dep: Dep) -> Computed {
    let view = View::for_fact(world, overlay, fact.reads());
    // What panics is Unknown until what it read changes, like any other value, and ends neither the turn nor its readers.
    let value = catch_unwind(AssertUnwindSafe(|| fact.compute(&view)))
        .unwrap_or_else(|payload| Err(Unknown::panicked("a fact", payload.as_ref())));
    let reads = view.into_reads();
    Computed {
        fact,
        dep,
        value,
        reads,
    }
}
