//! The units of a baseline with their verdicts: a persistent map, small per unit.

use std::{collections::BTreeSet, fmt, sync::Arc};

use imbl::OrdMap;
use triomphe::ThinArc;

use super::{Judgement, UnitKey, UnitResult};
use crate::name::ObjRef;

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
