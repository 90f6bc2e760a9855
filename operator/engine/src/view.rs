//! What a control or a fact may see: objects by name and by index, facts, and whether a moment has passed.
//!
//! Every read is recorded, absence included, so that a change re-evaluates exactly its readers. Authors write naive code.

use std::{
    cell::RefCell,
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};

use crate::{
    baseline::Settings,
    control::{WORKLOADS, project},
    coverage::Coverage,
    decode::{DecodePlan, Object},
    dep::Dep,
    fact::{Computed, ErasedFact, Fact, value},
    facts::Standing,
    graph::FactStore,
    inventory::{Group, IndexKey, Inventory, Release, Violated},
    kind::{Kind, KindSet},
    memory::Memory,
    name::ObjRef,
    object::{Body, Projection},
    observation::{Observations, Observed},
    podsecurity::Checks,
    probe::{Check, Endpoint, Handshake, History},
    reach::{Pods, pods_of},
    restore::{RESTORE_KINDS, Restore},
    texts::{Mark, Patterns, Place, Sign},
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
    pub(crate) warm: Option<&'a HashMap<Dep, Computed>>,
}

/// Facts computed during one evaluation and not yet in the store; one per thread.
#[derive(Default)]
pub(crate) struct Overlay {
    computed: RefCell<HashMap<Dep, Computed>>,
    under_way: RefCell<Vec<Dep>>,
}

impl Overlay {
    /// Those that are kept.
    pub(crate) fn into_computed(self) -> impl Iterator<Item = Computed> {
        let computed = self.computed.into_inner().into_values();
        computed.filter(|computed| computed.fact.is_kept())
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
            own: Some(Dep::object(subject)),
            allowed,
            reads: RefCell::default(),
        }
    }

    fn for_fact(world: World<'a>, overlay: &'a Overlay, allowed: KindSet) -> Self {
        Self {
            world,
            overlay,
            settings: None,
            namespace: "",
            own: None,
            allowed,
            reads: RefCell::default(),
        }
    }

    pub(crate) fn into_reads(self) -> Reads {
        self.reads.into_inner().settle()
    }

    /// An object by name; `None` only where its absence is certain.
    pub fn object(&self, name: &ObjRef) -> Result<Option<&'a Object>, Unknown> {
        self.read(Dep::object(name), name.kind());
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
        self.read(Dep::object(&object.name), object.name.kind());
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

    /// All objects of a kind in one namespace. For kinds of which a namespace has few.
    pub fn in_namespace(&self, kind: Kind, namespace: &str) -> Result<Vec<&'a Object>, Unknown> {
        self.indexed(kind, &IndexKey::InNamespace(kind, namespace.into()))
    }

    /// How many objects of a kind a namespace holds.
    pub fn count_in_namespace(&self, kind: Kind, namespace: &str) -> Result<usize, Unknown> {
        let key = IndexKey::InNamespace(kind, namespace.into());
        self.read(Dep::index(&key), kind);
        self.world.inventory.coverage(kind).proves_absence(kind)?;
        Ok(self.world.inventory.indexed(&key).len())
    }

    /// The objects of `kind` filed under a key.
    pub fn indexed(&self, kind: Kind, key: &IndexKey) -> Result<Vec<&'a Object>, Unknown> {
        self.read(Dep::index(key), kind);
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
        self.read(Dep::index(key), kind);
        let inventory = self.world.inventory;
        let names = inventory.indexed(key).filter(move |name| name.kind() == kind);
        self.so_far(kind, names)
    }

    /// All objects of `kind` as far as they can be seen, and why they may not be all.
    pub fn all_so_far(
        &self,
        kind: Kind,
    ) -> (impl Iterator<Item = &'a Object> + use<'a>, Result<(), Unknown>) {
        self.read(Dep::kind(kind), kind);
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

    /// The pods of a namespace by the objects that stand for them: a workload for all of its own. Nobody runs when a workload
    /// changes in what policies cannot see.
    pub fn pods_in(&self, namespace: &Arc<str>) -> Result<Vec<Pods>, Unknown> {
        self.read_workloads(Dep::speech(namespace))?;
        for kind in WORKLOADS {
            self.all_parsed(*kind, namespace)?;
        }
        let inventory = self.world.inventory;
        let objects = self.objects(inventory.indexed(&IndexKey::Speaks(namespace.clone())));
        Ok(objects.into_iter().filter_map(pods_of).collect())
    }

    /// All objects of a kind, over all namespaces. For cluster units and facts; any change of the kind runs the reader.
    pub fn all(&self, kind: Kind) -> Result<Vec<&'a Object>, Unknown> {
        self.read(Dep::kind(kind), kind);
        self.world.inventory.coverage(kind).proves_absence(kind)?;
        Ok(self.objects(self.world.inventory.names(kind)))
    }

    /// The values of a watched label (one that names tenants or environments under some baseline) among the top-most
    /// workloads of a namespace or, for the empty namespace, among all Namespaces. One event in a namespace of 10,000
    /// workloads that all carry the same value runs nobody: only the first and the last workload with a value do.
    ///
    /// Also tells why the values may not be all, where a kind cannot be seen as a whole.
    pub fn label_values(&self, namespace: &str, key: &str) -> (Vec<&'a Arc<str>>, Result<(), Unknown>) {
        let group = Group::LabelValues(namespace.into(), key.into());
        let complete = self.read_labelled(Dep::group(&group), namespace);
        (self.world.inventory.members(&group).collect(), complete)
    }

    /// The objects behind one of [`View::label_values`]: of kinds that cannot be read at all, none.
    pub fn labelled(&self, namespace: &str, key: &str, value: &str) -> Vec<&'a Object> {
        let key = IndexKey::Labelled(namespace.into(), key.into(), value.into());
        _ = self.read_labelled(Dep::index(&key), namespace);
        let inventory = self.world.inventory;
        let readable = |kind: Kind| inventory.coverage(kind).proves_presence(kind).is_ok();
        self.objects(inventory.indexed(&key).filter(|name| readable(name.kind())))
    }

    /// What one deployment of a tool (Helm, Argo CD) installed in several namespaces under one ServiceAccount name, and in
    /// which; also why that may not be all.
    pub fn spread_releases(&self) -> (Vec<SpreadRelease<'a>>, Result<(), Unknown>) {
        let complete = self.read_workloads(Dep::spread_releases());
        let inventory = self.world.inventory;
        let releases = inventory.spread_releases().map(|release| {
            let group = Group::ReleaseNamespaces(release.clone());
            self.reads.borrow_mut().deps.push(Dep::group(&group));
            (release, inventory.members(&group).collect())
        });
        (releases.collect(), complete)
    }

    /// The workloads of a release in one namespace.
    pub fn released(&self, release: &Release, namespace: &str) -> Vec<&'a Object> {
        let key = IndexKey::Released(release.clone(), namespace.into());
        _ = self.read_workloads(Dep::index(&key));
        let inventory = self.world.inventory;
        let readable = |kind: Kind| inventory.coverage(kind).proves_presence(kind).is_ok();
        self.objects(inventory.indexed(&key).filter(|name| readable(name.kind())))
    }

    /// The sets of Pod Security checks that the pods of a namespace violate.
    pub(crate) fn violated(&self, namespace: &Arc<str>) -> Result<Violated, Unknown> {
        self.read_workloads(Dep::group(&Group::Violations(namespace.clone())))?;
        for kind in WORKLOADS {
            self.all_parsed(*kind, namespace)?;
        }
        Ok(self.world.inventory.violated(namespace))
    }

    /// The first workloads whose pods violate exactly these checks, by name, and how many there are.
    pub(crate) fn violating(
        &self,
        namespace: &Arc<str>,
        checks: Checks,
        most: usize,
    ) -> Result<(Vec<&'a ObjRef>, usize), Unknown> {
        let key = IndexKey::Violating(namespace.clone(), checks);
        self.read_workloads(Dep::index(&key))?;
        let names = self.world.inventory.indexed(&key);
        let count = names.len();
        // The key is ours for the moment only; the names are the inventory's.
        let first = names.take(most).filter_map(|name| self.world.inventory.get(name));
        Ok((first.map(|object| &object.name).collect(), count))
    }

    fn read_labelled(&self, dep: Dep, namespace: &str) -> Result<(), Unknown> {
        if namespace.is_empty() {
            self.read(dep, Kind::Namespace);
            let coverage = self.world.inventory.coverage(Kind::Namespace);
            return coverage.proves_absence(Kind::Namespace);
        }
        self.read_workloads(dep)
    }

    fn read_workloads(&self, dep: Dep) -> Result<(), Unknown> {
        let mut complete = Ok(());
        for kind in WORKLOADS {
            self.read(dep, *kind);
            complete = complete.and(self.world.inventory.coverage(*kind).proves_absence(*kind));
        }
        complete
    }

    fn objects<'n>(&self, names: impl Iterator<Item = &'n ObjRef>) -> Vec<&'a Object> {
        names.filter_map(|name| self.world.inventory.get(name)).collect()
    }

    /// A fact.
    pub fn fact<F: Fact>(&self, fact: &F) -> Result<Arc<F::Value>, Unknown> {
        self.enforce(F::READS, std::any::type_name::<F>());
        let dep = Dep::fact(fact);
        if F::KEPT {
            self.reads.borrow_mut().deps.push(dep);
            if let Some(known) = self.world.facts.current(dep, fact) {
                return value::<F>(known);
            }
            if let Some(known) = self.world.warm.and_then(|warm| warm.get(&dep)) {
                return value::<F>(known.value.clone());
            }
        }
        if !self.overlay.computed.borrow().contains_key(&dep) {
            self.compute_here(fact, dep)?;
        }
        let overlaid = self.overlay.computed.borrow();
        let Some(computed) = overlaid.get(&dep) else {
            return Err(cyclic(fact));
        };
        if !F::KEPT {
            self.reads.borrow_mut().add(&computed.reads, self.own);
        }
        value::<F>(computed.value.clone())
    }

    fn compute_here<F: Fact>(&self, fact: &F, dep: Dep) -> Result<(), Unknown> {
        if self.overlay.under_way.borrow().contains(&dep) {
            return Err(cyclic(fact));
        }
        self.overlay.under_way.borrow_mut().push(dep);
        let computed = compute(self.world, self.overlay, Arc::new(fact.clone()), dep);
        self.overlay.under_way.borrow_mut().retain(|other| *other != dep);
        self.overlay.computed.borrow_mut().insert(dep, computed);
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
    pub fn standing_of(&self, namespace: &str) -> Result<Arc<crate::facts::StandingValue>, Unknown> {
        self.fact(&Standing {
            settings: self.settings()?.clone(),
            namespace: namespace.into(),
        })
    }

    /// Where the unit's own namespace stands.
    pub fn standing(&self) -> Result<Arc<crate::facts::StandingValue>, Unknown> {
        self.standing_of(self.namespace)
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
        self.reads
            .borrow_mut()
            .deps
            .push(Dep::first_seen(label_key, namespace));
        self.world.memory.first_label(label_key, namespace)
    }

    /// What was observed last about `key`; `None` where nobody looked, as in a scan.
    pub fn observed<O: Observed>(&self, key: &O::Key) -> Option<&'a O> {
        let dep = Dep::observation::<O>(key);
        self.reads.borrow_mut().deps.push(dep);
        self.world.observations.get(dep, key)
    }

    /// What a TLS server answered when it was probed last for the unit's namespace.
    pub fn handshake(&self, endpoint: &Endpoint) -> Option<&'a Handshake> {
        self.reads
            .borrow_mut()
            .deps
            .push(Dep::handshake(self.namespace, endpoint));
        self.world.memory.probed(self.namespace)?.handshakes.get(endpoint)
    }

    /// How available a host of the unit's namespace was.
    pub fn availability(&self, check: &Check) -> Option<&'a History> {
        self.reads
            .borrow_mut()
            .deps
            .push(Dep::availability(self.namespace, check));
        self.world.memory.probed(self.namespace)?.availability.get(check)
    }

    /// What is known of restores of a database, the best evidence first. That none is known proves nothing where the
    /// kinds that tell of restores cannot be seen ([`View::sees_restores`]).
    pub fn restores(&self, target: &ObjRef) -> Vec<&'a Restore> {
        let namespace = target.namespace().unwrap_or_default();
        self.reads.borrow_mut().deps.push(Dep::restores(namespace));
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

    fn read(&self, dep: Dep, kind: Kind) {
        self.enforce(KindSet::of(&[kind]), kind.info().kind);
        // The unit's own object need not be recorded: whatever changes it runs its units.
        if self.own != Some(dep) {
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

/// The objects were decoded before anybody asked: they are being listed again.
fn not_looked_for(object: &Object) -> Unknown {
    let kind = object.name.kind().resource();
    Unknown::new(
        "NotDecoded",
        format!("{kind} were decoded before this was asked for, and are being listed again"),
    )
    .live_only()
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
