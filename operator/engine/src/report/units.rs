//! The units of a baseline with their verdicts: a persistent map, small per unit.

use std::{collections::BTreeSet, fmt, sync::Arc};

use imbl::OrdMap;
use triomphe::ThinArc;

use super::{Judgement, UnitKey, UnitResult};
use crate::{kind::Kind, name::ObjRef};

/// What is said of one subject under a baseline, by control. One word, shared by all who hold it.
#[derive(Clone, PartialEq, Default)]
pub(crate) struct Judgements(Option<ThinArc<(), Arc<Judgement>>>);

impl Judgements {
    fn all(&self) -> &[Arc<Judgement>] {
        self.0.as_ref().map_or(&[], |said| &said.slice)
    }

    /// What a control says.
    pub(crate) fn get(&self, control: &str) -> Option<&Arc<Judgement>> {
        let all = self.all();
        all.binary_search_by(|said| said.control.cmp(control))
            .ok()
            .map(|at| &all[at])
    }

    /// The same, but for what some controls say; `None` where one says nothing any more.
    pub(crate) fn with<'c>(
        &self,
        changes: impl IntoIterator<Item = (&'c str, Option<Arc<Judgement>>)>,
    ) -> Self {
        let mut all = self.all().to_vec();
        for (control, judgement) in changes {
            let at = all.binary_search_by(|said| said.control.cmp(control));
            match (at, judgement) {
                (Ok(at), Some(judgement)) => all[at] = judgement,
                (Ok(at), None) => _ = all.remove(at),
                (Err(at), Some(judgement)) => all.insert(at, judgement),
                (Err(_), None) => {}
            }
        }
        Self((!all.is_empty()).then(|| ThinArc::from_header_and_iter((), all.into_iter())))
    }

    /// Whether both hold the very same judgements.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let (mine, theirs) = (self.all(), other.all());
        mine.len() == theirs.len() && mine.iter().zip(theirs).all(|(a, b)| Arc::ptr_eq(a, b))
    }

    /// Whether nothing is said.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

/// Every unit of a baseline, by subject, then by control.
///
/// A unit is a pointer in its subject's list: there may be millions.
#[derive(Clone, PartialEq, Default)]
pub struct Units(OrdMap<ObjRef, Judgements>);

impl Units {
    /// What is said of a unit.
    pub fn judgement(&self, key: &UnitKey) -> Option<&Arc<Judgement>> {
        self.0.get(&key.subject)?.get(key.control)
    }

    /// A unit with what is said of it.
    pub fn get(&self, key: &UnitKey) -> Option<UnitResult> {
        Some(UnitResult {
            key: key.clone(),
            judgement: self.judgement(key)?.clone(),
        })
    }

    /// Whether the unit is there.
    pub fn contains(&self, key: &UnitKey) -> bool {
        self.judgement(key).is_some()
    }

    /// All units, by subject, then by control.
    pub fn values(&self) -> impl Iterator<Item = UnitResult> {
        self.0.iter().flat_map(|(subject, said)| {
            said.all().iter().map(|judgement| UnitResult {
                key: UnitKey {
                    control: judgement.control,
                    subject: subject.clone(),
                },
                judgement: judgement.clone(),
            })
        })
    }

    /// All units where they lie, by control, then by subject.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &ObjRef, &Arc<Judgement>)> {
        let controls: BTreeSet<&'static str> = self.judgements().map(|said| said.control).collect();
        controls.into_iter().flat_map(|control| {
            let subjects = self.0.iter();
            subjects.filter_map(move |(subject, said)| Some((control, subject, said.get(control)?)))
        })
    }

    /// The units that a namespace answers for ([`ObjRef::home`]), its own object included; of the empty name those that none
    /// answers for. Costs nothing for the units of others.
    pub fn governed_by<'u>(
        &'u self,
        namespace: &'u str,
    ) -> impl Iterator<Item = (&'static str, &'u ObjRef, &'u Arc<Judgement>)> {
        let kinds = kinds(&self.0).filter(|kind| *kind != Kind::Namespace);
        let of_kinds = kinds.flat_map(move |kind| {
            let first = ObjRef::new(kind, namespace, "");
            let same = move |unit: &(&ObjRef, _)| {
                unit.0.kind() == kind && unit.0.namespace().unwrap_or_default() == namespace
            };
            self.0.range(first..).take_while(same)
        });
        // Namespaces are no objects of one another: each is asked for by its own name, and "*" stands for all of them.
        let all = namespace.is_empty().then(|| ObjRef::all_of(Kind::Namespace));
        let own = [Some(ObjRef::namespace_object(namespace)), all];
        let own = own
            .into_iter()
            .flatten()
            .filter_map(|name| self.0.get_key_value(&name));
        of_kinds.chain(own).flat_map(|(subject, said)| {
            let said = said.all().iter();
            said.map(move |judgement| (judgement.control, subject, judgement))
        })
    }

    /// Every name that [`Self::governed_by`] knows units of.
    pub fn homes(&self) -> BTreeSet<Arc<str>> {
        let mut homes: BTreeSet<Arc<str>> = BTreeSet::new();
        for subject in self.0.keys() {
            let home = subject.home();
            if !homes.contains(home) {
                homes.insert(home.into());
            }
        }
        homes
    }

    /// What is said of each.
    pub fn judgements(&self) -> impl Iterator<Item = &Arc<Judgement>> {
        self.0.values().flat_map(Judgements::all)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.values().map(|said| said.all().len()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a unit, or replaces what is said of it. For what builds reports: the engine, and tests of what reads them.
    pub fn insert(&mut self, unit: UnitResult) {
        self.change(&unit.key, Some(unit.judgement));
    }

    /// Changes what is said of a unit; `None` takes it out.
    pub(crate) fn change(&mut self, key: &UnitKey, judgement: Option<Arc<Judgement>>) {
        let said = self.0.get(&key.subject).cloned().unwrap_or_default();
        self.set(&key.subject, said.with([(key.control, judgement)]));
    }

    /// Replaces everything that is said of a subject.
    pub(crate) fn set(&mut self, subject: &ObjRef, said: Judgements) {
        if said.is_empty() {
            self.0.remove(subject);
        } else {
            self.0.insert(subject.clone(), said);
        }
    }
}

/// The kinds among some units, without looking at each.
fn kinds<V: Clone>(units: &OrdMap<ObjRef, V>) -> impl Iterator<Item = Kind> {
    let next = |from: Option<Kind>| match from {
        None => units.get_min().map(|(first, _)| first.kind()),
        Some(kind) => {
            let after = Kind::ALL.iter().copied().find(|other| *other > kind)?;
            units
                .range(ObjRef::cluster(after, "")..)
                .next()
                .map(|(first, _)| first.kind())
        }
    };
    std::iter::successors(next(None), move |kind| next(Some(*kind)))
}

impl FromIterator<UnitResult> for Units {
    fn from_iter<I: IntoIterator<Item = UnitResult>>(units: I) -> Self {
        let mut filed = Self::default();
        units.into_iter().for_each(|unit| filed.insert(unit));
        filed
    }
}

impl fmt::Debug for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.values()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        baseline::Mode,
        finding::{Basis, Severity, Verdict},
    };

    #[test]
    fn every_unit_is_at_home_once() {
        let subjects = [
            ObjRef::namespace_object(""),
            ObjRef::namespace_object("*"),
            ObjRef::namespace_object("a"),
            ObjRef::namespace_object("b"),
            ObjRef::new(Kind::Deployment, "a", "web"),
            ObjRef::new(Kind::Deployment, "ab", "web"),
            ObjRef::new(Kind::Pod, "a", "web"),
            ObjRef::all_of(Kind::Pod),
            ObjRef::cluster(Kind::StorageClass, "a"),
        ];
        let judged = |control| {
            Arc::new(Judgement {
                control,
                severity: Severity::Low,
                basis: Basis::Automated,
                mode: Mode::Observe,
                environment: None,
                verdict: Verdict::Pass,
                findings: Box::default(),
                notes: Box::default(),
                blind: false,
            })
        };
        let units = ["x/all", "x/some"].into_iter().flat_map(|control| {
            let of_control = subjects.iter().skip(if control == "x/all" { 0 } else { 4 });
            let judgement = judged(control);
            of_control.map(move |subject| UnitResult {
                key: UnitKey {
                    control,
                    subject: subject.clone(),
                },
                judgement: judgement.clone(),
            })
        });
        let units: Units = units.collect();
        let homes = units.homes();
        assert_eq!(
            homes.iter().map(|home| &**home).collect::<Vec<_>>(),
            ["", "a", "ab", "b"]
        );
        let mut found = 0;
        for home in &homes {
            for (_, subject, _) in units.governed_by(home) {
                assert_eq!(subject.home(), &**home, "{subject}");
                found += 1;
            }
        }
        assert_eq!(found, units.len());
        assert_eq!(units.governed_by("elsewhere").count(), 0);
    }
}
