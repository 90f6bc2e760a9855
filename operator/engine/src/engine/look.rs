//! One look: everything is judged once, and nothing is kept for a later turn.

use jiff::Timestamp;

use super::{Engine, evaluate::evaluate_all};
use crate::{
    graph::{FactStore, Graph},
    kind::Kind,
    report::{Delta, Report},
};

/// Units judged before their outcomes are settled and let go: enough for every core, few enough to stay small.
const AT_ONCE: usize = 16 * 1024;
/// Facts kept for the units still to come. Most belong to one object and are read by its own units alone.
const FACTS: usize = 64 * 1024;

impl Engine {
    /// Judges every unit and ends. Who reads what is not kept, which is most of what a turn costs in memory; the engine is
    /// used up, so that nothing can be asked later that would need it.
    pub fn look(mut self, now: Timestamp) -> Report {
        self.observe_restores();
        for some in self.units_by_subject().chunks(AT_ONCE) {
            let mut delta = Delta::default();
            let (outcomes, computed) = evaluate_all(self.world(now), &self.plan, some);
            for fact in computed {
                self.keep_fact(fact);
            }
            for (id, mut outcome) in outcomes {
                let Some(unit) = self.plan.unit(id) else { continue };
                let settled = self.settled(unit, &mut outcome, now);
                let (entry, subject) = (self.plan.entry(unit).clone(), unit.subject.clone());
                let judgement = settled.judgement.map(|judgement| self.plan.share(id, judgement));
                self.ledger.change(&entry, &subject, None, judgement, &mut delta);
            }
            self.orphans.clear();
            if self.facts.len() > FACTS {
                (self.facts, self.graph) = (FactStore::default(), Graph::default());
            }
        }
        self.file_all_under_tenants();
        let mut delta = Delta::default();
        self.ledger
            .set_blind(self.plan.blind(&self.inventory), &mut delta);
        self.ledger.finish(now, &delta);
        self.ledger.report()
    }

    fn file_all_under_tenants(&mut self) {
        let named: Vec<_> = self
            .inventory
            .names(Kind::Namespace)
            .filter_map(|name| self.inventory.get(name))
            .map(|object| (object.name.clone(), object.meta.labels.clone()))
            .collect();
        for (name, labels) in named {
            self.file_under_tenants(name.name(), &labels);
        }
    }

    /// Every unit, those of one object together: they read the same facts.
    fn units_by_subject(&mut self) -> Vec<u32> {
        let mut units: Vec<u32> = std::mem::take(&mut self.dirty).into_iter().collect();
        units.sort_by(|a, b| {
            let subject = |id: &u32| self.plan.unit(*id).map(|unit| &unit.subject);
            subject(a).cmp(&subject(b))
        });
        units
    }
}
