//! The units of a baseline with their verdicts: a persistent map, small per unit.

use std::{fmt, sync::Arc};

use imbl::OrdMap;

use super::{Judgement, UnitKey, UnitResult};
use crate::name::ObjRef;

/// Every unit of a baseline, by control and subject.
///
/// Filed under its control, an entry is two pointers: there may be millions.
#[derive(Clone, PartialEq, Default)]
pub struct Units(OrdMap<&'static str, OrdMap<ObjRef, Arc<Judgement>>>);

impl Units {
    /// What is said of a unit.
    pub fn judgement(&self, key: &UnitKey) -> Option<&Arc<Judgement>> {
        self.0.get(key.control)?.get(&key.subject)
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

    /// All units, by control, then by subject.
    pub fn values(&self) -> impl Iterator<Item = UnitResult> {
        self.0.iter().flat_map(|(control, units)| {
            units.iter().map(|(subject, judgement)| UnitResult {
                key: UnitKey {
                    control,
                    subject: subject.clone(),
                },
                judgement: judgement.clone(),
            })
        })
    }

    /// All units where they lie, by control, then by subject.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &ObjRef, &Arc<Judgement>)> {
        self.0.iter().flat_map(|(control, units)| {
            units
                .iter()
                .map(|(subject, judgement)| (*control, subject, judgement))
        })
    }

    /// What is said of each.
    pub fn judgements(&self) -> impl Iterator<Item = &Arc<Judgement>> {
        self.0.values().flat_map(OrdMap::values)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.values().map(OrdMap::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a unit, or replaces what is said of it. For what builds reports: the engine, and tests of what reads them.
    pub fn insert(&mut self, unit: UnitResult) {
        self.0
            .entry(unit.key.control)
            .or_default()
            .insert(unit.key.subject, unit.judgement);
    }

    pub(crate) fn remove(&mut self, key: &UnitKey) {
        if let Some(units) = self.0.get_mut(key.control) {
            units.remove(&key.subject);
            if units.is_empty() {
                self.0.remove(key.control);
            }
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
