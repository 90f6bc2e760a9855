//! What a control says beside its verdict: what it wants probed, and what it measured.

use std::sync::Arc;

use imbl::OrdMap;

use crate::{metric::Metric, probe::Request};

/// One sample: a series stands for as long as the unit that measured it is in scope. Labels may name hosts where the table of
/// metrics lists them, and never objects or tenants.
#[derive(Clone, PartialEq, Debug)]
pub struct Measure {
    /// Of what.
    pub metric: &'static Metric,
    /// The values of its labels, in their order.
    pub labels: Vec<Arc<str>>,
    /// Its value.
    pub value: f64,
}

/// Everything one unit's control said beside its verdict.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Aside {
    /// What is to be probed.
    pub requests: Vec<Request>,
    /// What was measured.
    pub measures: Vec<Measure>,
}

impl Aside {
    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty() && self.measures.is_empty()
    }
}

/// What all units said beside their verdicts: a persistent snapshot, by unit, of the few that said anything.
#[derive(Clone, Debug, Default)]
pub struct Asides(OrdMap<Speaker, Arc<Aside>>);

/// A unit: its node and its slot.
type Speaker = (u32, u32);

impl Asides {
    /// As if one unit had asked for this, to try a prober with.
    pub fn of_requests(requests: Vec<Request>) -> Self {
        let mut asides = Self::default();
        let measures = Vec::new();
        asides.set((0, 0), Aside { requests, measures });
        asides
    }

    /// Replaces what a unit said.
    pub(crate) fn set(&mut self, unit: Speaker, aside: Aside) {
        if aside.is_empty() {
            // Most units never say anything: looking costs less than taking out.
            if self.0.contains_key(&unit) {
                self.0.remove(&unit);
            }
        } else if self.0.get(&unit).is_none_or(|before| **before != aside) {
            self.0.insert(unit, Arc::new(aside));
        }
    }

    /// Whether both are the same snapshot, so that nothing need be read again.
    pub fn same(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0)
    }

    /// Everything that is to be probed.
    pub fn requests(&self) -> impl Iterator<Item = &Request> {
        self.0.values().flat_map(|aside| &aside.requests)
    }

    /// Everything that was measured.
    pub fn measures(&self) -> impl Iterator<Item = &Measure> {
        self.0.values().flat_map(|aside| &aside.measures)
    }
}
